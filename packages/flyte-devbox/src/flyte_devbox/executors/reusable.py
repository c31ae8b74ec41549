"""Runs attempts of reusable environments in workers that live on between them, and everything else where it is told to."""

import asyncio
import contextlib
import hashlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flyte_devbox.executors import Executor, Exit, Handle, Launch, LaunchError, Reuse, Surroundings
from flyte_devbox.executors.lines import Line, environment_change
from flyte_devbox.executors.pool import Pool, WorkerState
from flyte_devbox.executors.process import ProcessHandle, attempt_key, end_of_child
from flyte_devbox.executors.processes import ATTEMPT_VARIABLE

__all__ = ["ReusableExecutor"]

_READY_SECONDS = 60.0
_RUNTIME = "a0"
_OF_ATTEMPTS = ("ACTION_NAME", "RUN_NAME", "FLYTE_INTERNAL_", "FLYTE_ATTEMPT_NUMBER", "_F_PN", "_U_RUN_BASE")
"""Variables that tell attempts of one environment apart; the others are its workers' own."""
_ABORTED = -signal.SIGTERM
_TOLD_ENVIRONMENTS = 64
"""So many at once does a worker know."""
_KEY = "pool key"


class ReusableExecutor:
    """Keeps a pool of workers per reusable environment.

    Args:
        inner: carries out what is not reusable.
        python: the interpreter of the workers; this one if not given.
        folder: takes the current directories of workers.
    """

    def __init__(self, inner: Executor, python: Path | None, folder: Path) -> None:
        self._inner = inner
        self._python = str(python if python is not None else sys.executable)
        self._folder = folder
        self._pools: dict[str, _Workers] = {}

    def prepare(self) -> None:
        """See `Executor.prepare`. Workers of earlier servers have been ended, and nothing of them stays."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._inner.prepare()

    async def start(self, launch: Launch) -> Handle:
        """Start one attempt; see `Executor.start`."""
        if launch.reuse is None or not launch.argv or launch.argv[0] != _RUNTIME:
            return await self._inner.start(launch)
        key = _pool_key(launch, launch.reuse)
        workers = self._pools.get(key)
        if workers is None:
            workers = self._pools[key] = _Workers(launch.reuse, self._python, self._folder)
        return await workers.start(launch)

    def adopt(self, worker: str, launch_dir: Path, memory_bytes: int | None = None) -> Handle | None:
        """Find an attempt of an earlier server. Those in workers have ended with it: they could tell nobody of their end."""
        return self._inner.adopt(worker, launch_dir, memory_bytes)

    async def close(self) -> None:
        """End the workers."""
        for workers in self._pools.values():
            await workers.close()
        await self._inner.close()


def _pool_key(launch: Launch, reuse: Reuse) -> str:
    found = launch.surroundings.found
    common: str | None = found.get(_KEY)
    if common is None:
        shared = _telling({**launch.surroundings.inherited, **launch.surroundings.variables})
        digest = hashlib.sha256(repr((shared, launch.memory_bytes)).encode(errors="surrogatepass")).hexdigest()
        run = launch.run_name if reuse.is_per_run else ""
        common = found[_KEY] = f"{reuse.name}\n{reuse.version}\n{run}\n{digest}"
    own = _telling(launch.own)
    return f"{common}\n{own!r}" if own else common


def _telling(variables: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the variables that tell an environment from others."""
    return sorted(pair for pair in variables.items() if not pair[0].startswith(_OF_ATTEMPTS))


