"""Texts of the command line as typed values."""
# ruff: noqa: UP007, UP045  (both spellings are tested)

import datetime as dt
import enum
import json
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path, PurePosixPath
from string import Formatter
from typing import Any, Generic, Literal, NamedTuple, NotRequired, Optional, TypedDict, TypeVar, Union

import pytest
from pydantic import BaseModel

from flyte_types import File, describe_type
from flyte_types.dir import Dir
from flyte_types.text import parse_text, to_type


class Color(enum.Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: float = 0.5
    when: dt.date | None = None
    tags: list[str] = field(default_factory=list)


class Pair(NamedTuple):
    a: int
    b: str = "b"


class Movie(TypedDict):
    title: str
    year: NotRequired[int]


class Settings(BaseModel):
    n: int = 1
    color: Color = Color.RED


T = TypeVar("T")


@dataclass
class Box(Generic[T]):
    item: T


@pytest.mark.parametrize(("text", "t", "value"), [
    ("3", int, 3), (" -7 ", int, -7), ("1e3", float, 1000.0), ("true", bool, True), ("No", bool, False), ("", str, ""),
    ("RED", Color, Color.RED), ("red", Color, Color.RED),
    ("2026-01-31", dt.date, dt.date(2026, 1, 31)),
    ("2026-01-31T12:00:00+00:00", dt.datetime, dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)),
    ("2026-01-31T12:00:00 + 2 days", dt.datetime, dt.datetime(2026, 2, 2, 12)),
    ("2026-01-31 - PT1H", dt.datetime, dt.datetime(2026, 1, 30, 23)),
    ("P1DT2H", dt.timedelta, dt.timedelta(days=1, hours=2)), ("1:24", dt.timedelta, dt.timedelta(minutes=1, seconds=24)),
    (":22", dt.timedelta, dt.timedelta(seconds=22)), ("10 days", dt.timedelta, dt.timedelta(days=10)),
    ("90", dt.timedelta, dt.timedelta(seconds=90)), ("0", dt.timedelta, dt.timedelta()),
    ("B", Literal["a", "b"], "b"), ("A", Literal["a", "A"], "A"), ("a", Literal["a", "A"], "a"),
    ("1:02:03", dt.timedelta, dt.timedelta(hours=1, minutes=2, seconds=3)), ("1h 30m", dt.timedelta, dt.timedelta(minutes=90)),
    ("none", Optional[int], None), ("3", Optional[int], 3), ("3", Union[str, int], 3), ("a", int | str, "a"),
    ("[1, 2]", list[int], [1, 2]), ('{"a": 1}', dict[str, float], {"a": 1.0}), ('{"1": "a"}', dict[int, str], {1: "a"}),
    ('{"x": 1, "when": "2026-01-31"}', Point, Point(1, when=dt.date(2026, 1, 31))),
    ('[{"x": 1}]', list[Point], [Point(1)]), ('[1, "a"]', tuple[int, str], (1, "a")), ('{"a": [null]}', dict, {"a": [None]}),
    ("s3://b/k", File, File(path="s3://b/k")),
    ("b", Literal["a", "b"], "b"), ("2", Literal["a", 2], 2), ('["a"]', list[Literal["a", "b"]], ["a"]),
    ("00000000-0000-0000-0000-000000000001", uuid.UUID, uuid.UUID(int=1)), ("1.10", Decimal, Decimal("1.10")),
    ("01:02:03", dt.time, dt.time(1, 2, 3)), ("/a/b", PurePosixPath, PurePosixPath("/a/b")),
    ('[1, "x"]', Pair, Pair(1, "x")), ('{"a": 1}', Pair, Pair(1)), ('{"title": "t"}', Movie, {"title": "t"}),
    ('{"n": 2, "color": "RED"}', Settings, Settings(n=2, color=Color.RED)), ('{"item": [1]}', Box[list[int]], Box([1])),
    ("math:pi", float | Any, math.pi), ("math:sqrt", Callable[[float], float], math.sqrt), ("string:digits", Any, "0123456789"),
    ('{"a": 1}', Any, {"a": 1}), ("string:Formatter", type, Formatter),
])  # fmt: skip
def test_texts_become_values(text, t, value):
    made = parse_text(text, t)
    assert (value, type(value)) == (made, type(made))


