"""Runs each attempt as a fresh process in a session of its own. It outlives this server: the next one adopts it."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from flyte_devbox.contents import write_unsynced
from flyte_devbox.executors import Exit, Launch, LaunchError
from flyte_devbox.executors.memory import Watched, watch_memory
from flyte_devbox.executors.processes import (
    ATTEMPT_VARIABLE,
    belonging_to,
    group_is_alive,
    offer_to_kernel,
    oom_kills,
    send,
    started_at,
)

__all__ = [
    "ProcessExecutor",
    "ProcessHandle",
    "attempt_key",
    "end_of_child",
    "end_of_stranger",
    "leader_of",
    "open_log",
    "show_inputs",
]

_POLL_SECONDS = 0.1


class ProcessExecutor:
    """Starts a command per attempt.

    Args:
        python: the interpreter whose scripts (`a0`) run the actions; this one if not given.
    """

    def __init__(self, python: Path | None = None) -> None:
        self._scripts = (python if python is not None else Path(sys.executable)).absolute().parent

    def command(self, argv: "list[str] | tuple[str, ...]") -> list[str]:
        """Return the command with the full path of its script.

        Raises:
            LaunchError: there is no such script.
        """
        if not argv:
            raise LaunchError("the task's container has neither a command nor arguments, so there is nothing to run")
        script = self._scripts / argv[0]
        if os.sep not in argv[0] and script.is_file():
            return [str(script), *argv[1:]]
        found = shutil.which(argv[0])
        if found is None:
            raise LaunchError(
                f"there is no command `{argv[0]}` in `{self._scripts}` or on the path\n"
                "hint: install it beside the devbox, or start the devbox with `--python`"
            )
        return [found, *argv[1:]]

    def prepare(self) -> None:
        """Do nothing: each attempt starts from nothing."""

    async def start(self, launch: Launch) -> "ProcessHandle":
        """Start one attempt; see `Executor.start`."""
        argv = self.command(list(launch.argv))
        attempt = attempt_key(launch)
        env = {**launch.env, ATTEMPT_VARIABLE: attempt}
        show_inputs(launch)
        try:
            with open_log(launch) as log:
                # Quick (vfork and exec), so it may happen in the event loop.
                process = subprocess.Popen(  # noqa: S603, ASYNC220 - to run commands is what this is for
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=launch.work_dir,
                    env=env,
                    start_new_session=True,
                    close_fds=True,
                )
        except OSError as error:
            raise LaunchError(f"`{argv[0]}` cannot be started: {error}") from error
        return ProcessHandle(process.pid, attempt, launch.memory_bytes, end_of_child(process))

    def adopt(
        self,
        worker: str,
        launch_dir: Path,  # noqa: ARG002 - others need it
        memory_bytes: int | None = None,
    ) -> "ProcessHandle | None":
        """Find the process of an earlier server; see `Executor.adopt`."""
        pid = leader_of(worker)
        started, _, attempt = worker.partition(":")[2].partition(":")[2].partition(":")
        if not pid or not started or started_at(pid) != started:
            return None
        return ProcessHandle(pid, attempt, memory_bytes, end_of_stranger(pid))

    async def close(self) -> None:
        """Do nothing: attempts go on without this process."""


def show_inputs(launch: Launch) -> None:
    """See to it that the inputs of an attempt are a file.

    Raises:
        LaunchError: it cannot be written.
    """
    if launch.inputs is not None and not os.path.exists(launch.input_path):  # noqa: PTH110 - of every start
        try:
            write_unsynced(launch.input_path, launch.inputs)
        except OSError as error:
            raise LaunchError(f"the inputs of the attempt cannot be written: {error}") from error


def open_log(launch: Launch) -> BinaryIO:
    """Open the log of an attempt to append to it.

    Raises:
        OSError: it cannot be opened.
    """
    launch.log_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return launch.log_path.open("ab")


def leader_of(worker: str) -> int:
    """Return the process that leads an attempt, from its `Handle.worker`; 0 when it is no process."""
    kind, _, rest = worker.partition(":")
    pid = rest.partition(":")[0]
    return int(pid) if kind == "pid" and pid.isdigit() else 0


def attempt_key(launch: Launch) -> str:
    """Name an attempt among all of this machine."""
    return f"{launch.output_prefix}"


async def end_of_child(process: "subprocess.Popen[bytes]") -> Exit:
    """Wait for a child of this server and say how it ended."""
    await _until_over(process.pid)
    try:
        _, status, usage = os.wait4(process.pid, 0)  # noqa: ASYNC222 - it is over
    except ChildProcessError:
        return Exit(None)
    code = os.waitstatus_to_exitcode(status)
    # So that the object does not look for a process that is gone.
    process.returncode = code
    scale = 1 if sys.platform == "darwin" else 1024
    return Exit(code, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * scale)


async def end_of_stranger(pid: int) -> Exit:
    """Wait for a process whose parent is another one: how it ended cannot be known."""
    await _until_over(pid)
    return Exit(None)


async def _until_over(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except (AttributeError, OSError):
        while started_at(pid) is not None:  # noqa: ASYNC110 - nobody tells us where there are no pidfds
            await asyncio.sleep(_POLL_SECONDS)
        return
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, lambda: over.done() or over.set_result(None))
    try:
        await over
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


_seen_oom_kills = oom_kills()


def _kernel_has_killed() -> bool:
    """Tell whether the kernel has killed something for want of memory since this was asked last, or since this server began."""
    global _seen_oom_kills
    before, _seen_oom_kills = _seen_oom_kills, oom_kills()
    return _seen_oom_kills > before


class ProcessHandle:
    """A process that leads a session.

    Args:
        pid: of the process.
        attempt: what its descendants carry in their environment.
        memory_bytes: see `Launch.memory_bytes`.
        end: waits for its end; awaited once, by the first `wait`.
        is_gathered: whether another process ends what it leaves behind outside its session.
    """

    def __init__(
        self,
        pid: int,
        attempt: str,
        memory_bytes: int | None,
        end: Coroutine[object, object, Exit],
        *,
        is_gathered: bool = False,
    ) -> None:
        self.pid = pid
        self._attempt = attempt
        self._end = end
        self._is_gathered = is_gathered
        self._worker = f"pid:{pid}:{started_at(pid) or ''}:{attempt}"
        self._is_out_of_memory = False
        self._is_killed = False
        self._is_over = False
        offer_to_kernel(pid)
        self._killer: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Task[Exit] | None = None
        self._watched: Watched | None = None
        if memory_bytes is not None:
            self._watched = watch_memory(pid, memory_bytes, self._end_for_memory)

    @property
    def worker(self) -> str:
        """See `Handle.worker`."""
        return self._worker

    async def wait(self) -> Exit:
        """Return how the process ended; see `Handle.wait`."""
        if self._waiter is None:
            self._waiter = asyncio.create_task(self._wait())
        return await asyncio.shield(self._waiter)

    async def _wait(self) -> Exit:
        try:
            ended = await self._end
        finally:
            if self._watched is not None:
                self._watched.stop()
        self._is_over = True
        if self._killer is not None:
            self._killer.cancel()
        if not self._is_gathered or group_is_alive(self.pid):
            send(belonging_to(self.pid, self._attempt), signal.SIGKILL)
        if self._is_out_of_memory:
            return replace(ended, is_out_of_memory=True)
        if ended.code == -signal.SIGKILL and not self._is_killed and _kernel_has_killed():
            return replace(ended, is_machine_out_of_memory=True)
        return ended

    def _end_for_memory(self) -> None:
        # In another thread: first what is known, so that nothing more is filled.
        self._is_out_of_memory = self._is_killed = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.kill()

    def confirm(self) -> None:
        """Do nothing: what it has is in files."""

    def terminate(self, grace_seconds: float) -> None:
        """Ask it to end; see `Handle.terminate`."""
        if self._is_over:
            return
        send(belonging_to(self.pid, self._attempt), signal.SIGTERM)
        if self._killer is None:
            self._killer = asyncio.get_running_loop().call_later(grace_seconds, self.kill)

    def kill(self) -> None:
        """End it now; see `Handle.kill`."""
        if self._is_over:
            return
        self._is_killed = True
        send(belonging_to(self.pid, self._attempt), signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
