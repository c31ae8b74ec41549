"""Programs read the attributes of `flyte.remote`: what each is, under PyPI flyte 2.12.1 and under ours, on the same devbox."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.harness.reference import reference_side
from flyte_devbox.process import start_server, stop_server

PROGRAM = """\
import json
import sys

import flyte
import flyte.remote

env = flyte.TaskEnvironment("valued", resources=flyte.Resources(cpu=("1", "2"), memory="200Mi"))


@env.task(triggers=flyte.Trigger.daily(inputs={"a": 1}))
async def add(a: int, b: int = 2) -> int:
    \"\"\"Add.\"\"\"
    return a + b


@env.task
async def both(a: int) -> tuple[int, str]:
    return await add(a), "x"


@env.task
async def nothing() -> None:
    pass


@env.task
async def failing(a: int) -> int:
    raise ValueError(f"no {a}")


@env.task
async def asking() -> bool:
    return await (await flyte.new_condition.aio("go", prompt="Go?", data_type=bool)).wait.aio()


if __name__ == "__main__":
    flyte.init(endpoint=sys.argv[1], insecure=True, org="devbox", project="flytesnacks", domain="development")
    flyte.deploy(env)
    flyte.remote.Secret.create("valued", "secret")
    runs = {
        "run": flyte.run(both, 1),
        "nothing": flyte.run(nothing),
        "failed": flyte.run(failing, 3),
        "answered": flyte.run(asking),
        "asking": flyte.run(asking),
    }
    for name in ("answered", "asking"):
        while not (waiting := list(flyte.remote.Condition.waiting(runs[name].name))):
            pass
        if name == "answered":
            waiting[0].signal(True)
    for name in ("run", "nothing", "failed", "answered"):
        runs[name].wait(quiet=True)
    print(json.dumps({name: run.name for name, run in runs.items()} | {"task": "valued.add"}))
"""
WALK = Path(__file__).with_name("remote_values.py")
FAIL = Path(__file__).with_name("caught_errors.py")


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("devbox")
    started = start_server(folder, port=0, needs_token=False)
    yield started.record.endpoint
    stop_server(folder)


def ran(python: Path, folder: Path, *words: str | Path) -> Any:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "DO_NOT_TRACK": "1"}
    done = subprocess.run(
        [python, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_every_attribute_is_what_it_is_in_the_reference(endpoint: str, tmp_path: Path) -> None:
    (tmp_path / "valued.py").write_text(PROGRAM)
    ours, theirs = Path(sys.executable), Path(reference_side().python)
    names = json.dumps(ran(ours, tmp_path, "valued.py", endpoint))
    here = ran(ours, tmp_path, WALK, endpoint, "devbox", names)
    there = ran(theirs, tmp_path, WALK, endpoint, "devbox", names)

    differing = {
        f"{kind}.{name}": (value, here[kind].get(name, "missing"))
        for kind, attributes in there.items()
        for name, value in attributes.items()
        if here[kind].get(name, "missing") != value
    }
    assert differing == {}


def test_what_fails_is_caught_as_in_the_reference(endpoint: str, tmp_path: Path) -> None:
    words = (FAIL, endpoint, "localhost:1")  # where nothing listens
    there = ran(Path(reference_side().python), tmp_path, *words)
    assert there["run"][:2] == ["ConnectError", ["NOT_FOUND"]]
    assert ran(Path(sys.executable), tmp_path, *words) == there
