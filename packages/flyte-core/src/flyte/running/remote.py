"""The remote strategy: code to the store, inputs to the control plane, and a run made of both."""

import logging
import os
import secrets
import string
import sys
import tempfile
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

from flyteidl2.common import identifier_pb2
from flyteidl2.common import run_pb2 as common_run_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.task import common_pb2, run_pb2, task_definition_pb2
from flyteidl2.workflow import run_definition_pb2, run_service_pb2

from flyte.bundling.cache import BundleCache
from flyte.bundling.control_plane import ControlPlaneUploader
from flyte.bundling.environments import request_for
from flyte.bundling.uploading import BundleUploader, FolderUploader, bundle_code
from flyte.controllers.conversion import codec_for
from flyte.controllers.specs import CallerCode
from flyte.image_builds import resolve
from flyte.initialization import calling_context, settings
from flyte.logs import variables as log_variables
from flyte.registration import wire
from flyte.registration.arguments import search_path_env
from flyte.registration.plan import LinkScope
from flyte.remote import ActionDetails, Run, RunDetails, TaskDetails, Trigger, TriggerDetails
from flyte.running.options import RunOptions
from flyte.running.spawning import SEARCH_PATH, note_spawner
from flyte.tasks.declarations import check_names
from flyte.tasks.environment import Environment
from flyte.tasks.template import TaskTemplate
from flyte_images import ImageCache, default_image_uri
from flyte_models.bundles import CodeBundle
from flyte_models.debugging import DEBUG_VARIABLE
from flyte_models.errors import ImageBuildError, RunRefusedError, RuntimeUserError
from flyte_models.serialization import SerializationContext
from flyte_models.values import value
from flyte_protocol.codes import Code
from flyte_protocol.endpoints import Endpoint
from flyte_protocol.rpc_errors import RpcError
from flyte_protocol.transport import CallOptions
from flyte_remote.connection import Connection, connection
from flyte_remote.local_data import check_local_data, named_literals, upload_inputs
from flyte_remote.tasks import LazyEntity
from flyte_storage.errors import StorageError
from flyte_types.noted import noting_handles

__all__ = ["DryRun", "RemoteStrategy", "images_of", "run_spec_of"]

RunSource = Literal["code", "registered", "trigger", "run"]
"""What a run is made of: code that is here, a registered task, a trigger, or an earlier run."""

_FAULTS_OF_USERS = {Code.ALREADY_EXISTS: "RunAlreadyExistsError", Code.INVALID_ARGUMENT: "InvalidArgumentError"}
"""What `CreateRun` refuses because of what the caller asks for; the codes of the errors are public."""

_logger = logging.getLogger("flyte")

_NAME_DIGITS = string.ascii_lowercase + string.digits


@value
class DryRun:
    """What a remote run would have been made of."""

    task_spec: task_definition_pb2.TaskSpec
    inputs: common_pb2.Inputs
    code_bundle: CodeBundle | None


