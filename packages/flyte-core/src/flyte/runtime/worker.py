"""A worker of a reusable environment: one process that carries out many attempts, several at once if their tasks are async.

Started by a control plane on the same machine as `python -m flyte.runtime.worker DESCRIPTOR CONCURRENCY`, with its end of a Unix
socket. Both sides send frames: four bytes of length, then JSON. It says `{"ready": true}`, is told
`{"id", "argv", "env", "unset", "log"}` or `{"cancel": id}`, and answers `{"id", "code", "cpu"}` when the outcome is written, with
the code that `a0` would have exited with; `cpu` in seconds where it can be told apart. It ends when the other side is gone.
"""

import asyncio
import io
import json
import os
import signal
import socket
import sys
import time
import traceback
from contextvars import ContextVar
from typing import Any

from flyte.running.threads import run_on_thread
from flyte.runtime.action import SyncBodies
from flyte.runtime.entry import carry_out
from flyte.runtime.invocation import InvocationError, read_invocation
from flyte.runtime.main_thread import MainThread

__all__ = ["Worker", "main"]

_HEAD = 4
_ABORTED = 128 + signal.SIGTERM
_CRASHED = 1
_NOT_TOLD = 2

_log: ContextVar[int] = ContextVar("flyte_worker_log", default=2)


class Worker:
    """Carries out what it is told of.

    Args:
        reader: where it is told.
        writer: where it answers.
        concurrency: how many attempts it has at once at most.
        bodies: where sync bodies run.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, concurrency: int, bodies: SyncBodies
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._is_alone = concurrency == 1
        self._bodies = bodies
        self._base = dict(os.environ)
        self._own_log = os.dup(2)
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Serve until the other side is gone. Attempts that run then are nobody's: the next server starts them anew."""
        self._tell({"ready": True})
        try:
            while True:
                head = await self._reader.readexactly(_HEAD)
                message = json.loads(await self._reader.readexactly(int.from_bytes(head, "big")))
                if "cancel" in message:
                    task = self._tasks.get(message["cancel"])
                    if task is not None:
                        task.cancel()
                else:
                    number: int = message["id"]
                    self._tasks[number] = asyncio.create_task(self._attempt(number, message))
        except (asyncio.IncompleteReadError, OSError):
            pass
        for task in self._tasks.values():
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=1.0)

    async def _attempt(self, number: int, request: dict[str, Any]) -> None:
        began = time.process_time()
        code = _CRASHED
        try:
            log = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            _log.set(log)
            try:
                code = await self._carry_out(request, log)
            finally:
                sys.stdout.flush()
                if self._is_alone:
                    self._direct_to(self._own_log)
                os.close(log)
        except asyncio.CancelledError:
            code = _ABORTED
        except BaseException:
            traceback.print_exc()
        finally:
            self._tasks.pop(number, None)
            cpu = time.process_time() - began if self._is_alone else None
            self._tell({"id": number, "code": code, "cpu": cpu})

    async def _carry_out(self, request: dict[str, Any], log: int) -> int:
        env = {name: text for name, text in self._base.items() if name not in request["unset"]} | request["env"]
        if self._is_alone:
            # Nobody else looks at them: the process is for this attempt as if it had been started for it.
            self._direct_to(log)
            for name in os.environ.keys() - env.keys():
                del os.environ[name]
            os.environ.update(request["env"])
        try:
            invocation = read_invocation(request["argv"], env)
        except InvocationError as error:
            print(f"a0: error: {error}", file=sys.stderr)  # noqa: T201 - the log of the attempt
            return _NOT_TOLD
        return await carry_out(invocation, self._bodies)

    def _direct_to(self, log: int) -> None:
        os.dup2(log, 1)
        os.dup2(log, 2)

    def _tell(self, message: dict[str, Any]) -> None:
        content = json.dumps(message).encode()
        self._writer.write(len(content).to_bytes(_HEAD, "big") + content)


class AttemptOutput(io.TextIOBase):
    """Standard output of a worker with several attempts at once: what is written goes to the log of the attempt that writes."""

    encoding = "utf-8"

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the log."""
        return _log.get()

    def write(self, text: str) -> int:
        """Write at once."""
        content = memoryview(text.encode("utf-8", "backslashreplace"))
        while content:
            content = content[os.write(_log.get(), content) :]
        return len(text)


async def _serve(descriptor: int, concurrency: int, bodies: SyncBodies) -> None:
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=descriptor))
    await Worker(reader, writer, concurrency, bodies).run()


def main(descriptor: int, concurrency: int) -> int:
    """Serve a control plane; return the exit code of this process."""
    os.set_inheritable(descriptor, False)
    if concurrency > 1:
        sys.stdout = sys.stderr = AttemptOutput()
    # SIGTERM is for the worker, which has nothing of its own to clean up.
    main_thread = MainThread(own_signal=signal.SIGUSR2)
    main_thread.run(_serve(descriptor, concurrency, main_thread.run_body if concurrency == 1 else run_on_thread))
    return 0


if __name__ == "__main__":
    result = main(int(sys.argv[1]), int(sys.argv[2]))
    # Past threads that bodies have left behind.
    os._exit(result)
