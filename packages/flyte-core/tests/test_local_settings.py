"""What local runs heed beside the body of a task: cache, variables, secrets, custom context, resources, limits."""

import asyncio
import importlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import flyte
from flyte.running.machine import quantity
from flyte.running.options import RunOptions
from flyte.running.start import Runner
from flyte_engine.memory import MemoryStore

env = flyte.TaskEnvironment("local_settings")
calls: list[Any] = []


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of its own for each test, so that its cache is empty."""
    monkeypatch.setenv("HOME", str(tmp_path))
    calls.clear()
    flyte.init()
    yield tmp_path
    calls.clear()


# --- cache


@env.task(cache="auto")
def cached(x: int) -> int:
    calls.append(x)
    return x + 1


@env.task
def cached_parent(x: int) -> int:
    return cached(x)


def test_cached_result_is_used_in_the_next_run() -> None:
    assert [flyte.run(cached_parent, 1).outputs()[0] for _ in range(3)] == [2, 2, 2]
    assert calls == [1]
    assert flyte.run(cached_parent, 2).outputs()[0] == 3
    assert calls == [1, 2]


def test_cache_is_recorded_with_the_action() -> None:
    statuses: list[str] = []
    for _ in range(2):
        store = MemoryStore()
        asyncio.run(Runner(RunOptions(name="r1", store=store)).attempt(cached, (1,), {}))
        action = store.action("r1", "a0")
        assert action is not None
        statuses.append(action.cache_status)
    assert statuses == ["populated", "hit"]


def test_run_can_overwrite_or_disable_the_cache() -> None:
    flyte.run(cached, 1)
    flyte.with_runcontext(disable_run_cache=True).run(cached, 1)
    flyte.with_runcontext(overwrite_cache=True).run(cached, 1)
    flyte.run(cached, 1)
    assert calls == [1, 1, 1]


def test_scope_keeps_projects_apart() -> None:
    for project in ("a", "b", "a"):
        flyte.with_runcontext(project=project, cache_lookup_scope="project-domain").run(cached, 1)
    assert calls == [1, 1]
    with pytest.raises(ValueError, match="project-domain"):
        flyte.with_runcontext(cache_lookup_scope="world")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@env.task(cache="override")
def overridden(x: int) -> int:
    calls.append(x)
    return x


def test_override_runs_each_time() -> None:
    for _ in range(2):
        flyte.run(overridden, 1)
    assert calls == [1, 1]


@env.task(cache=flyte.Cache("auto", version_override="1", ignored_inputs=("seed",)))
def ignoring(x: int, seed: int) -> int:
    calls.append((x, seed))
    return x


def test_ignored_inputs_make_no_difference() -> None:
    for seed in range(3):
        flyte.run(ignoring, 1, seed)
    assert calls == [(1, 0)]


@env.task(cache=flyte.Cache("auto", serialize=True))
async def slow(x: int) -> int:
    calls.append(x)
    await asyncio.sleep(0.05)
    return x


@env.task
async def together(n: int) -> list[int]:
    return list(await asyncio.gather(*(slow(1) for _ in range(n))))


def test_serialized_tasks_run_once_at_a_time() -> None:
    assert flyte.run(together, 4).outputs()[0] == [1, 1, 1, 1]
    assert calls == [1]


@env.task(cache="auto")
def failing(x: int) -> int:
    calls.append(x)
    raise ValueError("no")


def test_failures_are_not_cached() -> None:
    for _ in range(2):
        with pytest.raises(flyte.errors.RuntimeUserError):
            flyte.run(failing, 1)
    assert calls == [1, 1]


_HELPERS = """
FACTOR = 2

def factor():
    return FACTOR

def unused():
    return 0
"""
_TASKS = """
import flyte
import {helpers}
from {helpers} import factor

env = flyte.TaskEnvironment("versions")

class Adder:
    amount = 1
    def add(self, x):
        return x + self.amount

