"""A worker of a reusable environment: one process that carries out many attempts, several at once if their tasks are async.

Started by a control plane on the same machine as `python -m flyte.runtime.worker DESCRIPTOR CONCURRENCY`, with its end of a Unix
socket. Both sides send `flyte_protocol.process_messages`. It says `{"ready": true}`, and is told:

- `{"environment", "env", "unset"}`: how the environment of that number differs from its own;
- `{"id", "argv", "environment", "own", "log", "output_prefix", "has_inputs"}`: an attempt, with its inputs if it has them;
- `{"cancel": id}`;
- `{"confirm": id}`: the outputs of an attempt are on disk.

It answers `{"id", "code", "cpu", "has_outputs"}` with the code that `a0` would have exited with, and the outputs unless they are
written; `cpu` in seconds where it can be told apart. When the other side is gone, it writes the outputs that are not confirmed,
and ends.
"""

import asyncio
import io
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
from flyte.runtime.invocation import Invocation, InvocationError, read_invocation
from flyte.runtime.loading import load_task
from flyte.runtime.main_thread import MainThread
from flyte.runtime.objects import write_object
from flyte.tasks.template import TaskTemplate
from flyte_models.bundles import CodeBundle
from flyte_protocol.channel import MAX_INLINE_BYTES
from flyte_protocol.process_messages import MessageCutter, MessageError, pack_message

__all__ = ["Worker", "main"]

_ABORTED = 128 + signal.SIGTERM
_CRASHED = 1
_NOT_TOLD = 2
_OWN_LOG = 2


class AttemptLog:
    """The log of one attempt, opened when something is written.

    Args:
        path: of the file; its folder is made.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._is_closed = False

    def fileno(self) -> int:
        """Return its descriptor; that of the worker's log when the attempt is over, but something of it still writes."""
        if self._is_closed:
            return _OWN_LOG
        if self._descriptor is None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            try:
                self._descriptor = os.open(self._path, flags, 0o600)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120
                self._descriptor = os.open(self._path, flags, 0o600)
        return self._descriptor

    def close(self) -> None:
        """Write nothing more to it."""
        self._is_closed = True
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


_log: ContextVar[AttemptLog | None] = ContextVar("flyte_worker_log", default=None)


def _current_log() -> int:
    log = _log.get()
    return _OWN_LOG if log is None else log.fileno()


