"""Values of literals as people read them, with their types."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

import pytest
from flyteidl2.core import literals_pb2, types_pb2

from flyte.types import TypeEngine
from flyte_cli.typed import text_of, type_of


@dataclass
class Point:
    x: int
    names: list[str]


class Colour(Enum):
    RED = "red"


def literal_of(value: Any, kind: Any) -> literals_pb2.Literal:
    import asyncio

    return asyncio.run(TypeEngine.to_literal(value, kind, TypeEngine.to_literal_type(kind)))


@pytest.mark.parametrize(
    ("value", "kind", "name", "text"),
    [
        (1, int, "int", "1"),
        (1.0, float, "float", "1.0"),
        (True, bool, "bool", "True"),
        ("a\nb", str, "str", "a\nb"),
        ("", str, "str", '""'),
        (timedelta(minutes=3), timedelta, "timedelta", "0:03:00"),
        (timedelta(days=-1, microseconds=5), timedelta, "timedelta", str(timedelta(days=-1, microseconds=5))),
        (datetime(2026, 1, 2, 3, tzinfo=UTC), datetime, "datetime", "2026-01-02T03:00:00+00:00"),
        (None, int | None, "None", "None"),
        (3, int | str, "int", "3"),
        ([1, 2], list[int], "list[int]", "[1, 2]"),
        ([], list[int], "list[?]", "[]"),
        ([1, "a"], list[int | str], "list[int | str]", "[1, 'a']"),
        ({"a": [1.5]}, dict[str, list[float]], "dict[str, list[float]]", "{'a': [1.5]}"),
        (Point(1, ["a"]), Point, "object", '{"x": 1, "names": ["a"]}'),
        (Colour.RED, Colour, "str", "RED"),
    ],
)
def test_types_and_texts(value: Any, kind: Any, name: str, text: str) -> None:
    literal = literal_of(value, kind)
    assert (type_of(literal), text_of(literal)) == (name, text)


def test_files_folders_and_frames() -> None:
    literal = literals_pb2.Literal()
    literal.scalar.blob.uri = "s3://b/f"
    literal.scalar.blob.metadata.type.format = "csv"
    assert (type_of(literal), text_of(literal)) == ("File[csv]", "s3://b/f")
    literal.scalar.blob.metadata.type.format = ""
    literal.scalar.blob.metadata.type.dimensionality = types_pb2.BlobType.MULTIPART
    assert type_of(literal) == "Dir"
    literal.scalar.structured_dataset.uri = "s3://b/d"
    assert (type_of(literal), text_of(literal)) == ("DataFrame", "s3://b/d")