class RemoteStrategy:
    """Makes runs on the configured control plane, and does not wait for them."""

    def __init__(self, options: RunOptions) -> None:
        self._options = options

    @noting_handles
    async def run(self, task: TaskTemplate[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make a run of `task` and return it; with `dry_run`, return what it would be made of.

        Inputs are checked before anything is uploaded.

        Raises:
            ValueError: the arguments do not fit the task's parameters.
            TypeError: a value does not have its declared type.
            RuntimeUserError: a `File`, `Dir` or `DataFrame` in the arguments is of this machine, and is not there.
            RunRefusedError: a run has the name, or an option is not valid.
            InitializationError: no endpoint, project or domain is configured.
            RpcError: the control plane refuses for another reason, or cannot be reached.
        """
        options = self._options
        environment = task.parent_env() if task.parent_env is not None else None
        closure = tuple(environment.closure()) if environment is not None else ()
        check_names(closure)
        codec = codec_for(task)
        given = task.interface.convert_to_kwargs(*args, **kwargs)
        pairs = options.custom_context or None
        inputs = common_pb2.Inputs.FromString(await codec.encode_inputs_async(given, pairs))
        at = connection()
        # Before the code is bundled and uploaded.
        check_local_data(named_literals(inputs))
        project, domain = at.project(options.project), at.domain(options.domain)
        serialization = await self._serialization(task, closure, at)
        spec = wire.task_spec(
            task,
            serialization,
            links=LinkScope(project=project, domain=domain, context=options.custom_context),
        )
        if options.dry_run:
            return DryRun(spec, inputs, serialization.code_bundle)
        run_spec = run_spec_of(options, queue=task.queue)
        message = await self._create(at, {"task_spec": spec}, inputs, project, domain, run_spec)
        types = {name: kind for name, (kind, _) in task.interface.inputs.items()}, dict(task.interface.outputs)
        return Run(message, _types=types)

    async def _serialization(
        self, task: TaskTemplate[..., Any], closure: tuple[Environment, ...], at: Connection
    ) -> SerializationContext:
        options = self._options
        project, domain = at.project(options.project), at.domain(options.domain)
        caller = calling_context()
        if caller is not None and not settings().endpoint and options.root_dir is None and not options.interactive_mode:
            # The code is where the caller has it from, and so is its image.
            code = CallerCode.of_context(caller)
            made = await replace(code, version=options.version or code.version).serialization(task)
            known = dict(made.image_cache.image_lookup) if made.image_cache is not None else {}
            others = images_of([each for each in closure if each.name not in known], at).image_lookup
            images = ImageCache(image_lookup={**known, **others})
            return replace(made, project=project, domain=domain, image_cache=images)
        bundle = await self._bundle(task, closure, project, domain)
        return SerializationContext(
            version=options.version or (bundle.computed_version if bundle is not None else ""),
            project=project,
            domain=domain,
            org=at.org,
            code_bundle=bundle,
            image_cache=images_of(closure, at),
            root_dir=options.root_dir or settings().root_dir,
        )

    async def _bundle(
        self, task: TaskTemplate[..., Any], closure: tuple[Environment, ...], project: str, domain: str
    ) -> CodeBundle | None:
        options, made = self._options, settings()
        uploader: BundleUploader = ControlPlaneUploader(project, domain)
        cache: BundleCache | None = BundleCache(made.state_folder / "bundles")
        if options.dry_run:
            folder = options.copy_bundle_to or Path(tempfile.mkdtemp(prefix="flyte-dry-run-"))
            uploader, cache = FolderUploader(Path(folder)), None
        if _is_interactive(options.interactive_mode):
            from flyte.bundling.pickling import bundle_pickled  # noqa: PLC0415 - of notebooks only

            return await bundle_pickled(task, uploader, cache=cache)
        request = request_for(
            closure,
            copy_style=options.copy_style,
            root_dir=options.root_dir or made.root_dir,
            version=options.version,
            paths=options.copy_paths,
        )
        return await bundle_code(request, uploader, cache=cache)

    @noting_handles
    async def run_registered(self, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Run:
        """Make a run of a task that is registered, or of what a trigger starts.

        Raises:
            ValueError: the arguments do not fit the task's inputs.
            RemoteTaskUsageError: several inputs are given by position.
            InitializationError: no endpoint, project or domain is configured.
            RpcError: there is no such task or trigger, or the control plane refuses.
        """
        from flyte.registration.calls import inputs_of, named_arguments  # noqa: PLC0415 - most runs are of code that is here

        if isinstance(task, LazyEntity):
            task = await task.fetched()
        at = connection()
        if isinstance(task, Trigger | TriggerDetails):
            return await self._run_trigger(at, task, args, kwargs)
        options, details = self._options, cast("TaskDetails", task)
        inputs = await inputs_of(details, named_arguments(details, args, kwargs), options.custom_context)
        task_id = details.pb2.task_id
        project, domain = options.project or task_id.project, options.domain or task_id.domain
        what: dict[str, Any] = {"task_spec": details.pb2.spec} if details.overridden else {"task_id": task_id}
        run_spec = run_spec_of(options, "registered", queue=details.queue)
        return Run(await self._create(at, what, inputs, project, domain, run_spec))

    async def _run_trigger(
        self, at: Connection, task: Trigger | TriggerDetails, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Run:
        """Make a run as a trigger would; inputs that are given count more than its own."""
        from flyte.registration.calls import inputs_of, named_arguments  # noqa: PLC0415 - as above

        found = await task.get_details() if isinstance(task, Trigger) else task
        name, declared, automation = found.pb2.id.name, found.pb2.spec, found.pb2.automation_spec
        details = await TaskDetails.get(
            name.task_name, name.project, name.domain, version=declared.task_version
        ).fetched()
        of_artifact = [automation.artifact.input_arg, *automation.artifact.partition_input_args]
        unknown = [each for each in of_artifact if each and each not in kwargs]
        if unknown:
            raise TypeError(
                f"trigger `{name.name}` takes the input `{unknown[0]}` from the artifact that arrives, and none does now\n"
                f"hint: give it: `flyte.run(trigger, {unknown[0]}=...)`"
            )
        spec = run_pb2.RunSpec()
        spec.CopyFrom(declared.run_spec)
        spec.MergeFrom(run_spec_of(self._options, "trigger"))
        what: dict[str, Any] = {"trigger_name": name}
        is_offloaded = declared.WhichOneof("input_wrapper") == "offloaded_input_data"
        if is_offloaded and not args and not kwargs:
            run_id = self._run_id(at, name.project, name.domain)
            return Run(await self._begin(at, what, declared.offloaded_input_data, run_id, spec))
        # Not asked of the store when nothing of it is needed: this machine may not be allowed to read there.
        stored = common_pb2.Inputs() if set(kwargs) >= set(details.interface.inputs) else await _stored(found)
        literals = {one.name: one.value for one in stored.literals}
        context = {pair.key: pair.value for pair in stored.context} | dict(self._options.custom_context or {})
        filled = automation.schedule.kickoff_time_input_arg
        given = named_arguments(details, args, kwargs, stored=literals, filled=filled)
        inputs = await inputs_of(details, given, context, stored=literals)
        kept = set(literals) - set(kwargs)
        return Run(await self._create(at, what, inputs, name.project, name.domain, spec, stored=kept))

    @noting_handles
    async def rerun(
        self,
        run_name: str,
        action_name: str,
        inputs: dict[str, Any],
        *,
        recover: bool,
        forced: tuple[str, ...],
        allows_missing: bool,
    ) -> Run:
        """Make a run of what an action of an earlier run has run; see `flyte.rerun`."""
        from flyte.registration.calls import inputs_of, named_arguments  # noqa: PLC0415 - as above

        if forced and not recover:
            raise ValueError("`force_rerun_actions` is about what is taken over, which needs `recover=True`")
        if recover and action_name != "a0":
            raise ValueError(f"a run is recovered as a whole, from its root action; got action `{action_name}`")
        source = await RunDetails.get.aio(run_name)
        action = (
            source.action_details if action_name == "a0" else await ActionDetails.get.aio(f"{run_name}/{action_name}")
        )
        if not action.pb2.HasField("task"):
            raise ValueError(f"action `{action_name}` of run `{run_name}` is no task, so there is nothing to run again")
        run_id = action.pb2.id.run
        spec = run_pb2.RunSpec()
        spec.CopyFrom(source.pb2.run_spec)
        for provenance in ("related_to", "relation", "recover", "task_spec_source"):
            spec.ClearField(provenance)
        spec.MergeFrom(run_spec_of(self._options, "run"))
        spec.relation.related_to.CopyFrom(run_id)
        spec.relation.relation_type = (
            common_run_pb2.RELATION_TYPE_RECOVER if recover else common_run_pb2.RELATION_TYPE_RERUN
        )
        if forced:
            spec.recover.force_rerun_actions.extend(forced)
        details = TaskDetails(
            task_definition_pb2.TaskDetails(task_id=action.pb2.metadata.task.id, spec=action.pb2.task)
        )
        at = connection()
        what: dict[str, Any] = {"task_spec": action.pb2.task}
        try:
            data = await action.action_data()
        except RpcError as error:
            if error.status is not Code.NOT_FOUND:
                raise
            if not allows_missing or inputs:
                error.add_note(
                    f"hint: data of run `{run_name}` is gone; `allow_missing_source_outputs=True` goes on without"
                )
                raise
            # The outputs are gone, and the inputs may be there: the control plane is told where.
            request = run_service_pb2.GetActionDataURIsRequest(action_id=action.pb2.id)
            uri = (await at.call("RunService", "GetActionDataURIs", request)).inputs_uri
            offloaded = common_run_pb2.OffloadedInputData(uri=uri, inputs_hash=_fnv1a(uri))
            return Run(await self._begin(at, what, offloaded, self._run_id(at, run_id.project, run_id.domain), spec))
        stored = {one.name: one.value for one in data.inputs.literals}
        context = {pair.key: pair.value for pair in data.inputs.context}
        made = await inputs_of(details, named_arguments(details, (), inputs, stored=stored), context, stored=stored)
        kept = set(stored) - set(inputs)
        return Run(await self._create(at, what, made, run_id.project, run_id.domain, spec, stored=kept))

    async def _create(  # noqa: PLR0917 - parts of one request
        self,
        at: Connection,
        what: dict[str, Any],
        inputs: common_pb2.Inputs,
        project: str,
        domain: str,
        run_spec: run_pb2.RunSpec,
        *,
        stored: Collection[str] = (),
    ) -> run_definition_pb2.Run:
        run_id = self._run_id(at, project, domain)
        await upload_inputs(inputs, project=project, domain=domain, stored=stored)
        uploaded = await at.call(
            "DataProxyService",
            "UploadInputs",
            dataproxy_service_pb2.UploadInputsRequest(
                run_id=run_id, **what, inputs=inputs, base_dir=self._options.run_base_dir or ""
            ),
        )
        return await self._begin(at, what, uploaded.offloaded_input_data, run_id, run_spec)

    def _run_id(self, at: Connection, project: str, domain: str) -> identifier_pb2.RunIdentifier:
        # Chosen here, so that a repeated request cannot begin a second run.
        name = self._options.name or _new_run_name()
        return identifier_pb2.RunIdentifier(org=at.org, project=project, domain=domain, name=name)

    async def _begin(
        self,
        at: Connection,
        what: dict[str, Any],
        inputs: common_run_pb2.OffloadedInputData,
        run_id: identifier_pb2.RunIdentifier,
        run_spec: run_pb2.RunSpec,
    ) -> run_definition_pb2.Run:
        options = self._options
        request = run_service_pb2.CreateRunRequest(
            run_id=run_id,
            **what,
            offloaded_input_data=inputs,
            run_spec=run_spec,
        )
        if options.run_start_time is not None:
            request.run_start_time.FromDatetime(options.run_start_time)
        try:
            answer = await at.call("RunService", "CreateRun", request, CallOptions(is_idempotent=True))
        except RpcError as error:
            if error.status is not Code.ALREADY_EXISTS or options.name:
                if error.status in _FAULTS_OF_USERS:
                    raise RunRefusedError(_FAULTS_OF_USERS[error.status], str(error)) from error
                raise
            # The answer to an earlier request was lost: nobody else has this name.
            return (await Run.get.aio(run_id.name)).pb2
        return answer.run


def run_spec_of(options: RunOptions, of: RunSource = "code", *, queue: str | None = None) -> run_pb2.RunSpec:
    """Say how a run is to be run, as its options have it.

    Args:
        options: What was asked for.
        of: What is run. Code that is here brings the search path along; what an earlier run had stays as it was.
        queue: The one that the task names.
    """
    made = settings()
    # What is given comes first and counts more; the rest is in the order of the reference.
    variables = dict(options.env_vars)
    for name, text in log_variables().items() if of != "run" else ():
        variables.setdefault(name, text)
    if options.debug and options.mode != "local":
        # Counts more than one that is given.
        variables[DEBUG_VARIABLE] = "1"
    caller = calling_context()
    if of == "code" and caller is not None and not made.endpoint:
        # The code is the caller's, and so are the folders that modules are imported from.
        if SEARCH_PATH in os.environ:
            variables.setdefault(SEARCH_PATH, os.environ[SEARCH_PATH])
    elif of == "code" and made.sync_local_sys_paths and not _is_interactive(options.interactive_mode):
        for name, text in search_path_env(made.root_dir, sys.path).items():
            variables.setdefault(name, text)
    spec = run_pb2.RunSpec(
        overwrite_cache=options.overwrite_cache,
        queue=options.queue or queue or "",
        max_action_concurrency=options.max_action_concurrency or 0,
        run_base_dir=options.run_base_dir or "",
        cache_config=run_pb2.CacheConfig(
            overwrite_cache=options.overwrite_cache,
            cache_lookup_scope=run_pb2.CacheLookupScope.CACHE_LOOKUP_SCOPE_PROJECT_DOMAIN
            if options.cache_lookup_scope == "project-domain"
            else run_pb2.CacheLookupScope.CACHE_LOOKUP_SCOPE_GLOBAL,
        ),
    )
    if of != "trigger":
        # Sent empty too, as the reference does.
        spec.labels.SetInParent()
        spec.annotations.SetInParent()
    spec.labels.values.update(options.labels)
    spec.annotations.values.update(options.annotations)
    for name, text in variables.items():
        spec.envs.values.add(key=name, value=text)
    if options.interruptible is not None:
        spec.interruptible.value = options.interruptible
    if options.raw_data_path:
        spec.raw_data_storage.raw_data_prefix = options.raw_data_path
    if options.service_account:
        spec.security_context.run_as.k8s_service_account = options.service_account
    if options.notifications:
        from flyte_remote.notification_messages import add_notifications  # noqa: PLC0415 - hardly any run tells somebody

        add_notifications(spec, options.notifications)
    if of != "run":
        note_spawner(spec)
    return spec


async def _stored(trigger: TriggerDetails) -> common_pb2.Inputs:
    try:
        return await trigger.stored_inputs()
    except StorageError as error:
        raise RuntimeUserError(
            "TriggerInputsNotReadable",
            f"the inputs of trigger `{trigger.name}` cannot be read from here: {error}\n"
            "hint: give all inputs, or none, which starts it with its own",
        ) from error


def _new_run_name() -> str:
    """Return a fresh name of the form that control planes give: `r` and 19 letters and digits."""
    return "r" + "".join(secrets.choice(_NAME_DIGITS) for _ in range(19))


def _fnv1a(text: str) -> str:
    """Return the 64-bit FNV-1a hash of a text, in hexadecimal: what stands for inputs that nobody has read."""
    number = 0xCBF29CE484222325
    for byte in text.encode():
        number = (number ^ byte) * 0x100000001B3 % 2**64
    return f"{number:016x}"


def _is_interactive(given: bool | None) -> bool:
    """Tell whether the task's code is in no file: typed into a notebook or a prompt."""
    if given is not None:
        return given
    main = sys.modules.get("__main__")
    return not hasattr(main, "__file__") and (hasattr(sys, "ps1") or "ipykernel" in sys.modules)


def images_of(closure: Iterable[Environment], at: Connection | None) -> ImageCache:
    """Name the image of each environment, but of those that name a URI: that one is used as it stands.

    Args:
        closure: The environments.
        at: The control plane; without one nothing runs, and nothing has to be built.

    Raises:
        ImageBuildError: An image has to be built, and the control plane is not on this machine; or a name of an image is not
            configured.
    """
    lookup: dict[str, str] = {}
    for environment in closure:
        image = environment.image
        if image is None or (isinstance(image, str) and image != "auto"):
            continue
        resolved = resolve(image, settings().images)
        if isinstance(resolved, str):
            lookup[environment.name] = resolved
            continue
        if at is None:
            lookup[environment.name] = resolved.uri
            continue
        if not Endpoint.of(at.target.endpoint, is_insecure=at.target.is_insecure).is_local:
            raise ImageBuildError(
                f"the image of environment `{environment.name}` has to be built, which this version cannot do\n"
                'hint: build it yourself and name it: `image="registry.example.org/name:tag"`'
            )
        _logger.warning(
            "the image of environment `%s` is not built: its tasks run with the packages of the devbox",
            environment.name,
        )
        lookup[environment.name] = default_image_uri()
    return ImageCache(image_lookup=lookup)
