"""Places in a plan that only coroutines can convert: custom transformers, uploads. Those of one value are awaited together.

A native plan names a place by a slot, `("custom", slot, label, None, None)`; this table says what happens there.
"""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar, cast

from flyte_models.values import value
from flyte_native import LiteralError

__all__ = [
    "Blank",
    "Place",
    "PlaceFailure",
    "add_place",
    "collecting",
    "convert_awaited",
    "convert_places",
    "has_places",
]

T = TypeVar("T")

_MAX_DEPTH = 300
"""How many places may stand inside each other; what holds a union of registered types takes three of them."""
_LIMIT_VARIABLE = "_F_TE_MAX_COROS"
_DEFAULT_LIMIT = 10


@value
class Place:
    """How one kind of place is converted.

    Beside literals both sides deal in `flyteidl2.core.Literal` bytes; inside msgpack in plain data (None, bool, int, float, str,
    bytes, list, dict).
    """

    encode: Callable[[Any], Awaitable[Any]]
    decode: Callable[[Any], Awaitable[Any]]


@value
class PlaceFailure:
    """The first place that failed."""

    index: int
    """Which of the places, counted in the order of the value."""
    error: Exception


_outer: ContextVar[tuple[tuple[int, int], ...]] = ContextVar("flyte_outer_places", default=())
"""Slot and identity of the values of the places that are being converted around this one."""


class _StoppedError(Exception):
    """Ends the other conversions once one has failed."""


_places: list[Place] = []


def add_place(encode: Callable[[Any], Awaitable[Any]], decode: Callable[[Any], Awaitable[Any]]) -> int:
    """Note a kind of place and give its slot. Slots are never given back: add one per type, not per conversion."""
    _places.append(Place(encode, decode))
    return len(_places) - 1


async def convert_places(places: Sequence[tuple[int, Any]], *, encoding: bool) -> tuple[list[Any], PlaceFailure | None]:
    """Convert places, at most `_F_TE_MAX_COROS` (10) of them at once.

    The first failure cancels the others; all have ended when this returns.

    Args:
        places: Slot and value each, as `encode_places` and `decode_places` of a native plan list them.
        encoding: Whether values become literals, or the other way round.

    Returns:
        What came of each, in order, and the failure there was, if any.
    """
    import asyncio  # noqa: PLC0415  # whoever awaits has it; importing this module must not cost it

    results: list[Any] = [None] * len(places)
    failures: list[PlaceFailure] = []
    remaining = iter(enumerate(places))

    async def work() -> None:
        for index, (slot, item) in remaining:
            place, outer, this = _places[slot], _outer.get(), (slot, id(item))
            token = _outer.set((*outer, this))
            try:
                if this in outer or len(outer) > _MAX_DEPTH:
                    raise LiteralError(
                        "depth",
                        "",
                        "one that contains itself or is nested too deep",
                        "a value that does not contain itself",
                    )
                results[index] = await (place.encode if encoding else place.decode)(item)
            except Exception as error:  # any error of a transformer belongs to its place
                failures.append(PlaceFailure(index, error))
                raise _StoppedError from None
            finally:
                _outer.reset(token)

    count = min(_limit(), len(places))
    try:
        if count <= 1:
            await work()
        else:
            async with asyncio.TaskGroup() as group:
                for _ in range(count):
                    group.create_task(work())
    except* _StoppedError:
        pass  # told by the return value
    return results, min(failures, key=lambda failure: failure.index) if failures else None


def _limit() -> int:
    text = os.environ.get(_LIMIT_VARIABLE, "")
    return max(1, int(text)) if text.isdigit() else _DEFAULT_LIMIT


def has_places(description: tuple[Any, ...], definitions: Mapping[str, tuple[Any, ...]]) -> bool:
    """Tell whether a plan's description has a place that must be awaited in one of the two directions."""
    return _has_place(description) or any(_has_place(definition) for definition in definitions.values())


def _has_place(node: Any) -> bool:
    if isinstance(node, tuple):
        parts = cast("tuple[Any, ...]", node)
        if len(parts) >= 5 and parts[0] == "custom":
            return parts[3] is None or parts[4] is None
        return any(_has_place(part) for part in parts)
    return isinstance(node, list) and any(_has_place(part) for part in cast("list[Any]", node))


class Blank:
    """Stands for an object while places are collected."""


def collecting(node: Any) -> Any:
    """Give the description with which places are collected from bytes: it makes none of the user's objects.

    What a place will be is not known yet, and `__post_init__` or a validator must not see what stands for it meanwhile.
    """
    if isinstance(node, list):
        return [collecting(part) for part in cast("list[Any]", node)]
    if not isinstance(node, tuple):
        return node
    parts = tuple(collecting(part) for part in cast("tuple[Any, ...]", node))
    if len(parts) >= 4 and parts[0] == "object" and isinstance(parts[2], list):
        return ("object", Blank, parts[2], True, *parts[4:])
    return parts


async def convert_awaited(
    collect: Callable[[], list[tuple[int, Any]]],
    replay: Callable[[list[Any]], T],
    *,
    encoding: bool,
    locate: Callable[[list[Any]], Any] | None = None,
) -> T:
    """Collect the places of a value, await them together, and run the conversion with what came of them.

    Args:
        collect: Lists the places.
        replay: Runs the conversion with what came of the places.
        encoding: Whether values become literals, or the other way round.
        locate: For reading: runs the conversion that makes none of the user's objects, to find a place that failed.

    Raises:
        LiteralError: The value does not fit, or a place failed: then with the error of the place as its cause.
    """
    places = collect()
    results, failure = await convert_places(places, encoding=encoding)
    if failure is None:
        return replay(results)
    error = failure.error
    path = _path_written(replay, failure, len(places)) if encoding else _path_read(locate, failure, len(places))
    if isinstance(error, LiteralError) and len(error.args) == 4:
        kind, inner, came, expected = error.args
        raise LiteralError(kind, f"{path}{inner}", came, expected) from error.__cause__
    raise LiteralError("raised", path, f"{type(error).__name__}: {error}", "") from error


def _path_written(replay: Callable[[list[Any]], Any], failure: PlaceFailure, count: int) -> str:
    # The conversion knows the path to each place: it fails where it meets an exception instead of what should have come.
    items: list[Any] = [b""] * count
    items[failure.index] = failure.error
    try:
        replay(items)
    except LiteralError as found:
        return str(found.args[1])
    return ""


def _path_read(locate: Callable[[list[Any]], Any] | None, failure: PlaceFailure, count: int) -> str:
    if locate is None:
        return ""
    items: list[Any] = [None] * count
    marker = items[failure.index] = Blank()
    try:
        return _path_to(marker, locate(items)) or ""
    except (LiteralError, TypeError):
        return ""


def _path_to(marker: object, value: Any) -> str | None:
    """Give the path to an object inside plain containers and blank objects; None where it is not."""
    if value is marker:
        return ""
    steps: list[tuple[str, Any]] = []
    if isinstance(value, Blank):
        steps = [(f".{name}", part) for name, part in vars(value).items()]
    elif isinstance(value, dict):
        steps = [(f"[{key!r}]", part) for key, part in cast("dict[Any, Any]", value).items()]
    elif isinstance(value, (list, tuple)):
        steps = [(f"[{index}]", part) for index, part in enumerate(cast("list[Any]", value))]
    for step, part in steps:
        found = _path_to(marker, part)
        if found is not None:
            return step + found
    return None
