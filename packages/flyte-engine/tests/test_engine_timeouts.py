"""Time limits: TIMED_OUT on time, clean-up within its grace, never a retry beside a body that will not end."""

import asyncio
import logging
import threading
import time
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_engine.clock import SystemClock, VirtualClock
from flyte_engine.engine import Completed, Engine
from flyte_engine.memory import MemoryStore
from flyte_models.errors import DeadlineExceededError, MaxQueuedTimeExceededError, MaxRuntimeExceededError
from flyte_models.phases import ActionPhase
from flyte_models.policies import Backoff, RetryStrategy, Timeout


@pytest.fixture
def clock():
    return VirtualClock(100.0, auto_advance=True)


@pytest.fixture
def engine(store, make_run, clock):
    made = Engine(store, clock=clock, grace_seconds=5)
    made.start_run(make_run(created_at=100.0))
    yield made
    made.close()


def run(engine, request):
    async def scenario():
        outcome = await engine.run_action(request)
        return outcome, await engine.finish_run("r")

    return asyncio.run(scenario())


def test_an_attempt_that_runs_too_long_is_cancelled_on_time(engine, store, clock, make_request):
    cleaned_up = []

    async def slow(attempt):
        try:
            await clock.sleep(1000)
        finally:
            await clock.sleep(2)
            cleaned_up.append(clock.now())

    outcome, finished = run(engine, make_request("a0", slow, timeout=Timeout(max_runtime=10)))
    assert isinstance(outcome.exception, MaxRuntimeExceededError)
    assert str(outcome.exception).splitlines() == [
        "attempt 1 of action `a0` ran longer than 10 s",
        "hint: raise `Timeout.max_runtime` if the task may rightly take longer",
    ]
    assert (outcome.record.phase, outcome.record.ended_at) == (ActionPhase.TIMED_OUT, 110.0)
    assert cleaned_up == [112.0]
    assert finished.phase is ActionPhase.TIMED_OUT
    assert store.action("r", "a0").error.code == "MaxRuntimeExceededError"
    assert [found.phase for found in store.attempts("r", "a0")] == [ActionPhase.TIMED_OUT]


def test_a_body_in_time_is_not_disturbed(engine, clock, make_request):
    async def body(attempt):
        await clock.sleep(9)
        return Completed("value", b"out")

    outcome, _ = run(engine, make_request("a0", body, timeout=Timeout(10, 10, 10)))
    assert (outcome.value, outcome.outputs, outcome.record.phase) == ("value", b"out", ActionPhase.SUCCEEDED)


def test_a_failure_within_the_limit_is_a_failure(engine, make_request):
    async def body(attempt):
        raise SystemExit(3)

    outcome, _ = run(engine, make_request("a0", body, timeout=Timeout(10)))
    assert isinstance(outcome.exception, SystemExit)
    assert outcome.record.phase is ActionPhase.FAILED


def test_the_limit_of_an_attempt_draws_on_the_retries(engine, store, clock, make_request):
    async def slow_once(attempt):
        await clock.sleep(1000 if attempt.number == 1 else 1)
        return Completed(attempt.previous.code)

    outcome, _ = run(engine, make_request("a0", slow_once, retries=1, timeout=Timeout(timedelta(seconds=3))))
    assert (outcome.value, outcome.record.phase) == ("MaxRuntimeExceededError", ActionPhase.SUCCEEDED)
    assert [found.phase for found in store.attempts("r", "a0")] == [ActionPhase.TIMED_OUT, ActionPhase.SUCCEEDED]


def test_the_deadline_covers_attempts_and_pauses(engine, clock, make_request):
    async def failing(attempt):
        await clock.sleep(2)
        raise ValueError("again")

    policy = RetryStrategy(100, Backoff(timedelta(seconds=3)))
    outcome, _ = run(engine, make_request("a0", failing, retries=policy, timeout=Timeout(deadline=13)))
    assert isinstance(outcome.exception, DeadlineExceededError)
    assert (outcome.record.ended_at, outcome.record.attempt) == (113.0, 4)


def test_a_deadline_within_an_attempt_is_final(engine, clock, make_request):
    async def slow(attempt):
        await clock.sleep(1000)

    outcome, _ = run(engine, make_request("a0", slow, retries=5, timeout=Timeout(max_runtime=60, deadline=7)))
    assert isinstance(outcome.exception, DeadlineExceededError)
    assert (outcome.record.phase, outcome.record.attempt, outcome.record.ended_at) == (ActionPhase.TIMED_OUT, 1, 107.0)


