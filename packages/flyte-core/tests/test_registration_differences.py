"""What a dry run says of the fields of a task, in the words of its declaration."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import flyte
from flyte.registration.differences import differences
from flyte.registration.wire import task_spec
from flyte_models.bundles import CodeBundle
from flyte_models.serialization import SerializationContext

CONTEXT = SerializationContext(
    version="v",
    code_bundle=CodeBundle(computed_version="c", tgz="s3://x/fast1.tgz", destination="."),
    root_dir=Path(__file__).parent,
)


@dataclass
class Point:
    x: int


env = flyte.TaskEnvironment("before")


@env.task
async def plain(n: int, point: Point) -> int:
    return n


def found(change: Any) -> dict[str, tuple[str, str]]:
    """Return the differences between `plain` and another task."""
    made = differences(task_spec(plain, CONTEXT), task_spec(change, CONTEXT))
    return {each.field: (each.before, each.after) for each in made}


def test_settings_have_the_names_of_their_declaration() -> None:
    changed = plain.override(
        retries=flyte.RetryStrategy(3, flyte.Backoff(timedelta(seconds=1))),
        timeout=flyte.Timeout(60, 30, 90),
        cache=flyte.Cache("auto", "v2", serialize=True, ignored_inputs=("n",)),
        resources=flyte.Resources(cpu=(1, 2), memory="1Gi", gpu="T4:1", shm="auto"),
        env_vars={"A": "b"},
        secrets=flyte.Secret("key", as_env_var="KEY"),
        service_account="someone",
        interruptible=True,
        entrypoint=True,
        short_name="short",
    )
    made = found(changed)
    expected = {
        *("retries", "retries.backoff.base", "timeout.max_runtime", "timeout.max_queued_time", "timeout.deadline"),
        *("cache", "cache.serialize", "cache.ignored_inputs", "resources.cpu", "resources.cpu (at most)"),
        *("resources.memory", "resources.gpu", "resources.gpu.device", "resources.shm", "env_vars[A]"),
        *("service_account", "interruptible", "entrypoint", "short_name"),
    }
    assert expected - made.keys() == set()
    # No field has a name of the protocol.
    assert [name for name in made if "task_template" in name or "metadata" in name] == []
    assert made["retries"] == ("nothing", "3")
    assert made["cache.ignored_inputs"][1] == "['n']"


def test_types_are_shown_as_they_are_declared() -> None:
    @dataclass
    class Point:
        x: int
        y: int

    @env.task
    async def other(n: str, point: Point, more: list[int] | None = None) -> dict[str, float]:
        return {}

    made = found(other)
    assert made["input n"] == ("int", "str")
    assert made["output o0"] == ("int", "dict[str, float]")
    assert made["input more"][0] == "nothing"
    before, after = made["input point"]
    assert before.startswith("Point (schema ")
    assert after.startswith("Point (schema ")
    assert before != after


def test_long_texts_are_compared_as_a_whole_and_shown_where_they_differ() -> None:
    place = "s3://bucket/" + "folder/" * 30

    def at(name: str) -> Any:
        return env.clone_with("before", env_vars={"PLACE": place + name}).task(plain.func)

    made = differences(task_spec(at("one"), CONTEXT), task_spec(at("two"), CONTEXT))
    assert [each.field for each in made] == ["env_vars[PLACE]"]
    assert made[0].before.endswith("folder/one")
    assert made[0].after.endswith("folder/two")
    assert max(len(made[0].before), len(made[0].after)) <= 80


def test_the_beginning_of_a_long_text_is_shown_where_that_differs() -> None:
    other = plain.override(env_vars={"PLACE": "x" * 200})
    assert found(other)["env_vars[PLACE]"] == ("nothing", "x" * 79 + "…")
