"""`flyte.deploy`: tasks of environments, and of all they depend on, registered with their triggers at the control plane."""

import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, Literal

from flyteidl2.core import literals_pb2
from flyteidl2.task import common_pb2, task_definition_pb2, task_service_pb2

import flyte.remote as _remote
from flyte.bundling.cache import BundleCache
from flyte.bundling.control_plane import ControlPlaneUploader
from flyte.bundling.environments import deployment_version, request_for
from flyte.bundling.uploading import BundleUploader, FolderUploader, bundle_code
from flyte.git import GitStatus
from flyte.initialization import settings
from flyte.registration.arguments import search_path_env
from flyte.registration.differences import Difference, TriggerFacts, differences, trigger_differences
from flyte.registration.triggers import complete_request, described
from flyte.registration.versions import VERSION_TO_COME, neutral_bytes, set_version
from flyte.registration.wire import default_inputs
from flyte.registration.words import SOURCE
from flyte.running.options import CopyStyle, check_copy_style
from flyte.running.remote import images_of
from flyte.tasks.declarations import check_names
from flyte.tasks.environment import Environment, TaskEnvironment
from flyte.tasks.template import TaskTemplate
from flyte_models.bundles import CodeBundle
from flyte_models.errors import DeploymentError, RemoteTaskNotFoundError
from flyte_models.serialization import SerializationContext
from flyte_models.values import light_dataclass
from flyte_protocol.codes import Code
from flyte_protocol.rpc_errors import RpcError
from flyte_protocol.transport import CallOptions
from flyte_remote.connection import Connection, connection
from flyte_remote.local_data import check_local_data, digest_of_local_data, named_literals, upload_literals
from flyte_remote.triggers import offload_inputs
from flyte_storage.errors import StorageError
from flyte_syncify import syncify
from flyte_types.noted import noting_handles

__all__ = [
    "Change",
    "Comparison",
    "DeployedTask",
    "DeployedTaskEnvironment",
    "Deployment",
    "Outcome",
    "compare",
    "deploy",
]

Outcome = Literal["registered", "unchanged", "planned"]
"""What became of a task: new under its version, there already, or only looked at in a dry run."""

Change = Literal["new", "changed", "renewed", "unchanged", "taken"]
"""What a deployment would do to a task: register its first version; another one, with other content or the same; nothing; or be
refused, since the version is that of something else."""

_AT_ONCE = 16
_NAMED = 20
_LOST = (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.CANCELED)
"""The control plane does not answer: nobody knows what it did, and further calls fare no better."""
_REPEATABLE = CallOptions(is_idempotent=True)


@light_dataclass()
class DeployedTask:
    """A task as it was registered."""

    deployed_task: task_definition_pb2.TaskSpec
    deployed_triggers: list[task_definition_pb2.TaskTrigger] = field(
        default_factory=list[task_definition_pb2.TaskTrigger]
    )
    outcome: Outcome = "planned"

    @property
    def name(self) -> str:
        """The task's name."""
        return self.deployed_task.task_template.id.name

    @property
    def version(self) -> str:
        """The version it is registered under."""
        return self.deployed_task.task_template.id.version

    def get_name(self) -> str:
        """Return the task's name."""
        return self.name

    def summary_repr(self) -> str:
        """Say in one line what became of it."""
        return f"{self.name} {self.version} {self.outcome}"

    def table_repr(self) -> list[tuple[str, str]]:
        """Return the cells of its row in a table: heading and text."""
        triggers = ", ".join(trigger.name for trigger in self.deployed_triggers)
        return [("type", "task"), ("name", self.name), ("version", self.version), ("triggers", triggers)]


@light_dataclass()
class DeployedTaskEnvironment:
    """An environment with its registered tasks."""

    env: Environment
    deployed_entities: list[DeployedTask] = field(default_factory=list[DeployedTask])

    def get_name(self) -> str:
        """Return the environment's name."""
        return self.env.name

    def summary_repr(self) -> str:
        """Say in one line per task what became of it."""
        return "\n".join(task.summary_repr() for task in self.deployed_entities)

    def env_repr(self) -> list[tuple[str, str]]:
        """Return the cells of the environment's row in a table: heading and text."""
        image = self.env.image
        return [
            ("environment", self.env.name),
            ("image", image if isinstance(image, str) else getattr(image, "uri", "")),
        ]

    def table_repr(self) -> list[list[tuple[str, str]]]:
        """Return the rows of its tasks in a table."""
        return [task.table_repr() for task in self.deployed_entities]