def test_waiting_too_long_for_a_slot(store, clock, make_run, make_request):
    engine = Engine(store, clock=clock, pools={"gpu": 1})
    engine.start_run(make_run(created_at=100.0))
    ran = []

    async def child(attempt):
        ran.append(attempt.action_id.name)
        await clock.sleep(50)
        return Completed()

    async def root(attempt):
        limit = Timeout(max_queued_time=20)
        calls = (engine.run_action(make_request(name, child, pools=("gpu",), timeout=limit)) for name in ("c1", "c2"))
        return Completed(await asyncio.gather(*calls))

    outcome, _ = run(engine, make_request("a0", root))
    first, second = outcome.value
    assert ran == ["c1"]
    assert first.record.phase is ActionPhase.SUCCEEDED
    assert isinstance(second.exception, MaxQueuedTimeExceededError)
    assert (second.record.phase, second.record.ended_at) == (ActionPhase.TIMED_OUT, 120.0)
    assert store.attempts("r", "c2") == []


def test_a_body_that_will_not_end_is_left_alone_and_not_repeated(engine, store, clock, make_request, caplog):
    attempts = []
    release = asyncio.Event()

    async def stubborn(attempt):
        attempts.append(attempt.number)
        while not release.is_set():
            try:
                await clock.sleep(10**6)
            except asyncio.CancelledError:
                continue
            release.set()

    with caplog.at_level(logging.WARNING):
        outcome, finished = run(engine, make_request("a0", stubborn, retries=3, timeout=Timeout(max_runtime=10)))
    assert attempts == [1]
    assert isinstance(outcome.exception, MaxRuntimeExceededError)
    assert (outcome.record.phase, finished.phase) == (ActionPhase.TIMED_OUT, ActionPhase.TIMED_OUT)
    assert "has not ended within 5 s; it is left alone" in caplog.text


@pytest.mark.parametrize("ends", [True, False])
def test_no_retry_beside_a_thread_that_still_runs(make_run, make_request, ends):
    """The body is cancelled at once; what it left behind is a thread."""
    store = MemoryStore()
    engine = Engine(store, grace_seconds=0.5 if not ends else 30)
    engine.start_run(make_run())
    begun, stop = threading.Event(), threading.Event()
    running = []
    overlaps = []

    async def body(attempt):
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        def work():
            overlaps.append(len(running))
            running.append(attempt.number)
            begun.set()
            stop.wait()
            running.remove(attempt.number)
            loop.call_soon_threadsafe(lambda: future.done() or future.set_result(None))

        if attempt.number == 2:
            return Completed("second")
        thread = threading.Thread(target=work)
        thread.start()
        begun.wait()
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            attempt.leftovers.append(future)
            if ends:
                stop.set()
            raise

    async def scenario():
        outcome = await engine.run_action(make_request("a0", body, retries=1, timeout=Timeout(timedelta(seconds=0.05))))
        finished = await engine.finish_run("r")
        stop.set()
        while running:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        return outcome, finished

    outcome, finished = asyncio.run(scenario())
    assert overlaps == [0]
    assert finished.phase is (ActionPhase.SUCCEEDED if ends else ActionPhase.TIMED_OUT)
    assert outcome.value == ("second" if ends else None)


def test_time_in_which_the_process_stood_still_is_no_time_of_grace(make_run, make_request):
    engine = Engine(MemoryStore(), grace_seconds=0.5)
    engine.start_run(make_run())

    async def body(attempt):
        if attempt.number == 2:
            return Completed("second")
        try:
            await asyncio.Event().wait()
        finally:
            time.sleep(0.8)
            await asyncio.sleep(0.05)

    request = make_request("a0", body, retries=1, timeout=Timeout(timedelta(seconds=0.05)))
    assert asyncio.run(engine.run_action(request)).value == "second"


