"""Stored literals that another writer (the console, an older SDK) may have made, read under a declared type."""

import base64
import enum
import typing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pydantic import BaseModel

from ._case import ReadCase


class Side(enum.Enum):
    LEFT = "l"
    RIGHT = "r"


@dataclass
class Point:
    x: int
    y: float = 0.5


class Model(BaseModel):
    n: int = 1
    f: float = 0.5


class Pair(typing.NamedTuple):
    a: int
    b: str


class Movie(typing.TypedDict):
    title: str
    year: typing.NotRequired[int]


def primitive(**value: Any) -> dict[str, Any]:
    return {"scalar": {"primitive": value}}


def binary(data: bytes, tag: str = "msgpack") -> dict[str, Any]:
    return {"scalar": {"binary": {"value": base64.b64encode(data).decode(), "tag": tag}}}


def generic(**value: Any) -> dict[str, Any]:
    return {"scalar": {"generic": value}}


def union(value: dict[str, Any], **of: Any) -> dict[str, Any]:
    return {"scalar": {"union": {"value": value, "type": of}}}


NONE: dict[str, Any] = {"scalar": {"none_type": {}}}
INT = primitive(integer="5")
FLOAT = primitive(float_value=5.75)
STR = primitive(string_value="LEFT")

CASES = [
    ReadCase("read-int-from-float", int, FLOAT),
    ReadCase("read-int-from-minus-float", int, primitive(float_value=-5.75)),
    ReadCase("read-int-from-str", int, STR, rejects=True),
    ReadCase("read-int-from-bool", int, primitive(boolean=True), rejects=True),
    ReadCase("read-int-from-none", int, NONE, rejects=True),
    ReadCase("read-int-from-empty", int, {}, rejects=True),
    ReadCase("read-int-from-collection", int, {"collection": {"literals": [INT]}}, rejects=True),
    ReadCase("read-float-from-int", float, INT),
    ReadCase("read-float-from-str", float, STR, rejects=True),
    ReadCase("read-bool-from-int", bool, INT, deviation="reads-another-kind"),
    ReadCase("read-str-from-int", str, INT, rejects=True),
    ReadCase("read-str-empty", str, primitive(string_value="")),
    ReadCase("read-none", type(None), NONE),
    ReadCase("read-none-from-int", type(None), INT, rejects=True),
    ReadCase("read-datetime", datetime, primitive(datetime="2026-01-02T03:04:05.000006Z")),
    ReadCase("read-datetime-nanos", datetime, primitive(datetime="2026-01-02T03:04:05.123456789Z")),
    ReadCase("read-datetime-from-str", datetime, primitive(string_value="2026-01-02"), rejects=True),
    ReadCase("read-date-with-time", date, primitive(datetime="2026-01-02T23:04:05Z")),
    ReadCase("read-timedelta-nanos", timedelta, primitive(duration="-1.000000001s")),
    ReadCase("read-list", list[int], {"collection": {"literals": [INT, FLOAT]}}),
    ReadCase("read-list-from-scalar", list[int], INT, deviation="reads-another-kind"),
    ReadCase("read-list-empty", list[int], {"collection": {}}),
    ReadCase("read-list-from-nothing", list[int], {}, deviation="reads-another-kind"),
    ReadCase("read-list-from-msgpack", list[int], binary(b"\x92\x01\x02")),
    ReadCase("read-list-str-from-msgpack", list[str], binary(b"\x92\xa1a\xa1b")),
    ReadCase("read-dict", dict[str, int], {"map": {"literals": {"a": INT}}}),
    ReadCase("read-dict-from-msgpack", dict[str, int], binary(b"\x81\xa1a\x01")),
    ReadCase("read-dict-from-generic", dict[str, int], generic(a=1)),
    ReadCase("read-dict-int-from-map", dict[int, int], {"map": {"literals": {"1": INT}}}, rejects=True),
    ReadCase("read-bare-dict-from-generic", dict, generic(a=1, b=[1.5, None, True, "x"])),
    ReadCase("read-bare-dict-from-map", dict, {"map": {"literals": {"a": INT}}}, rejects=True),
    ReadCase("read-int-from-msgpack", int, binary(b"\x05")),
    ReadCase("read-float-from-msgpack-int", float, binary(b"\x05"), rejects=True),
    ReadCase("read-str-from-msgpack", str, binary(b"\xa1a")),
    ReadCase("read-bool-from-msgpack", bool, binary(b"\xc3")),
    ReadCase("read-datetime-from-msgpack", datetime, binary(b"\xb32026-01-02T03:04:05")),
    ReadCase("read-enum-from-msgpack", Side, binary(b"\xa1l")),
    ReadCase("read-int-from-other-tag", int, binary(b"\x05", "other"), rejects=True),
    ReadCase("read-dataclass", Point, binary(b"\x82\xa1x\x01\xa1y\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00")),
    ReadCase("read-dataclass-int-for-float", Point, binary(b"\x82\xa1x\x01\xa1y\x02")),
    ReadCase("read-dataclass-float-for-int", Point, binary(b"\x81\xa1x\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00")),
    ReadCase("read-dataclass-str-for-int", Point, binary(b"\x81\xa1x\xa15")),
    ReadCase("read-dataclass-default", Point, binary(b"\x81\xa1x\x01")),
    ReadCase("read-dataclass-missing", Point, binary(b"\x80"), rejects=True),
    ReadCase("read-dataclass-extra", Point, binary(b"\x82\xa1x\x01\xa1z\x02")),
    ReadCase("read-dataclass-from-generic", Point, generic(x=1, y=2)),
    ReadCase("read-dataclass-truncated", Point, binary(b"\x82\xa1x\x01"), rejects=True),
    ReadCase("read-dataclass-trailing", Point, binary(b"\x81\xa1x\x01\x01"), rejects=True),
    ReadCase("read-dataclass-from-int", Point, INT, rejects=True),
    ReadCase("read-dataclass-other-tag", Point, binary(b"\x81\xa1x\x01", "other"), rejects=True),
    ReadCase("read-model", Model, binary(b"\x81\xa1n\x02")),
    ReadCase("read-model-str-for-int", Model, binary(b"\x81\xa1n\xa12")),
    ReadCase("read-model-float-for-int", Model, binary(b"\x81\xa1n\xcb\x40\x00\x00\x00\x00\x00\x00\x00")),
    ReadCase("read-model-from-generic", Model, generic(n=2)),
    ReadCase("read-model-extra", Model, binary(b"\x81\xa1z\x02")),
    ReadCase("read-tuple-from-generic", tuple[int, str], generic(item_0=1, item_1="a")),
    ReadCase("read-namedtuple-from-generic", Pair, generic(a=1, b="x")),
    ReadCase("read-typeddict-from-generic", Movie, generic(title="t")),
    ReadCase("read-enum-name", Side, STR),
    ReadCase("read-enum-value", Side, primitive(string_value="l"), rejects=True),
    ReadCase("read-enum-from-int", Side, INT, rejects=True),
    ReadCase("read-optional-not-union", int | None, INT),
    ReadCase("read-optional-none-not-union", int | None, NONE),
    ReadCase("read-optional-no-tag", int | None, union(INT, simple="INTEGER"), rejects=True),
    ReadCase("read-optional-tagged", int | None, union(INT, simple="INTEGER", structure={"tag": "int"})),
    ReadCase("read-union-other-tag", int | str, union(INT, simple="INTEGER", structure={"tag": "other"}), rejects=True),
    ReadCase("read-int-from-union", int, union(INT, simple="INTEGER", structure={"tag": "int"}), rejects=True),
    ReadCase("read-str-from-union-int", str, union(INT, simple="INTEGER", structure={"tag": "int"}), rejects=True),
    ReadCase("read-union-no-match", bool | str, union(INT, simple="INTEGER", structure={"tag": "int"}), rejects=True),
    ReadCase("read-any-from-int", typing.Any, INT, rejects=True),
    ReadCase("read-any-from-msgpack", typing.Any, binary(b"\x05"), rejects=True),
    ReadCase("read-bytes-raw", bytes, binary(b"abc", ""), rejects=True),
]
