"""Environments: what a group of tasks shares. `TaskEnvironment.task` makes tasks of functions."""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast, overload
from weakref import ref

from flyte.tasks.declarations import declaring_place, register
from flyte.tasks.fields import Declared, declares_fields
from flyte.tasks.settings import (
    check_cache,
    check_env_vars,
    check_image,
    check_instance,
    check_secrets,
    check_text,
)
from flyte.tasks.template import AsyncFunctionTaskTemplate, TaskTemplate

if TYPE_CHECKING:
    from typing import Self

    from flyte_models.caching import CacheRequest
    from flyte_models.documentation import Documentation
    from flyte_models.links import Link
    from flyte_models.pod_templates import PodTemplate
    from flyte_models.policies import RetryStrategy, TimeoutType
    from flyte_models.resources import Resources
    from flyte_models.reuse import ReusePolicy
    from flyte_models.secrets import SecretRequest
    from flyte_models.triggers import Trigger

    Image = Any

P = ParamSpec("P")
R = TypeVar("R")

_NAME = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)*")
_DESCRIPTION_LIMIT = 255
_CUT = "...(tr.)"
_MAX_INLINE_IO_BYTES = 10 * 1024 * 1024

_CLONED = ("pod_template", "interruptible", "include", "service_account", "cache", "reusable", "plugin_config", "queue")
"""What a clone takes over beside the parameters of `clone_with`."""
_OVERRIDABLE = ("interruptible", "include", "service_account", "cache", "reusable")


@declares_fields
class Environment(Declared):
    """What a group of tasks (or an app) shares: a name, a description, the environments it needs, and where its code runs.

    Raises:
        ValueError: The name has another form.
        TypeError: A setting is of another type.
    """

    name: str
    """snake_case or kebab-case; it prefixes the names of the tasks."""
    depends_on: "list[Environment]" = ()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]  # a list of its own
    """Environments whose tasks are called from this one, or that are deployed with it."""
    pod_template: "str | PodTemplate | None" = None
    """The pod of its containers, or the name of one that the backend knows."""
    description: str | None = None
    """Shown in listings; cut to 255 characters."""
    secrets: "SecretRequest | None" = None
    env_vars: dict[str, str] | None = None
    resources: "Resources | None" = None
    interruptible: bool = False
    """Whether its tasks may run on machines that can be taken away."""
    image: "str | Image | None" = "auto"
    """The image of its containers: a URI, a recipe, or the default of this Python and Flyte."""
    include: tuple[str, ...] = ()
    """Files, folders and patterns that go into the bundle, relative to the file that declares the environment."""
    service_account: str | None = None

    def __post_init__(self) -> None:
        kind = type(self).__name__
        self._check_name(self.name)
        depends_on: Any = self.depends_on
        if not isinstance(depends_on, list | tuple):
            raise TypeError(f"`{kind}.depends_on` must be a list of environments, got {depends_on!r}")
        self.depends_on = []
        self.add_dependency(*cast("list[Environment]", depends_on))
        self._check_texts(kind)
        check_env_vars(kind, self.env_vars)
        check_secrets(kind, self.secrets)
        check_image(kind, self.image)
        check_instance(kind, "resources", self.resources, "flyte_models.resources", "Resources")
        if not isinstance(self.pod_template, str):
            check_instance(
                kind, "pod_template", self.pod_template, "flyte_models.pod_templates", "PodTemplate", also="a name"
            )
        self.declared_at = declaring_place()
        register(self)

    def _check_name(self, name: Any) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} is no name for an environment\n"
                "hint: use lower-case letters and digits, joined by single `_` or `-`: `my_env`, `my-env`"
            )

    def _check_texts(self, kind: str) -> None:
        check_text(kind, "description", self.description)
        check_text(kind, "service_account", self.service_account)
        if self.description is not None and len(self.description) > _DESCRIPTION_LIMIT:
            self.description = self.description[: _DESCRIPTION_LIMIT - len(_CUT)] + _CUT
        include: Any = self.include
        if isinstance(include, str):
            raise TypeError(
                f"`{kind}.include` is the text {include!r}, not several of them\nhint: write `include=({include!r},)`"
            )
        if not isinstance(include, list | tuple):
            raise TypeError(f"`{kind}.include` must be a tuple of paths, got {include!r}")
        for path in cast("list[Any]", include):
            check_text(kind, "include", path, optional=False)
        self.include = tuple(cast("list[str]", include))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @property
    def declaring_file(self) -> str:
        """The file that declares this environment; `include` is relative to its folder."""
        return self.declared_at.file

    def add_dependency(self, *env: "Environment") -> None:
        """Add environments whose tasks are called from this one.

        Raises:
            TypeError: for anything that is not an environment.
            ValueError: for this environment itself.
        """
        for environment in env:
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

    def clone_with(  # noqa: PLR0917 - the public signature
        self,
        name: str,
        image: "str | Image | None" = None,
        resources: "Resources | None" = None,
        env_vars: dict[str, str] | None = None,
        secrets: "SecretRequest | None" = None,
        depends_on: "list[Environment] | None" = None,
        description: str | None = None,
        **kwargs: Any,
    ) -> "Environment":
        """Make an environment like this one under another name; kinds of environments that can be cloned say how.

        Raises:
            NotImplementedError: This kind cannot.
        """
        raise NotImplementedError(
            f"a `{type(self).__name__}` cannot be cloned\nhint: `flyte.TaskEnvironment` can; or declare another one"
        )


