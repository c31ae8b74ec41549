"""The limits of one action in seconds, which of them passes next, and the error that says so: pure."""

from flyte_models.errors import (
    DeadlineExceededError,
    MaxQueuedTimeExceededError,
    MaxRuntimeExceededError,
    TaskTimeoutError,
)
from flyte_models.policies import Timeout
from flyte_models.values import value

__all__ = ["LimitPassed", "TimeLimits", "limits_from_timeout"]


class LimitPassed(Exception):  # noqa: N818 - never leaves the engine
    """One of the limits has passed.

    Args:
        error: what the caller of the action gets.
        is_final: whether another attempt is out of the question.
    """

    def __init__(self, error: TaskTimeoutError, *, is_final: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.is_final = is_final


@value
class TimeLimits:
    """Seconds; `None` where there is no limit."""

    runtime: float | None = None
    queued: float | None = None
    total: float | None = None

    def while_queued(self, waited: float, age: float) -> tuple[float, bool] | None:
        """Return the seconds until a limit passes for an attempt that has `waited`, and whether that is the deadline."""
        return _sooner(self.queued, waited, self.total, age)

    def while_running(self, age: float) -> tuple[float, bool] | None:
        """Return the same for an attempt that begins now, `age` seconds after the action did."""
        return _sooner(self.runtime, 0.0, self.total, age)

    def queue_error(self, name: str, attempt: int, *, is_deadline: bool) -> LimitPassed:
        """Say that an attempt was not begun in time."""
        if is_deadline:
            return self._deadline_error(name)
        return LimitPassed(
            MaxQueuedTimeExceededError(
                f"attempt {attempt} of action `{name}` was not begun within {self.queued:g} s\n"
                "hint: raise `Timeout.max_queued_time`, or the limit on how many actions run at once"
            ),
            is_final=True,
        )

    def runtime_error(self, name: str, attempt: int, *, is_deadline: bool) -> LimitPassed:
        """Say that an attempt was not over in time."""
        if is_deadline:
            return self._deadline_error(name)
        return LimitPassed(
            MaxRuntimeExceededError(
                f"attempt {attempt} of action `{name}` ran longer than {self.runtime:g} s\n"
                "hint: raise `Timeout.max_runtime` if the task may rightly take longer"
            ),
            is_final=False,
        )

    def _deadline_error(self, name: str) -> LimitPassed:
        return LimitPassed(
            DeadlineExceededError(
                f"action `{name}` was not over within {self.total:g} s, attempts and waits included\n"
                "hint: raise `Timeout.deadline` if the task may rightly take longer"
            ),
            is_final=True,
        )


def limits_from_timeout(timeout: Timeout | None) -> TimeLimits | None:
    """Give the limits of a policy, or `None` if it sets none.

    Raises:
        ValueError: a limit is negative.
    """
    if timeout is None:
        return None
    found = (timeout.runtime_limit(), timeout.queued_limit(), timeout.total_limit())
    runtime, queued, total = (None if limit is None else limit.total_seconds() for limit in found)
    if runtime is None and queued is None and total is None:
        return None
    return TimeLimits(runtime, queued, total)


def _sooner(limit: float | None, passed: float, total: float | None, age: float) -> tuple[float, bool] | None:
    if limit is None and total is None:
        return None
    if total is None or (limit is not None and limit - passed <= total - age):
        assert limit is not None  # for the type checker
        return limit - passed, False
    return total - age, True
