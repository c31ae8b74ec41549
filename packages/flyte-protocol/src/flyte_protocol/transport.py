"""Calls to a control plane over the Connect protocol: unary, and streams of the server. Every wait has a limit.

A thin client over pyqwest: requests and answers are `application/proto`, streams are framed, errors are JSON. It loads the
HTTP client, but no protobuf of its own: messages come and go through the `Method` that is called.
"""

import asyncio
import gzip
import os
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Self

from pyqwest import Headers, HTTPTransport, ReadError, RemoteProtocolError, Request, WriteError
from pyqwest import Response as HTTPResponse

from flyte_models.values import value
from flyte_models.version import __version__
from flyte_protocol.broken_connections import hint_of_connection, hint_of_proxy, reason_of_connection
from flyte_protocol.codes import Code
from flyte_protocol.credentials import Credentials, NoCredentials, wants_sign_in
from flyte_protocol.endpoints import Endpoint
from flyte_protocol.frames import End, FrameReader, write_frame
from flyte_protocol.proxies import DIRECT, proxy_to
from flyte_protocol.redaction import without_secrets
from flyte_protocol.retrying import RetryBudget, RetryPolicy
from flyte_protocol.rpc_errors import RpcError, error_of_answer
from flyte_protocol.silence import heard_within

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from flyte_protocol.methods import Method
    from flyte_protocol.unchecked_tls import UncheckedTLS

__all__ = ["HEARTBEAT_HEADER", "CallOptions", "Limits", "Transport"]

HEARTBEAT_HEADER = "flyte-heartbeat-seconds"
"""Header of a stream: with it a client asks for heartbeats, and a server that answers with it sends a message of no bytes after
so many seconds of silence, at the latest.

Such a message means "still here" and is not handed on. To a client that does not know the header it is an empty message of the
stream's own type, in which nothing is set.
"""

_MIB = 1024 * 1024
_ERROR_BODY_BYTES = 64 * 1024
_BEATS_MISSED = 2.5
_SILENCE_WITH_HEARTBEAT = 30.0
_BROKEN = (OSError, ReadError, WriteError, RemoteProtocolError)


@value
class Limits:
    """Bounds of every call. Times are in seconds, sizes in bytes."""

    connect: float = 10.0
    """How long opening a connection may take."""
    call: float = 30.0
    """How long a unary call may take, its repetitions included."""
    attempt: float = 10.0
    """How long one attempt of a call that may be repeated can take: a connection that died in silence is left after it."""
    silence: float = 300.0
    """How long a stream without heartbeats may be silent, give or take a tenth."""
    silence_local: float = 30.0
    """The same for a server on this machine, until its first answer."""
    sign_in: float = 600.0
    """How long getting other credentials may take: a person may be asked. It does not count as time of the call."""
    answer_bytes: int = 128 * _MIB
    """How large an answer, or one message of a stream, may be, after decompression."""
    request_bytes: int = 128 * _MIB
    gzip_from: int = 16 * 1024
    """From which size on a request is compressed; never for a server on this machine."""


@value
class CallOptions:
    """What one call wants to have differently; None is the default of the client."""

    timeout: float | None = None
    """How many seconds the call may take, its repetitions included."""
    is_idempotent: bool | None = None
    """Whether making the call twice is the same as once. None: as the protocol declares the method (`Method.is_read_only`)."""
    headers: Mapping[str, str] | None = None
    """Headers of this call."""


_DEFAULTS = CallOptions()


