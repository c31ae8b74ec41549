"""What the engine is asked to run and what it answers. Values only; inputs and outputs are opaque bytes."""

from collections.abc import Awaitable, Callable
from dataclasses import field
from typing import TYPE_CHECKING, Any

from flyte_engine.caching import CacheUse
from flyte_engine.records import ActionRecord, ErrorRecord
from flyte_models.ids import ActionID
from flyte_models.phases import ActionPhase
from flyte_models.policies import RetryStrategy, Timeout
from flyte_models.values import value

if TYPE_CHECKING:
    import asyncio


@value
class Attempt:
    """One try at an action, as its body sees it."""

    action_id: ActionID
    number: int
    """Counted from 1."""
    max_attempts: int
    previous: ErrorRecord | None = None
    """Why the attempt before failed."""
    leftovers: "list[asyncio.Future[Any]]" = field(default_factory=list[Any], compare=False, repr=False)
    """For the body, or whoever carries it out: futures of work that goes on although the body was cancelled, such as a thread
    that cannot be stopped. No further attempt begins beside them."""


@value
class Completed:
    """What a body that succeeded hands back."""

    value: Any = None
    """The value for a caller in this process; the engine only passes it on."""
    outputs: bytes | None = None
    """What is recorded."""


def _no_retries() -> RetryStrategy:
    return RetryStrategy(count=0)


@value
class ActionRequest:
    """An action to run."""

    action_id: ActionID
    task_name: str
    body: Callable[[Attempt], Awaitable[Completed]]
    """Called once per attempt."""
    parent_name: str | None = None
    """The action that calls; `None` for the root action."""
    short_name: str = ""
    group: str | None = None
    inputs: bytes | None = None
    """Recorded with the creation of the action."""
    retry: RetryStrategy = field(default_factory=_no_retries)
    timeout: Timeout | None = None
    """With a limit the body runs in a task of its own, in a copy of the caller's context."""
    pools: tuple[str, ...] = ()
    """Limits of the engine that the action falls under besides the run's, such as its environment or queue."""
    is_waiting: bool = False
    """Whether the body only waits for somebody, as that of a condition: the action is PAUSED meanwhile, and takes no slot."""
    cache: CacheUse | None = None
    """Needs an engine with a cache."""
    restore: Callable[[bytes | None], Awaitable[Any]] | None = None
    """Turns recorded outputs into `ActionOutcome.value`, where they are not computed: cached, or of an earlier process or
    attempt of the parent. Without it the value is `None`."""


@value
class ActionOutcome:
    """How an action ended."""

    record: ActionRecord
    value: Any = None
    """The value of the body, if it succeeded."""
    exception: BaseException | None = None
    """What the last attempt raised, if it failed; `ActionAbortedError` if the action was aborted meanwhile, a
    `TaskTimeoutError` if it is TIMED_OUT."""
    outputs: bytes | None = None
    """The outputs as bytes, if it succeeded."""
    is_replayed: bool = False
    """Whether no attempt was made: the outputs are cached, or recorded before."""


@value
class EngineEvent:
    """An action has changed."""

    record: ActionRecord
    previous: ActionPhase | None
    """The phase before; `None` for a new action."""
