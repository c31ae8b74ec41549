"""Steps of the lifecycle as the engine takes them, from state to state, found again instead of computed: pure."""

from functools import lru_cache

from flyte_engine.records import AttemptRecord, ErrorRecord
from flyte_models import lifecycle
from flyte_models.lifecycle import (
    Abort,
    ActionState,
    Create,
    Event,
    Fail,
    Pause,
    Recover,
    Start,
    Succeed,
    TimeOut,
    Wait,
)

__all__ = [
    "ABORT",
    "GIVE_UP",
    "PAUSE",
    "RECOVER",
    "START",
    "SUCCEED",
    "WAIT",
    "ended_attempt",
    "first_state",
    "next_state",
]

WAIT = Wait()
START = Start()
PAUSE = Pause()
SUCCEED = Succeed()
RECOVER = Recover()
ABORT = Abort()
GIVE_UP = Fail(recoverable=False)
_TIME_OUT = TimeOut()

# Every action asks the same few questions.
_advance = lru_cache(maxsize=1024)(lifecycle.advance)
_found: dict[tuple[int, int], tuple[ActionState, Event, ActionState]] = {}


@lru_cache(maxsize=64)
def first_state(retries: int, attempts_before: int = 0) -> ActionState:
    """Give the state of a new action.

    Args:
        retries: how often it may be tried again.
        attempts_before: how many attempts were made before its run was resumed.
    """
    return _advance(None, Create(max_attempts=retries + 1, attempts_before=attempts_before))


def next_state(state: ActionState, event: Event) -> ActionState:
    """Do what `lifecycle.advance` does, found by identity where both were met before: to hash them costs as much as a record."""
    key = (id(state), id(event))
    found = _found.get(key)
    if found is not None:
        return found[2]
    after = _advance(state, event)
    if len(_found) < 1024:
        # With the two that it is of, so that their identities are not given to others.
        _found[key] = (state, event, after)
    return after


def ended_attempt(
    before: ActionState,
    event: Event,
    after: ActionState,
    *,
    started_at: float,
    ended_at: float,
    error: ErrorRecord | None,
) -> AttemptRecord:
    """Give the record of the attempt that an event has ended; that of a retried action is over although the action is not."""
    phase = after.phase
    if not phase.is_terminal:
        phase = _advance(before, _TIME_OUT if isinstance(event, TimeOut) else GIVE_UP).phase
    return AttemptRecord(before.attempt, phase, started_at, ended_at, error)
