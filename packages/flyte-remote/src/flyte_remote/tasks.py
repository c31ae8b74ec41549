"""`Task` and `TaskDetails`: what is registered at a control plane, and references to it that are fetched when they are used."""

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from flyte_models.context import current_context
from flyte_models.errors import RemoteTaskNotFoundError, RemoteTaskUsageError
from flyte_protocol.codes import Code
from flyte_protocol.rpc_errors import RpcError
from flyte_remote.connection import connection
from flyte_remote.console import console_url
from flyte_remote.identifiers import project_identifier
from flyte_remote.listing import SortBy, contains, equals, pages, request_of
from flyte_remote.messages import OfMessage
from flyte_syncify import syncify

if TYPE_CHECKING:
    from flyteidl2.core import security_pb2, tasks_pb2
    from flyteidl2.task import common_pb2, task_definition_pb2

    from flyte_models.interface import NativeInterface

    _Entry = tasks_pb2.Resources.ResourceEntry

__all__ = ["AutoVersioning", "LazyEntity", "Task", "TaskDetails", "set_task_uses"]

AutoVersioning = Literal["latest", "current"]
"""`latest`: what was deployed last; `current`: the version of the task that runs."""

_AUTO = ("latest", "current")
DEFAULT_INLINE_BYTES = 10 * 1024 * 1024

_call: "Callable[[TaskDetails, tuple[Any, ...], dict[str, Any]], Coroutine[Any, Any, Any]] | None" = None
_override: "Callable[[TaskDetails, dict[str, Any]], task_definition_pb2.TaskDetails] | None" = None


def set_task_uses(
    call: "Callable[[TaskDetails, tuple[Any, ...], dict[str, Any]], Coroutine[Any, Any, Any]]",
    override: "Callable[[TaskDetails, dict[str, Any]], task_definition_pb2.TaskDetails]",
) -> None:
    """Say what calls a registered task inside another, and what changes the settings of one: both know how tasks are declared."""
    global _call, _override
    _call, _override = call, override


