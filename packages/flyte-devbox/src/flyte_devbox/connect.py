"""The Connect protocol over ASGI: unary calls in protobuf or JSON, server streams in framed messages, errors as JSON.

It knows no service: what is served is a table of paths. Bidirectional streams and plain gRPC need HTTP/2 and are answered
UNIMPLEMENTED.
"""

import asyncio
import gzip
import json
import logging
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import DecodeError, Message

from flyte_devbox.errors import STATUS_OF_CODE, ServiceError, internal, invalid_argument, unimplemented
from flyte_devbox.validation import check
from flyte_protocol.methods import Method

__all__ = ["HEARTBEAT_HEADER", "Call", "ConnectApp", "Prepared", "Route", "current_call"]

_logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Explain = Callable[[Exception], str | None]

HEARTBEAT_HEADER = "flyte-heartbeat-seconds"
"""Header of a stream's answer: an empty message comes after so many seconds of silence, at the latest."""
HEARTBEAT_SECONDS = 10.0
MAX_REQUEST_BYTES = 64 * 1024 * 1024
_GZIP_FROM_BYTES = 16 * 1024

_UNARY_PROTO = "application/proto"
_UNARY_JSON = "application/json"
_STREAM_PROTO = "application/connect+proto"
_STREAM_JSON = "application/connect+json"


@dataclass(slots=True)
class Route:
    """What answers a path."""

    method: Method
    handler: Callable[[Any], Any] | None
    """A coroutine function, or an async generator function for a stream; `None` where the devbox has none."""
    refusal: str = ""
    """Why there is none."""


@dataclass(slots=True)
class Call:
    """The call that is being answered."""

    host: str
    """What the client called this server."""
    headers: dict[str, str] = field(default_factory=dict[str, str])


class Prepared:
    """An answer that is serialized already."""

    __slots__ = ("data", "kind")

    def __init__(self, data: bytes, kind: type[Message]) -> None:
        self.data = data
        self.kind = kind


current_call: ContextVar[Call] = ContextVar("current_call")
"""The call whose handler runs."""


class ConnectApp:
    """Answers the calls of a table of routes.

    Args:
        find: gives the route of a path, or `None` if there is no such method.
        explain: says what an error means that is nobody's fault, as that of a full disk; `None` if it is another.
    """

    def __init__(self, find: Callable[[str], Route | None], explain: Explain) -> None:
        self._find = find
        self._explain = explain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        is_stream = content_type in {_STREAM_PROTO, _STREAM_JSON}
        try:
            route = self._find(scope["path"])
            if route is None:
                raise ServiceError("unimplemented", f"there is no method `{scope['path'][:200]}`")
            if scope["method"] != "POST":
                await _send_plain(send, 405, b"a call is a POST\n", [(b"allow", b"POST")])
                return
            self._check_kind(route, content_type)
            if route.method.is_server_stream is not is_stream:
                await _send_plain(send, 415, b"", [(b"accept-post", _accepted(route.method).encode())])
                return
            if route.handler is None:
                raise unimplemented(route.refusal)
            call = Call(headers.get("host", "localhost"), headers)
            limit = _timeout(headers)
            body = await _read_body(receive, headers)
            token = current_call.set(call)
            try:
                is_json = content_type in {_STREAM_JSON, _UNARY_JSON}
                exchange = _Exchange(headers, is_json, limit, receive, send, self._explain)
                await (_stream if is_stream else _unary)(route, body, exchange)
            finally:
                current_call.reset(token)
        except _DisconnectedError:
            return
        except ServiceError as error:
            if is_stream:
                await _send_stream_error(send, error, content_type)
            else:
                await _send_error(send, error)

    def _check_kind(self, route: Route, content_type: str) -> None:
        if content_type.startswith("application/grpc"):
            raise unimplemented(
                "plain gRPC and gRPC-web are not spoken here\nhint: use the Connect protocol, as the Flyte 2 clients do"
            )
        if route.method.kind in {"bidi_stream", "client_stream"}:
            raise unimplemented(
                f"`{route.method.name}` streams from the client, which the devbox does not offer\n"
                "hint: there is a unary method beside it"
            )


@dataclass(slots=True)
class _Exchange:
    headers: dict[str, str]
    is_json: bool
    limit: float | None
    """Seconds that the client waits at most."""
    receive: Receive
    send: Send
    explain: Explain


