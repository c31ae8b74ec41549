"""Attempts, waits between them, and what ends them, in virtual time."""

import asyncio
import random
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_engine.clock import VirtualClock
from flyte_engine.engine import Completed, Engine
from flyte_engine.executors import AttemptLostError
from flyte_engine.memory import MemoryStore
from flyte_engine.retries import error_from_exception, retry_delay
from flyte_models.errors import NonRecoverableError, RuntimeSystemError, RuntimeUnknownError
from flyte_models.phases import ActionPhase
from flyte_models.policies import Backoff, RetryStrategy

FAILED, SUCCEEDED, ABORTED = ActionPhase.FAILED, ActionPhase.SUCCEEDED, ActionPhase.ABORTED


def drive(store, make_run, request, **engine_fields):
    """Run one action as the root of a run in automatic virtual time."""
    clock = VirtualClock(auto_advance=True)
    engine = Engine(store, clock=clock, **engine_fields)
    engine.start_run(make_run())
    outcome = asyncio.run(engine.run_action(request))
    engine.close()
    return outcome, clock.now()


def failing(times, error=ValueError):
    """A body that raises in its first `times` attempts and returns all attempts it saw."""
    seen = []

    async def body(attempt):
        seen.append(attempt)
        if attempt.number <= times:
            raise error(f"attempt {attempt.number}")
        return Completed(value=list(seen))

    return body


def test_a_task_that_recovers(store, make_run, make_request):
    backoff = Backoff(timedelta(seconds=10), factor=3.0, cap=timedelta(seconds=60))
    request = make_request("a0", failing(3), retries=RetryStrategy(5, backoff))
    outcome, ended_at = drive(store, make_run, request)
    assert outcome.record.phase is SUCCEEDED
    assert outcome.record.error is None
    assert ended_at == 10 + 30 + 60
    attempts = outcome.value
    assert [attempt.number for attempt in attempts] == [1, 2, 3, 4]
    assert {attempt.max_attempts for attempt in attempts} == {6}
    assert attempts[0].previous is None
    assert [attempt.previous.message for attempt in attempts[1:]] == ["attempt 1", "attempt 2", "attempt 3"]
    records = store.attempts("r", "a0")
    assert [(found.number, found.phase) for found in records] == [(1, FAILED), (2, FAILED), (3, FAILED), (4, SUCCEEDED)]
    assert [found.started_at for found in records] == [0, 10, 40, 100]
    assert [found.error and found.error.message for found in records] == ["attempt 1", "attempt 2", "attempt 3", None]
    assert (outcome.record.started_at, outcome.record.ended_at) == (0, 100)


@settings(max_examples=30, deadline=None)
@given(count=st.integers(0, 5), failures=st.integers(0, 8), seconds=st.integers(0, 100))
def test_there_are_as_many_attempts_as_needed_and_granted(make_run, make_request, count, failures, seconds):
    strategy = RetryStrategy(count, Backoff(timedelta(seconds=seconds)))
    store = MemoryStore()
    outcome, ended_at = drive(store, make_run, make_request("a0", failing(failures), retries=strategy))
    made = min(failures, count) + 1
    assert len(store.attempts("r", "a0")) == outcome.record.attempt == made
    assert outcome.record.phase is (SUCCEEDED if failures <= count else FAILED)
    assert ended_at == (made - 1) * seconds
    if failures > count:
        assert str(outcome.exception) == f"attempt {made}"


@pytest.mark.parametrize(
    "error",
    [
        NonRecoverableError,
        SystemExit,
        lambda text: ExceptionGroup(text, [ValueError(), NonRecoverableError(text)]),
    ],
)
def test_what_cannot_be_recovered_is_not_tried_again(error, store, make_run, make_request):
    outcome, _ = drive(store, make_run, make_request("a0", failing(1, error), retries=5))
    assert outcome.record.phase is FAILED
    assert outcome.record.attempt == 1
    assert outcome.record.error.recoverable is False


@pytest.mark.parametrize("error", [KeyboardInterrupt, GeneratorExit])
def test_an_interrupt_is_raised_and_leaves_the_action_aborted(error, make_run, make_request):
    async def body(attempt):
        raise error

    async def scenario():
        # Driven by hand: an event loop has its own ways with these exceptions.
        with pytest.raises(error):
            engine.run_action(make_request("a0", body, retries=5)).send(None)

    store = MemoryStore()
    engine = Engine(store)
    engine.start_run(make_run())
    asyncio.run(scenario())
    assert store.action("r", "a0").phase is ABORTED
    assert [found.phase for found in store.attempts("r", "a0")] == [ABORTED]


