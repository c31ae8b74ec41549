"""A TCP proxy on loopback that breaks connections on purpose: cut, stall, refuse, slow, short, corrupt."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Fault:
    """What happens to the next requests whose method is in `methods`."""

    kind: str
    """`cut`, `short` (after `after` bytes of the answer), `stall` (the same, but silent), `status`, `slow`, `corrupt`, `swallow`;
    of a request's body: `cut-upload` and `stall-upload` (in the middle), `slow-upload`, `corrupt-upload`."""
    times: int = 1_000_000
    after: int = 0
    status: int = 503
    retry_after: str | None = None
    methods: tuple[str, ...] = ("GET", "PUT", "POST", "HEAD")
    smallest_body: int = 0
    """Only answers with at least this many bytes (for `corrupt`, `short`)."""
    at: int = 0
    """Which byte is changed (for `corrupt`)."""


@dataclass
class FaultProxy:
    """A proxy in front of one server. Each connection serves one request, so that faults can be counted."""

    target: str
    port: int = 0
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of what came in."""
    heads: list[bytes] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    _tasks: set["asyncio.Task[object]"] = field(default_factory=set)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fail(self, kind: str, **options: object) -> Fault:
        fault = Fault(kind, **options)  # type: ignore[arg-type]
        self.faults.append(fault)
        return fault

    def clear(self) -> None:
        self.faults.clear()
        self.requests.clear()
        self.heads.clear()
        self.times.clear()

    def cancel(self) -> None:
        """End what is served, and nothing of asyncio's: what takes a connection in leaves it open if cancelled too early."""
        for task in self._tasks:
            task.cancel()

    def _next(self, method: str) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0 and method in fault.methods:
                return fault
        return None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)  # the loop itself keeps no strong reference
        task.add_done_callback(self._tasks.discard)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
            self.requests.append((method, path))
            self.heads.append(head)
            self.times.append(asyncio.get_running_loop().time())
            fault = self._next(method)
            length = _content_length(head)
            if fault is not None and fault.kind == "status":
                fault.times -= 1
                await _drain(reader, length)
                extra = f"Retry-After: {fault.retry_after}\r\n" if fault.retry_after else ""
                writer.write(
                    f"HTTP/1.1 {fault.status} No\r\n{extra}Content-Length: 4\r\nConnection: close\r\n\r\nbusy".encode()
                )
                await writer.drain()
                return
            if fault is not None and fault.kind == "swallow":
                fault.times -= 1
                await asyncio.sleep(3600)
            if fault is not None and fault.kind == "cut-upload" and length > fault.smallest_body:
                fault.times -= 1
                await _drain(reader, length // 2)
                return
            if fault is not None and fault.kind == "stall-upload" and length > fault.smallest_body:
                fault.times -= 1
                await _drain(reader, length // 2)
                await asyncio.sleep(3600)
            await self._forward(head, length, reader, writer, fault)
            await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
            await reader.read()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    async def _forward(
        self,
        head: bytes,
        length: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        fault: Fault | None,
    ) -> None:
        parts = urlsplit(self.target)
        up_reader, up_writer = await asyncio.open_connection(parts.hostname, parts.port, limit=2**20)
        try:
            lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"connection:", b"expect:"))]
            if b"100-continue" in head.lower():
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            up_writer.write(b"\r\n".join([lines[0], b"Connection: close", *lines[1:]]))
            left = length
            while left > 0:
                block = await reader.read(min(left, 65536))
                if not block:
                    return
                if fault is not None and fault.kind == "corrupt-upload" and left == length:
                    block = bytes([block[0] ^ 0xFF]) + block[1:]
                if fault is not None and fault.kind == "slow-upload":
                    await asyncio.sleep(0.005)
                left -= len(block)
                up_writer.write(block)
                await up_writer.drain()
            answer = await up_reader.readuntil(b"\r\n\r\n")
            body_length = _content_length(answer)
            if fault is not None and body_length < fault.smallest_body:
                fault = None
            if fault is not None:
                fault.times -= 1
            writer.write(answer.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            if fault is not None and fault.kind == "stall" and fault.after == 0:
                await asyncio.sleep(3600)
            sent = 0
            while block := await up_reader.read(16384):
                if fault is not None:
                    if fault.kind in {"cut", "short", "stall"} and sent + len(block) > fault.after:
                        writer.write(block[: max(0, fault.after - sent)])
                        await writer.drain()
                        if fault.kind == "stall":
                            await asyncio.sleep(3600)
                        return
                    if fault.kind == "corrupt" and sent == 0:
                        block = block[: fault.at] + bytes([block[fault.at] ^ 0xFF]) + block[fault.at + 1 :]
                    if fault.kind == "slow":
                        await asyncio.sleep(0.02)
                writer.write(block)
                await writer.drain()
                sent += len(block)
        finally:
            up_writer.transport.abort()


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def _drain(reader: asyncio.StreamReader, length: int) -> None:
    while length > 0 and (block := await reader.read(min(length, 65536))):
        length -= len(block)


@contextmanager
def fault_proxy(target: str) -> Iterator[FaultProxy]:
    """Run a proxy in front of `target` (`http://host:port`) on a thread of its own."""
    proxy = FaultProxy(target)
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=2**20))
    proxy.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def stop() -> None:
        server.close()
        while True:
            await asyncio.sleep(0)  # what has just been accepted begins to be served
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            if not tasks:
                break
            proxy.cancel()
            await asyncio.wait(tasks, timeout=0.1)
        await asyncio.sleep(0.05)  # so that aborted transports close their sockets

    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(120)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(120)
        loop.close()
