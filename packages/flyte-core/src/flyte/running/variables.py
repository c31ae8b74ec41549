"""Environment variables of one action: its own code sees them, while others run beside it in the same process."""

import os
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

__all__ = ["own_variables", "variables"]

_layer: ContextVar[dict[str, str | None] | None] = ContextVar("flyte_variables", default=None)
"""The variables of the action whose code runs here; None as a value is a variable that the code has deleted."""

if TYPE_CHECKING:
    _Environ = os._Environ[str]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # the type has no other name
else:
    _Environ = type(os.environ)


class _LayeredEnviron(_Environ):
    """`os.environ` with the layer of the current action on top. Every reference to `os.environ` is one to this."""

    def __getitem__(self, key: str) -> str:
        layer = _layer.get()
        if layer is not None and key in layer:
            value = layer[key]
            if value is None:
                raise KeyError(key)
            return value
        return super().__getitem__(key)

    def __setitem__(self, key: str, value: str) -> None:
        layer = _layer.get()
        if layer is not None and key in layer and isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            layer[key] = value
        else:
            super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        layer = _layer.get()
        if layer is not None and key in layer:
            if layer[key] is None:
                raise KeyError(key)
            layer[key] = None
        else:
            super().__delitem__(key)

    def __iter__(self) -> Iterator[str]:
        layer = _layer.get() or {}
        yield from (key for key in super().__iter__() if key not in layer)
        yield from (key for key, value in layer.items() if value is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


_lock = threading.Lock()
_users = 0
_inherited: dict[str, list[str]] = {}
"""By variable: the values that running actions want, the latest last. Programs that they start get the latest."""


@contextmanager
def variables(mapping: Mapping[str, str]) -> Generator[None]:
    """Let the code of the block, and what is started from it in tasks and copied contexts, see these variables.

    Other code of the process does not see them. A program that is started meanwhile, from anywhere, inherits them: the variables
    of a process cannot differ between its threads. Where two running actions want different values, programs get the later one.
    """
    token = _layer.set(dict(mapping))
    _enter(mapping)
    try:
        yield
    finally:
        _layer.reset(token)
        _leave(mapping)


def own_variables() -> dict[str, str]:
    """Return the variables that the code here has beside those of the process."""
    return {key: value for key, value in (_layer.get() or {}).items() if value is not None}


def _enter(mapping: Mapping[str, str]) -> None:
    global _users  # noqa: PLW0603 - a process has one environment
    with _lock:
        if not _users:
            os.environ.__class__ = _LayeredEnviron
        _users += 1
        for key, value in mapping.items():
            _inherited.setdefault(key, []).append(value)
            os.putenv(key, value)


def _leave(mapping: Mapping[str, str]) -> None:
    global _users  # noqa: PLW0603 - as above
    with _lock:
        for key, value in mapping.items():
            wanted = _inherited[key]
            wanted.remove(value)
            if wanted:
                os.putenv(key, wanted[-1])
                continue
            del _inherited[key]
            own = _below(key)
            if own is None:
                os.unsetenv(key)
            else:
                os.putenv(key, own)
        _users -= 1
        if not _users:
            os.environ.__class__ = _Environ


def _below(key: str) -> str | None:
    """Return the variable of the process itself, below every layer."""
    try:
        return _Environ.__getitem__(os.environ, key)
    except KeyError:
        return None
