"""Points in time and durations, as people read and write them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyte_cli.times import ago, duration, iso, point_in_time

NOW = 1_795_000_000.0


@pytest.mark.parametrize(
    ("past", "text"),
    [
        (0.4, "just now"),
        (12, "12 s ago"),
        (61, "1 min ago"),
        (7300, "2 h ago"),
        (86_400, "1 day ago"),
        (3 * 86_400, "3 days ago"),
    ],
)
def test_how_long_ago(past: float, text: str) -> None:
    assert ago(NOW - past, NOW) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.021, "0.02s"), (12.34, "12.3s"), (184, "3m 04s"), (7500, "2h 05m"), (3 * 86_400 + 4 * 3600, "3d 04h")],
)
def test_how_long_it_took(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@given(st.integers(0, 4_000_000_000_000))
def test_a_point_in_time_is_read_as_it_was_written(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert point_in_time(iso(seconds), NOW) == pytest.approx(seconds, abs=1e-3)


@given(st.floats(0, 4e9))
def test_every_span_has_a_text(seconds: float) -> None:
    assert ago(NOW - seconds, NOW)
    assert duration(seconds)


@pytest.mark.parametrize(
    ("text", "seconds"), [("now", NOW), ("2h", NOW - 7200), ("3d ago", NOW - 3 * 86_400), ("90s", NOW - 90)]
)
def test_relative_points_in_time(text: str, seconds: float) -> None:
    assert point_in_time(text, NOW) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("now - 1 day", NOW - 86_400),
        ("now - P1DT2H", NOW - 93_600),
        ("now - PT1.5H", NOW - 5400),
        ("2026-01-02", 1_767_312_000),
        ("2026-01-02 03:04:05", 1_767_323_045),
        ("2026-01-02T02:00+02:00", 1_767_312_000),
        ("2026-01-03T00:00:00 - 24 hours", 1_767_312_000),
        ("today - 2 days", NOW - NOW % 86_400 - 2 * 86_400),
        ("2 weeks ago", NOW - 14 * 86_400),
    ],
)
def test_points_in_time_as_pypi_flyte_reads_them(text: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert point_in_time(text, NOW) == seconds
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("text", ["now - ", "- 1 day", "now - 1 dax", "now - P", "2", "P1D - now"])
def test_spans_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a point in time"):
        point_in_time(text, NOW)


def test_words_of_days() -> None:
    assert point_in_time("yesterday", NOW) < point_in_time("today", NOW) <= NOW


def test_nonsense_is_refused_with_a_hint() -> None:
    with pytest.raises(ValueError, match="hint: write"):
        point_in_time("the other day", NOW)
