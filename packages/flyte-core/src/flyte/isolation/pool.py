"""The processes of a run: each executes one body at a time, idle ones are used again, one whose body does not end is killed."""

import asyncio
import multiprocessing
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from flyte.isolation.messages import Answer, Body, Call, Failed, packed_error, unpacked_error
from flyte.running.threads import BodyThreads
from flyte_engine.actions import Attempt
from flyte_engine.executors import AttemptLostError

__all__ = ["BodyProcesses"]

_KILL_SECONDS = 2.5
"""How long a cancelled body may clean up before its process is killed; less than the grace of the engine."""
_STOP_SECONDS = 1.0
"""How long an idle process may take to end by itself."""

Handler = Callable[[Call], Awaitable[Any]]


class _Worker:
    """One process and the connection to it."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        # Its imports are not needed before it is started.
        from flyte.isolation.worker import main  # noqa: PLC0415

        self._connection, theirs = context.Pipe()
        self._lock = threading.Lock()
        self._process = context.Process(target=main, args=(theirs,), name="flyte-isolated")
        self._process.start()
        theirs.close()

    def converse(
        self, body: Body, record: Callable[[Any], None], loop: asyncio.AbstractEventLoop, handle: Handler
    ) -> Any:
        """Execute a body, answer what it asks meanwhile, and return its outcome; blocks.

        Raises:
            EOFError: the process has ended.
        """
        self.send(body)
        while True:
            message = self._connection.recv()
            if isinstance(message, Call):
                call = message
                future = asyncio.run_coroutine_threadsafe(_answered(handle, call), loop)
                future.add_done_callback(lambda done: None if done.cancelled() else self._reply(done.result()))
            elif isinstance(message, bytes | Failed):
                return message
            else:
                record(message)

    def _reply(self, answer: Answer) -> None:
        try:
            self.send(answer)
        except OSError:
            pass  # the process has ended, and the conversation says so

    def send(self, message: Any) -> None:
        """Send a message, from any thread."""
        with self._lock:
            self._connection.send(message)

    def cancel(self) -> None:
        """Ask the body to end."""
        try:
            self.send("cancel")
        except OSError:
            pass  # it has ended

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    @property
    def end(self) -> str:
        """Say how the process ended."""
        self._process.join(_STOP_SECONDS)
        code = self._process.exitcode
        if code is not None and code < 0:
            return f"was ended by signal {-code}"
        return f"ended with exit code {code}"

    def close(self) -> None:
        """End the process and free what belongs to it."""
        try:
            self.send("stop")
        except OSError:
            pass
        self._process.join(_STOP_SECONDS)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
        self._connection.close()
        self._process.close()


class BodyProcesses:
    """Executes bodies in processes that this object owns; `close` ends them.

    Args:
        threads: what talks with the processes, a thread for each body that runs.
        record: takes changes of the store from the bodies.
    """

    def __init__(self, threads: BodyThreads, record: Callable[[Any], None]) -> None:
        self._threads = threads
        self._record = record
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()

    async def run(self, attempt: Attempt, body: Body, handle: Handler) -> bytes:
        """Execute a body and return its outputs.

        When the wait is cancelled, the body is cancelled or interrupted, and after a while its process is killed; this returns
        when either has happened.

        Raises:
            AttemptLostError: the process ended before the body did.
            BaseException: what the body raised.
        """
        loop = asyncio.get_running_loop()
        worker = self._idle.pop() if self._idle else await self._threads.run([], self._start)
        talk = asyncio.ensure_future(
            self._threads.run(attempt.leftovers, worker.converse, body, self._record, loop, handle)
        )
        try:
            ended = await asyncio.shield(talk)
        except asyncio.CancelledError:
            worker.cancel()
            timer = loop.call_later(_KILL_SECONDS, worker.kill)
            try:
                await asyncio.wait([talk])
            finally:
                timer.cancel()
                if not talk.done():
                    # Cancelled again: nobody waits for the clean-up any more.
                    worker.kill()
                    attempt.leftovers.append(talk)
            self._take_back(worker, talk)
            raise
        except (EOFError, OSError) as error:
            how = worker.end
            self._discard(worker)
            raise AttemptLostError(
                f"the process of the body {how}\nhint: it may have run out of memory, or crashed in native code",
                action_id=attempt.action_id,
                number=attempt.number,
            ) from error
        self._idle.append(worker)
        if isinstance(ended, Failed):
            raise unpacked_error(ended.error)
        return ended

    def close(self) -> None:
        """End all processes; blocks for at most a second for each that does not end by itself."""
        workers, self._all = self._all, set()
        self._idle.clear()
        for worker in workers:
            worker.close()

    def _start(self) -> _Worker:
        worker = _Worker()
        self._all.add(worker)
        return worker

    def _take_back(self, worker: _Worker, talk: "asyncio.Future[Any]") -> None:
        if talk.cancelled() or talk.exception() is not None:
            self._discard(worker)
        else:
            self._idle.append(worker)

    def _discard(self, worker: _Worker) -> None:
        if worker in self._all:
            self._all.discard(worker)
            worker.kill()
            worker.close()


async def _answered(handle: Handler, call: Call) -> Answer:
    try:
        return Answer(call.number, await handle(call))
    except Exception as error:
        return Answer(call.number, error=packed_error(error))
