"""One attempt at one action: inputs read, the task run in its context, outputs made. Nothing is written here."""

import asyncio
from dataclasses import replace
from typing import Any

from flyte.controllers.conversion import codec_for
from flyte.controllers.protocol import Controller, active_controller, sync_bodies
from flyte.runtime.bodies import run_on_thread
from flyte.runtime.invocation import Invocation
from flyte.runtime.loading import load_task
from flyte.runtime.objects import read_object
from flyte.tasks.template import TaskTemplate
from flyte_models.bundles import CodeBundle
from flyte_models.context import task_scope
from flyte_models.errors import InlineIOMaxBytesBreached
from flyte_models.paths import CheckpointPaths, PathRewrite, RawDataPath
from flyte_models.task_context import TaskContext
from flyte_models.values import value

__all__ = ["Outcome", "run_action"]


@value
class Outcome:
    """How an attempt went: exactly one of the two is set."""

    outputs: bytes | None = None
    """Content of `outputs.pb`."""
    error: BaseException | None = None


async def run_action(invocation: Invocation, *, controller: Controller) -> Outcome:
    """Run one attempt to its end; whatever goes wrong in it is in the outcome, not raised.

    Args:
        invocation: What to run.
        controller: Where its children go.

    Raises:
        asyncio.CancelledError: the attempt was aborted; clean-up code of the task has run.
    """
    try:
        inputs = asyncio.ensure_future(read_object(invocation.inputs))
        try:
            task, bundle = await load_task(invocation)
            content = await inputs
        finally:
            inputs.cancel()
        return Outcome(outputs=await _run(invocation, task, bundle, content, controller))
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        # SystemExit too: a body that calls `sys.exit` has failed, and says so like any other.
        return Outcome(error=error)


async def _run(
    invocation: Invocation,
    task: TaskTemplate[..., Any],
    bundle: CodeBundle | None,
    inputs: bytes,
    controller: Controller,
) -> bytes:
    codec = codec_for(task)
    context = _context(invocation, bundle)
    token = active_controller.set(controller)
    try:
        with task_scope(context):
            arguments, custom = await codec.decode_inputs_and_context_async(inputs)
            if custom:
                context = context.replace(custom_context=dict(custom))
            with task_scope(context):
                result = await _call(task, arguments)
                outputs = await codec.encode_outputs_async(result)
    finally:
        active_controller.reset(token)
    _check_size(task, outputs)
    return outputs


async def _call(task: TaskTemplate[..., Any], arguments: dict[str, Any]) -> Any:
    token = sync_bodies.set(run_on_thread)
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