@light_dataclass()
class Deployment:
    """What was deployed for one environment that was asked for: itself and all it depends on, by name."""

    envs: dict[str, DeployedTaskEnvironment] = field(default_factory=dict[str, DeployedTaskEnvironment])

    def tasks(self) -> list[DeployedTask]:
        """Return the tasks in the order in which they were registered."""
        return [task for environment in self.envs.values() for task in environment.deployed_entities]

    def summary_repr(self) -> str:
        """Say in one line per task what became of it."""
        return "\n".join(task.summary_repr() for task in self.tasks())

    def env_repr(self) -> list[list[tuple[str, str]]]:
        """Return the rows of its environments in a table."""
        return [environment.env_repr() for environment in self.envs.values()]

    def table_repr(self) -> list[list[tuple[str, str]]]:
        """Return the rows of its tasks in a table."""
        return [task.table_repr() for task in self.tasks()]


@syncify
@noting_handles
async def deploy(
    *envs: Environment,
    dry_run: bool = False,
    version: str | None = None,
    interactive_mode: bool | None = None,
    copy_style: CopyStyle = "loaded_modules",
    dryrun: bool | None = None,
    _on_progress: Callable[[int, int, DeployedTask], None] | None = None,
) -> list[Deployment]:
    """Register every task and trigger of environments, and of those they depend on, which come first.

    Registering is repeatable: what the control plane has already under the same version stays as it is, so that a deployment that
    failed halfway is finished by the next.

    Args:
        envs: The environments.
        dry_run: Bundle and describe everything, and tell the control plane nothing.
        version: Of all tasks. Default: computed from code and declarations, the same on every machine.
        interactive_mode: Not built, as in the reference: what is deployed needs a file.
        copy_style: Which code is bundled; with `none`, a version must be given. `custom` is `all`, as in 2.12.1: there is no
            list of files that it could take.
        dryrun: The older name of `dry_run`.
        _on_progress: Told of each task that the control plane has now: how many they are, of how many, and the task.

    Returns:
        One deployment for each environment; none for none.

    Raises:
        DeploymentError: Tasks could not be registered. The message says which, and which were.
        RpcError: The control plane does not take the code; nothing is registered.
        InitializationError: No control plane, project or domain is configured.
        ValueError: A task cannot be described.
        CodeBundleError: The code cannot be bundled.
    """
    if copy_style == "custom":
        copy_style = "all"
    check_copy_style(copy_style)
    if interactive_mode:
        raise NotImplementedError("environments of a notebook cannot be deployed\nhint: put them into a `.py` file")
    if not envs:
        return []
    is_dry = dry_run if dryrun is None else dryrun
    stages = _stages(envs)
    everything = [environment for stage in stages for environment in stage]
    check_names(everything)
    place = _Place.dry() if is_dry else _Place.of(connection())
    try:
        bundle = await _bundle(everything, place, copy_style, version)
    except StorageError as error:
        raise _nothing_stored(sum(len(_tasks_of(each)) for each in everything), error) from error
    except RpcError as error:
        error.add_note(_none_of(sum(len(_tasks_of(each)) for each in everything)))
        raise
    images = images_of(tuple(everything), place.connected)
    context = SerializationContext(
        version=version or VERSION_TO_COME,
        project=place.project,
        domain=place.domain,
        org=place.org,
        code_bundle=bundle,
        image_cache=images,
        root_dir=settings().root_dir,
    )
    # Everything is described before anything is registered: most mistakes are found here.
    planned = [(each, [(task, described(task, context)) for task in _tasks_of(each)]) for each in everything]
    specs = [spec for _, tasks in planned for _, spec in tasks]
    defaults = [await default_inputs(task.interface) for _, tasks in planned for task, _ in tasks]
    if version is None:
        chosen = await _computed_version(specs, defaults, bundle)
        for spec in specs:
            set_version(spec, chosen)
    for spec, each in zip(specs, defaults, strict=True):
        spec.default_inputs.extend(each)
    repository = await asyncio.to_thread(GitStatus.from_current_repo)
    variables = search_path_env(settings().root_dir, sys.path) if settings().sync_local_sys_paths else {}
    requests = {
        id(each): [await _request(task, spec, repository, variables) for task, spec in tasks] for each, tasks in planned
    }
    every = [one for each in everything for one in requests[id(each)]]
    if place.connected is not None:
        check_local_data(_literals(every))
        try:
            # All at once: what several of them refer to is sent once.
            await upload_literals(_literals(every), project=place.project, domain=place.domain)
            await _offload(every, place.connected)
        except RpcError as error:
            tasks = [DeployedTask(one.spec, []) for one in every]
            raise _failed([(task, error) for task in tasks], [], tasks) from error
        except StorageError as error:
            raise _nothing_stored(len(every), error) from error
    made = {
        id(each): DeployedTaskEnvironment(
            each, [DeployedTask(request.spec, list(request.triggers)) for request in requests[id(each)]]
        )
        for each in everything
    }
    if place.connected is not None:
        await _register(
            stages, requests, made, place.connected, is_version_given=version is not None, on_progress=_on_progress
        )
    return [Deployment({each.name: made[id(each)] for each in _ordered([environment])}) for environment in envs]


