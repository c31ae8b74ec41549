"""The console script `a0`: what a control plane starts in a container to carry out one action.

It exits with 0 as soon as it has written what the action came to, `outputs.pb` or `error.pb`: a control plane takes another exit
code for a failure of the machine and starts the container again, some of them for ever.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence

from flyte.controllers.deferred import DeferredController
from flyte.running.threads import run_on_thread
from flyte.runtime.action import Outcome, SyncBodies, run_action
from flyte.runtime.invocation import Invocation, InvocationError, read_invocation
from flyte.runtime.loading import LoadTask, load_task
from flyte.runtime.main_thread import MainThread
from flyte.runtime.objects import remove_object, write_object
from flyte.tracing.cluster import ClusterTraces
from flyte_models.context import LOG_VARIABLES

__all__ = ["carry_out", "main", "perform"]

_ABORTED = 128 + signal.SIGTERM
_log = {"is_set": False}


def main(argv: Sequence[str] | None = None, *, inputs: bytes | None = None) -> int:
    """Run the action that the arguments name.

    Args:
        argv: the arguments; those of this process if not given.
        inputs: content of its inputs, if it is known.

    Returns:
        The exit code: 0 when the outcome was written, 143 when the action was aborted, 1 when the outcome could not be written,
        and 2 when the arguments do not say where to write it.
    """
    try:
        invocation = read_invocation(sys.argv[1:] if argv is None else argv, inputs=inputs)
    except InvocationError as error:
        print(f"a0: error: {error}", file=sys.stderr)  # noqa: T201 - the log of the container
        return 2
    _dump_stacks_on_signal()
    try:
        main_thread = MainThread()
        return main_thread.run(carry_out(invocation, main_thread.run_body))
    except (asyncio.CancelledError, KeyboardInterrupt):
        return _ABORTED


async def perform(invocation: Invocation, bodies: SyncBodies = run_on_thread, *, load: LoadTask = load_task) -> Outcome:
    """Run the action and return its outcome, without writing it; its children and connections have ended.

    Args:
        invocation: What to run.
        bodies: Where a sync body runs.
        load: Gives its task.

    Raises:
        asyncio.CancelledError: it was aborted.
    """
    if invocation.wants_editor:
        from flyte.runtime.debugging import in_editor  # noqa: PLC0415 - few runs are debugged

        try:
            invocation = await in_editor(invocation)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            return Outcome(error=error)
    _follow_log_variables()
    controller = DeferredController(invocation)
    traces = ClusterTraces(controller, is_restart=invocation.is_restart)
    try:
        return await run_action(invocation, controller=controller, traces=traces, bodies=bodies, load=load)
    finally:
        await traces.settle()
        await controller.aclose()


async def carry_out(
    invocation: Invocation,
    bodies: SyncBodies = run_on_thread,
    *,
    load: LoadTask = load_task,
    hand_over: Callable[[bytes], bool] | None = None,
) -> int:
    """Run the action and write its outcome; return the exit code that says so, which is 0.

    Args:
        invocation: What to run.
        bodies: Where a sync body runs.
        load: Gives its task.
        hand_over: Is given the outputs first; they are written if it does not take them.

    Raises:
        asyncio.CancelledError: it was aborted.
        OSError, flyte_storage.StorageError: the outcome cannot be written.
    """
    # Of an earlier attempt whose place this one has: it would be taken for the outcome of this one.
    await remove_object(f"{invocation.outputs_path}/error.pb")
    outcome = await perform(invocation, bodies, load=load)
    if outcome.error is None:
        assert outcome.outputs is not None
        if hand_over is not None and hand_over(outcome.outputs):
            return 0
        try:
            await write_object(f"{invocation.outputs_path}/outputs.pb", outcome.outputs, sync=invocation.syncs)
        except Exception as error:
            outcome = Outcome(error=error)
        else:
            return 0
    assert outcome.error is not None
    from flyte.runtime.error_documents import error_document, traceback_of  # noqa: PLC0415 - for actions that fail

    print("".join(traceback_of(outcome.error)), file=sys.stderr, end="")  # noqa: T201 - the log of the container
    await write_object(f"{invocation.outputs_path}/error.pb", error_document(outcome.error))
    return 0


def _follow_log_variables() -> None:
    """Let the action log as its run was told to; in a kept worker the one before may have been told something else.

    A variable that says no level or format is left alone with a note: the program may mean something else by it.
    """
    is_usual = all(os.environ.get(name, usual) == usual for name, usual in LOG_VARIABLES.items())
    if is_usual and not _log["is_set"]:
        return
    _log["is_set"] = True
    from flyte.logs import configure  # noqa: PLC0415 - most runs have the usual log

    try:
        configure()
    except ValueError as error:
        print(f"note: the log is set up as usual: {error}", file=sys.stderr)  # noqa: T201 - the log of the container


def _dump_stacks_on_signal() -> None:
    """Let SIGUSR1 print the stacks of all threads, to see where an action hangs."""
    import faulthandler  # noqa: PLC0415 - a container may lack a usable standard error

    try:
        faulthandler.register(signal.SIGUSR1)
    except (AttributeError, OSError, ValueError, RuntimeError):
        pass


def run() -> None:
    """Leave the process with the exit code of `main`, past threads that a body has left behind."""
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    if _has_threads():
        os._exit(code)
    sys.exit(code)


def _has_threads() -> bool:
    import threading  # noqa: PLC0415 - loaded by asyncio anyway

    return any(thread is not threading.main_thread() and not thread.daemon for thread in threading.enumerate())
