"""The callable behind `flyte.map`, sync and async over one implementation."""

import asyncio
import functools
from collections.abc import AsyncGenerator, Iterable, Iterator
from typing import Any, cast

from flyte.controllers.protocol import Controller, active_controller
from flyte.tasks.template import TaskTemplate
from flyte_syncify import syncify


class Mapper:
    """Runs a task over zipped iterables: `for result in flyte.map(task, xs, ys)`.

    Results come in the order of the inputs, each as soon as it and those before it are there. Children run concurrently,
    at most `concurrency` at a time. With `return_exceptions` (the default) a failed child yields its error, otherwise the first
    failure is raised and the other children are cancelled. When the caller stops early, what still runs is cancelled too.

    Outside a run the bodies are executed as plain Python.
    """

    def __call__(
        self,
        func: Any,
        *args: Iterable[Any],
        group_name: str | None = None,
        concurrency: int = 0,
        return_exceptions: bool = True,
    ) -> Iterator[Any]:
        """Yield the results of `func` over the zipped `args`; use `.aio` in async code.

        Args:
            func: A task, or a `functools.partial` of one that leaves one parameter free.
            *args: Iterables of arguments; the shortest ends the map.
            group_name: Part of the name of the group that the children form.
            concurrency: How many children run at once; 0 means all.
            return_exceptions: Yield the error of a failed child in place of its result.

        Raises:
            TypeError: when `func` is not a task, or a partial leaves not exactly one parameter free.
            ValueError: when `concurrency` is negative.
        """
        stream = _stream(func, args, group_name, concurrency, return_exceptions)
        return syncify.loop.iterate(stream)

    def aio(
        self,
        func: Any,
        *args: Iterable[Any],
        group_name: str | None = None,
        concurrency: int = 0,
        return_exceptions: bool = True,
    ) -> AsyncGenerator[Any]:
        """Yield the results asynchronously; see `__call__`."""
        return _stream(func, args, group_name, concurrency, return_exceptions)


map_tasks = Mapper()
"""`flyte.map`."""


def _stream(
    func: Any, iterables: tuple[Iterable[Any], ...], group_name: str | None, concurrency: int, return_exceptions: bool
) -> AsyncGenerator[Any]:
    """Check the arguments now, and return the generator that does the work."""
    if concurrency < 0:
        raise ValueError(f"`concurrency` is {concurrency}, expected 0 (no limit) or more")
    task, bound = _task_of(func, len(iterables))
    calls = ((task, bound[0], {**bound[1], **kwargs}) for kwargs in _named(task, bound, iterables))
    group = f"{task.name}_{group_name or 'map'}"
    controller = active_controller.get()
    if controller is None:
        return _run_plainly(calls, return_exceptions)
    return _run_children(controller, calls, group, concurrency, return_exceptions)


_Call = tuple[TaskTemplate[..., Any], tuple[Any, ...], dict[str, Any]]


def _task_of(func: Any, iterables: int) -> tuple[TaskTemplate[..., Any], tuple[tuple[Any, ...], dict[str, Any]]]:
    if isinstance(func, TaskTemplate):
        return cast("TaskTemplate[..., Any]", func), ((), {})
    if isinstance(func, functools.partial) and isinstance(func.func, TaskTemplate):
        func = cast("functools.partial[Any]", func)
        task = cast("TaskTemplate[..., Any]", func.func)
        free = [name for name in list(task.interface.inputs)[len(func.args) :] if name not in func.keywords]
        if len(free) != 1 or iterables != 1:
            raise TypeError(
                f"a partial of `{task.short_name}` must leave exactly one parameter free for one iterable, "
                f"but leaves {len(free)} ({', '.join(free) or 'none'}) for {iterables}\n"
                "hint: bind the other parameters by keyword: functools.partial(task, a=1, b=2)"
            )
        return task, (func.args, dict(func.keywords))
    raise TypeError(f"`flyte.map` runs a task, got {func!r}\nhint: decorate the function with `@env.task`")


def _named(
    task: TaskTemplate[..., Any], bound: tuple[tuple[Any, ...], dict[str, Any]], iterables: tuple[Iterable[Any], ...]
) -> Iterator[dict[str, Any]]:
    names = [name for name in list(task.interface.inputs)[len(bound[0]) :] if name not in bound[1]]
    if len(iterables) > len(names):
        raise TypeError(
            f"`{task.short_name}` takes {len(names)} inputs ({', '.join(names)}), but {len(iterables)} iterables were given"
        )
    for values in zip(*iterables, strict=False):
        yield dict(zip(names, values, strict=False))


async def _run_plainly(calls: Iterator[_Call], return_exceptions: bool) -> AsyncGenerator[Any]:
    for task, args, kwargs in calls:
        try:
            result = task.forward(*args, **kwargs)
            result = await result if task.is_async else result
        except Exception as error:
            if not return_exceptions:
                raise
            result = error
        yield result


async def _run_children(
    controller: Controller, calls: Iterator[_Call], group: str, concurrency: int, return_exceptions: bool
) -> AsyncGenerator[Any]:
    limit = asyncio.Semaphore(concurrency) if concurrency else None

    async def run_child(index: int, call: _Call) -> Any:
        task, args, kwargs = call
        if limit is None:
            return await controller.submit(task, args, kwargs, group=group, index=index)
        async with limit:
            return await controller.submit(task, args, kwargs, group=group, index=index)

    # Tasks start in the order of their creation, which makes the children's numbers, and so their names, deterministic.
    children = [asyncio.ensure_future(run_child(index, call)) for index, call in enumerate(calls)]
    try:
        for child in children:
            try:
                result = await child
            except Exception as error:
                if not return_exceptions:
                    raise
                result = error
            yield result
    finally:
        for child in children:
            child.cancel()
        await asyncio.gather(*children, return_exceptions=True)
