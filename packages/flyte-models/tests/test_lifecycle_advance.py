"""The strict half of the state machine, driven by hypothesis."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyte_models.lifecycle import (
    MAX_SYSTEM_FAILURES,
    Abort,
    ActionState,
    Create,
    Event,
    Fail,
    Initialize,
    Interrupt,
    LifecycleError,
    Pause,
    Recover,
    Resume,
    Start,
    Succeed,
    TimeOut,
    Wait,
    advance,
)
from flyte_models.phases import ActionPhase

AFTER_CREATION = [
    Wait(),
    Initialize(),
    Start(),
    Succeed(),
    Fail(recoverable=True),
    Fail(recoverable=False),
    Fail(recoverable=True, system=True),
    Fail(recoverable=False, system=True),
    TimeOut(),
    TimeOut(recoverable=True),
    Interrupt(),
    Abort(),
    Pause(),
    Resume(),
    Recover(),
]
EVENTS = [Create(), Create(max_attempts=3), *AFTER_CREATION]
events = st.lists(st.sampled_from(EVENTS), max_size=40)
attempts = st.integers(1, 5)


def play(state: ActionState | None, *happened: Event) -> ActionState:
    for event in happened:
        state = advance(state, event)
    assert state is not None
    return state


def states_along(max_attempts: int, happened: list[Event]) -> list[ActionState]:
    """The states on a walk that skips what is not allowed."""
    state = advance(None, Create(max_attempts))
    seen = [state]
    for event in happened:
        try:
            state = advance(state, event)
        except LifecycleError:
            continue
        seen.append(state)
    return seen


@given(attempts, events)
def test_a_terminal_phase_is_never_left(max_attempts: int, happened: list[Event]):
    seen = states_along(max_attempts, happened)
    assert not any(state.is_terminal for state in seen[:-1])
    if seen[-1].is_terminal:
        for event in EVENTS:
            with pytest.raises(LifecycleError):
                advance(seen[-1], event)


@given(attempts, events)
def test_attempts_only_grow_and_stay_within_both_budgets(max_attempts: int, happened: list[Event]):
    seen = states_along(max_attempts, happened)
    for earlier, later in zip(seen, seen[1:], strict=False):
        assert later.attempt - earlier.attempt in (0, 1)
        assert later.system_failures - earlier.system_failures in (0, 1)
        assert later.max_attempts == max_attempts
        if later.attempt > earlier.attempt:
            assert later.phase is ActionPhase.QUEUED
    for state in seen:
        assert state.attempt <= max_attempts + MAX_SYSTEM_FAILURES
        assert state.system_failures <= MAX_SYSTEM_FAILURES + 1
        assert 0 <= state.retries_left < max_attempts


@given(attempts, events)
def test_every_state_can_end_in_each_way_that_is_not_a_success(max_attempts: int, happened: list[Event]):
    state = states_along(max_attempts, happened)[-1]
    if not state.is_terminal:
        assert advance(state, Abort()).phase is ActionPhase.ABORTED
        assert advance(state, TimeOut()).phase is ActionPhase.TIMED_OUT
        assert advance(state, Fail(recoverable=False)).phase is ActionPhase.FAILED


@given(
    attempts, st.lists(st.sampled_from([Fail(True), Fail(True, system=True), TimeOut(True)]), min_size=12, max_size=12)
)
def test_failing_comes_to_an_end(max_attempts: int, failures: list[Event]):
    seen = states_along(max_attempts, failures)
    assert len(seen) <= max_attempts + MAX_SYSTEM_FAILURES + 1
    assert seen[-1].is_terminal


@given(st.sampled_from(AFTER_CREATION))
def test_nothing_happens_before_creation(event: Event):
    with pytest.raises(LifecycleError, match="not created yet") as caught:
        advance(None, event)
    assert (caught.value.state, caught.value.event) == (None, event)


def test_an_action_is_created_once_with_at_least_one_attempt():
    queued = advance(None, Create(max_attempts=2))
    assert queued == ActionState(ActionPhase.QUEUED, attempt=1, max_attempts=2, system_failures=0)
    with pytest.raises(LifecycleError, match="exists already"):
        advance(queued, Create())
    with pytest.raises(LifecycleError, match="at least one attempt, got 0"):
        advance(None, Create(max_attempts=0))


def test_the_usual_life():
    state = play(None, Create(), Wait(), Initialize(), Start())
    assert state.phase is ActionPhase.RUNNING
    assert advance(state, Succeed()).phase is ActionPhase.SUCCEEDED


def test_a_cached_and_a_recovered_action_never_run():
    queued = play(None, Create())
    assert advance(queued, Succeed()).phase is ActionPhase.SUCCEEDED
    assert advance(queued, Recover()).phase is ActionPhase.RECOVERED


def test_a_condition_pauses_until_it_is_signalled():
    paused = play(None, Create(), Pause())
    assert paused.phase is ActionPhase.PAUSED
    assert advance(paused, Succeed()).phase is ActionPhase.SUCCEEDED
    assert advance(paused, Resume()).phase is ActionPhase.RUNNING


def test_a_recoverable_failure_queues_the_next_attempt_until_retries_are_used_up():
    second = play(None, Create(max_attempts=2), Start(), Fail(recoverable=True))
    assert second == ActionState(ActionPhase.QUEUED, attempt=2, max_attempts=2, system_failures=0)
    assert play(second, Start(), Fail(recoverable=True)) == replace(second, phase=ActionPhase.FAILED)


def test_system_failures_have_a_budget_of_their_own():
    state = play(None, Create(max_attempts=2), Start())
    for lost in range(1, MAX_SYSTEM_FAILURES + 1):
        state = play(state, Fail(recoverable=True, system=True), Start())
        assert (state.attempt, state.system_failures, state.retries_left) == (1 + lost, lost, 1)
    retried = advance(state, Fail(recoverable=True))
    assert (retried.phase, retried.retries_left) == (ActionPhase.QUEUED, 0)
    assert advance(retried, Fail(recoverable=True, system=True)).phase is ActionPhase.FAILED


@pytest.mark.parametrize(
    ("before", "event"),
    [
        ([], Resume()),
        ([Wait()], Wait()),
        ([Initialize()], Wait()),
        ([Initialize()], Succeed()),
        ([Start()], Start()),
        ([Start()], Initialize()),
        ([Start()], Recover()),
        ([Pause()], Start()),
        ([], Interrupt()),
        ([Pause()], Interrupt()),
    ],
)
def test_what_makes_no_sense_is_refused(before: list[Event], event: Event):
    state = play(None, Create(), *before)
    with pytest.raises(LifecycleError, match=f"the action is {state.phase.name}, and not one of "):
        advance(state, event)


def test_a_resumed_action_has_its_full_retries():
    """Attempts that were made before keep their numbers and cost nothing."""
    state = advance(None, Create(max_attempts=2, attempts_before=3))
    assert (state.attempt, state.retries_left) == (4, 1)
    state = play(state, Start(), Fail(recoverable=True))
    assert (state.phase, state.attempt, state.retries_left) == (ActionPhase.QUEUED, 5, 0)
    assert play(state, Start(), Fail(recoverable=True)).phase is ActionPhase.FAILED
    with pytest.raises(LifecycleError, match="attempts made before cannot be -1"):
        advance(None, Create(attempts_before=-1))


def test_an_interrupted_attempt_costs_nothing():
    state = play(None, Create(max_attempts=2), Start(), Interrupt())
    assert (state.phase, state.attempt, state.retries_left, state.system_failures) == (ActionPhase.QUEUED, 2, 1, 0)
    state = play(state, Start(), Fail(recoverable=True), Start(), Interrupt(), Start())
    assert (state.attempt, state.retries_left) == (4, 0)
    assert advance(state, Fail(recoverable=True)).phase is ActionPhase.FAILED