@light_dataclass()
class Comparison:
    """A task of a dry run beside what is registered."""

    task: DeployedTask
    change: Change
    beside: str | None = None
    """The version that it was compared with: its own if there is one, or the latest; None of a new task."""
    differences: tuple[Difference, ...] = ()


@syncify
async def compare(tasks: Iterable[DeployedTask]) -> list[Comparison]:
    """Say what deploying tasks of a dry run would change, of the tasks and of their triggers.

    Raises:
        InitializationError: No control plane, project or domain is configured.
        RpcError: The control plane does not answer.
    """
    chosen = list(tasks)
    names = {task.name for task in chosen}
    places = asyncio.Semaphore(_AT_ONCE)
    # Asked once, not for each task; most have none.
    triggers = [each async for each in _remote.Trigger.listall.aio(limit=-1) if each.task_name in names]

    async def fetch(trigger: _remote.Trigger) -> tuple[str, str, TriggerFacts]:
        async with places:
            return trigger.task_name, trigger.name, await _facts(await trigger.get_details())

    there: dict[str, dict[str, TriggerFacts]] = {}
    for task_name, name, facts in await asyncio.gather(*map(fetch, triggers)):
        there.setdefault(task_name, {})[name] = facts

    async def one(task: DeployedTask) -> Comparison:
        async with places:
            return await _compared(task, there.get(task.name, {}))

    return list(await asyncio.gather(*(one(task) for task in chosen)))


async def _compared(task: DeployedTask, triggers: dict[str, TriggerFacts]) -> Comparison:
    declared = {
        each.name: TriggerFacts(each.automation_spec, each.spec, each.spec.description, each.spec.inputs)
        for each in task.deployed_triggers
    }
    of_triggers = [
        difference
        for name in [*declared, *(name for name in triggers if name not in declared)]
        for difference in trigger_differences(name, triggers.get(name), declared.get(name))
    ]
    try:
        same = await _remote.TaskDetails.fetch.aio(task.name, version=task.version)
    except RemoteTaskNotFoundError:
        pass
    else:
        found = differences(same.spec, task.deployed_task)
        if not _is_same(found):
            return Comparison(task, "taken", task.version, found)
        return Comparison(task, "unchanged", task.version, tuple(of_triggers))
    try:
        latest = await _remote.TaskDetails.fetch.aio(task.name, auto_version="latest")
    except RemoteTaskNotFoundError:
        return Comparison(task, "new", None, tuple(of_triggers))
    found = differences(latest.spec, task.deployed_task)
    return Comparison(task, "changed" if found else "renewed", latest.version, (*found, *of_triggers))


async def _facts(details: _remote.TriggerDetails) -> TriggerFacts:
    try:
        inputs = await details.stored_inputs()
    except StorageError:
        inputs = None
    spec = details.pb2.spec
    return TriggerFacts(details.automation_spec, spec, details.pb2.description or spec.description, inputs)


class _Place:
    """Where to deploy to; without a connection nothing is told to anybody."""

    def __init__(self, org: str, project: str, domain: str, connected: Connection | None) -> None:
        self.org = org
        self.project = project
        self.domain = domain
        self.connected = connected

    @classmethod
    def of(cls, connected: Connection) -> "_Place":
        return cls(connected.org, connected.project(), connected.domain(), connected)

    @classmethod
    def dry(cls) -> "_Place":
        made, target = settings(), _remote.target()
        org = made.org or ("local" if target is not None else "")
        return cls(org, made.project or "", made.domain or "", None)