@declares_fields
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

    cache: "CacheRequest" = "disable"
    """How results of its tasks are used again, unless a task says otherwise."""
    reusable: "ReusePolicy | None" = None
    """How its containers stay warm."""
    plugin_config: Any = None
    """The configuration of a plugin, whose class of task its functions become."""
    queue: str | None = None

    def __post_init__(self) -> None:
        kind = type(self).__name__
        check_cache(kind, self.cache)
        check_instance(kind, "reusable", self.reusable, "flyte_models.reuse", "ReusePolicy")
        check_text(kind, "queue", self.queue)
        if self.reusable is not None and self.plugin_config is not None:
            raise ValueError(
                f"environment `{self.name}` has both `reusable` and `plugin_config`, and plugins start containers of their own\n"
                "hint: leave one of them out"
            )
        super().__post_init__()
        self._tasks: dict[str, TaskTemplate[..., Any]] = {}

    @property
    def tasks(self) -> dict[str, Any]:
        """The tasks by their full name, `<environment>.<function>`."""
        return dict(self._tasks)

    @property
    def sandbox(self) -> Any:
        """Tasks whose bodies run in a sandbox; this version has none.

        Raises:
            NotImplementedError: Always.
        """
        from flyte.not_built import what_is_there  # noqa: PLC0415 - declaring tasks loads little

        raise NotImplementedError(
            f"`TaskEnvironment.sandbox` is not built yet in this version of flyte\nhint: {what_is_there('sandbox')}"
        )

    def clone_with(  # noqa: PLR0917 - the public signature
        self,
        name: str,
        image: "str | Image | None" = None,
        resources: "Resources | None" = None,
        env_vars: dict[str, str] | None = None,
        secrets: "SecretRequest | None" = None,
        depends_on: list[Environment] | None = None,
        description: str | None = None,
        interruptible: bool | None = None,
        include: tuple[str, ...] | None = None,
        service_account: str | None = None,
        **kwargs: Any,
    ) -> "Self":
        """Make an environment like this one under another name, without its tasks.

        Args:
            name: The name of the clone.
            image: Its image; this and all others stay as they are when nothing is given.
            resources: What its tasks ask of the machine.
            env_vars: Its environment variables, instead of those here.
            secrets: Its secrets, instead of those here.
            depends_on: The environments it needs, instead of those here.
            description: Shown in listings.
            interruptible: Whether its tasks may run on machines that can be taken away.
            include: What goes into the bundle.
            service_account: The Kubernetes service account.
            kwargs: `cache` and `reusable`.

        Raises:
            TypeError: There is another keyword.
        """
        given: dict[str, Any] = {
            "image": image,
            "resources": resources,
            "env_vars": env_vars,
            "secrets": secrets,
            "depends_on": depends_on,
            "description": description,
            "interruptible": interruptible,
            "include": include,
            "service_account": service_account,
        }
        for key in kwargs:
            if key not in _OVERRIDABLE:
                raise TypeError(
                    f"`clone_with` cannot change `{key}`\nhint: declare a `{type(self).__name__}` of its own for that"
                )
        changes = {key: item for key, item in {**given, **kwargs}.items() if item is not None}
        kept = {key: getattr(self, key) for key in (*given, *_CLONED)}
        return type(self)(name=name, **{**kept, **changes})

    @classmethod
    def from_task(
        cls, name: str, *tasks: TaskTemplate[..., Any], depends_on: list[Environment] | None = None
    ) -> "TaskEnvironment":
        """Make an environment of tasks that have none, such as `flyte.extras.ContainerTask`s.

        Args:
            name: The name of the environment; the tasks keep theirs.
            tasks: The tasks, all of one image.
            depends_on: Environments whose tasks are called from these.

        Raises:
            ValueError: A task has an environment already, or the images differ.
            TypeError: Something is no task.
        """
        for task in tasks:
            if not isinstance(task, TaskTemplate):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"expected a task, got {task!r}")
            if task.parent_env is not None or task.parent_env_name is not None:
                raise ValueError(
                    f"task `{task.name}` is in environment `{task.parent_env_name}` already\n"
                    "hint: `depends_on` takes environments whose tasks are called from this one"
                )
        images = [task.image for task in tasks]
        if any(image != images[0] for image in images):
            raise ValueError(
                f"the tasks have different images: {', '.join(f'`{task.name}`: {task.image}' for task in tasks)}\n"
                "hint: make an environment for each image, and connect them with `depends_on`"
            )
        made = cls(name=name, image=images[0] if images else None, depends_on=list(depends_on or ()))
        for task in tasks:
            made._adopt(task)
        return made

    def _adopt(self, task: TaskTemplate[..., Any]) -> None:
        task.parent_env = ref(self)
        task.parent_env_name = self.name
        self._tasks[task.name] = task

    @overload
    def task(self, _func: Callable[P, R], /) -> AsyncFunctionTaskTemplate[P, R]: ...
    @overload
    def task(
        self,
        _func: None = None,
        *,
        short_name: str | None = None,
        cache: "CacheRequest | None" = None,
        retries: "int | RetryStrategy" = 0,
        timeout: "TimeoutType" = 0,
        docs: "Documentation | None" = None,
        pod_template: "str | PodTemplate | None" = None,
        report: bool = False,
        interruptible: bool | None = None,
        max_inline_io_bytes: int = _MAX_INLINE_IO_BYTES,
        queue: str | None = None,
        service_account: str | None = None,
        triggers: "tuple[Trigger, ...] | Trigger" = (),
        links: "tuple[Link, ...] | Link" = (),
        task_resolver: Any = None,
        entrypoint: bool = False,
        produces_artifacts: bool = False,
    ) -> Callable[[Callable[P, R]], AsyncFunctionTaskTemplate[P, R]]: ...
    def task(
        self,
        _func: Callable[..., Any] | None = None,
        *,
        short_name: str | None = None,
        cache: "CacheRequest | None" = None,
        retries: "int | RetryStrategy" = 0,
        timeout: "TimeoutType" = 0,
        docs: "Documentation | None" = None,
        pod_template: "str | PodTemplate | None" = None,
        report: bool = False,
        interruptible: bool | None = None,
        max_inline_io_bytes: int = _MAX_INLINE_IO_BYTES,
        queue: str | None = None,
        service_account: str | None = None,
        triggers: "tuple[Trigger, ...] | Trigger" = (),
        links: "tuple[Link, ...] | Link" = (),
        task_resolver: Any = None,
        entrypoint: bool = False,
        produces_artifacts: bool = False,
    ) -> Any:
        """Make a task of a function, plain (`@env.task`) or with settings (`@env.task(retries=3)`).

        Args:
            _func: A sync or async function with annotated parameters.
            short_name: Shown instead of the function's name.
            cache: How its results are used again; the environment's way if there is none.
            retries: How often a failed action is tried again; a `RetryStrategy` adds a backoff.
            timeout: Its limits; a number is the seconds that an attempt may run.
            docs: What it is for, if its docstring does not say.
            pod_template: Its pod, or the name of one that the backend knows.
            report: Whether it makes a report (`flyte.report`).
            interruptible: Whether it may run on machines that can be taken away.
            max_inline_io_bytes: The largest serialised inputs or outputs, in bytes.
            queue: The queue that its actions wait in.
            service_account: The Kubernetes service account.
            triggers: When it starts by itself.
            links: Links beside its actions.
            task_resolver: What finds the task again in the container.
            entrypoint: Whether it is shown as a way into the program.
            produces_artifacts: Whether its outputs may be artifacts.

        Raises:
            TypeError: It is not applied to a function, or a setting is of another type.
            ValueError: A setting is out of range, or does not go together with those of the environment.
        """
        if pod_template is not None and self.reusable is not None:
            raise ValueError(
                f"environment `{self.name}` keeps its containers warm, so that a task cannot have a `pod_template` of its own\n"
                "hint: give it to the environment"
            )
        check_text("env.task", "short_name", short_name)
        check_instance("env.task", "docs", docs, "flyte_models.documentation", "Documentation")

        def decorate(function: Callable[..., Any]) -> AsyncFunctionTaskTemplate[..., Any]:
            function_name = getattr(function, "__name__", "")
            made = self._class_of_tasks()(
                func=function,
                name=f"{self.name}.{function_name}",
                interface=None,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # read at first use
                short_name=short_name or function_name,
                image=self.image,
                resources=self.resources,
                cache=self.cache if cache is None else cache,
                retries=retries,
                timeout=timeout,
                reusable=self.reusable,
                docs=docs,
                env_vars=self.env_vars,
                secrets=self.secrets,
                service_account=service_account or self.service_account,
                pod_template=pod_template or self.pod_template,
                report=report,
                interruptible=self.interruptible if interruptible is None else interruptible,
                max_inline_io_bytes=max_inline_io_bytes,
                queue=queue or self.queue,
                triggers=triggers if isinstance(triggers, tuple) else cast("Any", triggers),
                links=links if isinstance(links, tuple) else cast("Any", links),
                task_resolver=task_resolver,
                entrypoint=entrypoint,
                produces_artifacts=produces_artifacts,
                plugin_config=self.plugin_config,
            )
            self._adopt(made)
            return made

        return decorate if _func is None else decorate(_func)

    def _class_of_tasks(self) -> type[AsyncFunctionTaskTemplate[..., Any]]:
        if self.plugin_config is None:
            return AsyncFunctionTaskTemplate
        from flyte.tasks.plugins import TaskPluginRegistry  # noqa: PLC0415 - only plugins need it

        kind = cast("type[Any]", type(self.plugin_config))
        found = TaskPluginRegistry.find(kind)
        if found is None:
            raise ValueError(
                f"no plugin is registered for the `{kind.__module__}.{kind.__qualname__}` of environment `{self.name}`\n"
                "hint: a plugin registers itself with `flyte.extend.TaskPluginRegistry.register(config_class, task_class)`"
            )
        return found
