"""Two faces for functions that never wait: `f()` and `await f.aio()`, without a loop and without importing asyncio."""

import functools
from collections.abc import Callable
from types import MethodType
from typing import Any, Generic, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class Immediate(Generic[P, R_co]):
    """A plain function that also has `.aio`, so that it can be called like everything that is syncified."""

    def __init__(self, function: Callable[P, R_co]) -> None:
        """Wrap `function`, which must not block."""
        self._function = function
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call the function."""
        return self._function(*args, **kwargs)

    def __get__(self, instance: object | None, owner: type) -> "Immediate[..., R_co]":
        """Bind to an instance, as a function does."""
        if instance is None:
            return self
        return Immediate(cast("Callable[..., Any]", MethodType(self._function, instance)))

    async def aio(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call the function, from a coroutine."""
        return self._function(*args, **kwargs)


def immediate(function: Callable[P, R_co]) -> Immediate[P, R_co]:
    """Give a function that never waits the `.aio` face."""
    return Immediate(function)
