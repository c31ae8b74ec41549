"""Runs, actions, events and abort, as a caller of the engine sees them."""

import asyncio
import logging

import pytest

from flyte_engine.clock import VirtualClock
from flyte_engine.engine import Completed, Engine
from flyte_engine.records import AttemptRecord, ErrorRecord
from flyte_engine.store import StoreWriteError
from flyte_models.errors import ActionAbortedError
from flyte_models.phases import ActionPhase


async def nothing(attempt):
    return Completed()


@pytest.fixture
def engine(store, make_run):
    made = Engine(store, clock=VirtualClock(100.0))
    made.start_run(make_run(created_at=100.0))
    yield made
    made.close()


def test_a_run_of_two_actions(engine, store, make_request):
    """The whole life: values pass by reference, bytes are stored, the run takes the phase of its root action."""

    async def child(attempt):
        return Completed(value=20, outputs=b"20")

    async def root(attempt):
        outcome = await engine.run_action(make_request("c1", child, inputs=b"1", group="g", short_name="kid"))
        return Completed(value=outcome.value + 1, outputs=b"21")

    async def scenario():
        outcome = await engine.run_action(make_request("a0", root, inputs=b"0"))
        return outcome, await engine.finish_run("r")

    outcome, run = asyncio.run(scenario())
    assert outcome.value == 21
    assert outcome.exception is None
    assert run.phase is ActionPhase.SUCCEEDED
    assert run.ended_at == 100.0
    assert store.run("r") == run
    assert store.action("r", "a0") == outcome.record
    assert [found.phase for found in store.actions("r")] == [ActionPhase.SUCCEEDED] * 2
    (found,) = store.actions("r", parent="a0")
    assert (found.name, found.parent_name, found.group, found.short_name) == ("c1", "a0", "g", "kid")
    assert (store.inputs("r", "c1"), store.outputs("r", "c1")) == (b"1", b"20")
    assert store.attempts("r", "c1") == [AttemptRecord(1, ActionPhase.SUCCEEDED, 100.0, 100.0)]


def test_the_outcome_is_durable_before_the_caller_sees_it(engine, store, make_request):
    async def scenario():
        async def body(attempt):
            return Completed(outputs=b"out")

        await engine.run_action(make_request("a0", body))
        return store.outputs("r", "a0"), store.action("r", "a0").phase

    assert asyncio.run(scenario()) == (b"out", ActionPhase.SUCCEEDED)


def test_the_run_is_running_while_its_root_action_is(engine, store, make_request):
    async def root(attempt):
        await store.flush()
        return Completed(value=(store.run("r").phase, store.run("r").ended_at))

    outcome = asyncio.run(engine.run_action(make_request("a0", root)))
    assert outcome.value == (ActionPhase.RUNNING, None)


def test_a_failure_is_in_the_outcome_and_in_the_record(engine, store, make_request):
    async def body(attempt):
        raise ValueError("no good")

    async def scenario():
        return await engine.run_action(make_request("a0", body)), await engine.finish_run("r")

    outcome, run = asyncio.run(scenario())
    assert isinstance(outcome.exception, ValueError)
    assert outcome.record.phase is run.phase is ActionPhase.FAILED
    error = store.action("r", "a0").error
    assert (error.code, error.message, error.kind) == ("ValueError", "no good", "user")
    assert error.traceback.count("File ") == 1
    assert "in body" in error.traceback
    assert store.outputs("r", "a0") is None


def test_thousands_of_children_at_once(engine, store, make_request):
    count = 3000

    async def child(attempt):
        await asyncio.sleep(0)
        return Completed(value=attempt.action_id.name, outputs=attempt.action_id.name.encode())

    async def root(attempt):
        outcomes = await asyncio.gather(*(engine.run_action(make_request(f"c{i}", child)) for i in range(count)))
        return Completed(value=[outcome.value for outcome in outcomes])

    outcome = asyncio.run(engine.run_action(make_request("a0", root)))
    assert outcome.value == [f"c{i}" for i in range(count)]
    children = store.actions("r", parent="a0")
    assert [found.name for found in children] == outcome.value
    assert {found.phase for found in children} == {ActionPhase.SUCCEEDED}
    assert all(store.outputs("r", name) == name.encode() for name in outcome.value[::97])


