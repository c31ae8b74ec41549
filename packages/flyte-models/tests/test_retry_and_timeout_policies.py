import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyte_models.policies import Backoff, RetryStrategy, Timeout, retries_from_request, timeout_from_request

REFERENCE = json.loads(Path(__file__).with_name("reference-2.12.1.json").read_text(encoding="utf-8"))
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("row", REFERENCE["delays"])
def test_delays_are_those_of_the_reference(row: dict):
    cap = None if row["cap"] is None else timedelta(seconds=row["cap"])
    backoff = Backoff(timedelta(seconds=row["base"]), factor=row["factor"], cap=cap)
    delays = [backoff.compute_delay(n) / timedelta(microseconds=1) for n in (*range(16), 60)]
    assert row["microseconds"] == delays


@given(
    base=st.timedeltas(timedelta(0), timedelta(days=3)),
    factor=st.floats(1, 1e300),
    cap=st.timedeltas(timedelta(0), timedelta(days=3)),
    n=st.integers(0, 10**6),
)
def test_a_delay_grows_up_to_its_cap(base: timedelta, factor: float, cap: timedelta, n: int):
    backoff = Backoff(base, factor=factor, cap=cap)
    assert timedelta(0) <= backoff.compute_delay(n) <= backoff.compute_delay(n + 1) <= cap


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"base": -SECOND}, "base"),
        ({"base": SECOND, "cap": -SECOND}, "cap"),
        ({"base": SECOND, "factor": 0.5}, "at least 1"),
        ({"base": SECOND, "factor": float("nan")}, "finite"),
        ({"base": SECOND, "factor": float("inf"), "cap": SECOND}, "finite"),
        ({"base": SECOND, "factor": "a"}, "finite"),
        ({"base": SECOND, "factor": 2.0}, "hint: pass the longest wait"),
    ],
)
def test_a_bad_backoff_is_a_value_error(arguments: dict, says: str):
    with pytest.raises(ValueError, match=says):
        Backoff(**arguments)


@pytest.mark.parametrize("arguments", [{"base": 1}, {"base": None}, {"base": SECOND, "cap": 5}])
def test_durations_must_be_timedeltas(arguments: dict):
    with pytest.raises(TypeError, match="timedelta"):
        Backoff(**arguments)


def test_retries_are_numbered_from_zero():
    with pytest.raises(ValueError, match="-1"):
        Backoff(SECOND).compute_delay(-1)


@pytest.mark.parametrize("count", [-1, 1.5, "a"])
def test_a_bad_retry_count_is_a_value_error(count: object):
    with pytest.raises(ValueError, match=r"RetryStrategy\.count"):
        RetryStrategy(count)


def test_retries_are_a_number_or_a_strategy():
    strategy = RetryStrategy(2, Backoff(SECOND))
    assert retries_from_request(strategy) is strategy
    assert retries_from_request(3) == RetryStrategy(3)


def test_a_timeout_is_a_number_a_duration_or_a_timeout():
    whole = Timeout(max_runtime=5, deadline=10)
    assert timeout_from_request(whole) is whole
    assert timeout_from_request(5) == Timeout(max_runtime=timedelta(seconds=5))
    assert timeout_from_request(SECOND) == Timeout(max_runtime=SECOND)
    with pytest.raises(ValueError, match="'3'.*\nhint: "):
        timeout_from_request("3")


def test_limits_are_durations_and_zero_is_none():
    timeout = Timeout(max_runtime=5, max_queued_time=0, deadline=SECOND)
    assert timeout.runtime_limit() == timedelta(seconds=5)
    assert timeout.queued_limit() is None
    assert timeout.total_limit() == SECOND
    assert Timeout().runtime_limit() is None


def test_a_limit_that_makes_no_sense_is_refused_when_read():
    with pytest.raises(ValueError, match=r"Timeout\.max_runtime.*negative"):
        Timeout(max_runtime=-1).runtime_limit()
    with pytest.raises(TypeError, match=r"Timeout\.deadline"):
        Timeout(deadline="5").total_limit()
