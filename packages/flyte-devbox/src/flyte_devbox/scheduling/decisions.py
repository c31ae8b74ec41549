"""What the scheduler decides, as pure functions: which limit passes first, how long a retry waits, what is below an action."""

import random
from collections.abc import Mapping
from functools import lru_cache

from flyte_devbox.live import LiveAction
from flyte_devbox.policies import TaskPolicy
from flyte_engine.retries import retry_delay
from flyte_models import lifecycle
from flyte_models.lifecycle import ActionState, Create
from flyte_models.values import value

__all__ = [
    "TimeLimit",
    "advance",
    "below",
    "concurrency_limits",
    "environment_limit",
    "initial_state",
    "queue_limit",
    "retry_pause",
    "run_limit",
]

_FIRST_SYSTEM_PAUSE = 0.5
_LONGEST_SYSTEM_PAUSE = 5.0

advance = lru_cache(maxsize=4096)(lifecycle.advance)
"""`lifecycle.advance`, which a wide run calls with few different arguments."""


@value
class TimeLimit:
    """The limit of an action that passes first. Times are in seconds."""

    kind: str
    """Its name in the task's definition."""
    left: float
    """How long it has; negative when it has passed."""
    seconds: float
    """What was declared."""

    @property
    def is_final(self) -> bool:
        """Whether no attempt may follow when it has passed."""
        return self.kind == "deadline"


@lru_cache(maxsize=64)
def initial_state(max_attempts: int, attempts_before: int = 0) -> ActionState:
    """Return the state of an action that was just created."""
    return advance(None, Create(max_attempts=max_attempts, attempts_before=attempts_before))


def queue_limit(policy: TaskPolicy, *, age: float) -> TimeLimit | None:
    """Return what ends the wait of an action that is queued now; `None` if nothing does.

    Args:
        policy: of the action.
        age: seconds since it was created.
    """
    queued = None if policy.max_queued is None else TimeLimit("max_queued_time", policy.max_queued, policy.max_queued)
    return _first(queued, _deadline(policy, age))


def run_limit(policy: TaskPolicy, *, age: float, ran: float) -> TimeLimit | None:
    """Return what ends an attempt; `None` if nothing does.

    Args:
        policy: of the action.
        age: seconds since it was created.
        ran: seconds since the attempt began.
    """
    runtime = None
    if policy.max_runtime is not None:
        runtime = TimeLimit("max_runtime", policy.max_runtime - ran, policy.max_runtime)
    return _first(runtime, _deadline(policy, age))


def _deadline(policy: TaskPolicy, age: float) -> TimeLimit | None:
    return None if policy.deadline is None else TimeLimit("deadline", policy.deadline - age, policy.deadline)


def _first(one: TimeLimit | None, other: TimeLimit | None) -> TimeLimit | None:
    if one is None or other is None:
        return one or other
    return one if one.left <= other.left else other


def environment_limit(policy: TaskPolicy) -> tuple[str, int] | None:
    """Return the name of the limit of a reusable environment, and how many actions its workers take at once."""
    reuse = policy.reuse
    if reuse is None:
        return None
    return f"environment {reuse.name} {reuse.version}", reuse.max_replicas * reuse.concurrency


def concurrency_limits(action: LiveAction, policy: TaskPolicy) -> tuple[str, ...]:
    """Return the names of the limits that an action counts against."""
    names = (action.run.limit_name,) if action.run.max_concurrency else ()
    environment = environment_limit(policy)
    return names if environment is None else (*names, environment[0])


def retry_pause(policy: TaskPolicy, state: ActionState, *, is_system: bool, rng: random.Random) -> float:
    """Return how many seconds the attempt waits that `state` has come to.

    Args:
        policy: of the action.
        state: after the failure: `state.attempt` is the one that is to come.
        is_system: whether the attempt before failed through no fault of the task.
        rng: spreads the retries of many actions.
    """
    if is_system:
        return min(_LONGEST_SYSTEM_PAUSE, _FIRST_SYSTEM_PAUSE * 2.0 ** (state.system_failures - 1))
    retries = state.attempt - 2 - state.system_failures - state.attempts_before
    return retry_delay(policy.retry, max(0, retries), rng)


def below(actions: Mapping[str, LiveAction], action: LiveAction) -> list[LiveAction]:
    """Return those of a run's actions that are below one, children after their own children."""
    if not action.children and action.parent:
        return []
    if not action.parent:
        found = [other for other in actions.values() if other is not action]
        return sorted(found, key=lambda other: -other.depth)
    by_parent: dict[str, list[LiveAction]] = {}
    for other in actions.values():
        by_parent.setdefault(other.parent, []).append(other)
    found: list[LiveAction] = []
    pending = [action.name]
    while pending:
        children = by_parent.get(pending.pop(), [])
        found.extend(children)
        pending.extend(child.name for child in children)
    found.reverse()
    return found