@pytest.mark.parametrize(("text", "t", "message"), [
    ("x", int, "'x' is not a valid `int`"), ("maybe", bool, "write `true` or `false`"), ("GREEN", Color, "one of `RED`"),
    ("[1", list[int], "it must be JSON"), ('["a"]', list[int], "'a' at `[0]` is not a valid `int`"),
    ('{"y": 1}', Point, "`x` is missing: `Point` needs it (int)"), ('{"x": 1, "z": 2}', Point, "has no field `z`"),
    ('{"x": 1.5}', Point, "1.5 at `x` is not a valid `int`"), ("no/such/file", File, "file not found: `no/such/file`"),
    ("missing.json", dict[str, int], "file not found: `missing.json`"), ("soon", dt.datetime, "`now - 2 days`"),
    ("long", dt.timedelta, "`10 days`"), ("x", int | None, "'x' is not a valid `int`"), ("1", bytes, "cannot be given as text"),
    ("c", Literal["a", "b"], "one of `a`, `b`"), ("ab", Literal["Ab", "aB"], "one of `Ab`, `aB`"),
    ("-90", dt.timedelta, "`10 days`"), ("9" * 20, dt.timedelta, "999999999 days"), ("9999999999 days", dt.timedelta, "999999999 days"), ("1.x", Decimal, "'1.x' is not a valid `Decimal`"),
    ('{"b": "x"}', Pair, "`a` is missing"), ('{"year": 1}', Movie, "`title` is missing"), ('{"title": "", "z": 1}', Movie, "no key `z`"),
    ('{"n": "x"}', Settings, "`n` must be a valid integer"), ("no.such:thing", bytes, "must be importable"),
    ("math:pi", bytes, "`math:pi` is a float"),
])  # fmt: skip
def test_texts_that_do_not_fit(text, t, message):
    with pytest.raises(ValueError) as caught:
        parse_text(text, t)
    assert message in str(caught.value)


def test_values_from_files(tmp_path):
    source = tmp_path / "point.json"
    source.write_text(json.dumps({"x": 3}))
    assert parse_text(str(source), Point) == Point(3)
    assert parse_text(str(source), File) == File(path=str(source))
    yaml = tmp_path / "point.yaml"
    yaml.write_text("x: 4\ntags: [a]\n")
    assert parse_text(str(yaml), Point) == Point(4, tags=["a"])
    yaml.write_text("x: [")
    with pytest.raises(ValueError, match="is not YAML"):
        parse_text(str(yaml), Point)
    with pytest.raises(ValueError, match="is a folder"):
        parse_text(str(tmp_path), File)


def test_now_is_aware():
    assert abs(dt.datetime.now(tz=dt.UTC) - parse_text("now", dt.datetime)) < dt.timedelta(minutes=1)
    assert parse_text("today", dt.datetime).hour == 0


@pytest.mark.parametrize(("t", "name"), [
    (int, "int"), (list[int], "list[int]"), (Optional[str], "str | None"), (File, "File"), (Point, "Point"), (None, "None"),
    (dict[str, list[Point]], "dict[str, list[Point]]"), (Any, "Any"), (Literal["a", "b"], "Literal['a', 'b']"),
    (tuple[int, ...], "tuple[int, ...]"),
])  # fmt: skip
def test_types_are_named_as_authors_write_them(t, name):
    assert describe_type(t) == name


@dataclass
class Delivery:
    point: Point
    files: list[File]


class Order(BaseModel):
    count: int
    slip: File | None = None
    files: dict[str, list[File]] = {}
    delivery: Delivery | None = None
    folder: Optional[Dir] = None
    label: Union[str, File] = ""


def test_paths_inside_models_are_files(tmp_path: Path):
    (tmp_path / "a.txt").write_text("a")
    path = str(tmp_path / "a.txt")
    data = {
        "count": "3",
        "slip": path,
        "files": {"x": [path, {"path": "s3://b/k"}]},
        "delivery": {"point": {"x": 1}, "files": [path]},
        "folder": str(tmp_path),
        "label": path,
    }
    order = parse_text(json.dumps(data), Order)
    assert (order.count, order.label) == (3, path)
    assert order.slip == File(path=path)
    assert order.files == {"x": [File(path=path), File(path="s3://b/k")]}
    assert order.delivery == Delivery(Point(1), [File(path=path)])
    assert order.folder == Dir(path=str(tmp_path))
    with pytest.raises(ValueError, match="file not found"):
        parse_text(json.dumps({"count": 1, "slip": str(tmp_path / "no")}), Order)


def test_errors_of_texts_inside_values_say_where():
    with pytest.raises(ValueError, match=r"'x' at `\[1\]\.x` is not a valid `int`"):
        parse_text('[{"x": 1}, {"x": "x"}]', list[Point])
    with pytest.raises(ValueError, match=r"'green' at `\['a'\]` is not a valid `Color`\nhint: one of `RED`"):
        parse_text('{"a": "green"}', dict[str, Color])


def test_sets_are_json_or_an_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "module_with_a_set.py").write_text("some = frozenset({'a'})")
    monkeypatch.syspath_prepend(tmp_path)
    assert {1, 2} == parse_text("[1, 2]", set[int])
    assert frozenset({"a"}) == parse_text("module_with_a_set:some", frozenset[str])
    with pytest.raises(ValueError, match="is a frozenset"):
        parse_text("module_with_a_set:some", set[str])


def test_data_that_fits_is_not_put_into_words():
    class Large(list[Any]):
        def __repr__(self) -> str:
            raise AssertionError("it was written out")

    rows = Large([Large([1, 2]), Large([])])
    assert to_type(rows, list[list[int]]) == [[1, 2], []]
    assert to_type(Large(["a"]), list[int] | list[str]) == ["a"]
