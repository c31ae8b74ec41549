"""What an exception means and how long to wait before the next attempt: pure decisions. Whether to retry, the lifecycle says."""

import traceback
from types import TracebackType
from typing import TYPE_CHECKING, cast

from flyte_engine.actions import Attempt
from flyte_engine.executors import AttemptLostError
from flyte_engine.records import ErrorRecord
from flyte_models.errors import BaseRuntimeError, NonRecoverableError
from flyte_models.lifecycle import Fail
from flyte_models.policies import RetryStrategy

if TYPE_CHECKING:
    import random

_JITTER = 0.1
_OWN_PACKAGE = __name__.partition(".")[0]


def error_from_exception(exception: BaseException) -> ErrorRecord:
    """Describe an exception: code, kind, and whether another attempt could help.

    Errors of Flyte keep their code and kind; any other exception is the user's, with its class name as the code. Not
    recoverable are `NonRecoverableError`, also as part of an exception group, and what is not an `Exception`:
    `SystemExit`, `KeyboardInterrupt`, `GeneratorExit`.
    """
    code, kind = type(exception).__name__, "user"
    if isinstance(exception, BaseRuntimeError):
        code, kind = exception.code, exception.kind
    elif isinstance(exception, AttemptLostError):
        kind = "system"
    return ErrorRecord(
        code=code,
        message=_message(exception),
        kind=kind,
        recoverable=_is_recoverable(exception),
        traceback=_format_traceback(exception),
    )


def failure_event(exception: BaseException, error: ErrorRecord, attempt: Attempt) -> Fail:
    """Decide at whose expense the failed attempt is: the user's retries, or the system's."""
    is_lost = (
        isinstance(exception, AttemptLostError)
        and exception.action_id == attempt.action_id
        and exception.number == attempt.number
    )
    return Fail(recoverable=error.recoverable, system=is_lost)


def retry_delay(strategy: RetryStrategy, retry: int, rng: "random.Random | None" = None) -> float:
    """Return the seconds to wait before retry number `retry`, counted from 0.

    With `rng` up to a tenth is added, so that actions that failed together do not come back together.
    """
    if strategy.backoff is None:
        return 0.0
    seconds = strategy.backoff.compute_delay(retry).total_seconds()
    return seconds if rng is None else seconds * (1.0 + _JITTER * rng.random())


def _is_recoverable(exception: BaseException) -> bool:
    if not isinstance(exception, Exception):
        return False
    if isinstance(exception, ExceptionGroup):
        return cast("ExceptionGroup[Exception]", exception).subgroup(NonRecoverableError) is None
    return not isinstance(exception, NonRecoverableError)


def _message(exception: BaseException) -> str:
    try:
        return str(exception)
    except Exception:  # `__str__` is the user's
        return f"<`{type(exception).__name__}` whose message cannot be shown: its `__str__` raises>"


def _format_traceback(exception: BaseException) -> str | None:
    try:
        return "".join(traceback.format_exception(type(exception), exception, _foreign_part(exception.__traceback__)))
    except Exception:  # formatting calls `__repr__`, `__str__` and loaders that are the user's
        return None


def _foreign_part(entry: TracebackType | None) -> TracebackType | None:
    while entry is not None and entry.tb_frame.f_globals.get("__name__", "").partition(".")[0] == _OWN_PACKAGE:
        entry = entry.tb_next
    return entry
