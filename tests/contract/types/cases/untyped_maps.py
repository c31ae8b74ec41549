"""Maps without a schema: bare dict, and dicts whose keys are not strings; also the bare list."""

# ruff: noqa: UP, E731
# The spellings are what is recorded: a modernised annotation is another case.

import collections
import typing
from datetime import date, datetime, timedelta

from ._case import Case

CASES = [
    Case("bare-dict", dict, {"a": 1, "b": "x"}),
    Case("bare-dict-empty", dict, {}),
    Case("bare-dict-typing", typing.Dict, {"a": 1}),
    Case("bare-dict-order", dict, {"z": 1, "a": 2, "m": 3}),
    Case("bare-dict-nested", dict, {"a": {"b": {"c": [1, 2.5, None, True, {"d": "x"}]}}}),
    Case("bare-dict-falsy", dict, {"none": None, "zero": 0, "false": False, "empty": "", "list": [], "dict": {}}),
    Case("bare-dict-int-keys", dict, {1: "a", 2: "b", -1: "c"}),
    Case("bare-dict-mixed-keys", dict, {1: "a", "b": 2, None: 3, True: 4, 2.5: 5}),
    Case("bare-dict-bytes-value", dict, {"a": b"\x00\xff"}),
    Case("bare-dict-big-int", dict, {"a": 2**64 - 1, "b": -(2**63)}),
    Case("bare-dict-too-big-int", dict, {"a": 2**64}, rejects="value"),
    Case("bare-dict-tuple-value", dict, {"a": (1, 2)}),
    Case("bare-dict-set-value", dict, {"a": {1}}, rejects="value"),
    Case("bare-dict-datetime-value", dict, {"a": datetime(2026, 1, 2)}, rejects="value"),
    Case("bare-dict-unicode", dict, {"é": "🚀"}),
    Case("bare-dict-long-string", dict, {"a": "x" * 70000}),
    Case("bare-dict-from-list", dict, [1], rejects="value"),
    Case("bare-dict-from-none", dict, None, rejects="value"),
    Case("ordered-dict", collections.OrderedDict, collections.OrderedDict(b=1, a=2), rejects="value"),
    Case("dict-int-str", dict[int, str], {1: "a", 2: "b"}),
    Case("dict-int-int-limits", dict[int, int], {2**63 - 1: -(2**63), 0: 0}),
    Case("dict-int-list", dict[int, list[float]], {1: [1.5, 2.0], 2: []}),
    Case("dict-int-float-of-int", dict[int, float], {1: 2}),
    Case("dict-float-str", dict[float, str], {0.5: "half"}),
    Case("dict-bool-str", dict[bool, str], {True: "t", False: "f"}),
    Case("dict-int-dict", dict[int, dict[str, int]], {1: {"b": 1, "a": 2}}),
    Case("dict-int-optional", dict[int, int | None], {1: None, 2: 2}),
    Case("dict-int-datetime", dict[int, datetime], {1: datetime(2026, 1, 2)}),
    Case("dict-date-int", dict[date, int], {date(2026, 1, 2): 1}),
    Case("dict-tuple-int", dict[tuple[int, int], int], {(1, 2): 3}, rejects="value"),
    Case("dict-int-timedelta", dict[int, timedelta], {1: timedelta(seconds=1)}),
    Case("dict-str-any", dict[str, typing.Any], {"a": 1, "b": "x"}),
    Case("dict-str-object", dict[str, object], {"a": 1}),
    Case("list-bare-dict", list[dict], [{"a": 1}, {}]),
    Case("bare-list", list, [1, "a"]),
    Case("bare-list-empty", list, []),
    Case("bare-list-typing", typing.List, [1], rejects="type"),
    Case("list-any", list[typing.Any], [1, "a", None], rejects="value"),
    Case("list-any-no-none", list[typing.Any], [1, "a"]),
]
