"""The controller of a local run: children become actions of the engine in this process."""

import asyncio
from collections.abc import Awaitable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from flyte.controllers.bodies import Bodies
from flyte.controllers.cached import CacheUses
from flyte.controllers.calling import call_blocking, in_loop, no_control_plane, refuse_in_trace
from flyte.controllers.places import RunPlace
from flyte.controllers.prepared import PreparedTask, PreparedTasks
from flyte.controllers.protocol import active_controller
from flyte.failures import ActionFailure, error_of
from flyte.running.threads import BodyThreads
from flyte.tasks.template import TaskTemplate
from flyte_engine.caching import CacheUse
from flyte_engine.engine import ActionOutcome, ActionRequest, Engine
from flyte_engine.store import ReportChange
from flyte_models.context import current_context, expected_artifacts
from flyte_models.ids import ActionID
from flyte_models.paths import CheckpointPaths
from flyte_models.task_context import TaskContext, set_checkpoint_factory

if TYPE_CHECKING:
    from flyte.conditions import Condition
    from flyte.controllers.cache_notes import CacheNotes
    from flyte.controllers.isolated import IsolatedBodies
    from flyte.running.conditions import ConditionDesk
    from flyte.tracing.calls import TracedCall
    from flyte_engine.records import TraceRecord
    from flyte_remote.tasks import TaskDetails

__all__ = ["LocalController", "RunMirror"]


class RunMirror(Protocol):
    """Somebody elsewhere who hears of a run."""

    def know(
        self, action_name: str, parent_name: str | None, task: TaskTemplate[..., Any], custom_context: dict[str, str]
    ) -> None:
        """Hear the parent, the task and the custom context of an action that is about to begin."""
        ...

    def trace(self, trace: "TraceRecord", call: "TracedCall") -> None:
        """Hear of a traced call that has ended; from any thread."""
        ...

    def report(self, action_name: str) -> None:
        """Hear that an action has another report."""
        ...