def test_a_lost_attempt_costs_the_user_nothing(store, make_run, make_request):
    class Losing:
        lost = 0

        async def execute(self, request, attempt):
            if self.lost < 2:
                self.lost += 1
                raise AttemptLostError("the worker died", action_id=request.action_id, number=attempt.number)
            return await request.body(attempt)

    outcome, _ = drive(store, make_run, make_request("a0"), executor=Losing())
    assert outcome.record.phase is SUCCEEDED
    assert (outcome.record.attempt, outcome.record.max_attempts) == (3, 1)
    assert [found.error and found.error.kind for found in store.attempts("r", "a0")] == ["system", "system", None]


@pytest.mark.parametrize(
    "error",
    [
        lambda attempt: AttemptLostError("of my child", action_id=attempt.action_id.new_sub_action("c"), number=1),
        lambda attempt: RuntimeSystemError("X", "from below"),
    ],
)
def test_a_system_error_from_below_is_not_repeated_at_every_level(error, store, make_run, make_request):
    async def body(attempt):
        raise error(attempt)

    outcome, _ = drive(store, make_run, make_request("a0", body))
    assert outcome.record.phase is FAILED
    assert outcome.record.attempt == 1
    assert outcome.record.error.kind == "system"


def test_cancelled_in_the_body(store, make_run, make_request):
    async def body(attempt):
        await asyncio.Event().wait()

    async def scenario():
        engine = Engine(store)
        engine.start_run(make_run())
        running = asyncio.create_task(engine.run_action(make_request("a0", body, retries=5)))
        await asyncio.sleep(0)
        running.cancel("no longer wanted")
        with pytest.raises(asyncio.CancelledError):
            await running
        return await engine.finish_run("r")

    run = asyncio.run(scenario())
    found = store.action("r", "a0")
    assert run.phase is found.phase is ABORTED
    assert (found.attempt, found.error.code, found.error.message) == (1, "Cancelled", "no longer wanted")
    assert [attempt.phase for attempt in store.attempts("r", "a0")] == [ABORTED]


@pytest.mark.parametrize("how", ["cancel", "abort_run"])
def test_ended_while_waiting_for_the_next_attempt(how, store, make_run, make_request):
    async def scenario():
        clock = VirtualClock()
        engine = Engine(store, clock=clock)
        engine.start_run(make_run())
        strategy = RetryStrategy(5, Backoff(timedelta(hours=1)))
        running = asyncio.create_task(engine.run_action(make_request("a0", failing(9), retries=strategy)))
        await clock.advance(3600)
        assert clock.sleepers == 1
        if how == "cancel":
            running.cancel()
        else:
            await engine.abort_run("r", "enough")
        with pytest.raises(asyncio.CancelledError):
            await running
        return await engine.finish_run("r")

    assert asyncio.run(scenario()).phase is ABORTED
    found = store.action("r", "a0")
    assert (found.phase, found.attempt) == (ABORTED, 3)
    assert found.error.code == ("Cancelled" if how == "cancel" else "Aborted")
    # The third attempt never began.
    assert [(attempt.number, attempt.phase) for attempt in store.attempts("r", "a0")] == [(1, FAILED), (2, FAILED)]


def test_a_child_awaited_in_place_is_aborted_with_its_parent(store, make_run, make_request):
    async def scenario():
        engine = Engine(store)
        engine.start_run(make_run())

        async def child(attempt):
            await asyncio.Event().wait()

        async def root(attempt):
            await engine.run_action(make_request("c1", child))

        running = asyncio.create_task(engine.run_action(make_request("a0", root)))
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await store.flush()

    asyncio.run(scenario())
    assert [found.phase for found in store.actions("r")] == [ABORTED, ABORTED]


@settings(max_examples=50, deadline=None)
@given(seconds=st.integers(0, 1000), retry=st.integers(0, 50), seed=st.integers())
def test_spread_delays_are_never_shorter_and_at_most_a_tenth_longer(seconds, retry, seed):
    strategy = RetryStrategy(99, Backoff(timedelta(seconds=seconds), factor=2.0, cap=timedelta(hours=1)))
    exact = retry_delay(strategy, retry)
    assert exact == strategy.backoff.compute_delay(retry).total_seconds()
    assert exact <= retry_delay(strategy, retry, random.Random(seed)) <= exact * 1.1


def test_errors_keep_code_and_kind():
    class Odd(Exception):
        def __str__(self):
            raise ValueError

    assert error_from_exception(RuntimeUnknownError("Code", "text")).kind == "unknown"
    assert error_from_exception(NonRecoverableError("text", code="MyCode")).code == "MyCode"
    assert error_from_exception(KeyError("k")).message == "'k'"
    odd = error_from_exception(Odd())
    assert (odd.code, odd.message) == ("Odd", "<`Odd` whose message cannot be shown: its `__str__` raises>")
    assert error_from_exception(ExceptionGroup("g", [ValueError()])).recoverable is True
