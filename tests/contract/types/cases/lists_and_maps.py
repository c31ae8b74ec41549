"""Typed lists and string-keyed maps, nested, empty, long, and with the odd value inside."""

# ruff: noqa: UP, E731
# The spellings are what is recorded: a modernised annotation is another case.

import functools
import math
import typing
from datetime import UTC, date, datetime, timedelta

from ._case import Case

INT_FOR_FLOAT = "int-for-float"

TWENTY_DEEP = functools.reduce(lambda inner, _: list[inner], range(20), int)

CASES = [
    Case("list-int", list[int], [1, 2, 3]),
    Case("list-int-empty", list[int], []),
    Case("list-int-falsy", list[int], [0, 0]),
    Case("list-int-limits", list[int], [-(2**63), -1, 0, 1, 2**63 - 1]),
    Case("list-int-300", list[int], list(range(300))),
    Case("list-typing-int", typing.List[int], [1, 2]),
    Case("list-float", list[float], [0.5, -0.0, math.inf, math.nan]),
    Case("list-float-of-5", list[float], [5.0, 1.5]),
    Case(
        "list-float-with-int",
        list[float],
        [5, 1.5],
        rejects="value",
        deviation=INT_FOR_FLOAT,
        ours_like="list-float-of-5",
    ),
    Case("list-bool", list[bool], [True, False]),
    Case("list-str", list[str], ["", "a", "é", "🚀"]),
    Case("list-str-empty-strings", list[str], ["", ""]),
    Case("list-datetime", list[datetime], [datetime(2026, 1, 2), datetime(2026, 1, 2, tzinfo=UTC)]),
    Case("list-date", list[date], [date(2026, 1, 2)]),
    Case("list-timedelta", list[timedelta], [timedelta(seconds=-1), timedelta(0)]),
    Case("list-none", list[None], [None, None], rejects="type"),
    Case("list-list-int", list[list[int]], [[1], [], [2, 3]]),
    Case("list-four-deep", list[list[list[list[str]]]], [[[["a"], []], []], []]),
    Case("list-twenty-deep", TWENTY_DEEP, functools.reduce(lambda inner, _: [inner, []], range(19), [1])),
    Case("list-dict", list[dict[str, int]], [{"b": 1, "a": 2}, {}]),
    Case("list-from-tuple", list[int], (1, 2), rejects="value"),
    Case("list-from-range", list[int], range(3), rejects="value"),
    Case("list-from-set", list[int], {1}, rejects="value"),
    Case("list-from-str", list[str], "abc", rejects="value"),
    Case("list-from-dict", list[str], {"a": 1}, rejects="value"),
    Case("list-from-none", list[int], None, rejects="value"),
    Case("list-wrong-item", list[int], [1, "2"], rejects="value"),
    Case("list-none-item", list[int], [1, None], rejects="value"),
    Case("list-nested-wrong-item", list[list[int]], [[1], ["2"]], rejects="value"),
    Case("dict-str-int", dict[str, int], {"b": 1, "a": 2, "c": 3}),
    Case("dict-str-int-empty", dict[str, int], {}),
    Case("dict-typing-str-int", typing.Dict[str, int], {"a": 1}),
    Case("dict-empty-key", dict[str, int], {"": 0}),
    Case("dict-unicode-keys", dict[str, str], {"ключ": "значение", "🔑": "🚪", "é": "", "e\u0301": "x"}),
    Case("dict-str-float", dict[str, float], {"x": 0.5, "nan": math.nan}),
    Case("dict-str-float-of-1", dict[str, float], {"x": 1.0}),
    Case(
        "dict-str-float-with-int",
        dict[str, float],
        {"x": 1},
        rejects="value",
        deviation=INT_FOR_FLOAT,
        ours_like="dict-str-float-of-1",
    ),
    Case("dict-str-bool", dict[str, bool], {"t": True, "f": False}),
    Case("dict-str-datetime", dict[str, datetime], {"x": datetime(2026, 1, 2, 3)}),
    Case("dict-str-list", dict[str, list[int]], {"a": [1, 2], "b": []}),
    Case("dict-str-dict", dict[str, dict[str, str]], {"z": {"b": "1", "a": "2"}, "a": {}}),
    Case("dict-str-list-dict", dict[str, list[dict[str, float]]], {"a": [{"x": 1.0}, {}]}),
    Case("dict-100-keys", dict[str, int], {f"k{i * 37 % 100:02}": i for i in range(100)}),
    Case("dict-wrong-key", dict[str, int], {1: 1}, rejects="value"),
    Case("dict-wrong-value", dict[str, int], {"a": "1"}, rejects="value"),
    Case("dict-from-list", dict[str, int], [("a", 1)], rejects="value"),
    Case("dict-from-none", dict[str, int], None, rejects="value"),
    Case("mapping-str-int", typing.Mapping[str, int], {"a": 1}, comparable=False),
    Case("sequence-int", typing.Sequence[int], [1], comparable=False),
]
