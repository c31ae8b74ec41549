"""Two faces written by hand: a function to be called, and a coroutine function behind `.aio`."""

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class Twofold(Generic[P, R_co]):
    """A function that also has `.aio`, for what can do without a loop in one face and needs one in the other."""

    def __init__(self, function: Callable[P, R_co], aio: Callable[P, Coroutine[Any, Any, R_co]]) -> None:
        """Call `function`, and await `aio`, which takes the same arguments."""
        self._function = function
        self._aio = aio
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call the function."""
        return self._function(*args, **kwargs)

    def aio(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co]:
        """Give the coroutine."""
        return self._aio(*args, **kwargs)
