"""The controller of a local run: children become actions of the engine in this process."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from flyte.controllers.cached import CacheSettings, CacheUses
from flyte.controllers.calling import call_blocking, in_loop, refuse_in_trace
from flyte.controllers.conversion import codec_for
from flyte.controllers.protocol import active_controller, active_traces, sync_bodies
from flyte.controllers.reporting import with_report
from flyte.controllers.surroundings import Surroundings
from flyte.failures import ActionFailure, error_of
from flyte.running.threads import BodyThreads
from flyte.tasks.template import AsyncFunctionTaskTemplate, TaskTemplate
from flyte.tracing.recorder import LocalTraces
from flyte_engine.caching import CacheUse
from flyte_engine.engine import ActionOutcome, ActionRequest, Attempt, Completed, Engine
from flyte_engine.store import ReportChange
from flyte_models.context import current_context, expected_artifacts, task_scope
from flyte_models.digests import task_identity_hash
from flyte_models.ids import ActionID
from flyte_models.paths import CheckpointPaths, RawDataPath
from flyte_models.policies import timeout_from_request
from flyte_models.task_context import TaskContext, set_checkpoint_factory
from flyte_models.values import value
from flyte_types.codec import InterfaceCodec
from flyte_types.errors import OutputError

if TYPE_CHECKING:
    from flyte.conditions import Condition
    from flyte.controllers.cache_notes import CacheNotes
    from flyte.isolation.messages import Call
    from flyte.isolation.pool import BodyProcesses
    from flyte.running.conditions import ConditionDesk


@value
class RunPlace:
    """What all actions of one local run share."""

    run_name: str
    project: str
    domain: str
    org: str
    base_dir: str
    """Folder of the run's own files, `<base_dir>/<action>` for each action."""
    version: str = "local"
    raw_data_path: str = ""
    """Where the data of the actions goes, instead of their own folders."""
    run_start_time: datetime | None = None
    """What the run takes as its start."""
    secrets_folder: str = ""
    """Where files with the values of secrets are."""
    env_vars: Mapping[str, str] = field(default_factory=dict[str, str])
    """Environment variables of every action of the run; those of a task itself count more."""
    custom_context: Mapping[str, str] = field(default_factory=dict[str, str])
    """Pairs that the root action has, and all below it inherit."""
    caching: CacheSettings = field(default_factory=CacheSettings)
    isolation: str = "thread"
    """Where bodies are executed: in this process, or each in a `process` of its own."""
    is_recorded: bool = False
    """Whether anybody can look at the run afterwards."""


class _PreparedTask:
    """What all actions of a task have in common, found out once per run: a child that does nothing costs little else."""

    __slots__ = ("call", "codec", "identity", "is_cached", "restore", "retry", "task", "timeout")

    def __init__(self, task: TaskTemplate[..., Any]) -> None:
        self.task = task
        """Also keeps it alive, so that its identity is not given to another one."""
        self.codec = codec = codec_for(task)
        self.identity = task_identity_hash(task.name, codec.interface_hash(), "")
        self.retry = task.retries
        self.timeout = timeout_from_request(task.timeout) if task.timeout else None
        self.is_cached = task.cache.is_enabled()
        self.call: Callable[..., Awaitable[Any]] | None = None
        """The function, where nothing is to be done around it."""
        if type(task) is AsyncFunctionTaskTemplate:
            function = cast("AsyncFunctionTaskTemplate[..., Any]", task)
            if function.is_async and not task.report:
                self.call = function.func

        async def restore(outputs: bytes | None) -> Any:
            data = outputs or b""
            return await codec.decode_outputs_async(data) if codec.needs_await else codec.decode_outputs(data)

        self.restore = restore
        """Makes values of recorded outputs: a parent that is retried gets what its finished children returned."""


