"""What a dry run says of the fields of a task, in the words of its declaration."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.task import task_definition_pb2

import flyte
from flyte import initialization
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


class Board:
    """A link, as plugins have them."""

    name = "board"
    icon_uri = ""

    def get_link(self, **of: Any) -> str:
        return f"https://example.org/{of['run_name']}"


@pytest.fixture
def on_no_control_plane(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(initialization, "_settings", None)
    flyte.init(root_dir=Path(__file__).parent)


def planned(environment: dict[str, Any], task: dict[str, Any], docs: str = "Add.") -> task_definition_pb2.TaskSpec:
    """Return what a dry run would register of one function with other declarations."""
    made = flyte.TaskEnvironment("fields", **environment)

    async def add(n: int) -> int:
        return n

    add.__doc__ = docs
    add.__qualname__ = "add"
    made.task(**task)(add)
    [planned] = flyte.deploy(made, dry_run=True, copy_style="none", version="v")[0].tasks()
    return planned.deployed_task


@pytest.mark.parametrize(
    ("environment", "task", "docs", "changed"),
    [
        ({"image": "python:3.12"}, {}, "Add.", {"image"}),
        ({"image": flyte.Image.from_base("python:3.12").clone(name="own")}, {}, "Add.", {"image"}),
        ({"description": "sums"}, {}, "Add.", {"environment.description"}),
        ({"secrets": "token"}, {}, "Add.", {"secrets[token].mount_requirement", "secrets[token].env_var"}),
        (
            {"secrets": flyte.Secret("token", mount="/etc/flyte/secrets")},
            {},
            "Add.",
            {"secrets[token].mount_requirement"},
        ),
        ({"env_vars": {"A": "b"}}, {}, "Add.", {"env_vars[A]"}),
        ({"interruptible": True}, {}, "Add.", {"interruptible"}),
        ({"pod_template": "large"}, {}, "Add.", {"pod_template"}),
        ({"resources": flyte.Resources(disk="1Gi")}, {}, "Add.", {"resources.ephemeral_storage"}),
        ({"cache": "auto"}, {}, "Add.", {"cache", "cache.version"}),
        ({}, {"retries": 2}, "Add.", {"retries"}),
        ({}, {"timeout": 60}, "Add.", {"timeout.max_runtime"}),
        ({}, {"report": True}, "Add.", {"report"}),
        ({}, {"short_name": "plus"}, "Add.", {"short_name"}),
        ({}, {"links": [Board()]}, "Add.", {"links[board].uri"}),
        ({}, {}, "Add up.", {"docs (short)"}),
        ({}, {}, "Add.\n\nArgs:\n    n: a number", {"docs of input n"}),
    ],
)
def test_each_declaration_has_a_difference_of_its_name(
    on_no_control_plane: None, environment: dict[str, Any], task: dict[str, Any], docs: str, changed: set[str]
) -> None:
    found = {each.field for each in differences(planned({}, {}), planned(environment, task, docs))}
    # The source of the function, which a task that is not cached shows, is that of the test.
    assert found - {"function"} == changed
    assert differences(planned(environment, task, docs), planned(environment, task, docs)) == ()
