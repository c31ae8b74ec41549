"""The decorator: an async function becomes callable synchronously as `f()` and asynchronously as `f.aio()`."""

import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast, overload

from flyte_syncify.loop import BackgroundLoop

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_CO_COROUTINE = 0x0080
_CO_ASYNC_GENERATOR = 0x0200
"""Flags of a code object (`inspect.CO_*`), written out because `inspect` is slow to import."""


class Syncified(Generic[P, R_co]):
    """An async function with two faces: calling it blocks, `.aio(...)` returns the awaitable.

    Both run the body on the background loop. An async generator function becomes an iterator and an async iterator.
    """

    def __init__(self, function: Any, loop: BackgroundLoop) -> None:
        """Wrap `function`, an `async def` or a class or static method of one, to run on `loop`."""
        self._is_class_method = isinstance(function, classmethod)
        self._is_static_method = isinstance(function, staticmethod)
        if self._is_class_method or self._is_static_method:
            function = function.__func__
        flags = function.__code__.co_flags if hasattr(function, "__code__") else 0
        if not flags & (_CO_COROUTINE | _CO_ASYNC_GENERATOR):
            raise TypeError(f"`{getattr(function, '__qualname__', function)}` is not an `async def` function")
        self._function = function
        self._loop = loop
        self._is_generator = bool(flags & _CO_ASYNC_GENERATOR)
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run the function and block until it ends."""
        return self.call(args, kwargs)

    def aio(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Return the coroutine (or async iterator) instead of waiting for its result."""
        return self.start(args, kwargs)

    @overload
    def __get__(self, instance: None, owner: type) -> "Syncified[P, R_co]": ...
    @overload
    def __get__(self, instance: object, owner: type) -> "SyncifiedMethod[P, R_co]": ...
    def __get__(self, instance: object | None, owner: type) -> "Syncified[P, R_co] | SyncifiedMethod[P, R_co]":
        if self._is_class_method:
            return SyncifiedMethod(self, owner)
        return self if instance is None or self._is_static_method else SyncifiedMethod(self, instance)

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the function with `args` and `kwargs`, blocking (or returning an iterator)."""
        produced = self._function(*args, **kwargs)
        if self._is_generator:
            return self._loop.iterate(cast(AsyncIterator[Any], produced))
        return self._loop.run(cast(Coroutine[Any, Any, Any], produced))

    def start(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the awaitable (or async iterator) of one call with `args` and `kwargs`."""
        produced = self._function(*args, **kwargs)
        if self._is_generator:
            return self._loop.iterate_async(cast(AsyncIterator[Any], produced))
        return self._loop.run_async(cast(Coroutine[Any, Any, Any], produced))


class SyncifiedMethod(Generic[P, R_co]):
    """A `Syncified` function bound to an instance."""

    def __init__(self, function: Syncified[Any, Any], instance: object) -> None:
        """Bind `function` to `instance`."""
        self._syncified = function
        self._bound = (instance,)
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> R_co:
        """Run the method and block until it ends."""
        return self._syncified.call((*self._bound, *args), kwargs)

    def aio(self, *args: Any, **kwargs: Any) -> Any:
        """Return the coroutine (or async iterator) instead of waiting for its result."""
        return self._syncified.start((*self._bound, *args), kwargs)


class Syncify:
    """A decorator with a background loop of its own.

    Example:
        ```python
        from flyte_syncify import syncify

        @syncify
        async def double(x: int) -> int:
            return 2 * x

        assert double(21) == 42
        ```
    """

    def __init__(self, name: str = "flyte_syncify") -> None:
        """Name the loop's thread `name`; it starts with the first call."""
        self.loop = BackgroundLoop(name)

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]]) -> Syncified[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, AsyncIterator[R]]) -> Syncified[P, Iterator[R]]: ...
    def __call__(self, function: Any) -> Syncified[Any, Any]:
        """Give the async `function` (or async generator function, or a class or static method of either) its synchronous face."""
        return Syncified(function, self.loop)

    @overload
    def class_method(self, function: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]) -> Syncified[P, R]: ...
    @overload
    def class_method(self, function: Callable[Concatenate[Any, P], AsyncIterator[R]]) -> Syncified[P, Iterator[R]]: ...
    def class_method(self, function: Any) -> Syncified[Any, Any]:
        """Do the same with what `classmethod` made: apply it above that. For type checkers, which take it for a function."""
        return Syncified(function, self.loop)


syncify = Syncify()
"""The default instance: everything public of the SDK runs on its loop."""
