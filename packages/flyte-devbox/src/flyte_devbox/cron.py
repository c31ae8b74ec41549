"""When a cron expression or a fixed rate is due next. Pure; times are Unix seconds."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flyte_models.values import value

__all__ = ["CronSchedule", "next_of_rate", "parse_cron"]

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))
_NAMES = {
    "month": ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    "day of week": ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
}
_ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_YEARS = 8
"""A leap day comes within so many years."""


@value
class CronSchedule:
    """A cron expression of five fields, in a time zone."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""
    is_any_day: bool
    is_any_weekday: bool
    zone: str

    def next_after(self, moment: float) -> float | None:
        """Return the first time after a moment that the expression means, or `None` if there is none (30 February)."""
        zone = ZoneInfo(self.zone)
        local = datetime.fromtimestamp(moment, zone).replace(second=0, microsecond=0, tzinfo=None) + timedelta(
            minutes=1
        )
        last = local.year + _YEARS
        while local.year <= last:
            if local.month not in self.months:
                local = (local.replace(day=1, hour=0, minute=0) + timedelta(days=32)).replace(day=1)
            elif not self._is_day(local):
                local = local.replace(hour=0, minute=0) + timedelta(days=1)
            elif local.hour not in self.hours:
                local = local.replace(minute=0) + timedelta(hours=1)
            elif local.minute not in self.minutes:
                local += timedelta(minutes=1)
            else:
                found = local.replace(tzinfo=zone)
                # An hour that the clocks skip does not come; the first one counts when they repeat one.
                if found.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local and found.timestamp() > moment:
                    return found.timestamp()
                local += timedelta(minutes=1)
        return None

    def _is_day(self, local: datetime) -> bool:
        by_day, by_weekday = local.day in self.days, local.isoweekday() % 7 in self.weekdays
        if self.is_any_day or self.is_any_weekday:
            return by_day and by_weekday
        # As cron does it: either is enough when both are given.
        return by_day or by_weekday


def parse_cron(expression: str, timezone: str = "") -> CronSchedule:
    """Read a cron expression of five fields, or an alias such as `@daily`.

    Raises:
        ValueError: it is none, or there is no such time zone.
    """
    text = _ALIASES.get(expression.strip().lower(), expression)
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"`{expression}` is no cron expression: it has {len(fields)} fields instead of 5")
    sets = [_parse_field(field, *limits) for field, limits in zip(fields, _FIELDS, strict=True)]
    zone = timezone or "UTC"
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone `{zone}`\nhint: write it as in `Europe/Berlin`") from None
    weekdays = frozenset(day % 7 for day in sets[4])
    return CronSchedule(
        sets[0], sets[1], sets[2], sets[3], weekdays, fields[2].startswith("*"), fields[4].startswith("*"), zone
    )


def _parse_field(text: str, name: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step_text = part.partition("/")
        step = int(step_text) if step_text.isascii() and step_text.isdigit() else 0
        if slash and step < 1:
            raise ValueError(f"`{part}` is no step of the {name} of a cron expression")
        if span in {"*", "?"}:
            first, last = low, high if name != "day of week" else 6
        else:
            begin, dash, end = span.partition("-")
            first = _number(begin, name, low, high)
            last = _number(end, name, low, high) if dash else (high if slash else first)
        if first > last:
            raise ValueError(f"`{part}` is no range of the {name} of a cron expression: it ends before it begins")
        found.update(range(first, last + 1, step or 1))
    return frozenset(found)


def _number(text: str, name: str, low: int, high: int) -> int:
    names = _NAMES.get(name, ())
    if text.lower()[:3] in names and text.isalpha():
        return names.index(text.lower()[:3]) + (1 if name == "month" else 0)
    if text.isascii() and text.isdigit() and low <= int(text) <= high:
        return int(text)
    raise ValueError(f"`{text}` is no {name} of a cron expression: {low} to {high} are allowed")


def next_of_rate(start: float, seconds: float, moment: float) -> float:
    """Return the first time after a moment at which something is due that began at `start` and repeats."""
    if moment < start:
        return start
    return start + (int((moment - start) // seconds) + 1) * seconds