@env.task(cache="auto")
def scaled(x: int) -> int:
    return Adder().add(x) * factor() + {helpers}.factor()
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Load a program of two modules anew, each time from the sources that it is given."""
    monkeypatch.syspath_prepend(tmp_path)
    made: list[str] = []

    def load(helpers: str = _HELPERS, tasks: str = _TASKS) -> ModuleType:
        for name in made:
            del sys.modules[name]
        made[:] = ["cached_helpers", "cached_tasks"]
        (tmp_path / "cached_helpers.py").write_text(helpers)
        (tmp_path / "cached_tasks.py").write_text(tasks.format(helpers="cached_helpers"))
        for name in made:
            # Written within the same second and of the same size they would not be compiled again.
            for compiled in (tmp_path / "__pycache__").glob(f"{name}.*"):
                compiled.unlink()
        importlib.invalidate_caches()
        import linecache

        linecache.clearcache()
        return importlib.import_module("cached_tasks")

    yield load
    for name in made:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("helpers", "tasks", "changes"),
    [
        (_HELPERS, _TASKS, False),
        (_HELPERS.replace("return 0", "return 1"), _TASKS, False),
        ("# a comment\n" + _HELPERS, _TASKS, False),
        (_HELPERS.replace("FACTOR = 2", "FACTOR = 3"), _TASKS, True),
        (_HELPERS.replace("return FACTOR", "return FACTOR + 0"), _TASKS, True),
        (_HELPERS, _TASKS.replace("amount = 1", "amount = 2"), True),
        (_HELPERS, _TASKS.replace("x + self.amount", "x - self.amount"), True),
    ],
)
def test_version_covers_what_the_task_reaches(program: Any, helpers: str, tasks: str, changes: bool) -> None:
    def status(module: ModuleType) -> str:
        store = MemoryStore()
        asyncio.run(Runner(RunOptions(name="r1", store=store)).attempt(module.scaled, (1,), {}))
        action = store.action("r1", "a0")
        assert action is not None
        return action.cache_status

    assert status(program()) == "populated"
    assert status(program(helpers, tasks)) == ("populated" if changes else "hit")


# --- variables and secrets

with_variables = flyte.TaskEnvironment("with_variables", env_vars={"LEVEL": "3", "COLOR": "red"})


@with_variables.task
async def read_variables(seconds: float) -> list[str]:
    await asyncio.sleep(seconds)
    return [os.environ["LEVEL"], os.getenv("COLOR", ""), str("LEVEL" in os.environ), dict(os.environ)["LEVEL"]]


@env.task
def variable_of_parent() -> str:
    return os.environ.get("LEVEL", "none")


@with_variables.task
async def variables_of_children() -> list[Any]:
    own = os.environ["LEVEL"]
    os.environ["LEVEL"] = "5"
    child, other, level = await asyncio.gather(
        variable_of_parent.aio(),
        read_variables.override(env_vars={"LEVEL": "4"})(0.01),
        read_variables(0.0),
    )
    return [own, os.environ["LEVEL"], child, other[0], level[0]]


def test_each_task_sees_its_own_variables() -> None:
    before = dict(os.environ)
    assert flyte.run(read_variables, 0.0).outputs()[0] == ["3", "red", "True", "3"]
    assert flyte.run(variables_of_children).outputs()[0] == ["3", "5", "none", "4", "3"]
    assert dict(os.environ) == before
    assert type(os.environ).__name__ == "_Environ"


@with_variables.task
def started_program() -> str:
    code = "import os; print(os.environ['LEVEL'], os.environ.get('OF_RUN'))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_programs_that_a_task_starts_inherit_its_variables() -> None:
    run = flyte.with_runcontext(env_vars={"OF_RUN": "yes", "LEVEL": "1"}).run(started_program)
    assert run.outputs()[0] == "3 yes"
    assert os.environ.get("OF_RUN") is None


def test_variables_of_a_run_are_texts() -> None:
    with pytest.raises(TypeError, match="env_vars"):
        flyte.with_runcontext(env_vars={"LEVEL": 3})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(("name", "text"), [("A=B", "x"), ("", "x"), ("A\0B", "x"), ("A", "x\0")])
def test_variables_that_no_process_can_have_are_refused_where_they_are_written(name: str, text: str) -> None:
    variables = {name: text}
    for declare in (
        lambda: flyte.TaskEnvironment("refused", env_vars=variables),
        lambda: read_variables.override(env_vars=variables),
        lambda: flyte.with_runcontext(env_vars=variables),
        lambda: flyte.Trigger("nightly", flyte.Cron("0 0 * * *"), env_vars=variables),
        lambda: flyte.Image.from_debian_base().with_env_vars(variables),
    ):
        with pytest.raises(ValueError, match=r"env_vars.*environment variable"):
            declare()


with_secrets = flyte.TaskEnvironment("with_secrets", secrets=[flyte.Secret("token", group="shop"), "api-key"])


@with_secrets.task
def read_secrets() -> list[str]:
    return [os.environ["SHOP_TOKEN"], os.environ["API_KEY"]]


def test_secrets_come_from_variables_and_files(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = own_home / ".flyte" / "secrets" / "shop" / "token"
    file.parent.mkdir(parents=True)
    file.write_text("from a file\n")
    monkeypatch.setenv("API_KEY", "from a variable")
    assert flyte.run(read_secrets).outputs()[0] == ["from a file", "from a variable"]
    assert "SHOP_TOKEN" not in os.environ


def test_missing_secret_is_told_and_the_task_runs(caplog: pytest.LogCaptureFixture) -> None:
    other = flyte.TaskEnvironment("missing_secrets", secrets="not-there")

    @other.task
    def careless() -> int:
        return 1

    with caplog.at_level(logging.WARNING, "flyte"):
        assert flyte.run(careless).outputs()[0] == 1
    assert "`not-there` is not set" in caplog.text
    assert "NOT_THERE" in caplog.text


# --- custom context, resources, limits


@env.task
def custom() -> dict[str, str]:
    return flyte.get_custom_context()


@env.task
async def custom_parent() -> list[dict[str, str]]:
    with flyte.custom_context(b="2"):
        inner = await custom.aio()
    return [flyte.get_custom_context(), inner, *[each async for each in flyte.map.aio(plus, [1])]]


@env.task
def plus(x: int) -> dict[str, str]:
    return custom()


def test_custom_context_is_inherited() -> None:
    run = flyte.with_runcontext(custom_context={"a": "1"}).run(custom_parent)
    assert run.outputs()[0] == [{"a": "1"}, {"a": "1", "b": "2"}, {"a": "1"}]
    assert flyte.get_custom_context() == {}


@env.task
async def grouped() -> None:
    with flyte.group("pair"):
        await asyncio.gather(custom.aio(), custom.aio())
    await custom.aio()


def test_group_is_recorded() -> None:
    store = MemoryStore()
    asyncio.run(Runner(RunOptions(name="r1", store=store)).attempt(grouped, (), {}))
    assert [action.group for action in store.actions("r1", "a0")] == ["pair", "pair", None]


def test_resources_beyond_the_machine_cost_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    large = flyte.TaskEnvironment("large", resources=flyte.Resources(cpu=100_000, memory="900Ti", gpu="H100:8"))

    @large.task
    def modest() -> int:
        return 1

    with caplog.at_level(logging.WARNING, "flyte"):
        assert flyte.run(modest).outputs()[0] == 1
    for what in ("100000 CPUs", "GiB of memory", "8 H100 GPU"):
        assert what in caplog.text


@pytest.mark.parametrize(
    ("text", "amount"), [("500m", 0.5), ("2Gi", 2 * 1024**3), ("3", 3), (4, 4), ("1.5k", 1500), ("2M", 2e6), ("?", 0)]
)
def test_quantities(text: object, amount: float) -> None:
    assert quantity(text) == pytest.approx(amount)


@env.task
async def counted(x: int) -> int:
    calls.append(1)
    most = sum(calls)
    async with asyncio.timeout(120):
        # The first one is there until another one is, so that they overlap however slow the machine is.
        while len(calls) < 2:
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)
    calls.append(-1)
    return most


@env.task
async def crowd(n: int) -> int:
    return max(await asyncio.gather(*(counted(i) for i in range(n))))


def test_actions_at_once_are_limited() -> None:
    runner = flyte.with_runcontext(max_action_concurrency=2, queue="accepted")
    assert runner.run(crowd, 6).outputs()[0] == 2
    with pytest.raises(ValueError, match="max_action_concurrency"):
        flyte.with_runcontext(max_action_concurrency=-1)
