"""What goes by pickle: bytes, sets, Any, complex, classes, functions; small inline and large by reference."""

# ruff: noqa: UP, E731
# The spellings are what is recorded: a modernised annotation is another case.

import collections
import collections.abc
import decimal
import fractions
import pathlib
import typing
import uuid
from datetime import time

from ._case import Case

T = typing.TypeVar("T")


class Plain:
    """An ordinary class, equal by its attribute."""

    def __init__(self, x: int) -> None:
        self.x = x

    def __repr__(self) -> str:
        return f"Plain({self.x})"


class Generic(typing.Generic[T]):
    def __init__(self, item: T) -> None:
        self.item = item

    def __repr__(self) -> str:
        return f"Generic({self.item!r})"


class Unpicklable:
    def __reduce__(self) -> typing.NoReturn:
        raise TypeError("no")


def function(x: int) -> int:
    return x + 1


CASES = [
    Case("bytes-empty", bytes, b""),
    Case("bytes-abc", bytes, b"abc"),
    Case("bytes-binary", bytes, bytes(range(256))),
    Case("bytes-10200", bytes, b"x" * 10200),
    Case("bytes-10207", bytes, b"x" * 10207),
    Case("bytes-10208", bytes, b"x" * 10208),
    Case("bytes-20000", bytes, b"x" * 20000),
    Case("any-list-of-one-long-string", typing.Any, ["x" * 12000]),
    Case("any-long-list", typing.Any, [0] * 1300),
    Case("any-long-dict", typing.Any, dict.fromkeys(range(400), 0)),
    Case("plain-class-with-long-attribute", Plain, Plain(10**4000)),
    Case("bytearray", bytearray, bytearray(b"abc")),
    Case("bytes-from-str", bytes, "abc"),
    Case("bytes-from-none", bytes, None, rejects="value"),
    Case("set-int", set[int], {1}),
    Case("set-ints", set[int], {3, 1, 2}, comparable=False),
    Case("set-strings", set[str], {"b", "a", "c"}, comparable=False),
    Case("set-empty", set[int], set()),
    Case("set-bare", set, {1}),
    Case("set-typing", typing.Set[str], {"a"}),
    Case("set-mixed", set, {1, "a", None}, comparable=False),
    Case("set-floats", set[float], {0.5, 1.0}, comparable=False),
    Case("set-tuples", set[tuple[int, int]], {(1, 2)}),
    Case("set-of-plain", set, {decimal.Decimal(1)}),
    Case("set-nested-frozen", set[frozenset[int]], {frozenset({1, 2})}, comparable=False),
    Case("frozenset-int", frozenset[int], frozenset({1})),
    Case("frozenset-empty", frozenset, frozenset()),
    Case("list-set", list[set[int]], [{1}, set()]),
    Case("optional-set", set[int] | None, {1}),
    Case("any-int", typing.Any, 3),
    Case("any-str", typing.Any, "x"),
    Case("any-list", typing.Any, [1, 2]),
    Case("any-set", typing.Any, {1}),
    Case("any-none", typing.Any, None, rejects="value"),
    Case("object-int", object, 3),
    Case("complex", complex, 1 + 2j),
    Case("range", range, range(3)),
    Case("decimal", decimal.Decimal, decimal.Decimal("1.10")),
    Case("fraction", fractions.Fraction, fractions.Fraction(1, 3)),
    Case("uuid", uuid.UUID, uuid.UUID(int=1)),
    Case("time", time, time(1, 2, 3)),
    Case("path", pathlib.PurePosixPath, pathlib.PurePosixPath("/a/b")),
    Case("deque", collections.deque, collections.deque([1, 2])),
    Case("counter", collections.Counter, collections.Counter("aab"), rejects="value"),
    Case("defaultdict", collections.defaultdict, collections.defaultdict(int, a=1), rejects="value"),
    Case("plain-class", Plain, Plain(1)),
    Case("plain-class-list", list[Plain], [Plain(1), Plain(2)]),
    Case("plain-class-dict", dict[str, Plain], {"a": Plain(1)}),
    Case("plain-class-optional", Plain | None, Plain(1)),
    Case("generic-class", Generic[int], Generic(1)),
    Case("class-itself", type, Plain),
    Case("type-of", type[Plain], Plain),
    Case("function", typing.Callable[[int], int], function),
    Case("function-collections-abc", collections.abc.Callable, function),
    Case("iterator-type", typing.Iterator[int], [1]),
    Case("typevar", T, 1),
    Case("unpicklable", Unpicklable, Unpicklable(), rejects="value"),
    Case("plain-from-other", Plain, 5),
]
