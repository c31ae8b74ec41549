"""Whether the clock of this machine is right: what servers write into `Date` is the witness. Pure."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["clock_remark", "seconds_ahead"]

_TOLERATED = 120.0
"""Answers take their time, and `Date` has whole seconds."""


def seconds_ahead(date: str, now: float) -> float | None:
    """Return how many seconds the clock of this machine is ahead of a server's; None when the server does not tell its time.

    Args:
        date: The `Date` header of an answer.
        now: The time of this machine when it came, in seconds since the epoch.
    """
    try:
        told = parsedate_to_datetime(date)
    except ValueError:
        return None
    return now - (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()


def clock_remark(date: str, now: float) -> str:
    """Return a sentence about a clock that is wrong by more than two minutes; empty when it is right, or nobody knows.

    ```python
    from flyte_protocol.clocks import clock_remark

    assert clock_remark("Thu, 01 Jan 1970 00:00:00 GMT", 3600.0).startswith("the clock of this machine is 60 minutes ahead")
    ```
    """
    ahead = seconds_ahead(date, now)
    if ahead is None or abs(ahead) <= _TOLERATED:
        return ""
    seconds = abs(ahead)
    much = f"{seconds / 60:.0f} minutes" if seconds < 2 * 3600 else f"{seconds / 3600:.0f} hours"
    if seconds >= 48 * 3600:
        much = f"{seconds / 86400:.0f} days"
    told = datetime.fromtimestamp(now - ahead, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    side = "ahead of" if ahead > 0 else "behind"
    return f"the clock of this machine is {much} {side} the server's ({told}): one of them is wrong"