class LocalController:
    """Runs children on the engine, in the loop that runs the whole run.

    Inputs are converted to bytes and back for every action, as on a cluster: a child never shares an object with its parent.
    """

    def __init__(self, engine: Engine, place: RunPlace, threads: BodyThreads) -> None:
        """Use the running loop for every action of the run."""
        self._engine = engine
        self._place = place
        self._threads = threads
        self._caching = CacheUses(place.caching)
        self._notes: CacheNotes | None = None
        self._surroundings = Surroundings(place.env_vars, place.secrets_folder)
        self._prepared: dict[int, _PreparedTask] = {}
        self._loop = asyncio.get_running_loop()
        self._desk: ConditionDesk | None = None
        self._processes: BodyProcesses | None = None
        if place.isolation == "process":
            from flyte.isolation import pool  # noqa: PLC0415 - most runs have no processes

            self._processes = pool.BodyProcesses(threads, engine.store.record)
        set_checkpoint_factory(_open_checkpoint)

    async def run_root(self, task: TaskTemplate[..., Any], inputs: bytes) -> ActionOutcome:
        """Run the root action, `a0`, with inputs that are already converted."""
        place = self._place
        action_id = ActionID(
            name="a0", run_name=place.run_name, project=place.project, domain=place.domain, org=place.org
        )
        token = active_controller.set(self)
        try:
            return await self._run(
                self._prepare(task), action_id, inputs, dict(place.custom_context), parent_name=None, group=None
            )
        finally:
            active_controller.reset(token)

    async def submit(
        self,
        task: TaskTemplate[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        group: str | None = None,
        index: int | None = None,
    ) -> Any:
        """Run a child action of the calling action; see `Controller.submit`.

        Raises:
            RuntimeUserError: when the child failed, with the exception of its body as cause.
            ValueError: when the arguments do not fit the task's parameters.
            TypeError: when a value does not have its declared type.
        """
        if asyncio.get_running_loop() is not self._loop:
            return await in_loop(self._loop, self.submit(task, args, kwargs, group=group, index=index))
        context = current_context()
        if expected_artifacts.get() is not None:
            _check_artifacts(task)
        if not context:
            raise RuntimeError(f"task `{task.name}` was called in a run, but outside every action of it")
        refuse_in_trace(context, task.name)
        if group is None and context.group_data is not None:
            group = context.group_data.name
        prepared = self._prepare(task)
        codec = prepared.codec
        given = task.interface.convert_to_kwargs(*args, **kwargs)
        custom = context.custom_context
        inputs = (
            await codec.encode_inputs_async(given, custom) if codec.needs_await else codec.encode_inputs(given, custom)
        )
        return (await self._run_child(prepared, inputs, custom, context, group=group, index=index)).value

    async def _run_child(
        self,
        prepared: _PreparedTask,
        inputs: bytes,
        custom: dict[str, str],
        context: TaskContext,
        *,
        group: str | None,
        index: int | None,
    ) -> ActionOutcome:
        codec = prepared.codec
        inputs_hash = codec.inputs_hash(inputs)
        identity = prepared.identity
        number = context.call_counter.next(f"{identity}-{inputs_hash}-{group or ''}")
        action_id = context.action.new_sub_action_from(number, identity, inputs_hash, group)
        outcome = await self._run(prepared, action_id, inputs, custom, parent_name=context.action.name, group=group)
        if outcome.exception is not None:
            failure = ActionFailure.of(outcome.record, codec.decode_inputs(inputs), index=index)
            raise error_of(outcome.exception, failure)
        return outcome

    def submit_sync(self, task: TaskTemplate[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a child action from the thread of a sync body, blocking it.

        Raises:
            SyncTaskCallInAsyncContextError: when the calling thread runs an event loop, which would stand still.
        """
        return call_blocking(self._loop, task, self.submit(task, args, kwargs))

    async def open_condition(self, condition: "Condition") -> Awaitable[Any]:
        """Make a condition of the calling action; see `flyte.new_condition`."""
        if self._desk is None:
            # Runs without conditions do not load what asks.
            from flyte.running.conditions import ConditionDesk  # noqa: PLC0415

            self._desk = ConditionDesk(self._engine, self._place.run_name)
        return await self._desk.open(condition)

    def close(self) -> None:
        """Free what the run has used beside the engine."""
        if self._desk is not None:
            self._desk.close()
        if self._processes is not None:
            self._processes.close()

    async def save_report(self, action: ActionID, page: bytes) -> None:
        """Record the report with the action."""
        self._engine.store.record(ReportChange(self._place.run_name, action.name, page))

    def _prepare(self, task: TaskTemplate[..., Any]) -> _PreparedTask:
        found = self._prepared.get(id(task))
        if found is None:
            found = self._prepared[id(task)] = _PreparedTask(task)
        return found

    async def _run(
        self,
        prepared: _PreparedTask,
        action_id: ActionID,
        inputs: bytes,
        custom_context: dict[str, str],
        *,
        parent_name: str | None,
        group: str | None,
    ) -> ActionOutcome:
        task, codec = prepared.task, prepared.codec
        use = self._caching.use_of(task, codec, inputs) if prepared.is_cached else None
        if use is not None and self._place.is_recorded:
            self._note(action_id.name, task, codec, use)
        request = ActionRequest(
            action_id=action_id,
            task_name=task.name,
            parent_name=parent_name,
            short_name=task.short_name,
            group=group,
            inputs=inputs,
            retry=prepared.retry,
            timeout=prepared.timeout,
            cache=use,
            body=partial(self._body, prepared, inputs, custom_context),
            restore=prepared.restore,
        )
        return await self._engine.run_action(request)

    def _note(self, action_name: str, task: TaskTemplate[..., Any], codec: InterfaceCodec, use: CacheUse) -> None:
        if self._notes is None:
            # Runs without cached tasks do not load what notes them.
            from flyte.controllers.cache_notes import CacheNotes  # noqa: PLC0415

            self._notes = CacheNotes(self._engine.store, self._place.run_name)
        self._notes.take(action_name, task, codec, use, self._caching.version_of(task))

    async def _body(
        self, prepared: _PreparedTask, inputs: bytes, custom_context: dict[str, str], attempt: Attempt
    ) -> Completed:
        task, codec, engine = prepared.task, prepared.codec, self._engine
        name, number = attempt.action_id.name, attempt.number
        if number > 1:
            # What the attempt before has recorded is to be found.
            await engine.store.flush()
        traces = LocalTraces(engine.store, engine.clock, self._loop, self._place.run_name, name, is_first=number == 1)
        token = active_traces.set(traces)
        try:
            with self._surroundings.of(task), task_scope(self._context(attempt, custom_context)) as context:
                if self._processes is not None and isinstance(task, AsyncFunctionTaskTemplate):
                    return await self._run_isolated(task, codec, inputs, context, attempt)
                arguments = (
                    await codec.decode_inputs_async(inputs) if codec.needs_await else codec.decode_inputs(inputs)
                )
                if prepared.call is not None:
                    value = await prepared.call(**arguments)
                else:
                    call = self._call(task, arguments, attempt)
                    value = await (with_report(context, call) if task.report else call)
                try:
                    return await _completed(codec, value)
                except OutputError as error:
                    error.add_note(_place_of(task))
                    raise
        finally:
            active_traces.reset(token)

    async def _run_isolated(
        self,
        task: TaskTemplate[..., Any],
        codec: InterfaceCodec,
        inputs: bytes,
        context: TaskContext,
        attempt: Attempt,
    ) -> Completed:
        assert self._processes is not None  # the caller has looked
        # Runs without isolation load nothing of it.
        from flyte.isolation.messages import Body, reference_to  # noqa: PLC0415

        store, place = self._engine.store, self._place
        traces = list(store.traces(place.run_name, attempt.action_id.name)) if attempt.number > 1 else []
        body = Body(reference_to(task), inputs, context, dict(os.environ), traces, place.is_recorded)
        outputs = await self._processes.run(attempt, body, self._answer)
        return Completed(await codec.decode_outputs_async(outputs), outputs)

    async def _answer(self, call: "Call") -> Any:
        """Do what a body in another process asks for."""
        from flyte.isolation.messages import find_task  # noqa: PLC0415 - as above

        if call.method == "submit":
            reference, inputs, group, index, custom = call.payload
            prepared = self._prepare(find_task(reference))
            context = current_context()
            outcome = await self._run_child(prepared, inputs, custom, context, group=group, index=index)
            return outcome.outputs or b""
        if call.method == "report":
            await self.save_report(*call.payload)
        elif call.method == "condition":
            return await (await self.open_condition(call.payload))
        else:
            await self._engine.store.flush()
        return None

    async def _call(self, task: TaskTemplate[..., Any], arguments: dict[str, Any], attempt: Attempt) -> Any:
        if type(task) is not AsyncFunctionTaskTemplate:
            token = sync_bodies.set(partial(self._threads.run, attempt.leftovers))
            try:
                return await task.execute(**arguments)
            finally:
                sync_bodies.reset(token)
        function = cast("AsyncFunctionTaskTemplate[..., Any]", task)
        if function.is_async:
            return await function.func(**arguments)
        return await self._threads.run(attempt.leftovers, function.func, **arguments)

    def _context(self, attempt: Attempt, custom_context: dict[str, str]) -> TaskContext:
        place = self._place
        name = attempt.action_id.name
        folder = f"{place.base_dir}/{name}"
        return TaskContext(
            action=attempt.action_id,
            version=place.version,
            raw_data_path=RawDataPath(path=f"{place.raw_data_path}/{name}" if place.raw_data_path else f"{folder}/raw"),
            output_path=f"{folder}/{attempt.number}",
            run_base_dir=place.base_dir,
            report=None,
            mode="local",
            local_attempt=attempt.number - 1,
            checkpoint_paths=_checkpoint_paths(folder, attempt.number),
            custom_context=custom_context,
            disable_run_cache=place.caching.is_disabled,
            run_start_time=place.run_start_time,
        )


async def _completed(codec: InterfaceCodec, value: Any) -> Completed:
    """Convert a result to bytes, and back to what the caller gets: never an object that the body still holds."""
    if codec.needs_await:
        outputs = await codec.encode_outputs_async(value)
        return Completed(await codec.decode_outputs_async(outputs), outputs)
    outputs = codec.encode_outputs(value)
    return Completed(codec.decode_outputs(outputs), outputs)


def _check_artifacts(task: TaskTemplate[..., Any]) -> None:
    """Refuse what the caller declares of outputs that the task does not have; nothing is published here."""
    from flyte.artifacts.declaring import check_outputs, declared_by_caller  # noqa: PLC0415 - hardly any run declares

    check_outputs(task.name, task.interface.outputs, declared_by_caller())


def _place_of(task: TaskTemplate[..., Any]) -> str:
    if not isinstance(task, AsyncFunctionTaskTemplate):
        return ""
    code = task.func.__code__
    return (
        f'  File "{code.co_filename}", line {code.co_firstlineno}, in {task.func.__name__}\n'
        f"hint: return what the annotation says, or change the annotation of `{task.func.__name__}`"
    )


def _checkpoint_paths(folder: str, number: int) -> CheckpointPaths:
    """Name where an attempt saves, and the latest earlier one that has saved."""
    previous: str | None = None
    for earlier in range(number - 1, 0, -1):
        path = f"{folder}/checkpoints/{earlier}"
        if os.path.exists(path):  # noqa: PTH110 - every action asks
            previous = path
            break
    return CheckpointPaths(previous, f"{folder}/checkpoints/{number}")


def _open_checkpoint(paths: CheckpointPaths) -> Any:
    # Most tasks have none, and do not load what packs them.
    from flyte.checkpoints import open_checkpoint  # noqa: PLC0415

    return open_checkpoint(paths)