class Transport:
    """A client of one control plane. It belongs to one event loop; connections are kept for further calls.

    ```python
    from flyte_protocol.endpoints import Endpoint
    from flyte_protocol.transport import Transport

    async def read(method, watch, request):
        async with Transport(Endpoint.of("localhost:8090", is_insecure=True)) as transport:
            answer = await transport.call(method, request)
            async with transport.stream(watch, request) as messages:
                async for message in messages:
                    ...
    ```

    A stream has a connection of its own, so that a stream that is opened again never meets the connection that has failed.
    Opening it again, and going on where it stood, is the caller's policy.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        credentials: Credentials | None = None,
        limits: Limits | None = None,
        retry: RetryPolicy | None = None,
        headers: Mapping[str, str] | None = None,
        request_id: Callable[[], str] | None = None,
    ) -> None:
        """Prepare calls; nothing is connected yet.

        Args:
            endpoint: Where the control plane is.
            credentials: Who is calling.
            limits: Bounds of every call.
            retry: When calls are repeated.
            headers: Headers of every call.
            request_id: Makes the `x-request-id` of a call; without it, 32 random hexadecimal digits.
        """
        self.endpoint = endpoint
        self.limits = limits or Limits()
        self._credentials: Credentials = credentials or NoCredentials()
        self._retry = retry or RetryPolicy()
        self._budget = RetryBudget()
        self._headers = dict(headers or {})
        self._request_id = request_id or _random_id
        self._connections: HTTPTransport | None = None
        self._streams: set[HTTPTransport] = set()
        self._is_closed = False
        self._told = ("", 0.0)
        self._relay = _relay_to(endpoint, self.limits.connect) if endpoint.skips_verification else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections. Streams that are open end with an error."""
        self._is_closed = True
        kept, self._connections = self._connections, None
        for connections in (*([kept] if kept else []), *self._streams):
            await connections.aclose()
        self._streams.clear()
        if self._relay is not None:
            await self._relay.aclose()

    def clock_remark(self) -> str:
        """Return what is to be said of the clocks of this machine and of the server, by the last answer; empty: nothing."""
        if not self._told[0]:
            return ""
        from flyte_protocol.clocks import clock_remark  # noqa: PLC0415 - it loads `email`

        return clock_remark(*self._told)

    def renew(self) -> None:
        """Let further calls use new connections; calls that are under way keep theirs."""
        self._connections = None

    async def call(self, method: "Method", request: "Message", options: CallOptions = _DEFAULTS) -> Any:
        """Make a unary call and return its answer, a message of `method.output_class`.

        An attempt is repeated as `RetryPolicy` says, within the call's time-out and the client's budget.

        Raises:
            RpcError: the call failed; its `status` says how. DEADLINE_EXCEEDED when it took too long.
            ValueError: the method is a stream.
        """
        if method.kind != "unary":
            raise ValueError(f"`{method.path}` is a stream: it is not called, but opened with `stream`")
        body = self._request_bytes(method, request)
        is_idempotent = method.is_read_only if options.is_idempotent is None else options.is_idempotent
        timeout = self.limits.call if options.timeout is None else options.timeout
        deadline = monotonic() + timeout
        failed = 0
        # An attempt that no other follows may take all the time there is.
        bound = self.limits.attempt if is_idempotent and self._retry.attempts > 1 else timeout
        while True:
            try:
                left = deadline - monotonic()
                # Errors tell the limit that was set, and not what was left of it.
                seconds, limit = (bound, bound) if bound < left else (left, timeout)
                answer = await self._attempt(method, body, options, seconds, limit)
            except RpcError as error:
                failed += 1
                wait = self._retry.delay(failed, error, chance=random.random())  # noqa: S311 - spreads load, keeps no secret
                timed_out_early = error.status is Code.DEADLINE_EXCEEDED and is_idempotent and error.was_sent
                allowed = (
                    failed < self._retry.attempts
                    if timed_out_early
                    else self._retry.allows(failed, error, is_idempotent=is_idempotent)
                )
                if not allowed or monotonic() + wait >= deadline or not self._budget.take():
                    if failed > 1:
                        error.add_note(f"attempts: {failed}")
                    raise
                await asyncio.sleep(wait)
            else:
                self._budget.succeed()
                return answer

    @asynccontextmanager
    async def stream(
        self,
        method: "Method",
        request: "Message",
        options: CallOptions = _DEFAULTS,
        *,
        silence: float | None = None,
    ) -> AsyncGenerator[AsyncIterator[Any]]:
        """Open a stream of the server on a connection of its own, and yield the iterator of its messages.

        The iteration ends when the server says that all was sent, and raises otherwise. Leaving the block closes the connection.

        Args:
            method: The method, a server stream.
            request: Its one request.
            options: `timeout` bounds the stream as a whole; without it, it may last for ever as long as it is alive.
            silence: How many seconds without a byte mean that the connection is dead. None: what the server's heartbeats
                allow, 30 seconds at most, or else `Limits.silence`.

        Raises:
            RpcError: the stream could not be opened, failed or was cut; UNAVAILABLE when it fell silent.
            ValueError: the method is not a server stream.
        """
        if method.kind != "server_stream":
            raise ValueError(f"`{method.path}` is not a stream of the server, but {method.kind.replace('_', ' ')}")
        body = write_frame(self._request_bytes(method, request))
        connections = self._open(read_timeout=None)
        self._streams.add(connections)
        whole = asyncio.timeout(options.timeout)
        try:
            async with whole:
                response, bound = await self._open_stream(connections, method, body, options, silence)
                try:
                    async with aclosing(self._messages(response, method, bound)) as messages:
                        yield messages
                finally:
                    await response.aclose()
        except TimeoutError:
            if not whole.expired():
                raise
            raise self._too_late(method, options.timeout or 0.0) from None
        finally:
            self._streams.discard(connections)
            await connections.aclose()

    # --- one attempt ---------------------------------------------------------------------------------------------

    async def _attempt(self, method: "Method", body: bytes, options: CallOptions, seconds: float, limit: float) -> Any:
        """Make a call once, and once more with other credentials when it was refused."""
        deadline = monotonic() + seconds
        for is_last in (False, True):
            added = await self._added_headers(method, deadline - monotonic(), limit)
            try:
                return await self._post(method, body, options, added, max(0.001, deadline - monotonic()), limit=limit)
            except RpcError as error:
                began = monotonic()
                if is_last or not await self._refreshed(method, added, error):
                    raise
                deadline += monotonic() - began
        raise AssertionError("unreachable")

    async def _post(
        self,
        method: "Method",
        body: bytes,
        options: CallOptions,
        added: Mapping[str, str],
        seconds: float,
        *,
        limit: float,
    ) -> Any:
        headers = self._call_headers(options, added)
        headers["content-type"] = "application/proto"
        headers["connect-timeout-ms"] = str(max(1, int(seconds * 1000)))
        if len(body) >= self.limits.gzip_from and not self.endpoint.is_local:
            body = gzip.compress(body, compresslevel=1, mtime=0)
            headers["content-encoding"] = "gzip"
        if self._connections is None:
            self._connections = self._open(read_timeout=None)
        connections = self._connections
        try:
            async with asyncio.timeout(seconds):
                response = await self._execute(connections, method, headers, body)
                async with response:
                    if self._is_answer(response, "application/proto"):
                        content = await self._content(response, method)
                    else:
                        raise await self._refusal(response, method, "application/proto", added)
        except TimeoutError:
            if connections is self._connections:
                # The connection may be dead without a sign, as after a change of network: the next call takes another one.
                self.renew()
            raise self._too_late(method, limit) from None
        return self._parse(method, content)

    async def _open_stream(
        self,
        connections: HTTPTransport,
        method: "Method",
        body: bytes,
        options: CallOptions,
        silence: float | None,
    ) -> tuple[HTTPResponse, float]:
        """Return the answer, and how long it may be silent."""
        limits = self.limits
        first = silence or (limits.silence_local if self.endpoint.is_local else limits.silence)
        for is_last in (False, True):
            added = await self._added_headers(method, limits.call, limits.call)
            headers = self._call_headers(options, added)
            headers["content-type"] = "application/connect+proto"
            headers["connect-accept-encoding"] = "gzip"
            headers[HEARTBEAT_HEADER] = "10"
            if options.timeout is not None:
                headers["connect-timeout-ms"] = str(max(1, int(options.timeout * 1000)))
            response = await self._within(first, method, self._execute(connections, method, headers, body))
            if self._is_answer(response, "application/connect+proto"):
                return response, silence or self._silence_of(response)
            async with response:
                error = await self._within(
                    first, method, self._refusal(response, method, "application/connect+proto", added)
                )
            if is_last or not await self._refreshed(method, added, error):
                raise error
        raise AssertionError("unreachable")

    async def _messages(self, response: HTTPResponse, method: "Method", silence: float) -> AsyncGenerator[Any]:
        has_heartbeats = HEARTBEAT_HEADER in response.headers
        encoding = response.headers.get("connect-content-encoding", "identity")
        if encoding not in {"identity", "gzip"}:
            raise RpcError(Code.INTERNAL, f"`{method.path}` answered in `{encoding}`, which was not asked for")
        reader = FrameReader(max_bytes=self.limits.answer_bytes, method=method.path, is_gzip=encoding == "gzip")
        pieces = aiter(response.content)
        while True:
            try:
                piece = await heard_within(anext(pieces), silence)
            except StopAsyncIteration:
                break
            except TimeoutError:
                raise RpcError(
                    Code.UNAVAILABLE,
                    f"the stream of `{method.path}` from `{self.endpoint.url}` was silent for {silence:g} seconds",
                    method=method.path,
                ) from None
            except _BROKEN as broken:
                raise self._lost(method, broken) from None
            for frame in reader.feed(piece):
                if isinstance(frame, End):
                    if frame.error is not None:
                        raise frame.error
                elif frame or not has_heartbeats:
                    yield self._parse(method, frame)
            if reader.is_over:
                return
        reader.close()

    # --- pieces of it --------------------------------------------------------------------------------------------

    def _open(self, *, read_timeout: float | None) -> HTTPTransport:
        if self._is_closed:
            raise RuntimeError(f"the client of `{self.endpoint.url}` is closed")
        return HTTPTransport(
            tls_ca_cert=self.endpoint.ca_certificates,
            tls_include_system_certs=True,
            connect_timeout=self.limits.connect,
            read_timeout=read_timeout,
            pool_max_idle_per_host=64,
            tcp_keepalive_interval=30.0,
            enable_brotli=False,
            enable_zstd=False,
            enable_otel=False,
            follow_redirects=False,
            use_system_dns=True,
            proxy=DIRECT if self._relay is not None or self.endpoint.is_local else None,
        )

    def _request_bytes(self, method: "Method", request: "Message") -> bytes:
        if not isinstance(request, method.input_class):
            raise TypeError(f"`{method.path}` takes a {method.input_class.__name__}, got a {type(request).__name__}")
        body = request.SerializeToString()
        if len(body) > self.limits.request_bytes:
            raise RpcError(
                Code.RESOURCE_EXHAUSTED,
                f"the request of `{method.path}` has {len(body):,} bytes, allowed are {self.limits.request_bytes:,}\n"
                "hint: pass large data as files (`flyte.io.File`), not as values",
                method=method.path,
                was_sent=False,
            )
        return body

    def _call_headers(self, options: CallOptions, added: Mapping[str, str]) -> dict[str, str]:
        return {
            "connect-protocol-version": "1",
            "user-agent": f"flyte/{__version__}",
            "x-request-id": self._request_id(),
            **self._headers,
            **added,
            **(options.headers or {}),
        }

    async def _added_headers(self, method: "Method", seconds: float, limit: float) -> Mapping[str, str]:
        return await self._within(seconds, method, self._credentials.headers(), limit=limit, what="the credentials of ")

    async def _refreshed(self, method: "Method", added: Mapping[str, str], error: RpcError) -> bool:
        if not wants_sign_in(error, had_headers=bool(added)):
            return False
        try:
            async with asyncio.timeout(self.limits.sign_in):
                return await self._credentials.refresh(added, error)
        except TimeoutError:
            raise self._too_late(method, self.limits.sign_in) from None

    async def _execute(
        self, connections: HTTPTransport, method: "Method", headers: Mapping[str, str], body: bytes
    ) -> HTTPResponse:
        url = self.endpoint.url
        if self._relay is not None:
            url, more = await self._relay.entry()
            headers = {**headers, **more}
        try:
            response = await connections.execute(Request("POST", f"{url}{method.path}", Headers(headers.items()), body))
        except _BROKEN as broken:
            if isinstance(broken, TimeoutError) and not isinstance(broken, ConnectionError):
                raise
            raise self._lost(method, broken) from None
        self._told = response.headers.get("date", ""), time()
        if self._relay is not None and (reason := self._relay.failure_of(response.headers)):
            await response.aclose()
            raise self._lost(method, ConnectionError(f"(Connect): {reason}"))
        return response

    async def _content(self, response: HTTPResponse, method: "Method") -> bytes:
        content = bytearray()
        try:
            async for piece in response.content:
                content += piece
                if len(content) > self.limits.answer_bytes:
                    raise RpcError(
                        Code.RESOURCE_EXHAUSTED,
                        f"the answer of `{method.path}` is larger than {self.limits.answer_bytes:,} bytes\n"
                        "hint: ask for less at once, or raise the limit of the client",
                        method=method.path,
                    )
        except _BROKEN as broken:
            if isinstance(broken, TimeoutError):
                raise
            raise self._lost(method, broken) from None
        return bytes(content)

    async def _refusal(
        self, response: HTTPResponse, method: "Method", wanted: str, added: Mapping[str, str]
    ) -> RpcError:
        body = bytearray()
        try:
            async for piece in response.content:
                body += piece
                if len(body) > _ERROR_BODY_BYTES:
                    break
        except _BROKEN as broken:
            if isinstance(broken, TimeoutError):
                raise
            # The status says enough.
        headers = {name.lower(): content for name, content in response.headers.items()}
        # Some servers repeat the token that they refuse.
        shown = without_secrets(bytes(body), added.values())
        error = error_of_answer(
            response.status, headers, shown, url=self.endpoint.url, method=method.path, wanted=wanted
        )
        if error.status in {Code.UNAUTHENTICATED, Code.PERMISSION_DENIED}:
            error.clock_remark = self.clock_remark()
        return error

    async def _within(
        self, seconds: float, method: "Method", waiting: Any, *, limit: float | None = None, what: str = ""
    ) -> Any:
        try:
            async with asyncio.timeout(max(0.001, seconds)):
                return await waiting
        except TimeoutError:
            shown = seconds if limit is None else limit
            raise RpcError(
                Code.UNAVAILABLE,
                f"{what}`{method.path}` at `{self.endpoint.url}` did not answer within {shown:.3g} seconds",
                method=method.path,
            ) from None

    def _silence_of(self, response: HTTPResponse) -> float:
        try:
            beat = float(response.headers.get(HEARTBEAT_HEADER, ""))
        except ValueError:
            return self.limits.silence * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load, keeps no secret
        return min(_SILENCE_WITH_HEARTBEAT, max(1.0, _BEATS_MISSED * beat))

    def _is_answer(self, response: HTTPResponse, wanted: str) -> bool:
        return (
            response.status == 200
            and response.headers.get("content-type", "").partition(";")[0].strip().lower() == wanted
        )

    def _parse(self, method: "Method", content: bytes) -> Any:
        try:
            return method.output_class.FromString(content)
        except Exception as error:  # protobuf's own DecodeError, which is not imported for this
            raise RpcError(
                Code.INTERNAL, f"the answer of `{method.path}` cannot be read: {error}", method=method.path
            ) from None

    def _too_late(self, method: "Method", timeout: float) -> RpcError:
        return RpcError(
            Code.DEADLINE_EXCEEDED,
            f"`{method.path}` at `{self.endpoint.url}` did not answer within {timeout:.3g} seconds\n"
            "hint: check that the control plane can be reached from here, or allow more time",
            method=method.path,
        )

    def _lost(self, method: "Method", broken: BaseException) -> RpcError:
        """Say why a connection could not be made or was lost."""
        said = str(broken)
        was_sent = "(Connect)" not in said
        endpoint, hint, way = self.endpoint, "", ""
        if not endpoint.is_local and (proxy := proxy_to(endpoint.url)) is not None:
            way = f" through the proxy `{proxy[1]}` (`{proxy[0]}`)"
            hint = hint_of_proxy(said, proxy[0], endpoint.host)
        hint = hint or hint_of_connection(said, has_tls=endpoint.has_tls)
        return RpcError(
            Code.UNAVAILABLE,
            f"the connection to `{endpoint.url}`{way} {'was lost' if was_sent else 'could not be made'}: "
            f"{reason_of_connection(said)}\nhint: {hint or 'check the endpoint, the network and any proxy settings'}",
            method=method.path,
            was_sent=was_sent,
        )


def _random_id() -> str:
    return os.urandom(16).hex()


def _relay_to(endpoint: Endpoint, connect_seconds: float) -> "UncheckedTLS":
    from flyte_protocol.unchecked_tls import UncheckedTLS  # noqa: PLC0415 - hardly anybody wants it

    return UncheckedTLS(endpoint.url, connect_seconds=connect_seconds)
