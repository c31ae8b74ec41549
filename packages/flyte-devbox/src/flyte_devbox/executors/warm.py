"""Forks each attempt of a task of ours from a warm parent process, and starts a fresh interpreter for what cannot be forked."""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flyte_devbox.executors import Exit, Handle, Launch, LaunchError
from flyte_devbox.executors.lines import Line, environment_change
from flyte_devbox.executors.process import ProcessExecutor, ProcessHandle, attempt_key, end_of_stranger
from flyte_devbox.executors.processes import ATTEMPT_VARIABLE, FOLDER_VARIABLE, WARM_VARIABLE, end_forks

__all__ = ["WarmExecutor", "needs_fresh_interpreter"]

_logger = logging.getLogger(__name__)

_READY_SECONDS = 30.0
_FORK_SECONDS = 20.0
_RETRY_SECONDS = 30.0
_RUNTIME = "a0"
_READ_AT_START = ("PYTHON", "LD_", "MALLOC_", "GLIBC_", "LC_", "LANG")
_SET_FOR_ALL = {"PYTHONUNBUFFERED": "1"}


def needs_fresh_interpreter(env: Mapping[str, str], base: Mapping[str, str]) -> bool:
    """Tell whether environments differ in what an interpreter, or the loader below it, reads only at its start."""
    names = env.keys() | base.keys()
    return any(name.startswith(_READ_AT_START) and env.get(name) != base.get(name) for name in names)


class WarmExecutor:
    """Runs attempts in forks of one process per server.

    Args:
        python: the interpreter that runs the actions; this one if not given.
        folder: the state folder, which every process of this devbox carries in its environment; the warm parent's log is there.
        inherited: the environment that attempts begin with.
    """

    def __init__(self, python: Path | None, *, folder: Path, inherited: Mapping[str, str]) -> None:
        self._fresh = ProcessExecutor(python)
        self._python = str(python if python is not None else sys.executable)
        self._log = folder / "warm.log"
        self._env = {**inherited, **_SET_FOR_ALL, FOLDER_VARIABLE: str(folder)}
        self._parent: _WarmParent | None = None
        self._broken_until = 0.0

    def prepare(self) -> None:
        """Begin to start the warm parent, so that the first attempt need not wait for all of it."""
        if self._parent is None or self._parent.is_over:
            self._parent = _WarmParent(self._python, self._env, self._log)

    async def start(self, launch: Launch) -> Handle:
        """Start one attempt; see `Executor.start`."""
        argv = self._fresh.command(list(launch.argv))
        if Path(argv[0]).name == _RUNTIME and not needs_fresh_interpreter(launch.env, self._env):
            parent = await self._ready()
            if parent is not None:
                try:
                    return await parent.fork(launch, argv[1:])
                except ForkError as error:
                    _logger.warning("attempt `%s` gets a fresh interpreter: %s", attempt_key(launch), error)
        return await self._fresh.start(launch)

    def adopt(self, worker: str, launch_dir: Path, memory_bytes: int | None = None) -> Handle | None:
        """Find the process of an earlier server; see `Executor.adopt`."""
        return self._fresh.adopt(worker, launch_dir, memory_bytes)

    async def close(self) -> None:
        """Let the warm parent go: it ends with the last of its processes."""
        if self._parent is not None:
            await self._parent.close()

    async def _ready(self) -> "_WarmParent | None":
        loop = asyncio.get_running_loop()
        if self._parent is None or self._parent.is_over:
            if loop.time() < self._broken_until:
                return None
            self.prepare()
        parent = self._parent
        assert parent is not None
        try:
            await parent.ready()
        except ForkError as error:
            if loop.time() >= self._broken_until:
                _logger.warning("attempts get fresh interpreters: %s", error)
            self._broken_until = loop.time() + _RETRY_SECONDS
            return None
        return parent


class ForkError(Exception):
    """The warm parent cannot fork an attempt; nothing of it runs."""


