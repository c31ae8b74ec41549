"""One attempt at one action: inputs read, the task run in its context, outputs made. Nothing is written here."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from flyte.controllers.conversion import codec_for
from flyte.controllers.protocol import Controller, active_controller, active_traces, sync_bodies
from flyte.controllers.reporting import with_report
from flyte.running.threads import run_on_thread
from flyte.runtime.invocation import Invocation
from flyte.runtime.loading import LoadTask, load_task
from flyte.runtime.objects import read_object
from flyte.tasks.template import TaskTemplate
from flyte_models.bundles import CodeBundle
from flyte_models.context import task_scope
from flyte_models.errors import InlineIOMaxBytesBreached
from flyte_models.paths import CheckpointPaths, PathRewrite, RawDataPath
from flyte_models.task_context import TaskContext, set_checkpoint_factory
from flyte_models.values import value
from flyte_types.codec import InterfaceCodec

if TYPE_CHECKING:
    from flyte.tracing.recorder import TraceRecorder

__all__ = ["Outcome", "SyncBodies", "run_action"]

R = TypeVar("R")

_ARTIFACTS = "flyte.artifacts.declaring"
_DECLARED = "_u_produced_artifacts"
"""The key under which a caller declares the artifacts that its child returns."""


@value
class Outcome:
    """How an attempt went: exactly one of the two is set."""

    outputs: bytes | None = None
    """Content of `outputs.pb`."""
    error: BaseException | None = None


class SyncBodies(Protocol):
    """Runs a sync body away from the loop, and returns its result; see `run_on_thread`."""

    async def __call__(self, function: Callable[[], R], /) -> R:
        """Run it."""
        ...


async def run_action(
    invocation: Invocation,
    *,
    controller: Controller,
    traces: "TraceRecorder | None" = None,
    bodies: SyncBodies = run_on_thread,
    load: LoadTask = load_task,
) -> Outcome:
    """Run one attempt to its end; whatever goes wrong in it is in the outcome, not raised.

    Args:
        invocation: What to run.
        controller: Where its children go.
        traces: Where its traced calls are recorded; not at all without one.
        bodies: Where a sync body runs.
        load: Gives its task.

    Raises:
        asyncio.CancelledError: the attempt was aborted; clean-up code of the task has run.
    """
    try:
        if invocation.given_inputs is not None:
            task, bundle = await load(invocation)
            content = invocation.given_inputs
        else:
            inputs = asyncio.ensure_future(read_object(invocation.inputs))
            try:
                task, bundle = await load(invocation)
                content = await inputs
            finally:
                inputs.cancel()
        return Outcome(outputs=await _run(invocation, task, bundle, content, controller, traces, bodies))
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        # SystemExit too: a body that calls `sys.exit` has failed, and says so like any other.
        return Outcome(error=error)


async def _run(  # noqa: PLR0917 - what `run_action` has
    invocation: Invocation,
    task: TaskTemplate[..., Any],
    bundle: CodeBundle | None,
    inputs: bytes,
    controller: Controller,
    traces: "TraceRecorder | None",
    bodies: SyncBodies,
) -> bytes:
    codec = codec_for(task)
    set_checkpoint_factory(_open_checkpoint)
    context = _context(invocation, bundle)
    token = active_controller.set(controller)
    recording = active_traces.set(traces)
    try:
        with task_scope(context):
            arguments, custom = await codec.decode_inputs_and_context_async(inputs)
            # For this action alone: its children do not inherit it.
            declared = custom.pop(_DECLARED, None)
            if custom:
                context = context.replace(custom_context=dict(custom))
            with task_scope(context):
                call = _call(task, arguments, bodies)
                result = await (with_report(context, call) if task.report else call)
                outputs = await codec.encode_outputs_async(result)
                if declared is not None or _ARTIFACTS in sys.modules:
                    outputs += _artifacts(task, codec, result, declared, outputs)
        if traces is not None:
            await traces.flush()
    finally:
        active_traces.reset(recording)
        active_controller.reset(token)
    _check_size(task, outputs)
    return outputs


def _artifacts(
    task: TaskTemplate[..., Any], codec: InterfaceCodec, result: Any, by_caller: str | None, outputs: bytes
) -> bytes:
    """Give what declares artifacts behind the outputs: those of the body, and those of the caller."""
    from flyteidl2.core.interface_pb2 import TypedInterface  # noqa: PLC0415 - most actions declare none

    from flyte.artifacts.declaring import declared_in  # noqa: PLC0415 - as above
    from flyte.artifacts.wire import as_outputs, from_context  # noqa: PLC0415 - as above

    found = declared_in(tuple(task.interface.outputs), result)
    if not found and by_caller is None:
        return b""
    interface = TypedInterface.FromString(codec.typed_interface())
    types = {each.key: each.value.type for each in interface.outputs.variables}
    return as_outputs(found, types, outputs) + (from_context(by_caller, types) if by_caller is not None else b"")


async def _call(task: TaskTemplate[..., Any], arguments: dict[str, Any], bodies: SyncBodies) -> Any:
    token = sync_bodies.set(bodies)
    try:
        return await task.execute(**arguments)
    finally:
        sync_bodies.reset(token)


def _context(invocation: Invocation, bundle: CodeBundle | None) -> TaskContext:
    rewrite = PathRewrite.from_str(invocation.path_rewrite) if invocation.path_rewrite else None
    context = TaskContext(
        action=invocation.action,
        version=invocation.version,
        raw_data_path=RawDataPath(path=invocation.raw_data_path, path_rewrite=rewrite),
        input_path=invocation.inputs,
        output_path=invocation.outputs_path,
        run_base_dir=invocation.run_base_dir,
        report=None,
        checkpoint_paths=CheckpointPaths(invocation.prev_checkpoint, invocation.checkpoint_path),
        code_bundle=bundle,
        compiled_image_cache=invocation.image_cache,
        mode="remote",
    )
    # The default is the time at which the context is made.
    return replace(context, run_start_time=invocation.run_start_time)


def _check_size(task: TaskTemplate[..., Any], outputs: bytes) -> None:
    limit: int | None = getattr(task, "max_inline_io_bytes", None)
    if limit is not None and len(outputs) > limit:
        raise InlineIOMaxBytesBreached(
            f"the outputs of task `{task.name}` have {len(outputs):,} bytes, allowed are {limit:,}\n"
            "hint: return large data as `flyte.io.File`, `Dir` or `DataFrame`, or raise `max_inline_io_bytes` of the task"
        )


def _open_checkpoint(paths: CheckpointPaths) -> Any:
    # Most tasks have none, and do not load what packs them.
    from flyte.checkpoints import open_checkpoint  # noqa: PLC0415

    return open_checkpoint(paths)
