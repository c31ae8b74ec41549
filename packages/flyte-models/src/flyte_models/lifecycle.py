"""The life of an action as one pure state machine: `advance` drives what we execute, `observe` follows what someone else reports.

No other module holds phase logic. Nothing here knows time, storage or the wire: when a limit has passed,
whoever keeps the clock says so with an event.
"""

from dataclasses import replace

from flyte_models.phases import ActionPhase
from flyte_models.values import value

__all__ = [
    "MAX_SYSTEM_FAILURES",
    "Abort",
    "ActionState",
    "Create",
    "Event",
    "Fail",
    "Initialize",
    "Interrupt",
    "LifecycleError",
    "Observed",
    "Pause",
    "PhaseReport",
    "Recover",
    "Resume",
    "Start",
    "Succeed",
    "TimeOut",
    "Wait",
    "advance",
    "observe",
]

MAX_SYSTEM_FAILURES = 3
"""How many system failures an action survives; the next one is final. The Flyte 2 executor has the same number."""


class LifecycleError(ValueError):
    """An event that the state does not allow: a bug of whoever drives the action, never of the user's code."""

    def __init__(self, state: "ActionState | None", event: "Event", reason: str) -> None:
        """Keep the state and the event beside the message."""
        super().__init__(f"`{event}` is not allowed: {reason}")
        self.state = state
        self.event = event


@value
class ActionState:
    """An action that we execute, between two events.

    Retries and system failures draw on separate budgets: a lost worker never costs the user an attempt.
    """

    phase: ActionPhase
    attempt: int
    """The current attempt, from 1 on; system failures begin a new attempt too, since each has its own output path."""
    max_attempts: int
    """How many attempts the user grants (retries + 1), those lost to system failures not counted."""
    system_failures: int
    """How many attempts were lost to the system."""
    attempts_before: int = 0
    """How many attempts were interrupted, or made before the run was resumed; they draw on neither budget."""

    @property
    def is_terminal(self) -> bool:
        """Whether the action is over; no event is allowed any more."""
        return self.phase.is_terminal

    @property
    def retries_left(self) -> int:
        """How many more times the user's code may fail and be tried again; 0 once the action is over."""
        if self.is_terminal:
            return 0
        return self.max_attempts - (self.attempt - self.attempts_before - self.system_failures)


@value
class _Signal:
    """An event that carries nothing."""


@value
class Create:
    """The action comes to be, as QUEUED."""

    max_attempts: int = 1
    """How many attempts the user grants: retries + 1."""
    attempts_before: int = 0
    """How many attempts were made of it before its run was resumed: their numbers are taken, their budgets are renewed."""


class Wait(_Signal):
    """The action waits for resources, a queue slot or a cache reservation."""

    __slots__ = ()


class Initialize(_Signal):
    """What runs the action is being prepared: image, worker, bundle."""

    __slots__ = ()


class Start(_Signal):
    """The user's code runs."""

    __slots__ = ()


class Succeed(_Signal):
    """The outputs are there: the code returned, the cache had them, or a condition was signalled."""

    __slots__ = ()


@value
class Fail:
    """The attempt failed."""

    recoverable: bool
    """Whether another attempt can help."""
    system: bool = False
    """Whether the system is to blame (a lost worker, a killed process), not the user's code."""


@value
class TimeOut:
    """A limit has passed."""

    recoverable: bool = False
    """Whether it is a limit of one attempt, so that another one may begin. It draws on the user's retries."""


class Interrupt(_Signal):
    """Whoever runs the attempt has ended it, to begin another one later: nobody failed, and it draws on no budget."""

    __slots__ = ()


class Abort(_Signal):
    """Someone asked the action to end."""

    __slots__ = ()


class Pause(_Signal):
    """The action waits for a signal."""

    __slots__ = ()


class Resume(_Signal):
    """The paused action runs on."""

    __slots__ = ()


class Recover(_Signal):
    """The outputs are taken over from an earlier run."""

    __slots__ = ()


Event = Create | Wait | Initialize | Start | Succeed | Fail | TimeOut | Interrupt | Abort | Pause | Resume | Recover

_ALIVE = frozenset(phase for phase in ActionPhase if not phase.is_terminal)
_BEFORE_START = frozenset({ActionPhase.QUEUED, ActionPhase.WAITING_FOR_RESOURCES, ActionPhase.INITIALIZING})

# From which phases an event is allowed, and where it leads; what needs the budgets stands in `advance`.
_MOVES: dict[type[Event], tuple[frozenset[ActionPhase], ActionPhase]] = {
    Wait: (frozenset({ActionPhase.QUEUED}), ActionPhase.WAITING_FOR_RESOURCES),
    Initialize: (frozenset({ActionPhase.QUEUED, ActionPhase.WAITING_FOR_RESOURCES}), ActionPhase.INITIALIZING),
    Start: (_BEFORE_START, ActionPhase.RUNNING),
    # Not from INITIALIZING: the cache is asked before, and code cannot return before it starts.
    Succeed: (_ALIVE - {ActionPhase.INITIALIZING}, ActionPhase.SUCCEEDED),
    Interrupt: (frozenset({ActionPhase.INITIALIZING, ActionPhase.RUNNING}), ActionPhase.QUEUED),
    Abort: (_ALIVE, ActionPhase.ABORTED),
    Pause: (frozenset({ActionPhase.QUEUED, ActionPhase.RUNNING}), ActionPhase.PAUSED),
    Resume: (frozenset({ActionPhase.PAUSED}), ActionPhase.RUNNING),
    Recover: (frozenset({ActionPhase.QUEUED}), ActionPhase.RECOVERED),
}