def test_a_name_runs_once(engine, make_request):
    async def scenario():
        await engine.run_action(make_request("a0"))
        with pytest.raises(ValueError, match="action `a0` of run `r` was run before"):
            await engine.run_action(make_request("a0"))

    asyncio.run(scenario())


def test_an_action_needs_a_run(store, make_request):
    with pytest.raises(ValueError, match="hint: call `start_run` first"):
        asyncio.run(Engine(store).run_action(make_request("a0")))


def test_a_run_name_is_taken_once_and_for_all(engine, store, make_run):
    with pytest.raises(ValueError, match="a run named `r` exists already"):
        engine.start_run(make_run())
    asyncio.run(engine.finish_run("r"))
    with pytest.raises(ValueError, match="a run named `r` exists already"):
        Engine(store).start_run(make_run())


def test_a_run_without_actions_is_aborted(engine, store):
    run = asyncio.run(engine.finish_run("r"))
    assert (run.phase, run.ended_at) == (ActionPhase.ABORTED, 100.0)
    assert store.run("r") == run


def test_a_running_run_is_not_finished(engine, make_request):
    async def root(attempt):
        with pytest.raises(ValueError, match="`a0` is RUNNING"):
            await engine.finish_run("r")
        return Completed(value="checked")

    assert asyncio.run(engine.run_action(make_request("a0", root))).value == "checked"


def test_finishing_aborts_what_nobody_waited_for(engine, store, make_request):
    left = []

    async def forever(attempt):
        await asyncio.Event().wait()

    async def root(attempt):
        left.append(asyncio.create_task(engine.run_action(make_request("c1", forever))))
        await asyncio.sleep(0)
        return Completed()

    async def scenario():
        await engine.run_action(make_request("a0", root))
        run = await engine.finish_run("r")
        return run, await asyncio.gather(*left, return_exceptions=True)

    run, (result,) = asyncio.run(scenario())
    assert run.phase is ActionPhase.SUCCEEDED
    assert isinstance(result, asyncio.CancelledError)
    assert store.action("r", "c1").phase is ActionPhase.ABORTED
    assert store.action("r", "c1").error.message == "the run ended before this action did"


def test_abort_marks_and_cancels_everything_alive_and_nothing_else(engine, store, make_request):
    cleaned_up = []

    async def stuck(attempt):
        try:
            await asyncio.Event().wait()
        finally:
            cleaned_up.append(attempt.action_id.name)

    async def root(attempt):
        await engine.run_action(make_request("done"))
        await asyncio.gather(*(engine.run_action(make_request(name, stuck)) for name in ("c1", "c2")))

    async def scenario():
        running = asyncio.create_task(engine.run_action(make_request("a0", root)))
        while len(store.actions("r")) < 4:
            await asyncio.sleep(0.01)
            await store.flush()
        aborted = await engine.abort_run("r", "asked to")
        with pytest.raises(asyncio.CancelledError):
            await running
        return aborted, await engine.finish_run("r")

    aborted, run = asyncio.run(scenario())
    assert [found.name for found in aborted] == ["c2", "c1", "a0"]
    assert sorted(cleaned_up) == ["c1", "c2"]
    assert run.phase is ActionPhase.ABORTED
    phases = {found.name: found.phase for found in store.actions("r")}
    assert phases.pop("done") is ActionPhase.SUCCEEDED
    assert set(phases.values()) == {ActionPhase.ABORTED}
    expected = ErrorRecord("Aborted", "asked to", recoverable=False)
    assert [store.action("r", name).error for name in phases] == [expected] * 3
    assert [found.phase for found in store.attempts("r", "c1")] == [ActionPhase.ABORTED]


