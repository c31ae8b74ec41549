"""Dates, times and durations; a time comes back in UTC."""

from datetime import UTC, date, datetime, timedelta

import flyte

env = flyte.TaskEnvironment("dates_and_durations")


@env.task
def later(start: datetime, by: timedelta) -> datetime:
    return start + by


@env.task
def weekday(day: date) -> str:
    return f"{day:%A}"


if __name__ == "__main__":
    print(flyte.run(later, datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=36)).outputs()[0])
    print(flyte.run(weekday, date(2026, 1, 1)).outputs()[0])

# prints: 2026-01-02 12:00:00+00:00
# prints: Thursday
