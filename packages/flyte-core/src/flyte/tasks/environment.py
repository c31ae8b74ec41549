"""Environments: what a group of tasks shares. `TaskEnvironment.task` makes tasks of functions."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from flyte.tasks.declarations import declaring_place, register
from flyte.tasks.pending import refuse_unbuilt
from flyte.tasks.template import AsyncFunctionTaskTemplate

if TYPE_CHECKING:
    from flyte_models.policies import RetryStrategy

P = ParamSpec("P")
R = TypeVar("R")

_NAME = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*")
_DESCRIPTION_LIMIT = 255


class Environment:
    """What a group of tasks (or an app) shares: a name, a description and the environments it needs beside it.

    Args:
        name: snake_case or kebab-case; it prefixes the names of the tasks.
        depends_on: Environments whose tasks are called from this one.
        description: Shown in listings; cut to 255 characters.
        include: Files, folders and globs, relative to the folder of the declaring file, that the code bundle has beside
            the code.

    Raises:
        ValueError: when the name has another form.
        TypeError: when `include` is one string, not several.
    """

    def __init__(
        self,
        name: str,
        *,
        depends_on: "Sequence[Environment]" = (),
        description: str | None = None,
        include: Sequence[str] = (),
        **unbuilt: Any,
    ) -> None:
        refuse_unbuilt(type(self).__name__, unbuilt)
        if not isinstance(name, str) or not _NAME.fullmatch(name):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(
                f"{name!r} is no name for an environment\n"
                "hint: use lower-case letters and digits, joined by single `_` or `-`: `my_env`, `my-env`"
            )
        self.name = name
        self.depends_on: list[Environment] = list(depends_on)
        self.description = description[:_DESCRIPTION_LIMIT] if description else description
        if isinstance(include, str):
            raise TypeError(
                f"`include` is the text {include!r}, not several of them\nhint: write `include=({include!r},)`"
            )
        self.include: tuple[str, ...] = tuple(include)
        self.declared_at = declaring_place()
        register(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def add_dependency(self, *environments: "Environment") -> None:
        """Add environments whose tasks are called from this one.

        Raises:
            TypeError: for anything that is not an environment.
            ValueError: for this environment itself.
        """
        for environment in environments:
            if not isinstance(environment, Environment):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"expected an environment, got {environment!r}")
            if environment is self:
                raise ValueError(f"environment `{self.name}` cannot depend on itself")
            if environment not in self.depends_on:
                self.depends_on.append(environment)

    def closure(self) -> "Iterator[Environment]":
        """Yield this environment and everything it depends on, each once."""
        seen: set[int] = set()
        pending: list[Environment] = [self]
        while pending:
            environment = pending.pop()
            if id(environment) not in seen:
                seen.add(id(environment))
                yield environment
                pending.extend(environment.depends_on)


class TaskEnvironment(Environment):
    """An environment whose functions are tasks.

    Example:
        ```python
        import flyte

        env = flyte.TaskEnvironment("quickstart")

        @env.task
        def square(x: int) -> int:
            return x * x

        @env.task
        def main(n: int) -> int:
            return sum(flyte.map(square, range(n)))

        assert flyte.run(main, 4).outputs()[0] == 14
        ```
    """

    def __init__(
        self,
        name: str,
        *,
        depends_on: Sequence[Environment] = (),
        description: str | None = None,
        include: Sequence[str] = (),
        **unbuilt: Any,
    ) -> None:
        super().__init__(name, depends_on=depends_on, description=description, include=include, **unbuilt)
        self._tasks: dict[str, AsyncFunctionTaskTemplate[..., Any]] = {}

    @property
    def tasks(self) -> dict[str, AsyncFunctionTaskTemplate[..., Any]]:
        """The tasks by their full name, `<environment>.<function>`."""
        return dict(self._tasks)

    @overload
    def task(self, function: Callable[P, R], /) -> AsyncFunctionTaskTemplate[P, R]: ...
    @overload
    def task(
        self,
        function: None = None,
        /,
        *,
        short_name: str | None = None,
        retries: "int | RetryStrategy" = 0,
        **unbuilt: Any,
    ) -> Callable[[Callable[P, R]], AsyncFunctionTaskTemplate[P, R]]: ...
    def task(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        short_name: str | None = None,
        retries: "int | RetryStrategy" = 0,
        **unbuilt: Any,
    ) -> Any:
        """Make a task of a function, plain (`@env.task`) or with settings (`@env.task(retries=3)`).

        Args:
            function: A sync or async function with annotated parameters.
            short_name: Shown instead of the function's name.
            retries: How often a failed attempt is tried again; a `RetryStrategy` adds a backoff.
            unbuilt: The reference's further settings, which this version refuses by name.

        Raises:
            TypeError: when it is not applied to a function, or for an unknown setting.
            NotImplementedError: for a setting of the reference that this version does not have yet.
        """
        refuse_unbuilt("env.task", unbuilt)

        def decorate(function: Callable[..., Any]) -> AsyncFunctionTaskTemplate[..., Any]:
            template = AsyncFunctionTaskTemplate(
                function,
                name=f"{self.name}.{getattr(function, '__name__', '')}",
                short_name=short_name or getattr(function, "__name__", ""),
                retries=retries,
                environment=self,
            )
            self._tasks[template.name] = template
            return template

        return decorate if function is None else decorate(function)
