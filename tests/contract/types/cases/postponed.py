"""Classes whose annotations are strings (`from __future__ import annotations`)."""

# ruff: noqa: UP, E731
# The spellings are what is recorded: a modernised annotation is another case.

from __future__ import annotations

import dataclasses
import datetime
import typing

from pydantic import BaseModel

from ._case import Case


@dataclasses.dataclass
class Late:
    a: int
    b: str | None = None
    c: list[Late] = dataclasses.field(default_factory=list)
    d: dict[str, datetime.datetime] = dataclasses.field(default_factory=dict)


class LateModel(BaseModel):
    a: int
    b: LateModel | None = None
    c: list[Late] = []


class LatePair(typing.NamedTuple):
    a: int
    b: list[str]


class LateMovie(typing.TypedDict):
    title: str
    year: typing.NotRequired[int]


CASES = [
    Case("postponed-dataclass", Late, Late(1, "x", [Late(2)], {"t": datetime.datetime(2026, 1, 2)})),
    Case("postponed-model", LateModel, LateModel(a=1, b=LateModel(a=2), c=[Late(3)])),
    Case("postponed-namedtuple", LatePair, LatePair(1, ["x"])),
    Case("postponed-typeddict", LateMovie, {"title": "t", "year": 1}),
    Case("postponed-list", list[Late], [Late(1)]),
    Case("postponed-optional", typing.Optional[Late], Late(1)),
]
