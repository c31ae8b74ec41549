"""Every leaf type in every container, made by product: nothing is special about a place."""

# ruff: noqa: UP, E731
# The spellings are what is recorded: a modernised annotation is another case.

import enum
import sys
import typing
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import BaseModel

from ._case import Case


class Side(enum.Enum):
    LEFT = "l"
    RIGHT = "r"


@dataclass
class Leaf:
    n: int
    s: str = ""


class LeafModel(BaseModel):
    n: int
    s: str = ""


class LeafPair(typing.NamedTuple):
    n: int
    s: str = ""


class LeafDict(typing.TypedDict):
    n: int
    s: str


LEAVES: dict[str, tuple[typing.Any, typing.Any]] = {
    "int": (int, 0),
    "float": (float, 0.0),
    "bool": (bool, False),
    "str": (str, ""),
    "datetime": (datetime, datetime(2026, 1, 2, 3)),
    "timedelta": (timedelta, timedelta(0)),
    "enum": (Side, Side.RIGHT),
    "dataclass": (Leaf, Leaf(0)),
    "model": (LeafModel, LeafModel(n=0)),
    "namedtuple": (LeafPair, LeafPair(0)),
    "typeddict": (LeafDict, {"n": 0, "s": ""}),
    "tuple": (tuple[int, str], (0, "")),
    "bare-dict": (dict, {"n": 0}),
    "dict-int": (dict[int, str], {0: ""}),
    "bytes": (bytes, b""),
}

CONTAINERS: dict[str, tuple[Callable[[typing.Any], typing.Any], Callable[[typing.Any], typing.Any]]] = {
    "list": (lambda t: list[t], lambda v: [v, v]),
    "map": (lambda t: dict[str, t], lambda v: {"z": v, "a": v}),
    "optional": (lambda t: t | None, lambda v: v),
    "optional-absent": (lambda t: t | None, lambda v: None),
    "list-optional": (lambda t: list[t | None], lambda v: [None, v]),
    "map-list": (lambda t: dict[str, list[t]], lambda v: {"k": [v], "e": []}),
    "tuple-of": (lambda t: tuple[t, list[t]], lambda v: (v, [v])),
    "union-with-list": (lambda t: typing.Union[t, list[t]], lambda v: [v]),
}

# pydantic refuses `typing.TypedDict` before Python 3.12; a list suits both variants of the union with pickle.
REFUSED = {("union-with-list", "bytes"): "value"}
if sys.version_info < (3, 12):
    # pydantic wants the TypedDict of typing_extensions there.
    REFUSED["tuple-of", "typeddict"] = "type"

CASES = [
    Case(
        f"every-{container}-{leaf}",
        wrap_type(leaf_type),
        wrap_value(leaf_value),
        rejects=REFUSED.get((container, leaf), ""),
    )
    for container, (wrap_type, wrap_value) in CONTAINERS.items()
    for leaf, (leaf_type, leaf_value) in LEAVES.items()
]
