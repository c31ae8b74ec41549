"""Places in a plan that only coroutines can convert: custom transformers, uploads. All places of one conversion are awaited together.

A native plan names a place by a slot, `("custom", slot, label, None, None)`; this table says what happens there.
"""

import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Place", "PlaceFailure", "add_place", "convert_places"]

_LIMIT_VARIABLE = "_F_TE_MAX_COROS"
_DEFAULT_LIMIT = 10


@dataclass(frozen=True, slots=True)
class Place:
    """How one kind of place is converted.

    Beside literals both sides deal in `flyteidl2.core.Literal` bytes; inside msgpack in plain data (None, bool, int, float, str,
    bytes, list, dict).
    """

    encode: Callable[[Any], Awaitable[Any]]
    decode: Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class PlaceFailure:
    """The first place that failed."""

    index: int
    """Which of the places, counted in the order of the value."""
    error: Exception


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
        for index, (slot, value) in remaining:
            place = _places[slot]
            try:
                results[index] = await (place.encode if encoding else place.decode)(value)
            except Exception as error:  # any error of a transformer belongs to its place
                failures.append(PlaceFailure(index, error))
                raise _StoppedError from None

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
