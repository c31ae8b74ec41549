"""The controller of an action in a container: children become actions of the control plane. Loads protobuf and the transport."""

import asyncio
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flyteidl2.core import identifier_pb2
from flyteidl2.task import task_definition_pb2
from flyteidl2.workflow import run_definition_pb2
from google.protobuf import wrappers_pb2

from flyte.controllers.backends import Backend, ChildRequest
from flyte.controllers.calling import call_blocking, refuse_in_trace
from flyte.controllers.children import ChildState, ChildWatch
from flyte.controllers.connecting import connect
from flyte.controllers.conversion import codec_for
from flyte.controllers.specs import Describe, describer
from flyte.failures import ActionFailure, error_of, preview
from flyte.runtime.objects import MissingObjectError, read_object, write_object
from flyte.tasks.template import TaskTemplate
from flyte_models.context import current_context, expected_artifacts
from flyte_models.digests import cache_key_hash, task_identity_hash
from flyte_models.errors import (
    ActionAbortedError,
    BaseRuntimeError,
    InlineIOMaxBytesBreached,
    RuntimeSystemError,
    TaskTimeoutError,
)
from flyte_models.ids import ActionID
from flyte_models.phases import ActionPhase
from flyte_models.task_context import TaskContext
from flyte_models.values import value
from flyte_protocol.codes import Code
from flyte_protocol.failures import FailureInfo, error_of_failure, read_error_document
from flyte_protocol.ids import action_id_to_wire
from flyte_protocol.rpc_errors import RpcError
from flyte_protocol.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from flyte.conditions import Condition
    from flyte.runtime.invocation import Invocation
    from flyte.tracing.calls import TracedCall
    from flyte_engine.records import TraceRecord
    from flyte_remote.tasks import TaskDetails

__all__ = ["Child", "ClusterController", "ControllerLimits"]

DEFAULT_INLINE_BYTES = 10 * 1024 * 1024


@value
class ControllerLimits:
    """How much is under way at once, and how long a control plane is asked again. Times are in seconds."""

    children: int = 1000
    """How many children of one action are under way at once."""
    enqueues: int = 20
    """How many of them are being created at once."""
    attempts: int = 100
    """How often creating a child is tried."""
    first_wait: float = 0.5
    longest_wait: float = 10.0
    exhausted: float = 600.0
    """How long a control plane may say that it has no room for another child."""
    abort: float = 15.0
    """How long aborting a child may take."""

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> "ControllerLimits":
        """Read `_F_P_CNC`, `_F_CTRL_WORKERS`, `_F_MAX_RETRIES` and `_F_MAX_BFF_ON_ERR`; what is no number counts as not set."""
        usual = cls()
        return cls(
            children=int(_number(env, "_F_P_CNC", usual.children)),
            enqueues=int(_number(env, "_F_CTRL_WORKERS", usual.enqueues)),
            attempts=int(_number(env, "_F_MAX_RETRIES", usual.attempts)),
            longest_wait=_number(env, "_F_MAX_BFF_ON_ERR", usual.longest_wait),
        )


@value
class Child:
    """A task that is to be run as a child, with inputs that are converted already."""

    task_name: str
    short_name: str
    spec: task_definition_pb2.TaskSpec
    interface_hash: str
    inputs: bytes
    inputs_hash: str
    """Without the inputs that the cache ignores: the child's name and cache key follow from it."""
    max_bytes: int
    task_id: task_definition_pb2.TaskIdentifier | None = None
    """Of a task that is registered; None for one that travels with its parent's code."""
    queue: str = ""


_SETTLED = frozenset(
    {
        Code.ABORTED,
        Code.INVALID_ARGUMENT,
        Code.NOT_FOUND,
        Code.PERMISSION_DENIED,
        Code.UNAUTHENTICATED,
        Code.UNIMPLEMENTED,
        Code.FAILED_PRECONDITION,
    }
)
"""Answers to which asking again gets the same answer."""


