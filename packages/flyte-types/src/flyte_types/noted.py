"""Handles inside other values are noted while they are written, so that what is on this machine is found again in a payload.

A payload does not say which of its maps was a handle, and a user's own class may look like one.
"""

import functools
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar, cast

from flyte_native import Plan

__all__ = ["NotedHandles", "note", "noted_handles", "noting_handles", "payload_parts"]

P = ParamSpec("P")
R = TypeVar("R")


class NotedHandles:
    """Which handles were written inside other values."""

    def __init__(self) -> None:
        """Note nothing yet."""
        self._seen: set[tuple[tuple[str, ...], Any]] = set()

    def __bool__(self) -> bool:
        return bool(self._seen)

    def note(self, fields: Mapping[str, Any]) -> None:
        """Note the stored fields of a handle; the first is its place."""
        names = tuple(fields)
        self._seen.add((names, fields[names[0]]))

    def has(self, fields: Mapping[Any, Any]) -> bool:
        """Tell whether a map of a payload was a handle."""
        names = tuple(fields)
        return bool(names) and isinstance(fields[names[0]], str) and (names, fields[names[0]]) in self._seen


_noted: ContextVar[NotedHandles | None] = ContextVar("flyte_noted_handles", default=None)


def noted_handles() -> NotedHandles | None:
    """Give what is noted around the caller; None where nobody wants to know."""
    return _noted.get()


def note(fields: dict[str, Any]) -> dict[str, Any]:
    """Note a handle that is written, if somebody wants to know, and give its fields back."""
    noted = _noted.get()
    if noted is not None:
        noted.note(fields)
    return fields


def noting_handles(function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Let a coroutine function, and all that it awaits, find the handles that are written while it runs."""

    @functools.wraps(function)
    async def noting(*args: P.args, **kwargs: P.kwargs) -> R:
        token = _noted.set(NotedHandles())
        try:
            return await function(*args, **kwargs)
        finally:
            _noted.reset(token)

    return noting


@functools.cache
def _plan() -> Plan:
    return Plan(("msgpack", ("any",)), {})


def payload_parts(literal: bytes) -> tuple[Iterator[tuple[str, dict[str, Any]]], Callable[[], bytes]]:
    """Look into a msgpack literal.

    Args:
        literal: `flyteidl2.core.Literal` bytes with a msgpack payload.

    Returns:
        The maps in it that were handles, each with the path to it, such as `.files[2]`; and what writes the literal again, with
        what was changed in them.
    """
    plain, noted = _plan().decode(literal), noted_handles()
    found = iter(()) if noted is None else _handles(plain, "", noted)
    return found, lambda: _plan().encode(plain)


def _handles(plain: Any, path: str, noted: NotedHandles) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(plain, dict):
        fields = cast("dict[Any, Any]", plain)
        if noted.has(fields):
            yield path, fields
            return
        for key, part in fields.items():
            step = f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]"
            yield from _handles(part, path + step, noted)
    elif isinstance(plain, list):
        for index, part in enumerate(cast("list[Any]", plain)):
            yield from _handles(part, f"{path}[{index}]", noted)