async def _unary(route: Route, body: bytes, exchange: _Exchange) -> None:
    headers, is_json, limit, send = exchange.headers, exchange.is_json, exchange.limit, exchange.send
    encoding = headers.get("content-encoding", "identity")
    request = _parse(route.method, _inflate(body, encoding), is_json)
    try:
        check(request)
        assert route.handler is not None
        async with asyncio.timeout(limit):
            answer: Message | Prepared = await route.handler(request)
    except TimeoutError:
        raise ServiceError("deadline_exceeded", f"`{route.method.name}` took longer than {limit} s") from None
    except ServiceError:
        raise
    except Exception as error:
        raise _fault(route, error, exchange.explain) from error
    data = _serialize(answer, is_json)
    answer_headers = [(b"content-type", (_UNARY_JSON if is_json else _UNARY_PROTO).encode())]
    if len(data) >= _GZIP_FROM_BYTES and "gzip" in headers.get("accept-encoding", ""):
        data = await asyncio.to_thread(gzip.compress, data, 1)
        answer_headers.append((b"content-encoding", b"gzip"))
    answer_headers.append((b"content-length", str(len(data)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": answer_headers})
    await send({"type": "http.response.body", "body": data})


async def _stream(route: Route, body: bytes, exchange: _Exchange) -> None:
    headers, is_json, limit, send = exchange.headers, exchange.is_json, exchange.limit, exchange.send
    request = _parse(route.method, _one_frame(body, headers.get("connect-content-encoding", "identity")), is_json)
    check(request)
    assert route.handler is not None
    messages: AsyncIterator[Message] = route.handler(request)
    beats = _wants_heartbeats(headers)
    started = [(b"content-type", (_STREAM_JSON if is_json else _STREAM_PROTO).encode())]
    if beats:
        started.append((HEARTBEAT_HEADER.encode(), str(HEARTBEAT_SECONDS).encode()))
    # Nothing is sent before the first message, so that what is refused at once needs no answer of two parts.
    gone = asyncio.ensure_future(_until_gone(exchange.receive))
    failure: ServiceError | None = None
    is_started = False
    pending: asyncio.Future[Message] | None = None
    loop = asyncio.get_running_loop()
    ends_at = None if limit is None else loop.time() + limit
    try:
        while True:
            if pending is None:
                pending = asyncio.ensure_future(_next(messages))
            wait = HEARTBEAT_SECONDS if is_started else 0.5
            if ends_at is not None:
                wait = min(wait, max(0.0, ends_at - loop.time()))
            done, _ = await asyncio.wait({pending, gone}, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
            if gone in done:
                raise _DisconnectedError
            if not is_started:
                await send({"type": "http.response.start", "status": 200, "headers": started})
                is_started = True
            if pending in done:
                try:
                    message = pending.result()
                except StopAsyncIteration:
                    break
                pending = None
                await _send_frame(send, 0, _serialize(message, is_json))
            elif ends_at is not None and loop.time() >= ends_at:
                raise ServiceError("deadline_exceeded", f"`{route.method.name}` was open for {limit} s")
            elif beats and is_started:
                await _send_frame(send, 0, b"{}" if is_json else b"")
    except _DisconnectedError:
        raise
    except ServiceError as error:
        failure = error
    except Exception as error:
        failure = _fault(route, error, exchange.explain)
    finally:
        gone.cancel()
        if pending is not None and not pending.done():
            pending.cancel()
            await asyncio.wait({pending})
        elif pending is not None and not pending.cancelled():
            pending.exception()
        close = getattr(messages, "aclose", None)
        if close is not None:
            await close()
    if not is_started:
        await send({"type": "http.response.start", "status": 200, "headers": started})
    await _send_frame(send, 2, _end_of_stream(failure), is_last=True)


class _DisconnectedError(Exception):
    """The client is gone: nobody reads an answer."""


async def _next(messages: AsyncIterator[Message]) -> Message:
    return await anext(messages)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _wants_heartbeats(headers: dict[str, str]) -> bool:
    # An empty message means something else to a client that does not know of them.
    return HEARTBEAT_HEADER in headers or headers.get("user-agent", "").startswith("flyte/")


async def _read_body(receive: Receive, headers: dict[str, str]) -> bytes:
    try:
        announced = int(headers.get("content-length", "0"))
    except ValueError:
        announced = 0
    if announced > MAX_REQUEST_BYTES:
        raise _too_large()
    pieces: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise _DisconnectedError
        piece: bytes = event.get("body", b"")
        size += len(piece)
        if size > MAX_REQUEST_BYTES:
            raise _too_large()
        pieces.append(piece)
        if not event.get("more_body", False):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _too_large() -> ServiceError:
    return ServiceError(
        "resource_exhausted",
        f"a request may have {MAX_REQUEST_BYTES:,} bytes\nhint: upload large data with `CreateUploadLocation`",
    )


def _inflate(data: bytes, encoding: str) -> bytes:
    if encoding in {"", "identity"}:
        return data
    if encoding != "gzip":
        raise unimplemented(
            f"the request is compressed with `{encoding[:40]}`\nhint: `gzip` and `identity` are understood"
        )
    unpacker = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacker.decompress(data, MAX_REQUEST_BYTES + 1)
    except zlib.error as error:
        raise invalid_argument(f"the request cannot be decompressed: {error}") from None
    if len(unpacked) > MAX_REQUEST_BYTES:
        raise _too_large()
    if not unpacker.eof:
        raise invalid_argument("the request cannot be decompressed: it is incomplete")
    return unpacked


def _one_frame(body: bytes, encoding: str) -> bytes:
    if len(body) < 5:
        raise invalid_argument("the request of a stream is one framed message, got none")
    flags, size = body[0], int.from_bytes(body[1:5], "big")
    if flags & ~1 or size != len(body) - 5:
        raise invalid_argument("the request of a stream is exactly one framed message")
    return _inflate(body[5:], encoding if flags & 1 else "identity")


def _parse(method: Method, data: bytes, is_json: bool) -> Message:
    request = method.input_class()
    try:
        if is_json:
            from google.protobuf import json_format  # noqa: PLC0415 - only the console and curl write JSON

            json_format.Parse(data or b"{}", request, ignore_unknown_fields=True)
        else:
            request.ParseFromString(data)
    except (DecodeError, ValueError, RecursionError) as error:
        raise invalid_argument(f"the request is no `{method.input_class.DESCRIPTOR.full_name}`: {error}") from None
    except Exception as error:
        if type(error).__name__ != "ParseError":
            raise
        raise invalid_argument(f"the request is no `{method.input_class.DESCRIPTOR.full_name}`: {error}") from None
    return request


def _serialize(message: Message | Prepared, is_json: bool) -> bytes:
    if not is_json:
        return message.data if isinstance(message, Prepared) else message.SerializeToString()
    from google.protobuf import json_format  # noqa: PLC0415 - only the console and curl read JSON

    plain = message.kind.FromString(message.data) if isinstance(message, Prepared) else message
    return json_format.MessageToJson(plain, indent=None).encode()


def _timeout(headers: dict[str, str]) -> float | None:
    text = headers.get("connect-timeout-ms")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise invalid_argument(f"`connect-timeout-ms` is no number of milliseconds: `{text[:40]}`")
    return int(text) / 1000


def _fault(route: Route, error: Exception, explain: Explain) -> ServiceError:
    _logger.error("`%s` failed", route.method.path, exc_info=error)
    explained = explain(error) or f"{type(error).__name__}\nhint: the log of the devbox has the details"
    return internal(f"`{route.method.name}` failed: {explained}")


def _accepted(method: Method) -> str:
    return f"{_STREAM_PROTO}, {_STREAM_JSON}" if method.is_server_stream else f"{_UNARY_PROTO}, {_UNARY_JSON}"


def _error_object(error: ServiceError) -> dict[str, str]:
    return {"code": error.code, "message": error.message}


def _end_of_stream(error: ServiceError | None) -> bytes:
    return json.dumps({} if error is None else {"error": _error_object(error)}).encode()


async def _send_frame(send: Send, flags: int, data: bytes, *, is_last: bool = False) -> None:
    head = bytes([flags]) + len(data).to_bytes(4, "big")
    await send({"type": "http.response.body", "body": head + data, "more_body": not is_last})


async def _send_stream_error(send: Send, error: ServiceError, content_type: str) -> None:
    headers = [(b"content-type", content_type.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await _send_frame(send, 2, _end_of_stream(error), is_last=True)


async def _send_error(send: Send, error: ServiceError) -> None:
    body = json.dumps(_error_object(error)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": STATUS_OF_CODE.get(error.code, 500), "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _send_plain(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    headers = [*headers, (b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