async def _bundle(
    everything: Iterable[Environment], place: _Place, copy_style: CopyStyle, version: str | None
) -> CodeBundle | None:
    made = settings()
    request = request_for(everything, copy_style=copy_style, root_dir=made.root_dir, version=version)
    if place.connected is not None:
        uploader: BundleUploader = ControlPlaneUploader(place.project, place.domain)
        return await bundle_code(request, uploader, cache=BundleCache(made.state_folder / "bundles"))
    with tempfile.TemporaryDirectory(prefix="flyte-dry-run-") as folder:
        return await bundle_code(request, FolderUploader(Path(folder)))


async def _computed_version(
    specs: list[task_definition_pb2.TaskSpec],
    defaults: list[list[common_pb2.NamedParameter]],
    bundle: CodeBundle | None,
) -> str:
    parts = {spec.task_template.id.name: neutral_bytes(spec, bundle) for spec in specs}
    # Files and folders that are defaults are no part of the code, and other content is another version all the same.
    for spec, of_task in zip(specs, defaults, strict=True):
        name = spec.task_template.id.name
        digest = await digest_of_local_data((f"{name}.{each.name}", each.parameter.default) for each in of_task)
        parts[name] += digest
    return deployment_version(parts, bundle.computed_version if bundle is not None else None)


async def _request(
    task: TaskTemplate[..., Any],
    spec: task_definition_pb2.TaskSpec,
    repository: GitStatus,
    variables: dict[str, str],
) -> task_service_pb2.DeployTaskRequest:
    request = await complete_request(task, spec, repository)
    template = request.spec.task_template
    if template.HasField("container"):
        named = {pair.key for pair in template.container.env}
        for key, text in variables.items():
            if key not in named:
                template.container.env.append(literals_pb2.KeyValuePair(key=key, value=text))
    return request


def _literals(requests: list[task_service_pb2.DeployTaskRequest]) -> list[tuple[str, literals_pb2.Literal]]:
    """Give what may refer to files of this machine: defaults of tasks, and inputs of triggers, each with a name to tell."""
    return [
        *(
            (f"{one.task_id.name}.{each.name}", each.parameter.default)
            for one in requests
            for each in one.spec.default_inputs
        ),
        *(
            (f"{one.task_id.name}.{trigger.name}.{name}", literal)
            for one in requests
            for trigger in one.triggers
            for name, literal in named_literals(trigger.spec.inputs)
        ),
    ]