class ClusterController:
    """Runs children on the control plane that runs their parent.

    Children have deterministic names: a parent that is started again finds those that it has created before, and takes over
    what they have returned. Belongs to one event loop.
    """

    def __init__(
        self,
        parent: ActionID,
        *,
        backend: Backend,
        run_base_dir: str,
        describe: Describe,
        limits: ControllerLimits | None = None,
        watch: ChildWatch | None = None,
        is_restart: bool = False,
        syncs: bool = True,
        transport: Transport | None = None,
    ) -> None:
        """Prepare; nothing is connected until the first child.

        Args:
            parent: The action whose calls become children.
            backend: The services that take them.
            run_base_dir: URI of the folder of the run.
            describe: Gives what is registered for a task, with the code and images of the parent.
            limits: Bounds.
            watch: What follows the children; made from `backend` if not given.
            is_restart: Whether an earlier attempt may have created children already.
            syncs: Whether inputs must be on disk before a child is created; see `Invocation.syncs`.
            transport: Closed with the controller.
        """
        self._parent = parent
        self._backend = backend
        self._base = run_base_dir.rstrip("/")
        self._describe = describe
        self._limits = limits or ControllerLimits()
        self._watch = watch or ChildWatch(backend, action_id_to_wire(parent))
        self._is_restart = is_restart
        self._syncs = syncs
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._under_way = asyncio.Semaphore(self._limits.children)
        self._is_pipelined: bool = getattr(backend, "is_pipelined", False)
        self._inline_bytes: int = getattr(backend, "inline_bytes", -1)
        self._enqueueing = asyncio.Semaphore(self._limits.enqueues)
        self._describing = asyncio.Lock()
        self._specs: dict[int, tuple[TaskTemplate[..., Any], task_definition_pb2.TaskSpec]] = {}
        self._aborts: set[asyncio.Task[None]] = set()
        self._answers: set[asyncio.Task[Any]] = set()

    @classmethod
    def in_container(cls, invocation: "Invocation") -> "ClusterController":
        """Make the controller of an action from its arguments and environment.

        Raises:
            RuntimeSystemError: the environment does not say where the control plane is.
        """
        env = invocation.environment
        transport, backend = connect(invocation)
        return cls(
            invocation.action,
            backend=backend,
            run_base_dir=invocation.run_base_dir,
            describe=describer(invocation),
            limits=ControllerLimits.from_environment(env),
            is_restart=invocation.is_restart,
            syncs=invocation.syncs,
            transport=transport,
        )

    # --- calls of tasks ------------------------------------------------------------------------------------------

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
            BaseRuntimeError: when the child failed; its class and code tell how.
            ValueError: when the arguments do not fit the task's parameters.
            TypeError: when a value does not have its declared type.
        """
        context = self._calling(task.name)
        codec = codec_for(task)
        given = task.interface.convert_to_kwargs(*args, **kwargs)
        inputs = await codec.encode_inputs_async(given, {**context.custom_context, **_declared_artifacts(task)})
        spec = await self._spec_of(task)
        ignored = list(spec.task_template.metadata.cache_ignore_input_vars)
        child = Child(
            task_name=task.name,
            short_name=task.short_name,
            spec=spec,
            interface_hash=codec.interface_hash(),
            inputs=inputs,
            inputs_hash=codec.inputs_hash(inputs, ignored),
            max_bytes=getattr(task, "max_inline_io_bytes", None) or DEFAULT_INLINE_BYTES,
            queue=getattr(task, "queue", None) or "",
        )
        shown = tuple((name, preview(item)) for name, item in given.items())
        outputs = await self.run_child(child, group=group, index=index, shown_inputs=shown)
        return await codec.decode_outputs_async(outputs)

    def submit_sync(self, task: TaskTemplate[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a child action from the thread of a sync body, blocking it.

        Raises:
            SyncTaskCallInAsyncContextError: when the calling thread runs an event loop, which would stand still.
        """
        return call_blocking(self._loop, task, self.submit(task, args, kwargs))

    async def submit_registered(self, task: "TaskDetails", args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a child of a registered task; see `Controller.submit_registered`.

        Raises:
            TypeError: The arguments do not fit its inputs.
            BaseRuntimeError: The child failed; its class and code tell how.
        """
        from flyte.controllers.registered import registered_child  # noqa: PLC0415 - most actions call their own code only

        context = self._calling(task.name)
        child, codec, shown = await registered_child(task, args, kwargs, context.custom_context)
        return await codec.decode_outputs_async(await self.run_child(child, shown_inputs=shown))

    async def run_child(
        self,
        child: Child,
        *,
        group: str | None = None,
        index: int | None = None,
        shown_inputs: tuple[tuple[str, str], ...] = (),
    ) -> bytes:
        """Run a child of the calling action, of a task here or of a registered one, to its end and return its `Outputs`.

        Raises:
            BaseRuntimeError: it failed, was aborted or timed out.
            InlineIOMaxBytesBreached: its inputs or outputs are too large.
        """
        context = self._calling(child.task_name)
        if group is None and context.group_data is not None:
            group = context.group_data.name
        metadata = child.spec.task_template.metadata
        identity = task_identity_hash(child.task_name, child.interface_hash, metadata.discovery_version)
        number = context.call_counter.next(f"{identity}-{child.inputs_hash}-{group or ''}")
        action = context.action.new_sub_action_from(number, identity, child.inputs_hash, group)
        if len(child.inputs) > child.max_bytes:
            raise InlineIOMaxBytesBreached(
                f"the inputs of task `{child.task_name}` have {len(child.inputs):,} bytes, allowed are {child.max_bytes:,}\n"
                "hint: pass large data as `flyte.io.File`, `Dir` or `DataFrame`, or raise `max_inline_io_bytes` of the task"
            )
        async with self._under_way:
            state = await self._to_its_end(child, action, context.action.name, group or "")
        if state.phase in {ActionPhase.SUCCEEDED, ActionPhase.RECOVERED}:
            return await self._outputs(child, action, state)
        failure = ActionFailure(
            action_name=action.name,
            task_name=child.task_name,
            short_name=child.short_name,
            index=index,
            attempt=0,
            max_attempts=metadata.retries.retries + 1,
            inputs=shown_inputs,
        )
        raise error_of(await self._error(action, child.task_name, state), failure)

    # --- traced calls and conditions -------------------------------------------------------------------------------

    async def record_trace(self, trace: "TraceRecord", call: "TracedCall") -> None:
        """Record a traced call as an action below the one that made it.

        Raises:
            RuntimeSystemError: the control plane does not take it.
        """
        from flyte.controllers.traces import trace_request  # noqa: PLC0415 - most actions trace nothing

        await self.enqueue(await trace_request(trace, call, self._base, sync=self._syncs))

    async def open_condition(self, condition: "Condition") -> "Awaitable[Any]":
        """Make a condition of the calling action, and return what gives its answer; see `flyte.new_condition`.

        Raises:
            RuntimeSystemError: the control plane does not take it.
        """
        from flyte.controllers.asking import answer_of, condition_request  # noqa: PLC0415 - most actions ask nothing

        context = self._calling(f"condition {condition.name}")
        request = condition_request(condition, context, self._base)
        self._watch.start()
        await self.enqueue(request)

        async def answer() -> Any:
            return answer_of(condition, await self._watch.over(request.action_id.name))

        task = asyncio.create_task(answer())
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)
        # Nobody has to wait for it.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    # --- one child -----------------------------------------------------------------------------------------------

    def _calling(self, called: str) -> TaskContext:
        context = current_context()
        if not context:
            raise RuntimeError(f"task `{called}` was called in a run, but outside every action of it")
        refuse_in_trace(context, called)
        return context

    async def _to_its_end(self, child: Child, action: ActionID, parent: str, group: str) -> ChildState:
        self._watch.start()
        if self._is_restart:
            # What an earlier attempt has finished needs no call at all.
            await self._watch.synced(30.0)
            known = self._watch.known(action.name)
            if known is not None:
                return known
        try:
            if self._is_pipelined:
                await self._create(child, action, parent, group)
            else:
                async with self._enqueueing:
                    await self._create(child, action, parent, group)
            return await self._watch.over(action.name)
        except asyncio.CancelledError:
            self._abort(action, f"the call was cancelled by its parent `{parent}`")
            raise

    async def _create(self, child: Child, action: ActionID, parent: str, group: str) -> None:
        uri = f"{self._base}/{action.name}/inputs.pb"
        is_inline = len(child.inputs) <= self._inline_bytes
        if not is_inline:
            await write_object(uri, child.inputs, sync=self._syncs)
        template = child.spec.task_template
        cache_key = None
        if template.metadata.discoverable:
            key = cache_key_hash(
                child.task_name, child.inputs_hash, child.interface_hash, template.metadata.discovery_version
            )
            cache_key = wrappers_pb2.StringValue(value=key)
        request = ChildRequest(
            action_id=action_id_to_wire(action),
            parent_name=parent,
            input_uri=uri,
            run_base_dir=self._base,
            group=group,
            task=run_definition_pb2.TaskAction(
                id=child.task_id or _task_id(template.id), spec=child.spec, cache_key=cache_key, queue=child.queue
            ),
            inputs=child.inputs if is_inline else None,
        )
        await self.enqueue(request)

    async def enqueue(self, request: ChildRequest) -> None:
        """Create an action below the parent, asking again as long as that can help.

        Raises:
            RuntimeSystemError: the control plane does not take it.
        """
        failed = 0
        refused_since: float | None = None
        while True:
            try:
                await self._backend.enqueue(request)
                return
            except RpcError as error:
                # Seen of a backend under load: it says INTERNAL for what exists.
                if error.status is Code.ALREADY_EXISTS or "already exists" in str(error).lower():
                    return
                if error.status in _SETTLED:
                    raise _refused(request, error) from error
                if error.status is Code.RESOURCE_EXHAUSTED:
                    now = self._loop.time()
                    refused_since = now if refused_since is None else refused_since
                    if now - refused_since >= self._limits.exhausted:
                        raise _refused(request, error) from error
                else:
                    failed += 1
                    if failed >= self._limits.attempts:
                        raise _refused(request, error) from error
                step = min(self._limits.longest_wait, self._limits.first_wait * 2 ** min(failed, 10))
                await asyncio.sleep(max(error.retry_after or 0.0, step * random.uniform(0.5, 1.5)))  # noqa: S311 - spreads load

    async def _outputs(self, child: Child, action: ActionID, state: ChildState) -> bytes:
        folder = (state.output_uri or f"{self._base}/{action.name}/1").removesuffix("/outputs.pb").rstrip("/")
        try:
            outputs = state.outputs if state.outputs is not None else await read_object(f"{folder}/outputs.pb")
        except MissingObjectError:
            if child.spec.task_template.interface.outputs.variables:
                raise
            # A task that returns nothing may leave nothing.
            return b""
        if len(outputs) > child.max_bytes:
            raise InlineIOMaxBytesBreached(
                f"the outputs of task `{child.task_name}` have {len(outputs):,} bytes, allowed are {child.max_bytes:,}\n"
                "hint: return large data as `flyte.io.File`, `Dir` or `DataFrame`, or raise `max_inline_io_bytes` of the task"
            )
        return outputs

    async def _error(self, action: ActionID, task_name: str, state: ChildState) -> BaseRuntimeError:
        if state.phase is ActionPhase.ABORTED:
            reason = f": {state.failure.text}" if state.failure is not None and state.failure.text else ""
            return ActionAbortedError(f"action `{action.name}` of task `{task_name}` was aborted{reason}")
        failure = state.failure
        if failure is None:
            folder = (state.output_uri or f"{self._base}/{action.name}/1").removesuffix("/outputs.pb").rstrip("/")
            try:
                failure = read_error_document(await read_object(f"{folder}/error.pb"))
            except (MissingObjectError, ValueError):
                text = f"action `{action.name}` of task `{task_name}` failed, and the control plane does not say why"
                failure = FailureInfo("Unknown", text, "unknown")
        if state.phase is ActionPhase.TIMED_OUT:
            error = error_of_failure(failure)
            return error if isinstance(error, TaskTimeoutError) else TaskTimeoutError(failure.text)
        return error_of_failure(failure)

    def _abort(self, action: ActionID, reason: str) -> None:
        """Abort a child beside what goes on; `aclose` waits for it."""

        async def abort() -> None:
            try:
                async with asyncio.timeout(self._limits.abort):
                    await self._backend.abort(action_id_to_wire(action), reason)
            except (RpcError, TimeoutError):
                pass  # it may be over, and the control plane aborts children with their parent

        task = asyncio.create_task(abort())
        self._aborts.add(task)
        task.add_done_callback(self._aborts.discard)

    async def _spec_of(self, task: TaskTemplate[..., Any]) -> task_definition_pb2.TaskSpec:
        known = self._specs.get(id(task))
        if known is None:
            async with self._describing:
                known = self._specs.get(id(task)) or (task, await self._describe(task))
                self._specs[id(task)] = known
        return known[1]

    async def aclose(self) -> None:
        """Wait for aborts that are under way, stop watching and close the connections."""
        if self._aborts:
            await asyncio.gather(*self._aborts, return_exceptions=True)
        for answer in list(self._answers):
            answer.cancel()
        await self._watch.aclose()
        if self._transport is not None:
            await self._transport.aclose()


def _task_id(identifier: identifier_pb2.Identifier) -> task_definition_pb2.TaskIdentifier:
    return task_definition_pb2.TaskIdentifier(
        org=identifier.org,
        project=identifier.project,
        domain=identifier.domain,
        name=identifier.name,
        version=identifier.version,
    )


def _refused(request: ChildRequest, error: RpcError) -> RuntimeSystemError:
    return RuntimeSystemError(
        "EnqueueFailed", f"the control plane did not take the child action `{request.action_id.name}`: {error}"
    )


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    try:
        number = float(env.get(name, ""))
    except ValueError:
        return default
    return number if 0 < number < float("inf") else default


def _declared_artifacts(task: TaskTemplate[..., Any]) -> dict[str, str]:
    """Give what the caller declares of the outputs of a task, as a pair of the child's context."""
    if expected_artifacts.get() is None:
        return {}
    from flyte.artifacts.declaring import check_outputs, declared_by_caller  # noqa: PLC0415 - hardly any run declares
    from flyte.artifacts.wire import CONTEXT_KEY, as_context  # noqa: PLC0415 - as above

    declared = declared_by_caller()
    check_outputs(task.name, task.interface.outputs, declared)
    return {CONTEXT_KEY: as_context(declared)} if declared else {}