class LazyEntity:
    """A registered task that is fetched when it is first used.

    Awaited inside a task, a call of it is a child action; `flyte.run(reference, x=1)` runs it. Inputs are given by name.
    """

    def __init__(self, name: str, getter: "Callable[[], Coroutine[Any, Any, TaskDetails]]") -> None:
        """Keep how it is fetched."""
        self._name = name
        self._getter = getter
        self._details: TaskDetails | None = None

    def __repr__(self) -> str:
        return f"<task `{self._name}`, {'fetched' if self._details is not None else 'not fetched yet'}>"

    def __str__(self) -> str:
        return repr(self)

    @property
    def name(self) -> str:
        """The name that the task is registered under."""
        return self._name

    @syncify
    async def fetch(self) -> "TaskDetails":
        """Fetch the task, once.

        Raises:
            RpcError: There is none.
        """
        return await self.fetched()

    async def fetched(self) -> "TaskDetails":
        """Do what `fetch` does, in the running loop."""
        if self._details is None:
            self._details = await self._getter()
        return self._details

    def override(self, **settings: Any) -> "LazyEntity":
        """Return a reference to the same task with other settings; see `TaskDetails.override`."""

        async def get() -> TaskDetails:
            return (await self.fetched()).override(**settings)

        return LazyEntity(self._name, get)

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task as a child of the calling action; see `TaskDetails.__call__`."""
        return await (await self.fetched())(*args, **kwargs)


def _refer(
    name: str,
    project: str | None = None,
    domain: str | None = None,
    version: str | None = None,
    auto_version: AutoVersioning | None = None,
) -> LazyEntity:
    """Refer to a task; nothing is fetched yet.

    Args:
        name: The name that it is registered under: `<environment>.<function>`.
        project: Its project; default: the configured one.
        domain: Its domain; default: the configured one.
        version: Its version.
        auto_version: Instead of a version: the `latest`, or the `current` one of the task that runs.

    Raises:
        ValueError: Neither or both of `version` and `auto_version` are given, or the latter is unknown.
    """
    if version and auto_version:
        raise ValueError(f"task `{name}`: give either `version` or `auto_version`, got both")
    if not version and auto_version not in _AUTO:
        got = "" if auto_version is None else f", got auto_version={auto_version!r}"
        raise ValueError(
            f"which version of task `{name}`?{got}\n"
            'hint: `Task.get(name, version="...")`, `auto_version="latest"`, or `auto_version="current"` inside a task'
        )

    async def fetch() -> TaskDetails:
        return TaskDetails(
            await _details(name, project, domain, await _version(name, project, domain, version, auto_version))
        )

    return LazyEntity(name, fetch)


@dataclass
class TaskDetails(OfMessage):
    """A version of a registered task, with everything that it is made of."""

    pb2: "task_definition_pb2.TaskDetails"
    max_inline_io_bytes: int = field(default=DEFAULT_INLINE_BYTES)
    """How many bytes the inputs, or the outputs, of a call may take."""
    overriden_queue: str | None = field(default=None)
    """The queue that calls wait in, in place of the usual one. (The name is that of 2.12.)"""
    overridden: bool = field(default=False)
    """Whether its settings differ from what is registered, so that calls bring them along."""

    def __repr__(self) -> str:
        return f"<task `{self.name}`, version `{self.version}`>"

    get = staticmethod(_refer)

    @syncify.class_method
    @classmethod
    async def fetch(
        cls,
        name: str,
        project: str | None = None,
        domain: str | None = None,
        version: str | None = None,
        auto_version: AutoVersioning | None = None,
    ) -> "TaskDetails":
        """Fetch a task; see `get`.

        Raises:
            RemoteTaskNotFoundError: There is none.
            ValueError: Neither or both of `version` and `auto_version` are given, or the latter is unknown.
        """
        return await _refer(name, project, domain, version, auto_version).fetched()

    @property
    def spec(self) -> "task_definition_pb2.TaskSpec":
        """What is registered."""
        return self.pb2.spec

    @property
    def name(self) -> str:
        """The name that it is registered under."""
        return self.pb2.task_id.name

    @property
    def version(self) -> str:
        """The version."""
        return self.pb2.task_id.version

    @property
    def task_type(self) -> str:
        """What kind of task it is: `python`, `raw-container`, or the type of a plugin."""
        return self.pb2.spec.task_template.type

    @property
    def default_input_args(self) -> tuple[str, ...]:
        """The inputs that may be left out."""
        return tuple(each.name for each in self.stored_defaults)

    @property
    def stored_defaults(self) -> "tuple[common_pb2.NamedParameter, ...]":
        """The same inputs with their defaults."""
        return tuple(each for each in self.pb2.spec.default_inputs if each.parameter.HasField("default"))

    @property
    def required_args(self) -> tuple[str, ...]:
        """The inputs that must be given."""
        optional = set(self.default_input_args)
        return tuple(
            each.key for each in self.pb2.spec.task_template.interface.inputs.variables if each.key not in optional
        )

    @cached_property
    def interface(self) -> "NativeInterface":
        """Inputs and outputs as Python types.

        Raises:
            ValueError: A type stands for no Python type.
        """
        from flyte_types.reverse import guess_interface  # noqa: PLC0415 - only values need types

        return guess_interface(self.pb2.spec.task_template.interface, self.pb2.spec.default_inputs)

    @property
    def cache(self) -> Any:
        """How results are used again, a `flyte.Cache`."""
        from flyte_models.caching import Cache  # noqa: PLC0415 - few ask for it

        metadata = self.pb2.spec.task_template.metadata
        return Cache(
            behavior="override" if metadata.discoverable else "disable",
            version_override=metadata.discovery_version or None,
            serialize=metadata.cache_serializable,
            ignored_inputs=tuple(metadata.cache_ignore_input_vars),
        )

    @property
    def secrets(self) -> "list[security_pb2.Secret]":
        """The secrets that it asks for."""
        return list(self.pb2.spec.task_template.security_context.secrets)

    @property
    def resources(self) -> "tuple[Sequence[_Entry], Sequence[_Entry]]":
        """What it asks of the machine, and what it gets at most; empty for a task without a container of its own."""
        resources = self.pb2.spec.task_template.container.resources
        return resources.requests, resources.limits

    @property
    def queue(self) -> str | None:
        """The queue that calls wait in; None for the usual one."""
        return self.overriden_queue

    def override(self, **settings: Any) -> "TaskDetails":
        """Return the task with other settings; what is registered stays as it is.

        Args:
            settings: `short_name`, `resources`, `retries`, `timeout`, `env_vars`, `secrets`, `service_account`, `cache`, `queue`
                and `max_inline_io_bytes`, each as in `@env.task`.

        Raises:
            RemoteTaskUsageError: There is no such setting.
            TypeError: One is of another type.
        """
        known = (
            *("short_name", "resources", "retries", "timeout", "env_vars", "secrets", "service_account"),
            *("max_inline_io_bytes", "cache", "queue"),
        )
        for name in settings:
            if name not in known:
                raise RemoteTaskUsageError(
                    f"`override` of a registered task has no `{name}`; it has {', '.join(known)}"
                )
        assert _override is not None  # `flyte.remote` says it
        return replace(
            self,
            pb2=_override(self, settings),
            max_inline_io_bytes=settings.get("max_inline_io_bytes") or self.max_inline_io_bytes,
            overriden_queue=settings.get("queue") or self.overriden_queue,
            overridden=True,
        )

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task as a child of the calling action and return its result.

        Raises:
            RuntimeError: Outside a task, or in a local run.
            TypeError: The arguments do not fit its inputs.
            BaseRuntimeError: The child failed; its class and code tell how.
        """
        assert _call is not None  # `flyte.remote` says it
        return await _call(self, args, kwargs)