class _WarmParent:
    def __init__(self, python: str, env: Mapping[str, str], log: Path) -> None:
        loop = asyncio.get_running_loop()
        self._name = secrets.token_hex(8)
        self._env = {**env, WARM_VARIABLE: self._name}
        self._log = log
        self._leaders: set[int] = set()
        self.is_over = False
        self._started: dict[int, asyncio.Future[int]] = {}
        self._ended: dict[int, asyncio.Future[Exit]] = {}
        self._count = 0
        self._ready: asyncio.Future[None] = loop.create_future()
        ours, theirs = socket.socketpair()
        with theirs, log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [python, "-m", "flyte.runtime.warm", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._env,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        ours.setblocking(False)
        self._line = Line(self._take)
        self._attending = asyncio.create_task(self._attend(ours))

    async def ready(self) -> None:
        """Wait until it forks.

        Raises:
            ForkError: it never will.
        """
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await asyncio.shield(self._ready)
        except TimeoutError:
            await self.close()
            raise ForkError(f"the warm parent was not ready within {_READY_SECONDS:g} s") from None

    async def fork(self, launch: Launch, argv: list[str]) -> ProcessHandle:
        """Fork an attempt.

        Raises:
            ForkError: it was not forked.
            LaunchError: it is not known whether it was.
        """
        if self.is_over or not self._line.is_open:
            raise ForkError("the warm parent has ended")
        loop = asyncio.get_running_loop()
        self._count += 1
        number = self._count
        attempt = attempt_key(launch)
        request = {
            "id": number,
            "argv": argv,
            "cwd": str(launch.work_dir),
            "log": str(launch.log_path),
            "has_inputs": launch.inputs is not None,
            **self._environment(launch, attempt),
        }
        started = self._started[number] = loop.create_future()
        ended = self._ended[number] = loop.create_future()
        self._line.send(request, launch.inputs or b"")
        try:
            async with asyncio.timeout(_FORK_SECONDS):
                pid = await started
        except (TimeoutError, _LostError):
            # It may have been forked, and must not run beside its next attempt.
            self._process.kill()
            await asyncio.to_thread(end_forks, WARM_VARIABLE, self._name, self._leaders)
            raise LaunchError("the warm parent has ended while it forked the attempt") from None
        finally:
            self._started.pop(number, None)
        self._leaders.add(pid)
        return ProcessHandle(pid, attempt, launch.memory_bytes, self._end(pid, ended), is_gathered=True)

    async def close(self) -> None:
        """Close the connection; processes that run go on."""
        self.is_over = True
        self._line.close()
        self._attending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._attending

    def _environment(self, launch: Launch, attempt: str) -> dict[str, Any]:
        """Describe the environment of an attempt as it differs from the warm parent's."""
        key = f"change {self._name}"
        found = launch.surroundings.found
        change = found.get(key)
        if change is None:
            common = {**launch.surroundings.inherited, **launch.surroundings.variables}
            change = found[key] = environment_change(self._env, common)
        own = {**launch.own, ATTEMPT_VARIABLE: attempt}
        return {"env": {**change["env"], **own}, "unset": [name for name in change["unset"] if name not in own]}

    async def _end(self, pid: int, ended: "asyncio.Future[Exit]") -> Exit:
        try:
            return await ended
        except _LostError:
            return await end_of_stranger(pid)
        finally:
            self._leaders.discard(pid)

    async def _attend(self, end: socket.socket) -> None:
        try:
            await self._line.open(end)
            await self._line.lost
        finally:
            self.is_over = True
            self._line.close()
            if not self._ready.done():
                said = self._log.read_text(errors="replace").strip().rpartition("\n")[2]
                self._ready.set_exception(ForkError(f"the warm parent ended at its start: {said}"))
                self._ready.exception()
            for future in (*self._started.values(), *self._ended.values()):
                if not future.done():
                    future.set_exception(_LostError())
                    future.exception()
            self._ended.clear()
            # Otherwise it is waited for when its object goes, or by the next process that is started.
            self._process.poll()

    def _take(self, message: dict[str, Any], _: bytes) -> None:
        if "ready" in message:
            if not self._ready.done():
                self._ready.set_result(None)
            return
        number = int(message["id"])
        if "pid" in message:
            started = self._started.get(number)
            if started is not None and not started.done():
                started.set_result(int(message["pid"]))
            return
        if "error" in message:
            started = self._started.get(number)
            if started is not None and not started.done():
                started.set_exception(ForkError(str(message["error"])))
            self._ended.pop(number, None)
            return
        ended = self._ended.pop(number, None)
        if ended is not None and not ended.done():
            code = os.waitstatus_to_exitcode(int(message["status"]))
            ended.set_result(Exit(code, float(message["cpu"]), int(message["rss"])))


class _LostError(Exception):
    """The warm parent has ended."""