class _Workers:
    """The workers of one environment, and the pool that decides about them."""

    def __init__(self, reuse: Reuse, python: str, folder: Path) -> None:
        self._pool = Pool(reuse)
        self._python = python
        self._folder = folder
        self._workers: dict[int, _Worker] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def start(self, launch: Launch) -> "WorkerHandle":
        loop = asyncio.get_running_loop()
        if self._pool.wants_worker():
            self._begin(launch)
        state = self._pool.place()
        if state is None:
            raise LaunchError(f"every worker of environment `{self._pool.reuse.name}` has as much as it may have")
        self._plan()
        try:
            return await self._workers[state.number].start(launch)
        except LaunchError:
            self._pool.leave(state.number, loop.time())
            raise

    def _begin(self, launch: Launch) -> None:
        state = self._pool.add(asyncio.get_running_loop().time())
        try:
            worker = _Worker(
                state,
                launch,
                python=self._python,
                folder=self._folder,
                concurrency=self._pool.reuse.concurrency,
                left=self._left,
            )
        except OSError as error:
            self._pool.remove(state.number, 0.0)
            raise LaunchError(f"a worker cannot be started: {error}") from error
        self._workers[state.number] = worker
        worker.over.add_done_callback(lambda _: self._ended(state.number))

    def _left(self, number: int) -> None:
        self._pool.leave(number, asyncio.get_running_loop().time())
        self._plan()

    def _ended(self, number: int) -> None:
        self._workers.pop(number, None)
        self._pool.remove(number, asyncio.get_running_loop().time())
        self._plan()

    def _plan(self) -> None:
        """See to the workers again when the next of them may have waited long enough."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        at = self._pool.next_end()
        if at is not None:
            self._timer = asyncio.get_running_loop().call_at(at, self._end_idle)

    def _end_idle(self) -> None:
        for state in self._pool.end_idle(asyncio.get_running_loop().time()):
            self._workers[state.number].end()
        self._plan()

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        workers = list(self._workers.values())
        for worker in workers:
            worker.end()
        if workers:
            await asyncio.wait([worker.over for worker in workers], timeout=5)


class _Worker:
    """A process with a connection, and the attempts that it has."""

    def __init__(
        self,
        state: WorkerState,
        launch: Launch,
        *,
        python: str,
        folder: Path,
        concurrency: int,
        left: Callable[[int], None],
    ) -> None:
        self._state = state
        self._left = left
        name = f"worker:{secrets.token_hex(8)}"
        self._work = folder / name.partition(":")[2]
        self._work.mkdir(parents=True, mode=0o700)
        self._env = {**launch.env, ATTEMPT_VARIABLE: name}
        ours, theirs = socket.socketpair()
        try:
            with theirs, (self._work.parent / f"{self._work.name}.log").open("ab") as log:
                process = subprocess.Popen(  # noqa: S603 - our own module
                    [python, "-m", "flyte.runtime.worker", str(theirs.fileno()), str(concurrency)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self._work,
                    env=self._env,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
        except OSError:
            ours.close()
            raise
        ours.setblocking(False)
        self._handle = ProcessHandle(process.pid, name, launch.memory_bytes, end_of_child(process))
        self._socket = ours
        self._line = Line(self._take)
        self._told: dict[Surroundings, int] = {}
        self._places: list[Surroundings] = []
        self._count_told = 0
        self._attempts: dict[int, WorkerHandle] = {}
        self._count = 0
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.over = asyncio.create_task(self._attend())

    @property
    def name(self) -> str:
        return self._handle.worker

    async def start(self, launch: Launch) -> "WorkerHandle":
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await asyncio.shield(self._ready)
        except TimeoutError:
            self._handle.kill()
            raise LaunchError(f"a worker was not ready within {_READY_SECONDS:g} s") from None
        if not self._line.is_open or self.over.done():
            raise LaunchError("the worker has ended")
        environment = self._number_of(launch.surroundings)
        self._count += 1
        handle = self._attempts[self._count] = WorkerHandle(self, self._count, attempt_key(launch))
        request = {
            "id": self._count,
            "argv": launch.argv[1:],
            "log": str(launch.log_path),
            "output_prefix": launch.output_prefix,
            "environment": environment,
            "own": launch.own,
            "has_inputs": launch.inputs is not None,
        }
        self._line.send(request, launch.inputs or b"")
        return handle

    def _number_of(self, surroundings: Surroundings) -> int:
        """Return by which number the worker knows an environment; it is told of one that it does not."""
        number = self._told.get(surroundings)
        if number is not None:
            return number
        number = self._count_told % _TOLD_ENVIRONMENTS
        self._count_told += 1
        if number < len(self._places):
            del self._told[self._places[number]]
            self._places[number] = surroundings
        else:
            self._places.append(surroundings)
        self._told[surroundings] = number
        env = {**surroundings.inherited, **surroundings.variables, ATTEMPT_VARIABLE: self._env[ATTEMPT_VARIABLE]}
        self._line.send({"environment": number, **environment_change(self._env, env)})
        return number

    def cancel(self, number: int) -> None:
        if number in self._attempts:
            self._line.send({"cancel": number})

    def confirm(self, number: int) -> None:
        self._line.send({"confirm": number})

    def kill(self) -> None:
        self._handle.kill()

    def end(self) -> None:
        """Close the connection, upon which it ends, and see to it that it does."""
        self._line.close()
        asyncio.get_running_loop().call_later(3.0, self._handle.kill)

    async def _attend(self) -> None:
        loop = asyncio.get_running_loop()
        await self._line.open(self._socket)
        await self._line.lost
        self._state.is_ending = True
        # Nothing of an attempt may run when its end is told.
        stop = loop.call_later(3.0, self._handle.kill)
        ended = await self._handle.wait()
        stop.cancel()
        if not self._ready.done():
            self._ready.set_exception(
                LaunchError(f"a worker ended at its start with code {ended.code}: {self._said()}")
            )
            self._ready.exception()
        attempts, self._attempts = self._attempts, {}
        lost = Exit(ended.code or 1, is_out_of_memory=ended.is_out_of_memory)
        for attempt in attempts.values():
            attempt.finish(lost)
        await asyncio.to_thread(shutil.rmtree, self._work, ignore_errors=True)
        with contextlib.suppress(OSError):
            (self._work.parent / f"{self._work.name}.log").unlink()

    def _take(self, message: dict[str, Any], content: bytes) -> None:
        if "ready" in message:
            self._state.is_ready = True
            if not self._ready.done():
                self._ready.set_result(None)
            return
        attempt = self._attempts.pop(int(message["id"]), None)
        if attempt is not None:
            code = int(message["code"])
            outputs = content if message["has_outputs"] else None
            attempt.finish(Exit(_ABORTED if code == 128 + signal.SIGTERM else code, message["cpu"], outputs=outputs))
            self._left(self._state.number)

    def _said(self) -> str:
        try:
            text = (self._work.parent / f"{self._work.name}.log").read_text(errors="replace")
        except OSError:
            return ""
        return text.strip().rpartition("\n")[2]


class WorkerHandle:
    """An attempt in a worker."""

    def __init__(self, worker: _Worker, number: int, attempt: str) -> None:
        self._worker = worker
        self._number = number
        self._ended: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._killer: asyncio.TimerHandle | None = None
        self._name = f"worker:{worker.name}:{attempt}"

    @property
    def worker(self) -> str:
        """See `Handle.worker`."""
        return self._name

    async def wait(self) -> Exit:
        """See `Handle.wait`."""
        return await asyncio.shield(self._ended)

    def finish(self, ended: Exit) -> None:
        """Take how it ended."""
        if self._killer is not None:
            self._killer.cancel()
        if not self._ended.done():
            self._ended.set_result(ended)

    def confirm(self) -> None:
        """See `Handle.confirm`."""
        self._worker.confirm(self._number)

    def terminate(self, grace_seconds: float) -> None:
        """Ask it to end. What does not is ended with its worker, and with what else that has."""
        if self._ended.done():
            return
        self._worker.cancel(self._number)
        if self._killer is None:
            self._killer = asyncio.get_running_loop().call_later(grace_seconds, self.kill)

    def kill(self) -> None:
        """End its worker now."""
        if not self._ended.done():
            self._worker.kill()