def advance(state: ActionState | None, event: Event) -> ActionState:
    """Give the state that follows; the given one is unchanged.

    Args:
        state: The state now, `None` before the action was created.
        event: What happened.

    Raises:
        LifecycleError: The event is not allowed in this state. Before creation only `Create` is, after a terminal phase none.
    """
    if isinstance(event, Create):
        return _create(state, event)
    if state is None:
        raise LifecycleError(state, event, "the action was not created yet")
    if state.is_terminal:
        raise LifecycleError(state, event, f"the action is over, it is {state.phase.name}")
    if isinstance(event, Fail):
        return _fail(state, event)
    if isinstance(event, TimeOut):
        return (
            _retry(state) if event.recoverable and state.retries_left else replace(state, phase=ActionPhase.TIMED_OUT)
        )
    sources, target = _MOVES[type(event)]
    if state.phase not in sources:
        allowed = ", ".join(phase.name for phase in ActionPhase if phase in sources)
        raise LifecycleError(state, event, f"the action is {state.phase.name}, and not one of {allowed}")
    if isinstance(event, Interrupt):
        return replace(_retry(state), attempts_before=state.attempts_before + 1)
    return replace(state, phase=target)


def _create(state: ActionState | None, event: Create) -> ActionState:
    if state is not None:
        raise LifecycleError(state, event, f"the action exists already, it is {state.phase.name}")
    if event.max_attempts < 1:
        raise LifecycleError(state, event, f"an action has at least one attempt, got {event.max_attempts}")
    if event.attempts_before < 0:
        raise LifecycleError(state, event, f"the attempts made before cannot be {event.attempts_before}")
    return ActionState(
        phase=ActionPhase.QUEUED,
        attempt=event.attempts_before + 1,
        max_attempts=event.max_attempts,
        system_failures=0,
        attempts_before=event.attempts_before,
    )


def _fail(state: ActionState, event: Fail) -> ActionState:
    if event.system:
        lost = replace(state, system_failures=state.system_failures + 1)
        return _retry(lost) if event.recoverable and lost.system_failures <= MAX_SYSTEM_FAILURES else _failed(lost)
    return _retry(state) if event.recoverable and state.retries_left else _failed(state)


def _retry(state: ActionState) -> ActionState:
    return replace(state, phase=ActionPhase.QUEUED, attempt=state.attempt + 1)


def _failed(state: ActionState) -> ActionState:
    return replace(state, phase=ActionPhase.FAILED)


@value
class PhaseReport:
    """What a backend says about an action at one moment."""

    phase: ActionPhase | None
    """The phase; `None` for UNSPECIFIED or a number that a newer server invented: not known yet."""
    attempt: int = 0
    """The attempt that it is about, from 1 on; 0 when the backend does not say."""


@value
class Observed:
    """An action that someone else executes, as far as we were told. `Observed()` is an action of which nothing was heard."""

    phase: ActionPhase | None = None
    """The phase that counts now; `None` as long as none is known."""
    attempt: int = 0
    """The highest attempt heard of, 0 when none was named."""
    history: tuple[PhaseReport, ...] = ()
    """Every report in the order of arrival, late and repeated ones too."""

    @property
    def is_terminal(self) -> bool:
        """Whether the phase that counts is terminal; a foreign backend may still take it back (FAILED to QUEUED)."""
        return self.phase is not None and self.phase.is_terminal


# The Flyte 2 manager never moves these back to a live phase, so such a report within the same attempt is a late one.
_FINAL = frozenset({ActionPhase.SUCCEEDED, ActionPhase.ABORTED, ActionPhase.RECOVERED})


def observe(seen: Observed, report: PhaseReport) -> Observed:
    """Add a report, in whatever order it comes; no report is ever refused, and all are kept.

    The newest report counts, except one without a phase, one of an earlier attempt, and a live phase after
    SUCCEEDED, ABORTED or RECOVERED.
    """
    history = (*seen.history, report)
    attempt = max(seen.attempt, report.attempt)
    if report.phase is None or _is_late(seen, report):
        return Observed(phase=seen.phase, attempt=attempt, history=history)
    return Observed(phase=report.phase, attempt=attempt, history=history)


def _is_late(seen: Observed, report: PhaseReport) -> bool:
    if report.attempt and report.attempt != seen.attempt:
        return report.attempt < seen.attempt
    return seen.phase in _FINAL and report.phase in _ALIVE
