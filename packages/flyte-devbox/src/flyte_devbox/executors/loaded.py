"""An attempt in three steps: the co-pilot brings the inputs, a container runs, the co-pilot takes its outputs."""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from flyteidl2.core import execution_pb2

from flyte_devbox.executors import Exit, Handle, Launch, LaunchError, Surroundings
from flyte_devbox.launching import inheritable

__all__ = ["LoadedHandle", "has_ended", "note_launch", "noted_launch"]

_NOTED = "launch.json"
_ENDED = "ended"

_TERMINATED = Exit(-signal.SIGTERM)


def note_launch(launch: Launch) -> None:
    """Write down what a later server needs for the last step.

    Raises:
        LaunchError: It cannot be written.
    """
    assert launch.data is not None
    noted = {
        "run_name": launch.run_name,
        "action_name": launch.action_name,
        "attempt": launch.attempt,
        "log_path": str(launch.log_path),
        "output_prefix": launch.output_prefix,
        "copilot": launch.data.copilot,
    }
    try:
        (launch.work_dir / _NOTED).write_text(json.dumps(noted))
    except OSError as error:
        raise LaunchError(f"the folder of the attempt cannot be written: {error}") from error


def noted_launch(work_dir: Path) -> Launch | None:
    """Return the co-pilot's launch of an attempt that an earlier server started; `None` if it is none of this kind."""
    try:
        noted = json.loads((work_dir / _NOTED).read_text())
    except (OSError, ValueError):
        return None
    return Launch(
        noted["run_name"],
        noted["action_name"],
        noted["attempt"],
        ("flyte-copilot", *noted["copilot"]),
        Surroundings(inheritable(), {}),
        {},
        work_dir,
        Path(noted["log_path"]),
        noted["output_prefix"],
    )


def has_ended(work_dir: Path) -> bool:
    """Tell whether the container has ended well, so that only the last step is missing."""
    return (work_dir / _ENDED).exists()


class LoadedHandle:
    """The steps of one attempt as one handle.

    Args:
        worker: see `Handle.worker`; that of the container, which is what a later server may find.
        copilot: how the co-pilot is started, but for the step.
        start: starts a step of it.
        begin: makes and starts the container; `None` when an earlier server did.
        container: that container, or `None` when it has ended well.
    """

    def __init__(
        self,
        worker: str,
        *,
        copilot: Launch,
        start: Callable[[Launch], Awaitable[Handle]],
        begin: Callable[[], Awaitable[Handle]] | None = None,
        container: Handle | None = None,
    ) -> None:
        self._worker = worker
        self._copilot = copilot
        self._start = start
        self._begin = begin
        self._current = container
        self._is_ending = False
        self._waiter = asyncio.create_task(self._run())

    @property
    def worker(self) -> str:
        """See `Handle.worker`."""
        return self._worker

    async def wait(self) -> Exit:
        """Return how the attempt ended; see `Handle.wait`."""
        return await asyncio.shield(self._waiter)

    def confirm(self) -> None:
        """Do nothing: what it has is in files."""

    def terminate(self, grace_seconds: float) -> None:
        """Ask the step that runs to end, and begin no other; see `Handle.terminate`."""
        self._is_ending = True
        if self._current is not None:
            self._current.terminate(grace_seconds)

    def kill(self) -> None:
        """End it now; see `Handle.kill`."""
        self._is_ending = True
        if self._current is not None:
            self._current.kill()

    async def _run(self) -> Exit:
        try:
            return await self._steps()
        except LaunchError as error:
            return Exit(1, error=_lost(str(error)))

    async def _steps(self) -> Exit:
        ended = Exit(0)
        if self._begin is not None:
            brought = await self._one(lambda: self._step("in"))
            if brought.code != 0:
                return brought
            ended = await self._one(self._begin)
        elif self._current is not None:
            ended = await self._current.wait()
        if ended.code != 0:
            return ended
        (self._copilot.work_dir / _ENDED).touch()
        taken = await self._one(lambda: self._step("out"))
        return ended if taken.code == 0 else taken

    def _step(self, which: str) -> Awaitable[Handle]:
        name, *arguments = self._copilot.argv
        return self._start(replace(self._copilot, argv=(name, which, *arguments)))

    async def _one(self, begin: Callable[[], Awaitable[Handle]]) -> Exit:
        """Run one step to its end."""
        if self._is_ending:
            return _TERMINATED
        self._current = None
        handle = await begin()
        self._current = handle
        if self._is_ending:
            # While it was being started.
            handle.kill()
        return await handle.wait()


def _lost(message: str) -> bytes:
    document = execution_pb2.ErrorDocument()
    document.error.code = "Interrupted"
    document.error.message = message
    document.error.kind = execution_pb2.ContainerError.RECOVERABLE
    document.error.origin = execution_pb2.ExecutionError.SYSTEM
    return document.SerializeToString()
