"""Annotated: pydantic Field, annotated_types, WithJsonSchema, plain notes."""

import typing
from dataclasses import dataclass
from datetime import datetime

import annotated_types
import pydantic
from pydantic import BaseModel, Field

from ._case import Case

A = typing.Annotated


@dataclass
class Point:
    x: A[int, Field(ge=0, description="across")]
    y: A[int, annotated_types.Lt(10)] = 0


class Model(BaseModel):
    n: int = 1


CASES = [
    Case("annotated-note", A[int, "a note"], 1),
    Case("annotated-two-notes", A[str, "one", 2], "x"),
    Case("annotated-field-description", A[int, Field(description="how many")], 1),
    Case("annotated-field-bounds", A[int, Field(ge=1, le=10)], 5),
    Case("annotated-field-bounds-broken", A[int, Field(ge=1, le=10)], 50),
    Case("annotated-field-exclusive", A[float, Field(gt=0.5, lt=2.5, multiple_of=0.5)], 1.5),
    Case("annotated-field-title", A[str, Field(title="Name", examples=["a"])], "x"),
    Case("annotated-field-str", A[str, Field(min_length=1, max_length=3, pattern="^a")], "abc"),
    Case("annotated-field-default", A[int, Field(default=3, description="d")], 1),
    Case("annotated-field-extra", A[int, Field(json_schema_extra={"unit": "m", "nested": {"a": [1]}})], 1),
    Case("annotated-field-deprecated", A[int, Field(deprecated=True)], 1),
    Case("annotated-field-empty", A[int, Field()], 1),
    Case("annotated-ge", A[int, annotated_types.Ge(3)], 3),
    Case("annotated-interval", A[float, annotated_types.Interval(ge=0, lt=1)], 0.5),
    Case("annotated-len", A[list[int], annotated_types.Len(1, 3)], [1]),
    Case("annotated-multiple", A[int, annotated_types.Gt(0), annotated_types.MultipleOf(5), Field(description="d")], 5),
    Case(
        "annotated-with-json-schema", A[int, pydantic.WithJsonSchema({"type": "integer", "format": "count", "x": 1})], 1
    ),
    Case("annotated-constr", pydantic.constr(min_length=2), "ab"),
    Case("annotated-positive-int", pydantic.PositiveInt, 1),
    Case("annotated-bool", A[bool, Field(description="flag")], False),
    Case("annotated-datetime", A[datetime, Field(description="when")], datetime(2026, 1, 2)),
    Case("annotated-list", A[list[int], Field(description="numbers", min_length=1)], [1]),
    Case("annotated-list-items", list[A[int, Field(ge=0)]], [1]),
    Case("annotated-dict", A[dict[str, int], Field(description="table")], {"a": 1}),
    Case("annotated-dict-values", dict[str, A[int, Field(description="count")]], {"a": 1}),
    Case("annotated-bare-dict", A[dict, Field(description="table")], {"a": 1}),
    Case("annotated-optional", A[int | None, Field(description="maybe", ge=0)], None),
    Case("annotated-optional-inner", A[int, Field(ge=0)] | None, 1),
    Case("annotated-union", A[int | str, Field(description="either")], "x"),
    Case("annotated-dataclass", A[Point, Field(description="where")], Point(1)),
    Case("annotated-dataclass-fields", Point, Point(1, 2)),
    Case("annotated-model", A[Model, Field(description="what")], Model()),
    Case("annotated-tuple", A[tuple[int, str], Field(description="both")], (1, "a"), rejects="type"),
    Case("annotated-bytes", A[bytes, Field(description="raw")], b"x"),
    Case("annotated-twice", A[A[int, Field(ge=0)], Field(le=5)], 1),
    Case("annotated-wrong", A[int, Field(ge=0)], "x", rejects="value"),
]
