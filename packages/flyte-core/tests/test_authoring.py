"""Environments and tasks as an author declares and calls them."""

import asyncio

import pytest

import flyte
from flyte.tasks.declarations import DuplicateEnvironmentError, check_names

env = flyte.TaskEnvironment("authoring")


@env.task
def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


@env.task(short_name="times two", retries=3)
async def double(x: int) -> int:
    return 2 * x


def test_tasks_know_their_names_and_policies() -> None:
    assert (add.name, add.short_name, add.retries.count, add.is_async) == ("authoring.add", "add", 0, False)
    assert (double.name, double.short_name, double.retries.count, double.is_async) == (
        "authoring.double",
        "times two",
        3,
        True,
    )
    assert env.tasks["authoring.add"] is add
    assert list(env.tasks)[:2] == ["authoring.add", "authoring.double"]
    assert add.__doc__ == "Add two numbers."


def test_outside_a_run_a_call_is_plain_python() -> None:
    assert add(2) == 3
    assert asyncio.run(double(2)) == 4
    assert asyncio.run(add.aio(2, b=3)) == 5
    assert add.forward(1, 1) == 2
    assert not flyte.ctx()


@pytest.mark.parametrize("name", ["a", "a-b", "a_b", "1a", "a-b_c", "a" * 70])
def test_names_of_environments_that_are_fine(name: str) -> None:
    assert flyte.TaskEnvironment(name).name == name


@pytest.mark.parametrize("name", ["", "A", "a--b", "-a", "a-", "a.b", "a b", "é", "_a"])
def test_names_of_environments_that_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no name for an environment"):
        flyte.TaskEnvironment(name)


def test_two_environments_of_one_name_are_refused_with_both_places() -> None:
    first = flyte.TaskEnvironment("twice")
    second = flyte.TaskEnvironment("twice")
    with pytest.raises(DuplicateEnvironmentError) as caught:
        check_names([first, second])
    assert str(caught.value).count("test_authoring.py:") == 2


def test_an_environment_declared_again_at_the_same_place_replaces_itself() -> None:
    made = [flyte.TaskEnvironment("again") for _ in range(2)]
    check_names(made)


def test_dependencies_are_followed_once() -> None:
    a = flyte.TaskEnvironment("dep-a")
    b = flyte.TaskEnvironment("dep-b", depends_on=[a])
    a.add_dependency(b)
    assert {environment.name for environment in a.closure()} == {"dep-a", "dep-b"}
    with pytest.raises(ValueError, match="cannot depend on itself"):
        a.add_dependency(a)
    with pytest.raises(TypeError, match="expected an environment"):
        a.add_dependency("b")  # type: ignore[arg-type]


def test_unknown_settings_are_refused_by_name() -> None:
    with pytest.raises(TypeError, match="`TaskEnvironment` has no setting `resource`\nhint: did you mean `resources`"):
        flyte.TaskEnvironment("unknown", resource=None)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="retires"):
        env.task(retires=3)  # type: ignore[call-overload]


def test_what_cannot_be_a_task() -> None:
    with pytest.raises(TypeError, match="made of a function"):
        env.task(3)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="is a generator"):

        @env.task
        def stream(n: int) -> int:  # type: ignore[misc]
            yield n

    with pytest.raises(ValueError, match="negative"):

        @env.task(retries=-1)
        def never() -> None: ...


def test_classes_may_be_defined_below_the_task_that_names_them() -> None:
    assert list(later.interface.outputs) == ["o0"]


@env.task
def later(x: int) -> "Later":
    return Later()


class Later: ...