def test_a_body_that_ignores_its_abort_does_not_succeed(engine, store, make_request):
    async def stubborn(attempt):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            asyncio.current_task().uncancel()
        return Completed(value=1, outputs=b"1")

    async def scenario():
        running = asyncio.create_task(engine.run_action(make_request("a0", stubborn)))
        await asyncio.sleep(0)
        await engine.abort_run("r", "asked to")
        return await running

    outcome = asyncio.run(scenario())
    assert isinstance(outcome.exception, ActionAbortedError)
    assert str(outcome.exception) == "asked to"
    assert outcome.value is None
    assert outcome.record == store.action("r", "a0")
    assert outcome.record.phase is ActionPhase.ABORTED
    assert store.outputs("r", "a0") is None


def test_a_body_may_abort_its_own_run(engine, make_request):
    async def root(attempt):
        await engine.abort_run("r", "I give up")
        return Completed(value="unseen")

    outcome = asyncio.run(engine.run_action(make_request("a0", root)))
    assert (outcome.record.phase, str(outcome.exception)) == (ActionPhase.ABORTED, "I give up")


def test_events_tell_every_change_in_order(engine, make_request):
    seen = []
    unsubscribe = engine.subscribe(lambda event: seen.append((event.record.name, event.previous, event.record.phase)))

    async def scenario():
        await engine.run_action(make_request("a0"))
        unsubscribe()
        unsubscribe()
        await engine.run_action(make_request("c1"))

    asyncio.run(scenario())
    assert seen == [
        ("a0", None, ActionPhase.QUEUED),
        ("a0", ActionPhase.QUEUED, ActionPhase.RUNNING),
        ("a0", ActionPhase.RUNNING, ActionPhase.SUCCEEDED),
    ]


def test_a_failing_subscriber_breaks_nothing(engine, make_request, caplog):
    seen = []

    def broken(event):
        raise RuntimeError("broken display")

    engine.subscribe(broken)
    engine.subscribe(seen.append)
    with caplog.at_level(logging.ERROR):
        outcome = asyncio.run(engine.run_action(make_request("a0")))
    assert outcome.record.phase is ActionPhase.SUCCEEDED
    assert len(seen) == 3
    assert [record.getMessage() for record in caplog.records] == [
        "a subscriber of the engine's events raised; further errors of it are not shown"
    ]


def test_a_closed_engine_aborts_what_runs_and_takes_no_more(store, make_run, make_request):
    engine = Engine(store)
    engine.start_run(make_run())

    async def scenario():
        async def forever(attempt):
            await asyncio.Event().wait()

        running = asyncio.create_task(engine.run_action(make_request("a0", forever)))
        await asyncio.sleep(0)
        engine.close()
        engine.close()
        with pytest.raises(asyncio.CancelledError):
            await running
        with pytest.raises(RuntimeError, match="the engine is closed"):
            await engine.run_action(make_request("c1"))
        await store.flush()

    asyncio.run(scenario())
    assert store.action("r", "a0").phase is ActionPhase.ABORTED
    with pytest.raises(RuntimeError, match="hint: make a new one"):
        engine.start_run(make_run("r2"))


def test_a_clock_that_goes_backwards_ends_nothing_before_it_began(store, make_run, make_request):
    class BackwardClock(VirtualClock):
        def now(self):
            self._now -= 10
            return self._now

    engine = Engine(store, clock=BackwardClock(1000.0))
    engine.start_run(make_run(created_at=500.0))
    record = asyncio.run(engine.run_action(make_request("a0"))).record
    assert 500.0 <= record.created_at <= record.started_at <= record.ended_at


def test_a_store_that_fails_is_not_taken_for_a_failing_task(tmp_path, make_run, make_request):
    from flyte_engine.sqlite import SQLiteStore

    store = SQLiteStore(tmp_path / "small.db", max_bytes=64 * 1024)
    engine = Engine(store)
    engine.start_run(make_run())
    attempts = []

    async def body(attempt):
        attempts.append(attempt.number)
        return Completed(outputs=bytes(10**6))

    async def scenario():
        with pytest.raises(StoreWriteError, match="no room"):
            await engine.run_action(make_request("a0", body, retries=3))

    asyncio.run(scenario())
    assert attempts == [1]
    engine.close()
    store.close()
