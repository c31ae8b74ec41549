"""Task objects: a function with a name, an interface and policies. Calling one inside a run makes a child action.

Declaring a task happens in every process that imports a user's module, in the shell as in a container. So what it needs of
`flyte_models` is loaded by the property that gives it (interface, retries): `inspect`, `dataclasses` and `datetime`, which come
with it, take longer to import than everything that declaring a task does.
"""

import functools
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast

from flyte.controllers.protocol import active_controller

if TYPE_CHECKING:
    from flyte.tasks.environment import TaskEnvironment
    from flyte_models.interface import NativeInterface
    from flyte_models.policies import RetryStrategy

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_CO_COROUTINE = 0x0080
_REFUSED_FLAGS = {
    0x0020: "a generator",
    0x0200: "an async generator",
}
"""Flags of a code object (`inspect.CO_*`) of functions that cannot be tasks."""


class TaskTemplate(Generic[P, R_co]):
    """What every kind of task has: a name, an interface, policies, and a way to be called.

    Outside a run a call executes the body as plain Python. Inside a run it makes a child action and returns its result: at once
    for a sync task, as a coroutine for an async one. `.aio(...)` always returns a coroutine.
    """

    task_type = "python"

    def __init__(
        self,
        *,
        name: str,
        short_name: str = "",
        retries: "int | RetryStrategy" = 0,
        environment: "TaskEnvironment | None" = None,
    ) -> None:
        self.name = name
        self.short_name = short_name or name
        self.retries = retries
        self.parent_env = environment
        self.parent_env_name = environment.name if environment is not None else None

    def __repr__(self) -> str:
        return f"<task `{self.name}`>"

    @property
    def interface(self) -> "NativeInterface":
        """Inputs with types and defaults, and outputs."""
        raise NotImplementedError(f"`{type(self).__name__}` does not say what its interface is")

    @property
    def retries(self) -> "RetryStrategy":
        """How often a failed attempt is tried again, and how long to wait before."""
        strategy = self._retries = _strategy_of(self._retries)
        return strategy

    @retries.setter
    def retries(self, retries: "int | RetryStrategy") -> None:
        # A plain count is converted when it is first read.
        is_count = isinstance(retries, int) and retries >= 0
        self._retries = retries if is_count else _strategy_of(retries)

    @property
    def is_async(self) -> bool:
        """Whether a call returns a coroutine."""
        return True

    def forward(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Execute the body as plain Python, without an action."""
        raise NotImplementedError(f"`{type(self).__name__}` cannot be executed outside a run")

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Make a child action inside a run, or execute the body as plain Python outside one."""
        controller = active_controller.get()
        if controller is None:
            return self.forward(*args, **kwargs)
        if self.is_async:
            return cast("R_co", controller.submit(self, args, kwargs))
        return controller.submit_sync(self, args, kwargs)

    def aio(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, Any]:
        """Return a coroutine of the call, for a sync task as well."""
        controller = active_controller.get()
        if controller is not None:
            return controller.submit(self, args, kwargs)
        return self._forward_async(args, kwargs)

    async def _forward_async(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result: Any = self.forward(*args, **kwargs)
        return await result if self.is_async else result


class AsyncFunctionTaskTemplate(TaskTemplate[P, R_co]):
    """A task whose body is a Python function, sync or async: what `@env.task` returns.

    Raises:
        TypeError: when `function` is not a function, is a generator, or takes `*args` or `**kwargs`.
    """

    def __init__(
        self,
        function: Callable[P, R_co],
        *,
        name: str,
        short_name: str = "",
        retries: "int | RetryStrategy" = 0,
        environment: "TaskEnvironment | None" = None,
    ) -> None:
        code = getattr(function, "__code__", None)
        if code is None:
            raise TypeError(f"a task is made of a function, got {function!r}\nhint: decorate a `def` or an `async def`")
        for flag, kind in _REFUSED_FLAGS.items():
            if code.co_flags & flag:
                raise TypeError(
                    f"task `{name}` is {kind}: a task returns its result\nhint: return a list instead of yielding"
                )
        super().__init__(name=name, short_name=short_name, retries=retries, environment=environment)
        self.func = function
        self._is_async = bool(code.co_flags & _CO_COROUTINE)
        self._interface: NativeInterface | None = None
        functools.update_wrapper(self, function)

    @property
    def interface(self) -> "NativeInterface":
        """Inputs with types and defaults, and outputs, from the annotations.

        They are read at first use, so that a task may name a class that its module defines further down.
        """
        if self._interface is None:
            from flyte_models.interface import NativeInterface  # noqa: PLC0415 - see the top of the module

            self._interface = NativeInterface.from_callable(self.func)
        return self._interface

    @property
    def native_interface(self) -> "NativeInterface":
        """The same as `interface`."""
        return self.interface

    @property
    def is_async(self) -> bool:
        """Whether the body is an `async def`."""
        return self._is_async

    @property
    def source_file(self) -> str:
        """The file that defines the function."""
        return self.func.__code__.co_filename

    def forward(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Execute the body as plain Python, without an action."""
        return self.func(*args, **kwargs)


def _strategy_of(retries: "int | RetryStrategy") -> "RetryStrategy":
    from flyte_models.policies import retries_from_request  # noqa: PLC0415 - see the top of the module

    return retries_from_request(retries)
