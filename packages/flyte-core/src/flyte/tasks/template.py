"""Task objects: a function with a name, an interface and policies. Calling one inside a run makes a child action.

Declaring a task happens in every process that imports a user's module, in the shell as in a container. So what it needs of
`flyte_models` is loaded when it is first read (interface, retries, cache): `inspect`, `dataclasses` and `datetime`, which come
with it, take longer to import than everything that declaring a task does.
"""

import copy
import functools
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, TypeVar, cast, dataclass_transform

from flyte.controllers.protocol import active_controller, sync_bodies
from flyte.tasks.fields import Converted, Declared, declares_fields
from flyte.tasks.settings import (
    as_links,
    as_triggers,
    check_env_vars,
    check_image,
    check_secrets,
    check_timeout,
    is_plain_cache,
    is_plain_retries,
    made_cache,
    made_retries,
)

if TYPE_CHECKING:
    from weakref import ReferenceType

    from flyte.tasks.environment import TaskEnvironment
    from flyte_models.caching import Cache, CacheRequest
    from flyte_models.documentation import Documentation
    from flyte_models.interface import NativeInterface
    from flyte_models.links import Link
    from flyte_models.pod_templates import PodTemplate
    from flyte_models.policies import RetryStrategy, TimeoutType
    from flyte_models.resources import Resources
    from flyte_models.reuse import ReusePolicy
    from flyte_models.secrets import SecretRequest
    from flyte_models.serialization import SerializationContext
    from flyte_models.triggers import Trigger

    Image = Any

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_CO_COROUTINE = 0x0080
_REFUSED_FLAGS = {
    0x0020: "a generator",
    0x0200: "an async generator",
}
"""Flags of a code object (`inspect.CO_*`) of functions that cannot be tasks."""

_FIXED = ("name", "image", "docs", "interface")
"""Fields that `override` must not change."""

_OF_THE_ENVIRONMENT = ("resources", "env_vars", "secrets", "service_account")
"""Fields that a warm container has from its environment, so that a single task cannot change them."""

_MAX_INLINE_IO_BYTES = 10 * 1024 * 1024


