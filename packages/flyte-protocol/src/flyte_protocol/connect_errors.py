"""Errors that are connectrpc's as well: where a program has imported connectrpc's errors, it may catch ours by that name.

PyPI flyte is built on connectrpc, and what its calls raise is a `ConnectError`. We do not load it: who wants to catch that name
has loaded it already.
"""

import sys
from enum import Enum
from typing import Any, TypeVar

__all__ = ["also_of_connectrpc", "declared_class"]

_MODULE = "connectrpc.errors"
_E = TypeVar("_E", bound=BaseException)
_made: dict[tuple[type[BaseException], type[BaseException]], type[BaseException]] = {}


class _Word(str):
    """A code that equals both the word on the wire and the member of connectrpc's `Code`."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other.value if isinstance(other, Enum) and not isinstance(other, str) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__

    @property
    def value(self) -> str:
        """The word, as of a member of connectrpc's `Code`."""
        return str(self)

    @property
    def name(self) -> str:
        """The name, as of a member of connectrpc's `Code`."""
        return self.upper()


def also_of_connectrpc(error_class: type[_E]) -> type[_E]:
    """Return the class, or, if connectrpc's errors are loaded, one of the same name that derives from its `ConnectError` too.

    Args:
        error_class: a class whose errors have a `code`, which is the word on the wire.
    """
    theirs: Any = getattr(sys.modules.get(_MODULE), "ConnectError", None)
    if theirs is None or issubclass(error_class, theirs):
        return error_class
    known: Any = _made.get((error_class, theirs))
    if known is None:
        body = {
            "__module__": error_class.__module__,
            "__qualname__": error_class.__qualname__,
            "__doc__": error_class.__doc__,
            "code": property(lambda error: _Word(error.__dict__["code"]), _set_code),
            "message": property(str),
            # Theirs is a property that cannot be set.
            "details": (),
        }
        known = _made[error_class, theirs] = type(error_class.__name__, (error_class, theirs), body)
    return known


def declared_class(error_class: type[BaseException]) -> type[BaseException]:
    """Return the class that one of `also_of_connectrpc` was made of; any other as it is."""
    return next((declared for (declared, _), made in _made.items() if made is error_class), error_class)


def _set_code(error: BaseException, code: str) -> None:
    error.__dict__["code"] = code
