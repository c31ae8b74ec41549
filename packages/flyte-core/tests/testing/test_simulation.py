"""Workflows in worlds of lost workers and changed orders: which survive, and how the others are reported."""

import asyncio

import pytest

import flyte
from flyte.testing import BrokenBySeedError, assert_survives, simulate

env = flyte.TaskEnvironment("simulation_tests")
order: list[int] = []


@env.task
async def square(x: int) -> int:
    await asyncio.sleep(1)
    return x * x


@env.task
def cube(x: int) -> int:
    import time

    time.sleep(1)
    return x**3


@env.task
async def squares(n: int) -> int:
    return sum([value async for value in flyte.map.aio(square, range(n)) if isinstance(value, int)])


@env.task
def cubes(n: int) -> list[int]:
    return [value for value in flyte.map(cube, range(n)) if isinstance(value, int)] + [cube(2)]


@env.task
async def arrival(x: int) -> None:
    order.append(x)


@env.task
async def first_come(n: int) -> list[int]:
    order.clear()
    await asyncio.gather(*(arrival(x) for x in range(n)))
    return list(order)


balance = 0


@env.task
async def deposit(amount: int) -> int:
    global balance
    balance += amount  # not idempotent: what a lost attempt has done is done
    return amount


@env.task
async def pay_in(n: int) -> int:
    return sum([await deposit(amount) for amount in range(n)])


@env.task
async def fails() -> None:
    raise RuntimeError("always")


@pytest.mark.parametrize(("task", "result"), [(squares, 30), (cubes, [0, 1, 8, 27, 64, 8])])
def test_a_pure_workflow_survives(task: object, result: object) -> None:
    assert_survives(task, 5, seeds=30, check=lambda run: run.outputs()[0] == result)


@pytest.mark.parametrize("task", [squares, cubes])
def test_a_seed_makes_the_same_run_every_time(task: object) -> None:
    def story(seed: int) -> list[str]:
        world = simulate(seed, crashes=0.5)
        world.run(task, 6)
        return world.story

    # Sync bodies take turns with the loop, so the same holds for their threads.
    assert story(3) == story(3)
    assert story(3) != story(4)
    assert any("loses its worker" in line for line in story(3))


def test_a_workflow_that_depends_on_the_order_is_found() -> None:
    with pytest.raises(BrokenBySeedError) as caught:
        assert_survives(first_come, 5, seeds=50)
    seed = caught.value.seed
    assert f"seed {seed} breaks it: it returns" in str(caught.value)
    assert f"hint: `simulate({seed}).run(first_come, ...)` makes the same run again" in str(caught.value)
    again = simulate(seed)
    assert again.run(first_come, 5).outputs()[0] != [0, 1, 2, 3, 4]
    assert again.story == caught.value.story


def test_a_workflow_that_is_not_idempotent_is_found() -> None:
    def books_balance(run: object) -> bool:
        global balance
        before, balance = balance, 0
        return before == 10

    global balance
    balance = 0
    with pytest.raises(BrokenBySeedError, match="the check returns False") as caught:
        assert_survives(pay_in, 5, seeds=range(50), check=books_balance, crashes=0.3)
    assert "crashes=0.3" in str(caught.value)


traced = 0


@flyte.trace
async def draw() -> int:
    global traced
    traced += 1
    return traced


@env.task
async def durable() -> list[int]:
    numbers = []
    for _ in range(5):
        numbers.append(await draw())
        await flyte.durable.sleep.aio(10)
    return numbers


def test_a_process_that_ends_is_followed_by_one_that_resumes() -> None:
    restarts = 0
    for seed in range(30):
        world = simulate(seed, restarts=1.0)
        assert world.run(squares, 6).outputs()[0] == 55
        restarts += sum("the process ends" in line for line in world.story)
        again = simulate(seed, restarts=1.0)
        again.run(squares, 6)
        assert again.story == world.story
    assert restarts > 30


def test_traced_calls_are_replayed_by_the_process_that_resumes() -> None:
    global traced
    for seed in range(20):
        traced = 0
        numbers = simulate(seed, crashes=0.3, restarts=1.0).run(durable).outputs()[0]
        # A call that had ended is not made again; one that was cut off may have drawn a number.
        assert numbers == sorted(set(numbers))
        assert len(numbers) == 5


def test_a_workflow_that_fails_anyway() -> None:
    with pytest.raises(ValueError, match="already in a calm world the run failed: always"):
        assert_survives(fails)
    with pytest.raises(ValueError, match="already in a calm world the check returns False"):
        assert_survives(squares, 2, check=lambda run: False)


@pytest.mark.parametrize("settings", [{"crashes": 1.5}, {"restarts": -0.1}, {"latency": -1.0}])
def test_worlds_that_cannot_be(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="got"):
        simulate(1, **settings)
