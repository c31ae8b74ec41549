"""`flyte.trace`: a function whose calls inside a task are recorded, and not made again by a later attempt."""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, TypeVar, cast

from flyte.controllers.protocol import active_traces

__all__ = ["trace"]

F = TypeVar("F", bound=Callable[..., Any])


def trace(func: F) -> F:
    """Record the calls of a function inside a task: a later attempt, or a resumed run, gets their results without making them.

    The function may be sync or async, a generator or an async generator (whose items are recorded together, once it has ended).
    A call is found again by the function's name and source, its arguments, and its number among equal calls. What it raises is
    recorded too: an error that no further attempt can help is raised again, any other call is made again. Outside a task it is
    a plain call.

    Example:
        ```python
        import flyte

        env = flyte.TaskEnvironment("docs_trace")

        @flyte.trace
        async def ask(question: str) -> str:
            return question.upper()

        @env.task
        async def main() -> str:
            return await ask("why")

        assert flyte.run(main).outputs()[0] == "WHY"
        ```

    Raises:
        TypeError: `func` is not callable.
    """
    if not callable(func):
        raise TypeError(f"`flyte.trace` decorates a function, got {func!r}")
    traced = _Traced(func)
    if inspect.isasyncgenfunction(func):
        make: Callable[..., Any] = _async_generator
    elif inspect.iscoroutinefunction(func):
        make = _coroutine
    elif inspect.isgeneratorfunction(func):
        make = _generator
    else:
        make = _function
    return cast("F", functools.wraps(func)(make(func, traced)))


class _Traced:
    """Makes the description of the function when a call inside a task first needs it: it loads the type system."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._made: Any = None

    def call(self) -> Any:
        """Begin a call; None where calls are not recorded."""
        recorder = active_traces.get()
        if recorder is None:
            return None
        from flyte.tracing.calls import TracedFunction, current_call  # noqa: PLC0415 - as the class says

        if self._made is None:
            yields = inspect.isgeneratorfunction(self._function) or inspect.isasyncgenfunction(self._function)
            self._made = TracedFunction(self._function, yields=yields)
        return current_call(self._made, recorder)

    def arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Name the arguments of a call that was begun."""
        return self._made.arguments(args, kwargs)


def _coroutine(function: Callable[..., Any], traced: _Traced) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        call = traced.call()
        if call is None:
            return await function(*args, **kwargs)
        recorded = await call.begin_async(await call.inputs_async(traced.arguments(args, kwargs)))
        if recorded is not None:
            return await call.result_async(recorded)
        with call.scope():
            try:
                result = await function(*args, **kwargs)
            except BaseException as error:
                call.fail(error)
                raise
        await call.keep_async(result)
        return result

    return wrapper


def _function(function: Callable[..., Any], traced: _Traced) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        call = traced.call()
        if call is None:
            return function(*args, **kwargs)
        recorded = call.begin(call.inputs(traced.arguments(args, kwargs)))
        if recorded is not None:
            return call.result(recorded)
        with call.scope():
            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                call.fail(error)
                raise
        call.keep(result)
        return result

    return wrapper


def _generator(function: Callable[..., Any], traced: _Traced) -> Callable[..., Any]:
    def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        call = traced.call()
        if call is None:
            plain: Generator[Any, Any, Any] = function(*args, **kwargs)
            return (yield from plain)
        recorded = call.begin(call.inputs(traced.arguments(args, kwargs)))
        if recorded is not None:
            yield from call.result(recorded)
            return None
        items: list[Any] = []
        stream = function(*args, **kwargs)
        try:
            while True:
                # Not across the `yield`: the consumer's code runs in the consumer's context.
                with call.scope():
                    try:
                        item = next(stream)
                    except StopIteration:
                        break
                    except BaseException as error:
                        call.fail(error)
                        raise
                items.append(item)
                yield item
        finally:
            stream.close()
        call.keep(items)
        return None

    return wrapper


def _async_generator(function: Callable[..., Any], traced: _Traced) -> Callable[..., Any]:
    async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
        call = traced.call()
        if call is None:
            async for item in function(*args, **kwargs):
                yield item
            return
        recorded = await call.begin_async(await call.inputs_async(traced.arguments(args, kwargs)))
        if recorded is not None:
            for item in await call.result_async(recorded):
                yield item
            return
        items: list[Any] = []
        stream = function(*args, **kwargs)
        try:
            while True:
                # As in the generator.
                with call.scope():
                    try:
                        item = await anext(stream)
                    except StopAsyncIteration:
                        break
                    except BaseException as error:
                        call.fail(error)
                        raise
                items.append(item)
                yield item
        finally:
            await stream.aclose()
        await call.keep_async(items)

    return wrapper
