"""Bodies that leave with something else than an `Exception`: the run ends with an error that says so, and never hangs."""

import asyncio
import sys

import pytest

import flyte

env = flyte.TaskEnvironment("exits")


class Mine(BaseException):
    pass


@env.task
def leaves() -> int:
    sys.exit(3)


@env.task
async def leaves_async() -> int:
    sys.exit(3)


@env.task
def own_kind() -> int:
    raise Mine("mine")


@env.task
def generator_exit() -> int:
    raise GeneratorExit


@env.task
def calls(which: str) -> int:
    return {"sync": leaves, "own": own_kind, "generator": generator_exit}[which]()


@env.task
async def calls_async() -> int:
    return await leaves_async()


@env.task
def catches() -> str:
    try:
        leaves()
    except flyte.errors.RuntimeUserError as error:
        return error.code
    return "nothing"


@env.task
async def leaves_beside() -> str:
    async def leave() -> None:
        sys.exit(4)

    task = asyncio.create_task(leave())
    await asyncio.sleep(0.05)
    return type(task.exception()).__name__


@pytest.mark.parametrize(("which", "code"), [("sync", "SystemExit"), ("own", "Mine"), ("generator", "RuntimeError")])
def test_a_child_that_leaves_fails_and_its_parent_with_it(which: str, code: str):
    with pytest.raises(flyte.errors.RuntimeUserError) as caught:
        flyte.run(calls, which)
    assert caught.value.code == code


def test_an_async_child_that_leaves_fails_as_well():
    with pytest.raises(flyte.errors.RuntimeUserError) as caught:
        flyte.run(calls_async)
    assert caught.value.code == "SystemExit"
    assert isinstance(caught.value.__cause__, SystemExit)


def test_a_parent_can_catch_it():
    assert flyte.run(catches).outputs()[0] == "SystemExit"


def test_a_root_that_leaves_fails():
    with pytest.raises(flyte.errors.RuntimeUserError) as caught:
        flyte.run(leaves)
    assert caught.value.code == "SystemExit"


def test_an_asyncio_task_that_leaves_does_not_take_the_run_with_it():
    assert flyte.run(leaves_beside).outputs()[0] == "SystemExit"