class LocalController:
    """Runs children on the engine, in the loop that runs the whole run.

    Inputs are converted to bytes and back for every action, as on a cluster: a child never shares an object with its parent.
    """

    def __init__(
        self, engine: Engine, place: RunPlace, threads: BodyThreads, mirror: "RunMirror | None" = None
    ) -> None:
        """Use the running loop for every action of the run; `mirror` hears of what the engine does not know."""
        self._engine = engine
        self._place = place
        self._caching = CacheUses(place.caching)
        self._notes: CacheNotes | None = None
        self._tasks = PreparedTasks()
        self._loop = asyncio.get_running_loop()
        self._desk: ConditionDesk | None = None
        self._isolated: IsolatedBodies | None = None
        if place.isolation == "process":
            # Most runs have no processes.
            from flyte.controllers import isolated  # noqa: PLC0415

            self._isolated = isolated.IsolatedBodies(self, place, threads, engine.store)
        self._mirror = mirror
        self._bodies = Bodies(
            engine,
            place,
            threads,
            self._isolated.execute if self._isolated is not None else None,
            mirror.trace if mirror is not None else None,
        )
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
                self._tasks.of(task), action_id, inputs, dict(place.custom_context), parent_name=None, group=None
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
        prepared = self._tasks.of(task)
        codec, custom = prepared.codec, context.custom_context
        given = prepared.interface.convert_to_kwargs(*args, **kwargs)
        inputs = (
            await codec.encode_inputs_async(given, custom)
            if prepared.needs_await
            else codec.encode_inputs(given, custom)
        )
        return (await self._run_child(prepared, inputs, custom, context, group=group, index=index)).value

    async def submit_encoded(
        self,
        task: TaskTemplate[..., Any],
        inputs: bytes,
        custom_context: dict[str, str],
        group: str | None,
        index: int | None,
    ) -> bytes:
        """Do what `submit` does, for a caller that has its inputs in bytes and takes its outputs so.

        Raises:
            RuntimeUserError: as for `submit`.
        """
        prepared = self._tasks.of(task)
        return (
            await self._run_child(prepared, inputs, custom_context, current_context(), group=group, index=index)
        ).outputs or b""

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

            self._desk = ConditionDesk(
                self._engine, self._place.run_name, asks_on_terminal=self._place.asks_on_terminal
            )
        return await self._desk.open(condition)

    async def submit_registered(self, task: "TaskDetails", args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Refuse: the code of a registered task is at its control plane; see `Controller.submit_registered`."""
        del args, kwargs
        raise no_control_plane(task.name)

    async def save_report(self, action: ActionID, page: bytes) -> None:
        """Record the report with the action."""
        self._engine.store.record(ReportChange(self._place.run_name, action.name, page))
        if self._mirror is not None:
            self._mirror.report(action.name)

    def close(self) -> None:
        """Free what the run has used beside the engine."""
        if self._desk is not None:
            self._desk.close()
        if self._isolated is not None:
            self._isolated.close()

    async def _run_child(
        self,
        prepared: PreparedTask,
        inputs: bytes,
        custom_context: dict[str, str],
        context: TaskContext,
        *,
        group: str | None,
        index: int | None,
    ) -> ActionOutcome:
        codec, identity, parent = prepared.codec, prepared.identity, context.action
        inputs_hash = codec.inputs_hash(inputs)
        number = context.call_counter.next(f"{identity}-{inputs_hash}-{group or ''}")
        action_id = parent.new_sub_action_from(number, identity, inputs_hash, group)
        outcome = await self._run(prepared, action_id, inputs, custom_context, parent_name=parent.name, group=group)
        if outcome.exception is not None:
            failure = ActionFailure.of(outcome.record, codec.decode_inputs(inputs), index=index)
            raise error_of(outcome.exception, failure)
        return outcome

    def _run(
        self,
        prepared: PreparedTask,
        action_id: ActionID,
        inputs: bytes,
        custom_context: dict[str, str],
        *,
        parent_name: str | None,
        group: str | None,
    ) -> Coroutine[Any, Any, ActionOutcome]:
        task = prepared.task
        use = self._caching.use_of(task, prepared.codec, inputs) if prepared.is_cached else None
        if use is not None and self._place.is_recorded:
            self._note(action_id.name, prepared, use)
        if self._mirror is not None:
            self._mirror.know(action_id.name, parent_name, task, custom_context)
        return self._engine.run_action(
            ActionRequest(
                action_id=action_id,
                task_name=task.name,
                parent_name=parent_name,
                short_name=task.short_name,
                group=group,
                inputs=inputs,
                retry=prepared.retry,
                timeout=prepared.timeout,
                cache=use,
                body=partial(self._bodies.run, prepared, inputs, custom_context),
                restore=prepared.restore,
            )
        )

    def _note(self, action_name: str, prepared: PreparedTask, use: CacheUse) -> None:
        if self._notes is None:
            # Runs without cached tasks do not load what notes them.
            from flyte.controllers.cache_notes import CacheNotes  # noqa: PLC0415

            self._notes = CacheNotes(self._engine.store, self._place.run_name)
        task = prepared.task
        self._notes.take(action_name, task, prepared.codec, use, self._caching.version_of(task))


def _check_artifacts(task: TaskTemplate[..., Any]) -> None:
    """Refuse what the caller declares of outputs that the task does not have; nothing is published here."""
    from flyte.artifacts.declaring import check_outputs, declared_by_caller  # noqa: PLC0415 - hardly any run declares

    check_outputs(task.name, task.interface.outputs, declared_by_caller())


def _open_checkpoint(paths: CheckpointPaths) -> Any:
    # Most tasks have none, and do not load what packs them.
    from flyte.checkpoints import open_checkpoint  # noqa: PLC0415

    return open_checkpoint(paths)