async def _offload(requests: list[task_service_pb2.DeployTaskRequest], connected: Connection) -> None:
    """Put the inputs of triggers into the control plane's store."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def of_task(request: task_service_pb2.DeployTaskRequest) -> None:
        async with places:
            for trigger in request.triggers:
                place = request.task_id
                await offload_inputs(connected, trigger.spec, place.project, place.domain, task_spec=request.spec)

    await asyncio.gather(*(of_task(request) for request in requests if request.triggers))


async def _register(
    stages: list[list[Environment]],
    requests: dict[int, list[task_service_pb2.DeployTaskRequest]],
    made: dict[int, DeployedTaskEnvironment],
    connected: Connection,
    *,
    is_version_given: bool,
    on_progress: Callable[[int, int, DeployedTask], None] | None,
) -> None:
    total = sum(len(each.deployed_entities) for each in made.values())
    places = asyncio.Semaphore(_AT_ONCE)
    done: list[DeployedTask] = []
    failed: list[tuple[DeployedTask, RpcError]] = []
    is_lost = False

    async def register(request: task_service_pb2.DeployTaskRequest, task: DeployedTask) -> None:
        nonlocal is_lost
        async with places:
            if is_lost:
                return
            try:
                task.outcome = await _registered(request, connected, is_version_given=is_version_given)
            except RpcError as error:
                # The others would each wait as long for a control plane that does not answer.
                is_lost = is_lost or error.status in _LOST
                failed.append((task, error))
                return
            done.append(task)
            if on_progress is not None:
                on_progress(len(done), total, task)

    for stage in stages:
        pairs = [
            pair for each in stage for pair in zip(requests[id(each)], made[id(each)].deployed_entities, strict=True)
        ]
        await asyncio.gather(*(register(*pair) for pair in pairs))
        if failed:
            tasks = [task for every in stages for each in every for task in made[id(each)].deployed_entities]
            raise _failed(failed, done, tasks) from failed[0][1]


async def _registered(
    request: task_service_pb2.DeployTaskRequest, connected: Connection, *, is_version_given: bool
) -> Outcome:
    try:
        await connected.call("TaskService", "DeployTask", request, _REPEATABLE)
    except RpcError as error:
        if error.status is not Code.ALREADY_EXISTS:
            raise
        # A computed version says all by itself; one that was given may have been taken by something else.
        if is_version_given:
            asked = task_service_pb2.GetTaskDetailsRequest(task_id=request.task_id)
            there = (await connected.call("TaskService", "GetTaskDetails", asked)).details.spec
            found = differences(there, request.spec)
            if not _is_same(found):
                raise RpcError(error.status, _taken(request.task_id.version, found), method=error.method) from error
        return "unchanged"
    return "registered"


def _taken(version: str, found: Sequence[Difference]) -> str:
    shown = [str(each) for each in found if each.field != SOURCE]
    more = f" and {len(shown) - _NAMED} more" if len(shown) > _NAMED else ""
    return f"version `{version}` is registered with something else ({'; '.join(shown[:_NAMED])}{more})"


def _is_same(found: Iterable[Difference]) -> bool:
    """Say whether two specifications with these differences are the same: the same code is so at another commit as well."""
    return all(each.field == SOURCE for each in found)


def _failed(
    failed: list[tuple[DeployedTask, RpcError]], done: list[DeployedTask], every: list[DeployedTask]
) -> DeploymentError:
    if not done and not any(error.was_sent for _, error in failed):
        return DeploymentError(f"none of {len(every)} tasks could be registered: {failed[0][1]}")
    # Many are registered at once: they are told in the order of the program, not in that of the answers.
    errors, registered = {id(task): error for task, error in failed}, {id(task) for task in done}
    done = [task for task in every if id(task) in registered]
    left = [task for task in every if id(task) not in errors.keys() | registered]
    by_reason: dict[str, list[DeployedTask]] = {}
    for task in every:
        if id(task) in errors:
            by_reason.setdefault(_reason(errors[id(task)]), []).append(task)
    reasons = "\n".join(f"  {_names(tasks)}: {reason}" for reason, tasks in by_reason.items())
    further = f"\nnot tried: {_names(left)}" if left else ""
    is_taken = any(error.status is Code.ALREADY_EXISTS for _, error in failed)
    what_next = "under another version, or without one" if is_taken else "when the reason is gone"
    return DeploymentError(
        f"{len(failed)} of {len(every)} tasks could not be registered:\n{reasons}\nregistered: {_names(done)}{further}\n"
        f"hint: deploy again {what_next}; what is registered stays as it is"
    )


def _nothing_stored(count: int, error: StorageError) -> DeploymentError:
    """Say that the store of the control plane did not take what all tasks need, before any was registered."""
    said, _, hint = str(error).partition("\nhint: ")
    notes = "".join(f"\n{note}" for note in getattr(error, "__notes__", ()))
    return DeploymentError(
        f"none of {count} tasks could be registered: {said}{notes}\nhint: {hint or 'deploy again when the reason is gone'}"
    )


def _none_of(count: int) -> str:
    return f"none of {count} tasks is registered\nhint: deploy again when the reason is gone"


def _reason(error: RpcError) -> str:
    is_unknown = error.was_sent and error.status in _LOST
    return str(error).partition("\n")[0] + (" (perhaps it is registered all the same)" if is_unknown else "")


def _names(tasks: list[DeployedTask]) -> str:
    shown = ", ".join(f"`{task.name}`" for task in tasks[:_NAMED]) or "none"
    return shown + (f" and {len(tasks) - _NAMED} more" if len(tasks) > _NAMED else "")


def _tasks_of(environment: Environment) -> list[TaskTemplate[..., Any]]:
    return list(environment.tasks.values()) if isinstance(environment, TaskEnvironment) else []


def _ordered(envs: Iterable[Environment]) -> list[Environment]:
    """Return environments and all they depend on, each once and behind what it depends on; circles are cut."""
    found: list[Environment] = []
    seen: set[int] = set()

    def visit(environment: Environment) -> None:
        if id(environment) in seen:
            return
        seen.add(id(environment))
        for each in environment.depends_on:
            visit(each)
        found.append(environment)

    for environment in envs:
        visit(environment)
    return found


def _stages(envs: Iterable[Environment]) -> list[list[Environment]]:
    """Group environments so that each stage depends on earlier ones only, as far as there are no circles."""
    depths: dict[int, int] = {}
    stages: list[list[Environment]] = []
    for environment in _ordered(envs):
        depth = max((depths.get(id(each), -1) + 1 for each in environment.depends_on), default=0)
        depths[id(environment)] = depth
        while len(stages) <= depth:
            stages.append([])
        stages[depth].append(environment)
    return [stage for stage in stages if stage]