@declares_fields
@dataclass_transform(kw_only_default=True)
class TaskTemplate(Declared, Generic[P, R_co]):
    """What every kind of task has: a name, an interface, policies, and a way to be called.

    Outside a run a call executes the body as plain Python. Inside a run it makes a child action and returns its result: at once
    for a sync task, as a coroutine for an async one. `.aio(...)` always returns a coroutine.

    Subclasses are dataclasses, or call this constructor with keywords. What a backend is told of a task beside its fields,
    they say in `config`, `custom_config`, `container_args`, `sql` and `data_loading_config`.

    Raises:
        TypeError: A field is not of its type.
        ValueError: A policy is out of range.
    """

    _keyword_only = True

    name: str
    """`<environment>.<function>`: what the task is registered under."""
    interface: "NativeInterface"
    """Inputs with types and defaults, and outputs."""
    short_name: str = ""
    """Shown instead of the name; at most 63 characters of it are stored."""
    task_type: str = "python"
    task_type_version: int = 0
    image: "str | Image | None" = "auto"
    resources: "Resources | None" = None
    cache: "Converted[CacheRequest, Cache]" = Converted(made_cache, is_plain_cache, "disable")
    interruptible: bool = False
    retries: "Converted[int | RetryStrategy, RetryStrategy]" = Converted(made_retries, is_plain_retries, 0)
    """How often a failed action is tried again, and how long to wait before."""
    reusable: "ReusePolicy | None" = None
    docs: "Documentation | None" = None
    env_vars: dict[str, str] | None = None
    secrets: "SecretRequest | None" = None
    service_account: str | None = None
    timeout: "TimeoutType | None" = None
    """The limits of an action; `flyte_models.policies.timeout_from_request` reads it."""
    pod_template: "str | PodTemplate | None" = None
    report: bool = False
    """Whether the task makes a report."""
    queue: str | None = None
    debuggable: bool = False
    entrypoint: bool = False
    produces_artifacts: bool = False
    parent_env: "ReferenceType[TaskEnvironment] | None" = None
    """A weak reference to the environment: call it to get the environment."""
    parent_env_name: str | None = None
    max_inline_io_bytes: int = _MAX_INLINE_IO_BYTES
    """The largest serialised inputs or outputs, in bytes."""
    triggers: "tuple[Trigger, ...]" = ()
    links: "tuple[Link, ...]" = ()

    ref = False
    """Whether this stands for a task that is registered elsewhere."""

    def __class_getitem__(cls, parameters: Any) -> Any:
        # The reference has a third parameter, the type of the function.
        if isinstance(parameters, tuple):
            parameters = cast("tuple[Any, ...]", parameters)[:2]
        return super().__class_getitem__(parameters)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]

    def __post_init__(self) -> None:
        kind = type(self).__name__
        if not isinstance(self.name, str) or not self.name:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"the name of a task must be text, got {self.name!r}")
        self.short_name = self.short_name or self.name
        self.triggers = as_triggers(kind, self.triggers) if self.triggers != () else ()
        self.links = as_links(kind, self.links) if self.links != () else ()
        check_timeout(self.timeout)
        check_image(kind, self.image)
        check_env_vars(kind, self.env_vars)
        check_secrets(kind, self.secrets)
        limit: Any = self.max_inline_io_bytes
        if not isinstance(limit, int) or limit < 0:
            raise ValueError(f"`max_inline_io_bytes` of task `{self.name}` must be a number of bytes, got {limit!r}")

    def __repr__(self) -> str:
        return f"<task `{self.name}`>"

    def __getstate__(self) -> dict[str, Any]:
        # A weak reference cannot be pickled, and a codec is made anew where it is needed.
        return {name: item for name, item in vars(self).items() if name not in ("parent_env", "_codec")}

    @property
    def native_interface(self) -> "NativeInterface":
        """The same as `interface`."""
        return self.interface

    @property
    def source_file(self) -> str | None:
        """The file that the task's code stands in, if it has code."""
        return None

    @property
    def is_async(self) -> bool:
        """Whether a call returns a coroutine."""
        return True

    def config(self, sctx: "SerializationContext") -> dict[str, str]:
        """Give pairs that are registered beside the task."""
        del sctx
        return {}

    def custom_config(self, sctx: "SerializationContext") -> dict[str, Any]:
        """Give what a plugin on the backend reads: plain data, or a protobuf message."""
        del sctx
        return {}

    def container_args(self, serialize_context: "SerializationContext") -> list[str]:
        """Give the arguments of the container; without any, the image's own are used."""
        del serialize_context
        return []

    def sql(self, sctx: "SerializationContext") -> Any:
        """Give the query of a task that is one: text, or a `Sql` message."""
        del sctx
        return None

    def data_loading_config(self, sctx: "SerializationContext") -> Any:
        """Give how inputs and outputs get into and out of a container that does not know Flyte: a `DataLoadingConfig`."""
        del sctx
        return None

    async def pre(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Prepare an action; what it returns is found in `flyte.ctx().data` by the body."""
        del args, kwargs
        return {}

    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        """Carry out an action, with its inputs as arguments."""
        raise NotImplementedError(f"`{type(self).__name__}` does not say how it is executed")

    async def post(self, return_vals: Any) -> Any:
        """Clean up after a body that has returned `return_vals`, which stays the result whatever this returns."""
        return return_vals

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

    def override(
        self,
        *,
        short_name: str | None = None,
        resources: "Resources | None" = None,
        cache: "CacheRequest | None" = None,
        retries: "int | RetryStrategy" = 0,
        timeout: "TimeoutType | None" = None,
        reusable: "ReusePolicy | Literal['off'] | None" = None,
        env_vars: dict[str, str] | None = None,
        secrets: "SecretRequest | None" = None,
        service_account: str | None = None,
        max_inline_io_bytes: int | None = None,
        pod_template: "str | PodTemplate | None" = None,
        queue: str | None = None,
        interruptible: bool | None = None,
        entrypoint: bool | None = None,
        produces_artifacts: bool | None = None,
        links: "tuple[Link, ...]" = (),
        plugin_config: Any = None,
        **kwargs: Any,
    ) -> "TaskTemplate[P, R_co]":
        """Give a copy with other settings. What is empty (`None`, 0, nothing) keeps the setting it has.

        Args:
            short_name: Shown instead of the name.
            resources: What it asks of the machine.
            cache: How its results are used again.
            retries: How often it is tried again.
            timeout: Its limits.
            reusable: How its containers stay warm; `off` gives each action one of its own.
            env_vars: Environment variables, instead of those that it has.
            secrets: Secrets, instead of those that it has.
            service_account: The Kubernetes service account.
            max_inline_io_bytes: The largest inputs or outputs.
            pod_template: The pod.
            queue: The queue.
            interruptible: Whether it may run on machines that can be taken away.
            entrypoint: Whether it is shown as a way into the program.
            produces_artifacts: Whether its outputs may be artifacts.
            links: Links beside its actions.
            plugin_config: The configuration of its plugin.
            kwargs: Any other field of its class; never the name, the image, the documentation or the interface.

        Raises:
            ValueError: A field that cannot be changed; or one that warm containers have from their environment.
            TypeError: There is no such field, or it is of another type.
        """
        kept_warm = self.reusable if reusable is None else reusable
        if isinstance(kept_warm, str):
            if kept_warm != "off":
                raise ValueError(f"`reusable` must be a `flyte.ReusePolicy` or `off`, got {kept_warm!r}")
            kept_warm = None
        given: dict[str, Any] = {
            "resources": resources,
            "env_vars": env_vars,
            "secrets": secrets,
            "service_account": service_account,
        }
        if kept_warm is not None:
            for name in _OF_THE_ENVIRONMENT:
                if given[name] is not None:
                    raise ValueError(
                        f"task `{self.name}` runs in warm containers, which have `{name}` from their environment\n"
                        f'hint: add `reusable="off"` to give its actions containers of their own'
                    )
        for name in kwargs:
            self._refuse_override(name)
        if retries != 0:
            given["retries"] = retries
        given |= {
            "short_name": short_name,
            "cache": "disable" if cast("object", cache) is False else cache,
            "timeout": timeout,
            "max_inline_io_bytes": max_inline_io_bytes,
            "pod_template": pod_template,
            "queue": queue,
            "links": links,
            "plugin_config": plugin_config,
        }
        exact = {"interruptible": interruptible, "entrypoint": entrypoint, "produces_artifacts": produces_artifacts}
        changes = {name: item for name, item in given.items() if item} | {
            name: item for name, item in exact.items() if item is not None
        }
        if plugin_config is not None:
            self._refuse_override("plugin_config")
        made = copy.copy(self)
        for name, item in {**changes, **kwargs, "reusable": kept_warm}.items():
            setattr(made, name, item)
        made.__post_init__()
        return made

    def _refuse_override(self, name: str) -> None:
        if name in _FIXED:
            raise ValueError(
                f"`{name}` of task `{self.name}` cannot be overridden\n"
                "hint: `env.clone_with(...)` makes an environment with other settings"
            )
        from dataclasses import fields  # noqa: PLC0415 - see the top of the module

        if all(each.name != name for each in fields(cast("Any", self))):
            raise TypeError(f"`{type(self).__name__}` has no setting `{name}`\nhint: check the spelling")

    def __copy__(self) -> "TaskTemplate[P, R_co]":
        made = object.__new__(type(self))
        # The compiled codec has this task's settings; a copy may get others.
        vars(made).update({name: item for name, item in vars(self).items() if name != "_codec"})
        return made


@declares_fields
@dataclass_transform(kw_only_default=True)
class RuntimeTaskTemplate(TaskTemplate[P, R_co]):
    """A task whose container runs Flyte's entry point `a0`, whether its body is a function or not."""

    task_resolver: Any = None
    """What finds the task again in the container; without one it is found by module and name."""

    def container_args(self, serialize_context: "SerializationContext") -> list[str]:
        """Give the arguments of `a0` that find and run this task in a container."""
        from flyte.registration.arguments import container_args  # noqa: PLC0415 - only registration needs it

        return container_args(self, serialize_context)


@declares_fields
@dataclass_transform(kw_only_default=True)
class AsyncFunctionTaskTemplate(RuntimeTaskTemplate[P, R_co]):
    """A task whose body is a Python function, sync or async: what `@env.task` returns.

    Raises:
        TypeError: when `func` is not a function, is a generator, or takes `*args` or `**kwargs`.
    """

    debuggable: bool = True
    func: Callable[P, R_co]
    plugin_config: Any = None

    _interface = cast("NativeInterface | None", None)

    def __post_init__(self) -> None:
        function = self.func
        code: Any = getattr(function, "__code__", None)
        if code is None:
            raise TypeError(f"a task is made of a function, got {function!r}\nhint: decorate a `def` or an `async def`")
        for flag, kind in _REFUSED_FLAGS.items():
            if code.co_flags & flag:
                raise TypeError(
                    f"task `{self.name}` is {kind}: a task returns its result\nhint: return a list instead of yielding"
                )
        super().__post_init__()
        self._is_async = bool(code.co_flags & _CO_COROUTINE)
        if self.reusable is not None and self.reusable.concurrency > 1 and not self._is_async:
            raise ValueError(
                f"task `{self.name}` is a sync function, and its containers would run {self.reusable.concurrency} at once\n"
                "hint: make it an `async def`, or set `concurrency=1` in its `flyte.ReusePolicy`"
            )
        functools.update_wrapper(cast("Any", self), function)

    @property
    def interface(self) -> "NativeInterface":  # pyright: ignore[reportIncompatibleVariableOverride]
        """Inputs with types and defaults, and outputs, from the annotations.

        They are read at first use, so that a task may name a class that its module defines further down.
        """
        if self._interface is None:
            from flyte_models.interface import NativeInterface  # noqa: PLC0415 - see the top of the module

            self._interface = NativeInterface.from_callable(self.func)
        return self._interface

    @interface.setter
    def interface(self, interface: "NativeInterface | None") -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._interface = interface

    @property
    def json_schema(self) -> dict[str, Any]:
        """The JSON schema of the inputs."""
        return self.interface.json_schema

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

    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        """Carry out an action: `pre`, the function (a sync one on a thread), `post`; the result is the function's."""
        from flyte_models.context import current_context, task_scope  # noqa: PLC0415 - see the top of the module

        data = await self.pre(*args, **kwargs)
        context = current_context()
        if data and context:
            with task_scope(context.replace(data=data)):
                result = await self._run_body(args, kwargs)
        else:
            result = await self._run_body(args, kwargs)
        # As in PyPI flyte: the hook of a plugin that returns nothing must not lose the result.
        await self.post(result)
        return result

    async def _run_body(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        function: Any = self.func
        if self._is_async:
            return await function(*args, **kwargs)
        run_on_thread = sync_bodies.get()
        if run_on_thread is not None:
            return await run_on_thread(functools.partial(function, *args, **kwargs))
        from asyncio import to_thread  # noqa: PLC0415 - see the top of the module

        return await to_thread(function, *args, **kwargs)
