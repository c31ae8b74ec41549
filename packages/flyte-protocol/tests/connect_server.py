"""Servers for the tests of the transport: connectrpc's own, and one that answers with whatever bytes it is told."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import uvicorn
from connectrpc.compat import google_protobuf_binary_codec
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.server import ConnectASGIApplication, Endpoint
from google.protobuf.descriptor import ServiceDescriptor

from flyte_protocol.methods import Method, methods_of

Handler = Callable[[Any, Any], Any]


def method_info(service: str, method: Method) -> MethodInfo[Any, Any]:
    return MethodInfo(
        name=method.name,
        service_name=service,
        input=method.input_class,
        output=method.output_class,
        idempotency_level=IdempotencyLevel.NO_SIDE_EFFECTS if method.is_read_only else IdempotencyLevel.UNKNOWN,
        stream_type=StreamType.SERVER_STREAM if method.is_server_stream else StreamType.UNARY,
    )


class Application(ConnectASGIApplication[Any]):
    """One service, of which only the given methods are there."""

    def __init__(self, service: ServiceDescriptor, handlers: dict[str, Handler], **options: Any) -> None:
        endpoints = {}
        self._path = f"/{service.full_name}"
        for name, method in methods_of(service).items():
            if name in handlers:
                make = Endpoint.server_stream if method.is_server_stream else Endpoint.unary
                endpoints[method.path] = make(method=method_info(service.full_name, method), function=handlers[name])
        super().__init__(
            service=None, endpoints=lambda _: endpoints, codecs=[google_protobuf_binary_codec()], **options
        )

    @property
    def path(self) -> str:
        return self._path


@contextlib.asynccontextmanager
async def serve(application: Any) -> AsyncIterator[str]:
    """Run an ASGI application in this loop and yield its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(application, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[method-assign]
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter, int], Awaitable[None]]


class RawServer:
    """Answers each request with bytes; counts connections and requests, and keeps what was asked."""

    def __init__(self, answer: Answer | bytes, *, tls: ssl.SSLContext | None = None) -> None:
        self._answer = answer
        self._tls = tls
        self.requests: list[bytes] = []
        self.connections = 0
        self.closed = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "RawServer":
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0, ssl=self._tls)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            try:
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = next(
                        (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")),
                        0,
                    )
                    self.requests.append(head + await reader.readexactly(length))
                    if isinstance(self._answer, bytes):
                        writer.write(self._answer)
                        await writer.drain()
                    else:
                        await self._answer(reader, writer, len(self.requests))
            finally:
                self.closed += 1
                self._tasks.discard(task)
                writer.close()


def http(status: str, headers: str = "", body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body


def proto(body: bytes) -> bytes:
    return http("200 OK", "content-type: application/proto\r\n", body)


def stream_head(extra: str = "") -> bytes:
    return f"HTTP/1.1 200 OK\r\ncontent-type: application/connect+proto\r\n{extra}transfer-encoding: chunked\r\n\r\n".encode()


def chunk(body: bytes) -> bytes:
    return f"{len(body):x}\r\n".encode() + body + b"\r\n"
