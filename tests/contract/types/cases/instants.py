"""datetime, date and timedelta, with and without zones."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from ._case import Case

NEW_YORK = ZoneInfo("America/New_York")

CASES = [
    *(
        Case(f"datetime-{name}", datetime, value)
        for name, value in {
            "naive": datetime(2026, 1, 2, 3, 4, 5),
            "naive-microseconds": datetime(2026, 1, 2, 3, 4, 5, 678901),
            "one-microsecond": datetime(2026, 1, 2, 3, 4, 5, 1),
            "utc": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            "utc-midnight": datetime(2026, 1, 2, tzinfo=UTC),
            "plus-0530": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=5, minutes=30))),
            "minus-1200": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=-12))),
            "named-zone": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=1), "here")),
            "new-york-winter": datetime(2026, 1, 15, 12, 0, tzinfo=NEW_YORK),
            "new-york-summer": datetime(2026, 7, 15, 12, 0, tzinfo=NEW_YORK),
            "fold-0": datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK, fold=0),
            "fold-1": datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK, fold=1),
            "epoch": datetime(1970, 1, 1, tzinfo=UTC),
            "before-epoch": datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
            "leap-day": datetime(2024, 2, 29, 12, tzinfo=UTC),
            "2038": datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
            "min": datetime(1, 1, 1),
            "max": datetime(9999, 12, 31, 23, 59, 59, 999999),
        }.items()
    ),
    Case("datetime-from-date", datetime, date(2026, 1, 2), rejects="value"),
    Case("datetime-from-str", datetime, "2026-01-02", rejects="value"),
    Case("datetime-from-int", datetime, 1767323045, rejects="value"),
    *(
        Case(f"date-{name}", date, value)
        for name, value in {
            "plain": date(2026, 1, 2),
            "epoch": date(1970, 1, 1),
            "before-epoch": date(1969, 12, 31),
            "leap-day": date(2024, 2, 29),
            "min": date(1, 1, 1),
            "max": date(9999, 12, 31),
        }.items()
    ),
    Case("date-from-datetime", date, datetime(2026, 1, 2, 3, 4, 5)),
    Case("date-from-str", date, "2026-01-02", rejects="value"),
    *(
        Case(f"timedelta-{name}", timedelta, value)
        for name, value in {
            "zero": timedelta(),
            "second": timedelta(seconds=1),
            "microsecond": timedelta(microseconds=1),
            "minus-microsecond": timedelta(microseconds=-1),
            "mixed": timedelta(days=3, hours=4, minutes=5, seconds=6, microseconds=789),
            "minus-mixed": -timedelta(days=3, hours=4, minutes=5, seconds=6, microseconds=789),
            "minus-second-and-half": timedelta(seconds=-1.5),
            "normalised": timedelta(days=-1, seconds=5, microseconds=7),
            "year": timedelta(days=365),
            "ten-thousand-years-less": timedelta(days=3652058),
        }.items()
    ),
    Case("timedelta-max", timedelta, timedelta.max, rejects="value"),
    Case("timedelta-min", timedelta, timedelta.min, rejects="value"),
    Case("timedelta-from-int", timedelta, 5, rejects="value"),
]