class Worker(asyncio.Protocol):
    """Carries out what it is told of.

    Args:
        concurrency: how many attempts it has at once at most.
        bodies: where sync bodies run.
    """

    def __init__(self, concurrency: int, bodies: SyncBodies) -> None:
        self._is_alone = concurrency == 1
        self._bodies = bodies
        self._base = dict(os.environ)
        self._own_log = os.dup(2)
        self._cutter = MessageCutter()
        self._transport: asyncio.Transport | None = None
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._environments: dict[int, dict[str, str]] = {}
        self._loaded: dict[tuple[object, ...], tuple[TaskTemplate[..., Any], CodeBundle | None]] = {}
        self._unconfirmed: dict[int, tuple[str, bytes]] = {}
        self._out: list[bytes] = []

    async def run(self) -> None:
        """Serve until the other side is gone. Attempts that run then are nobody's: the next server starts them anew."""
        await self._gone
        for uri, outputs in self._unconfirmed.values():
            # The next server may find them, and need not have the action run again.
            await write_object(uri, outputs, sync=False)
        for task in self._tasks.values():
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=1.0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._tell({"ready": True})

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - whatever it is
        """See `asyncio.Protocol`."""
        self._transport = None
        if not self._gone.done():
            self._gone.set_result(None)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        try:
            for message, content in self._cutter.feed(data):
                self._take(message, content)
        except MessageError:
            traceback.print_exc()
            if self._transport is not None:
                self._transport.abort()

    def _take(self, message: dict[str, Any], content: bytes) -> None:
        if "id" in message:
            number: int = message["id"]
            env = self._environments[message["environment"]] | message["own"]
            inputs = content if message["has_inputs"] else None
            task = self._tasks[number] = asyncio.create_task(self._attempt(number, message, env, inputs))
            task.add_done_callback(lambda _: self._never_began(number))
        elif "confirm" in message:
            self._unconfirmed.pop(message["confirm"], None)
        elif "cancel" in message:
            task = self._tasks.get(message["cancel"])
            if task is not None:
                task.cancel()
        else:
            kept = {name: text for name, text in self._base.items() if name not in message["unset"]}
            self._environments[message["environment"]] = kept | message["env"]

    def _never_began(self, number: int) -> None:
        """Answer for an attempt that was cancelled before its first step, and so has not answered itself."""
        if self._tasks.pop(number, None) is not None:
            self._tell({"id": number, "code": _ABORTED, "cpu": None, "has_outputs": False})

    async def _attempt(self, number: int, request: dict[str, Any], env: dict[str, str], inputs: bytes | None) -> None:
        began = time.process_time()
        code = _CRASHED
        handed_over: list[bytes] = []
        try:
            log = AttemptLog(request["log"])
            _log.set(log)
            try:
                code = await self._carry_out(request["argv"], env, inputs, log, handed_over)
            finally:
                sys.stdout.flush()
                if self._is_alone:
                    self._direct_to(self._own_log)
                log.close()
        except asyncio.CancelledError:
            code = _ABORTED
        except BaseException:
            traceback.print_exc()
        finally:
            self._tasks.pop(number, None)
            cpu = time.process_time() - began if self._is_alone else None
            has_outputs = code == 0 and bool(handed_over)
            if has_outputs:
                self._unconfirmed[number] = (f"{request['output_prefix']}/outputs.pb", handed_over[0])
            answer = {"id": number, "code": code, "cpu": cpu, "has_outputs": has_outputs}
            self._tell(answer, handed_over[0] if has_outputs else b"")

    async def _carry_out(
        self, argv: list[str], env: dict[str, str], inputs: bytes | None, log: AttemptLog, handed_over: list[bytes]
    ) -> int:
        if self._is_alone:
            # Nobody else looks at them: the process is for this attempt as if it had been started for it.
            self._direct_to(log.fileno())
            for name in os.environ.keys() - env.keys():
                del os.environ[name]
            for name, text in env.items():
                if os.environ.get(name) != text:
                    os.environ[name] = text
        try:
            invocation = read_invocation(argv, env, inputs=inputs)
        except InvocationError as error:
            print(f"a0: error: {error}", file=sys.stderr)  # noqa: T201 - the log of the attempt
            return _NOT_TOLD

        def hand_over(outputs: bytes) -> bool:
            if len(outputs) > MAX_INLINE_BYTES:
                return False
            handed_over.append(outputs)
            return True

        return await carry_out(invocation, self._bodies, load=self._load, hand_over=hand_over)

    async def _load(self, invocation: Invocation) -> tuple[TaskTemplate[..., Any], CodeBundle | None]:
        """Load a task once: its module stays, and so does what it came in."""
        code = (invocation.tgz, invocation.pkl, invocation.dest, invocation.version, invocation.sys_path)
        key = (*code, invocation.resolver, invocation.resolver_args)
        found = self._loaded.get(key)
        if found is None:
            found = self._loaded[key] = await load_task(invocation)
        return found

    def _direct_to(self, log: int) -> None:
        os.dup2(log, 1)
        os.dup2(log, 2)

    def _tell(self, message: dict[str, Any], content: bytes = b"") -> None:
        """Send a message, together with all else that is sent in this turn of the loop."""
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out.append(pack_message(message, content))

    def _flush(self) -> None:
        out, self._out = self._out, []
        if self._transport is not None:
            self._transport.write(b"".join(out))


class AttemptOutput(io.TextIOBase):
    """Standard output of a worker with several attempts at once: what is written goes to the log of the attempt that writes."""

    encoding = "utf-8"

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the log."""
        return _current_log()

    def write(self, text: str) -> int:
        """Write at once."""
        content = memoryview(text.encode("utf-8", "backslashreplace"))
        while content:
            content = content[os.write(_current_log(), content) :]
        return len(text)


async def _serve(descriptor: int, concurrency: int, bodies: SyncBodies) -> None:
    worker = Worker(concurrency, bodies)
    await asyncio.get_running_loop().create_connection(lambda: worker, sock=socket.socket(fileno=descriptor))
    await worker.run()


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
