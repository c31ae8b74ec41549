"""The children of an action that ends: what still runs is stopped, cleaned up, and recorded before the parent's end."""

import asyncio

import pytest

from flyte_engine.clock import VirtualClock
from flyte_engine.engine import Completed, Engine
from flyte_models.phases import ActionPhase


@pytest.fixture
def clock():
    return VirtualClock(auto_advance=True)


@pytest.fixture
def engine(store, clock, make_run):
    made = Engine(store, clock=clock, grace_seconds=5)
    made.start_run(make_run())
    yield made
    made.close()


@pytest.mark.parametrize("how", ["fails", "is cancelled"])
def test_children_end_before_their_parent(engine, store, clock, make_request, how):
    happened = []
    engine.subscribe(
        lambda event: (
            event.record.ended_at is not None and happened.append((event.record.name, event.record.phase.value))
        )
    )

    async def stuck(attempt):
        try:
            await asyncio.Event().wait()
        finally:
            await clock.sleep(1)
            happened.append((attempt.action_id.name, "cleaned up"))

    async def middle(attempt):
        left = [asyncio.create_task(engine.run_action(make_request(name, stuck, parent_name="c1"))) for name in "xy"]
        await clock.sleep(3)
        if how == "fails":
            raise ValueError("no")
        await asyncio.Event().wait()
        await asyncio.gather(*left)

    async def root(attempt):
        call = asyncio.create_task(engine.run_action(make_request("c1", middle)))
        if how == "is cancelled":
            await clock.sleep(4)
            call.cancel()
        await asyncio.wait([call])
        happened.append(("c1", "reported"))
        return Completed()

    async def scenario():
        await engine.run_action(make_request("a0", root))
        return await engine.finish_run("r")

    asyncio.run(scenario())
    order = {entry: place for place, entry in enumerate(happened)}
    ended = ("c1", "failed" if how == "fails" else "aborted")
    for name in "xy":
        assert order[name, "aborted"] < order[ended]
        assert order[name, "cleaned up"] < order["c1", "reported"]
        error = store.action("r", name).error
        assert (error.code, error.message) == ("Aborted", "its parent `c1` ended before this action did")
    assert happened[-1] == ("a0", "succeeded")


def test_a_child_that_will_not_end_keeps_its_parent_from_a_retry(engine, store, clock, make_request):
    release = asyncio.Event()
    attempts = []

    async def stubborn(attempt):
        while not release.is_set():
            try:
                await clock.sleep(100)
                release.set()
            except asyncio.CancelledError:
                continue

    async def root(attempt):
        attempts.append(attempt.number)
        left.append(asyncio.create_task(engine.run_action(make_request("c1", stubborn))))
        await clock.sleep(1)
        raise ValueError("no")

    left = []

    async def scenario():
        outcome = await engine.run_action(make_request("a0", root, retries=3))
        run = await engine.finish_run("r")
        await asyncio.wait(left)
        return outcome, run

    outcome, run = asyncio.run(scenario())
    assert attempts == [1]
    assert isinstance(outcome.exception, ValueError)
    assert run.phase is ActionPhase.FAILED
    assert store.action("r", "c1").phase is ActionPhase.ABORTED


def test_children_of_a_success_run_on_until_the_run_ends(engine, store, clock, make_request):
    async def later(attempt):
        await clock.sleep(5)
        return Completed()

    async def middle(attempt):
        left.append(asyncio.create_task(engine.run_action(make_request("x", later, parent_name="c1"))))
        await asyncio.sleep(0)
        return Completed()

    left = []

    async def root(attempt):
        await engine.run_action(make_request("c1", middle))
        return Completed((await left[0]).record.phase)

    async def scenario():
        outcome = await engine.run_action(make_request("a0", root))
        await engine.finish_run("r")
        return outcome

    assert asyncio.run(scenario()).value is ActionPhase.SUCCEEDED
