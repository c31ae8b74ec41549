"""How often, how long, how large: retries, backoff, time-outs and the inline limit. `lifecycle` and the engine apply them."""

import math
from datetime import timedelta

from flyte_models.values import light_dataclass

__all__ = [
    "MAX_INLINE_IO_BYTES",
    "Backoff",
    "RetryStrategy",
    "Timeout",
    "TimeoutType",
    "retries_from_request",
    "timeout_from_request",
]

MAX_INLINE_IO_BYTES = 10 * 1024 * 1024
"""The largest serialised inputs or outputs of an action, in bytes, unless its task says otherwise."""

_ZERO = timedelta(0)


@light_dataclass(frozen=True)
class Backoff:
    """The wait before each retry: `base * factor ** n`, at most `cap`.

    Raises:
        ValueError: `base` or `cap` is negative, `factor` is below 1 or not finite, or `factor` exceeds 1 without a `cap`.
        TypeError: `base` or `cap` is not a `timedelta`.

    ```python
    from datetime import timedelta
    from flyte_models.policies import Backoff

    backoff = Backoff(timedelta(seconds=1), factor=2.0, cap=timedelta(seconds=5))
    assert [backoff.compute_delay(n).total_seconds() for n in range(4)] == [1, 2, 4, 5]
    ```
    """

    base: timedelta
    """The wait before the first retry."""
    factor: float = 1.0
    """What each further wait is multiplied with; 1 keeps it constant."""
    cap: timedelta | None = None
    """The longest wait; needed when `factor` exceeds 1."""

    def __post_init__(self) -> None:
        for name, value in (("base", self.base), ("cap", self.cap)):
            if value is None and name == "cap":
                continue
            if not isinstance(value, timedelta):
                raise TypeError(f"`Backoff.{name}` must be a `datetime.timedelta`, got {value!r}")
            if value < _ZERO:
                raise ValueError(f"`Backoff.{name}` must not be negative, got {value}")
        if not isinstance(self.factor, int | float) or not math.isfinite(self.factor):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"`Backoff.factor` must be a finite number, got {self.factor!r}")
        if self.factor < 1:
            raise ValueError(f"`Backoff.factor` must be at least 1, got {self.factor}")
        if self.factor > 1 and self.cap is None:
            raise ValueError(
                f"`Backoff.cap` is needed when `factor` exceeds 1 (it is {self.factor}): the waits would grow without end\n"
                "hint: pass the longest wait, such as `cap=timedelta(minutes=5)`"
            )

    def compute_delay(self, n: int) -> timedelta:
        """Give the wait before retry `n`, where the first retry is 0.

        Raises:
            ValueError: `n` is negative.
        """
        if n < 0:
            raise ValueError(f"the number of a retry starts at 0, got {n}")
        try:
            delay = self.base * float(self.factor) ** n
        except OverflowError:
            # Only a factor above 1 overflows, and that one has a cap.
            return self.cap if self.cap is not None and self.base > _ZERO else self.base
        return delay if self.cap is None else min(delay, self.cap)


@light_dataclass()
class RetryStrategy:
    """How many times a failed action is tried again, and how long to wait before each retry.

    Raises:
        ValueError: `count` is negative or not an integer.
    """

    count: int
    """Retries after the first attempt: 0 means one attempt in all."""
    backoff: Backoff | None = None
    """The wait before each retry; none means at once."""

    def __post_init__(self) -> None:
        if not isinstance(self.count, int):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"`RetryStrategy.count` must be an integer, got {self.count!r}")  # noqa: TRY004  # the reference's type
        if self.count < 0:
            raise ValueError(f"`RetryStrategy.count` must not be negative, got {self.count}")


@light_dataclass()
class Timeout:
    """How long an action may take; every limit is a `timedelta` or whole seconds, and `None` or 0 means no limit."""

    max_runtime: timedelta | int | None = None
    """The longest one attempt may run."""
    max_queued_time: timedelta | int | None = None
    """The longest an attempt may wait before it runs."""
    deadline: timedelta | int | None = None
    """The longest the action may take in all, attempts and waits included."""

    def runtime_limit(self) -> timedelta | None:
        """Give `max_runtime` as a duration, or `None` without a limit."""
        return _limit("max_runtime", self.max_runtime)

    def queued_limit(self) -> timedelta | None:
        """Give `max_queued_time` as a duration, or `None` without a limit."""
        return _limit("max_queued_time", self.max_queued_time)

    def total_limit(self) -> timedelta | None:
        """Give `deadline` as a duration, or `None` without a limit."""
        return _limit("deadline", self.deadline)


TimeoutType = Timeout | int | timedelta
"""What a task accepts as `timeout`: a bare number of seconds or a duration is the `max_runtime`."""


def timeout_from_request(timeout: TimeoutType) -> Timeout:
    """Turn what an author wrote as `timeout` into a `Timeout`.

    Raises:
        ValueError: It is none of the accepted kinds.
    """
    if isinstance(timeout, Timeout):
        return timeout
    if isinstance(timeout, timedelta):
        return Timeout(max_runtime=timeout)
    if isinstance(timeout, int):  # pyright: ignore[reportUnnecessaryIsInstance]
        return Timeout(max_runtime=timedelta(seconds=timeout))
    raise ValueError(
        f"a timeout must be a `Timeout`, a `timedelta` or whole seconds, got {timeout!r}\n"
        "hint: `timeout=60` means one minute of run time per attempt"
    )


def retries_from_request(retries: RetryStrategy | int) -> RetryStrategy:
    """Turn what an author wrote as `retries` into a `RetryStrategy`.

    Raises:
        ValueError: It is negative, or neither an integer nor a `RetryStrategy`.
    """
    return retries if isinstance(retries, RetryStrategy) else RetryStrategy(retries)


def _limit(name: str, value: timedelta | float | None) -> timedelta | None:
    if value is None:
        return None
    if not isinstance(value, timedelta):
        if not isinstance(value, int | float):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"`Timeout.{name}` must be a `timedelta` or seconds, got {value!r}")
        value = timedelta(seconds=value)
    if value < _ZERO:
        raise ValueError(f"`Timeout.{name}` must not be negative, got {value}")
    return value or None
