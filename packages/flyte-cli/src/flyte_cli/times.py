"""Points in time and durations as people read them, and the points in time that people write. Pure."""

import re
from datetime import UTC, datetime, timedelta

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_RELATIVE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:(?=[smhdw]$)|(?=(?:second|minute|hour|day|week)s?$))([smhdw])[a-z]*")
_ISO_SPAN = re.compile(r"P(?:([\d.]+)W)?(?:([\d.]+)D)?(?:T(?:([\d.]+)H)?(?:([\d.]+)M)?(?:([\d.]+)S)?)?")
_SECONDS = {"s": 1, "m": _MINUTE, "h": _HOUR, "d": _DAY, "w": 7 * _DAY}


def ago(seconds: float, now: float) -> str:
    """Say how long ago a point in time (Unix seconds) is: `12 s ago`, `3 days ago`, and its date after a week."""
    past = max(now - seconds, 0)
    if past < _MINUTE:
        return f"{past:.0f} s ago" if past >= 1 else "just now"
    if past < _HOUR:
        return f"{past // _MINUTE:.0f} min ago"
    if past < _DAY:
        return f"{past // _HOUR:.0f} h ago"
    if past < 7 * _DAY:
        days = past // _DAY
        return "1 day ago" if days == 1 else f"{days:.0f} days ago"
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d")


def duration(seconds: float) -> str:
    """Say how long something took: `0.02s`, `12.3s`, `3m 04s`, `2h 05m`, `3d 04h`."""
    if seconds < 10:
        return f"{seconds:.2f}s"
    if seconds < _MINUTE:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE}m {whole % _MINUTE:02}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE:02}m"
    return f"{whole // _DAY}d {whole % _DAY // _HOUR:02}h"


def iso(seconds: float) -> str:
    """Return a point in time (Unix seconds) as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(seconds: float | None) -> datetime | None:
    """Give a point in time (Unix seconds) as a time in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def point_in_time(text: str, now: float) -> float:
    """Read a point in time: ISO 8601 (UTC without an offset, as in PyPI flyte), a word, or a span before one of them.

    The words are `now`, `today`, `yesterday`; spans are `2h`, `3d ago`, `now - 1 day`, `2026-11-26 - P1DT12H`.

    Returns:
        Unix seconds.

    Raises:
        ValueError: when it is none of these.
    """
    start, minus, span = text.strip().rpartition(" - ")
    seconds = _span(span.strip()) if minus else None
    if seconds is not None:
        return point_in_time(start, now) - seconds
    word = text.strip().lower()
    if word == "now":
        return now
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if word == "today":
        return today.timestamp()
    if word == "yesterday":
        return (today - timedelta(days=1)).timestamp()
    past = _span(word.removesuffix("ago").rstrip())
    if past is not None:
        return now - past
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(
            f"{text!r} is not a point in time\n"
            "hint: write `2026-11-26T14:30` (UTC), `today`, `2h` (two hours ago), `3d` or `now - 1 day`"
        ) from None
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()


def _span(text: str) -> float | None:
    """Read `2h`, `2 hours` or `PT2H` as seconds; None if it is none of these."""
    found = _RELATIVE.fullmatch(text.lower())
    if found is not None:
        return float(found[1]) * _SECONDS[found[2]]
    parts = _ISO_SPAN.fullmatch(text.upper())
    if parts is None or not any(parts.groups()):
        return None
    return sum(float(number) * _SECONDS[unit] for unit, number in zip("wdhms", parts.groups(), strict=True) if number)