class Task(OfMessage):
    """A registered task as lists have it: its latest version."""

    def __init__(self, pb2: "task_definition_pb2.Task") -> None:
        """Wrap a message."""
        self.pb2 = pb2

    def __repr__(self) -> str:
        return f"<task `{self.name}`, version `{self.version}`>"

    @property
    def name(self) -> str:
        """The name that it is registered under."""
        return self.pb2.task_id.name

    @property
    def version(self) -> str:
        """The version."""
        return self.pb2.task_id.version

    @property
    def entrypoint(self) -> bool:
        """Whether it is declared as a start of runs."""
        # Lists of most control planes do not tell it.
        return bool(getattr(self.pb2.metadata, "is_entrypoint", False))

    @property
    def url(self) -> str:
        """The address of its page."""
        task = self.pb2.task_id
        return console_url("tasks", task.name, project=task.project, domain=task.domain)

    get = staticmethod(_refer)

    @syncify.class_method
    @classmethod
    async def listall(  # noqa: PLR0917 - the public signature
        cls,
        by_task_name: str | None = None,
        by_task_env: str | None = None,
        project: str | None = None,
        domain: str | None = None,
        sort_by: SortBy | None = None,
        limit: int = 100,
        entrypoint: bool | None = None,
    ) -> AsyncIterator["Task"]:
        """List tasks, each in its latest version.

        Args:
            by_task_name: Only the one of this name.
            by_task_env: Only those of this environment.
            project: Of this project; default: the configured one.
            domain: Of this domain; default: the configured one.
            sort_by: Field and direction; default: by the time of creation.
            limit: How many at most.
            entrypoint: Only those that are declared as a start of runs, or only the others.
        """
        from flyteidl2.task import task_service_pb2  # noqa: PLC0415 - messages load when used

        at = connection()
        filters = [equals("name", by_task_name)] if by_task_name else []
        if by_task_env:
            filters.append(contains("name", f"{by_task_env}."))
        known = (
            [task_service_pb2.ListTasksRequest.KnownFilter(is_entrypoint=entrypoint)] if entrypoint is not None else []
        )

        async def fetch(request: Any) -> tuple[Any, str]:
            asked = task_service_pb2.ListTasksRequest(
                request=request, project_id=project_identifier(project, domain, at=at), known_filters=known
            )
            answer = await at.call("TaskService", "ListTasks", asked)
            return answer.tasks, answer.token

        async for found in pages(fetch, request_of(filters, sort_by), limit):
            yield cls(found)

    @syncify.class_method
    @classmethod
    async def versions(
        cls, name: str, project: str | None = None, domain: str | None = None, limit: int = 100
    ) -> AsyncIterator[str]:
        """List the versions of a task, the latest deployed first.

        Args:
            name: Its name.
            project: Its project; default: the configured one.
            domain: Its domain; default: the configured one.
            limit: How many at most.
        """
        async for found in _versions(name, project, domain, limit):
            yield found.version


async def _details(
    name: str, project: str | None, domain: str | None, version: str
) -> "task_definition_pb2.TaskDetails":
    from flyteidl2.task import task_definition_pb2, task_service_pb2  # noqa: PLC0415 - messages load when used

    at = connection()
    task_id = task_definition_pb2.TaskIdentifier(
        org=at.org, project=at.project(project), domain=at.domain(domain), name=name, version=version
    )
    request = task_service_pb2.GetTaskDetailsRequest(task_id=task_id)
    try:
        return (await at.call("TaskService", "GetTaskDetails", request)).details
    except RpcError as error:
        if error.status is not Code.NOT_FOUND:
            raise
        raise RemoteTaskNotFoundError(
            f"there is no task `{name}` of version `{version}` in `{task_id.project}/{task_id.domain}`\n"
            "hint: `flyte get task` lists what is registered, `flyte deploy` registers"
        ) from error


async def _version(
    name: str, project: str | None, domain: str | None, version: str | None, auto_version: AutoVersioning | None
) -> str:
    if version:
        return version
    if auto_version == "current":
        context = current_context()
        if not context or not context.version:
            raise ValueError(
                f'task `{name}`: there is a current version only inside a task\nhint: `auto_version="latest"`'
            )
        return context.version
    # Lists have each task in its latest version.
    async for found in Task.listall.aio(name, project=project, domain=domain, sort_by=("created_at", "desc"), limit=1):
        return found.version
    at = connection()
    raise RemoteTaskNotFoundError(
        f"there is no task `{name}` in `{at.project(project)}/{at.domain(domain)}`\n"
        "hint: `flyte get task` lists what is registered, `flyte deploy` registers"
    )


async def _versions(name: str, project: str | None, domain: str | None, limit: int) -> AsyncIterator[Any]:
    from flyteidl2.task import task_definition_pb2, task_service_pb2  # noqa: PLC0415 - messages load when used

    at = connection()
    task_name = task_definition_pb2.TaskName(
        org=at.org, project=at.project(project), domain=at.domain(domain), name=name
    )

    async def fetch(request: Any) -> tuple[Any, str]:
        asked = task_service_pb2.ListVersionsRequest(request=request, task_name=task_name)
        answer = await at.call("TaskService", "ListVersions", asked)
        return answer.versions, answer.token

    async for found in pages(fetch, request_of(sort_by=("deployed_at", "desc")), limit):
        yield found