def test_children_of_what_timed_out_are_aborted_first(engine, store, clock, make_request):
    ended = []
    engine.subscribe(
        lambda event: ended.append((event.record.name, event.record.phase)) if event.record.ended_at else None
    )
    cleaned_up = []

    async def stuck(attempt):
        try:
            await asyncio.Event().wait()
        finally:
            await clock.sleep(1)
            cleaned_up.append(attempt.action_id.name)

    async def child(attempt):
        await engine.run_action(make_request("g1", stuck, parent_name="c1"))

    async def root(attempt):
        left = [
            asyncio.create_task(engine.run_action(make_request(name, child if name == "c1" else stuck)))
            for name in ("c1", "c2")
        ]
        await asyncio.gather(*left)

    outcome, _ = run(engine, make_request("a0", root, timeout=Timeout(max_runtime=10)))
    assert outcome.record.phase is ActionPhase.TIMED_OUT
    assert ended[-1] == ("a0", ActionPhase.TIMED_OUT)
    assert sorted(ended[:-1]) == [(name, ActionPhase.ABORTED) for name in ("c1", "c2", "g1")]
    assert ended.index(("g1", ActionPhase.ABORTED)) < ended.index(("c1", ActionPhase.ABORTED))
    assert sorted(cleaned_up) == ["c2", "g1"]


def test_the_caller_is_cancelled_while_a_limited_body_runs(engine, store, clock, make_request):
    cleaned_up = []

    async def slow(attempt):
        try:
            await asyncio.Event().wait()
        finally:
            await clock.sleep(1)
            cleaned_up.append(True)

    async def scenario():
        running = asyncio.create_task(engine.run_action(make_request("a0", slow, timeout=Timeout(max_runtime=1000))))
        await clock.sleep(2)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return await engine.finish_run("r")

    assert asyncio.run(scenario()).phase is ActionPhase.ABORTED
    assert cleaned_up == [True]


def test_a_limited_body_may_abort_its_own_run(engine, make_request):
    async def root(attempt):
        await engine.abort_run("r", "I give up")
        return Completed(value="unseen")

    outcome = asyncio.run(engine.run_action(make_request("a0", root, timeout=Timeout(max_runtime=10))))
    assert (outcome.record.phase, str(outcome.exception)) == (ActionPhase.ABORTED, "I give up")


def test_real_time():
    """The machine's clock has the same timers."""
    seen = []

    async def scenario():
        clock = SystemClock()
        clock.call_later(0.0, lambda: seen.append("called"))
        clock.call_later(0.0, lambda: seen.append("not called")).cancel()
        await clock.sleep(0.01)

    asyncio.run(scenario())
    assert seen == ["called"]


@settings(max_examples=40, deadline=None)
@given(
    seconds=st.lists(st.integers(1, 20), min_size=1, max_size=4),
    runtime=st.none() | st.integers(1, 20),
    total=st.none() | st.integers(1, 40),
    retries=st.integers(0, 3),
    pause=st.integers(0, 4),
    cleanup=st.integers(0, 8),
)
def test_nothing_takes_longer_than_its_limits(make_run, make_request, seconds, runtime, total, retries, pause, cleanup):
    clock = VirtualClock(auto_advance=True)
    store = MemoryStore()
    engine = Engine(store, clock=clock, grace_seconds=5)
    engine.start_run(make_run())
    in_body = []

    async def body(attempt):
        assert in_body == []
        in_body.append(attempt.number)
        try:
            await clock.sleep(seconds[(attempt.number - 1) % len(seconds)] - 0.5)
            raise ValueError("failed")
        except asyncio.CancelledError:
            await clock.sleep(cleanup)
            raise
        finally:
            in_body.remove(attempt.number)

    limit = Timeout(max_runtime=runtime, deadline=total)
    policy = RetryStrategy(retries, Backoff(timedelta(seconds=pause)))
    outcome, _ = run(engine, make_request("a0", body, retries=policy, timeout=limit))
    record = outcome.record
    attempts = store.attempts("r", "a0")
    assert [attempt.number for attempt in attempts] == list(range(1, len(attempts) + 1))
    if total is not None:
        assert record.ended_at - record.created_at <= total + 5
        if record.phase is ActionPhase.TIMED_OUT and record.error.code == "DeadlineExceededError":
            assert record.ended_at - record.created_at >= total
    for attempt in attempts:
        if runtime is not None:
            assert attempt.ended_at - attempt.started_at <= runtime + 5
        if runtime is None and total is None:
            assert attempt.phase is ActionPhase.FAILED
    if record.phase is ActionPhase.TIMED_OUT and record.error.code == "MaxRuntimeExceededError":
        assert record.attempt == retries + 1 or cleanup >= 5
