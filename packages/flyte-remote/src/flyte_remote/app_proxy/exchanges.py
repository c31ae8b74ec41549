"""One connection of a client: each request goes to the app with the sign-in, and its answer comes back as it is made."""

import asyncio
import enum
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

import h11

from flyte_models.values import value
from flyte_protocol.broken_connections import hint_of_connection, hint_of_proxy
from flyte_protocol.dialing import carry, reason_of
from flyte_protocol.endpoints import Endpoint
from flyte_protocol.proxies import proxy_to
from flyte_protocol.rpc_errors import RpcError
from flyte_remote.app_proxy.rules import AppAddress, answer_heads, is_loopback, refusal, request_heads
from flyte_remote.app_proxy.sides import Side, connect
from flyte_remote.app_proxy.signing import Signing

__all__ = ["Exchanges", "ProxyLimits"]

_T = TypeVar("_T")
_UNAUTHORIZED = 401
_SWITCHING = 101
_KEPT_BYTES = 1024 * 1024
_REPEATABLE = {b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"}


@value
class ProxyLimits:
    """Bounds of the proxy's waits, in seconds."""

    connect: float = 10.0
    """How long a connection to the app may take."""
    answer: float = 600.0
    """How long nothing, no byte of an upload either, may go on until the app begins its answer, which may take any time."""
    idle: float = 300.0
    """How long a client may keep a connection without a request."""
    rest: float = 2.0
    """How long what a client still sends is read after it was answered."""


class _ClientGoneError(Exception):
    """The client has closed its connection."""


class _UpstreamError(Exception):
    """The app could not be reached, or broke off before its answer began."""

    def __init__(self, status: int, message: str, *, may_repeat: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.may_repeat = may_repeat


class _Sent(enum.Enum):
    """How sending a request has ended."""

    CLIENT_GONE = enum.auto()
    APP_DEAF = enum.auto()


class _Body:
    """The body of a request, which can be sent once more as long as it is small."""

    def __init__(self, client: Side) -> None:
        self._client = client
        self._kept: list[bytes] = []
        self._size = 0
        self._is_whole = False
        self.can_begin_again = True

    async def pieces(self) -> AsyncGenerator[bytes]:
        """Yield the body from its beginning.

        Raises:
            _ClientGoneError: The client has closed the connection, or does not speak HTTP.
        """
        for piece in [*self._kept]:
            yield piece
        while not self._is_whole:
            try:
                event = await self._client.receive()
            except (OSError, h11.RemoteProtocolError) as error:
                raise _ClientGoneError from error
            if isinstance(event, h11.Data):
                piece = bytes(event.data)
                self._size += len(piece)
                if self._size <= _KEPT_BYTES:
                    self._kept.append(piece)
                else:
                    self._kept, self.can_begin_again = [], False
                yield piece
            elif isinstance(event, h11.EndOfMessage):
                self._is_whole = True
            else:
                raise _ClientGoneError


class Exchanges:
    """The requests of one client's connection, one after the other, with a connection to the app that is kept for them."""

    def __init__(
        self,
        client: Side,
        app: AppAddress,
        signing: Signing,
        endpoint: Endpoint,
        *,
        here: str,
        is_open: bool,
        limits: ProxyLimits,
        tell: Callable[[str, str, int, str], None],
    ) -> None:
        """Take a client.

        Args:
            client: Its connection.
            app: Where requests go.
            signing: Who calls.
            endpoint: The control plane that the app belongs to: what TLS trusts here, it trusts there.
            here: The proxy's address, for clients that do not name it.
            is_open: Whether the proxy listens to other machines.
            limits: Bounds of waits.
            tell: Is told method, path (without the query), status, and what went wrong in the proxy, if anything: when an answer
                begins, and when it breaks off.
        """
        self._client = client
        self._app = app
        self._signing = signing
        self._endpoint = endpoint
        self._here = here
        self._is_open = is_open
        self._limits = limits
        self._tell = tell
        self._upstream: Side | None = None
        self._is_head = False
        self._bound: asyncio.Timeout | None = None

    async def serve(self) -> None:
        """Answer requests until the client or an exchange ends the connection."""
        at_once = False
        try:
            while await self._serve_one():
                pass
        except (_ClientGoneError, OSError):
            at_once = True
        except asyncio.CancelledError:
            at_once = True
            raise
        finally:
            self._hang_up(at_once=at_once)
            self._client.close(at_once=at_once)

    async def _serve_one(self) -> bool:
        client = self._client
        try:
            async with asyncio.timeout(self._limits.idle):
                request = await client.receive()
        except TimeoutError:
            return False
        except h11.RemoteProtocolError as error:
            await self._say(error.error_status_hint, f"the request cannot be read: {error}")
            return False
        if not isinstance(request, h11.Request):
            return False
        method, target = request.method.decode("ascii"), request.target.decode("ascii")
        path = target.partition("?")[0]
        self._is_head = method == "HEAD"
        heads = {name.decode("ascii").lower(): text.decode("latin-1") for name, text in request.headers}
        refused = refusal(method, target, heads, is_open=self._is_open)
        if refused is not None:
            self._tell(method, path, *refused)
            await self._say(*refused)
            return False
        here = f"http://{heads['host']}" if heads.get("host") else self._here
        try:
            status = await self._carry_out(request, here, (method, path))
        except _UpstreamError as error:
            self._tell(method, path, error.status, error.message)
            if client.machine.our_state is h11.SEND_BODY:
                # The client has a part of it, and shall see that the rest is missing.
                raise _ClientGoneError from error
            await self._say(error.status, error.message)
            return False
        if status == _SWITCHING:
            await self._switched()
            return False
        if client.can_go_on():
            return True
        await self._read_rest()
        return False

    async def _carry_out(self, request: h11.Request, here: str, shown: tuple[str, str]) -> int:
        """Get the app's answer and pass it on; return its status."""
        body = _Body(self._client)
        was_renewed = False
        tries = 0
        while True:
            try:
                added = dict(await self._signing.headers())
            except RpcError as error:
                raise _UpstreamError(502, f"there is no sign-in to call the app with: {error}") from None
            upstream, is_new = await self._connected()
            target, wanted = self._to_app(request, added)
            sending = asyncio.create_task(self._send(upstream, wanted, body))
            try:
                try:
                    answer = await self._answer(upstream, sending)
                except _UpstreamError as error:
                    # A kept connection may have been closed by the app just now.
                    tries += 1
                    if is_new or not error.may_repeat or request.method not in _REPEATABLE or not body.can_begin_again:
                        raise
                    if tries > 1:
                        raise
                    self._hang_up()
                    continue
                if answer.status_code == _UNAUTHORIZED and body.can_begin_again:
                    if was_renewed:
                        self._signing.did_not_help()
                    elif await self._unless_gone(sending, self._signing.renewed(added)):
                        was_renewed = True
                        self._hang_up()
                        continue
                await self._pass_on(upstream, sending, answer, path=target, here=here, shown=shown)
            except BaseException:
                self._hang_up(at_once=True)
                raise
            finally:
                # Whatever it has read of the client is kept for the next round; nobody reads at the same time.
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
            if answer.status_code != _SWITCHING and not upstream.can_go_on():
                self._hang_up()
            return answer.status_code

    def _to_app(self, request: h11.Request, added: Mapping[str, str]) -> tuple[str, h11.Request]:
        target = request.target.decode("ascii")
        if target != "*":
            target = f"{self._app.prefix}{target}"
        heads = request_heads(request.headers.raw_items(), self._app, added)
        return target, h11.Request(method=request.method, target=target, headers=heads)

    async def _send(self, upstream: Side, request: h11.Request, body: _Body) -> _Sent:
        """Send a request to the app, then watch whether the client stays for the answer."""
        try:
            await upstream.send(request)
            async with aclosing(body.pieces()) as pieces:
                async for piece in pieces:
                    await upstream.send(h11.Data(data=piece))
                    # An upload may take longer than an answer: it is over when nothing goes on.
                    if self._bound is not None and not self._bound.expired():
                        self._bound.reschedule(asyncio.get_running_loop().time() + self._limits.answer)
            await upstream.send(h11.EndOfMessage())
        except _ClientGoneError:
            return _Sent.CLIENT_GONE
        except (OSError, h11.LocalProtocolError):
            # It may have answered all the same, as with 413: that is read elsewhere.
            return _Sent.APP_DEAF
        await self._client.until_gone()
        return _Sent.CLIENT_GONE

    async def _answer(self, upstream: Side, sending: "asyncio.Task[_Sent]") -> h11.Response | h11.InformationalResponse:
        """Return the head of the app's answer."""
        try:
            async with asyncio.timeout(self._limits.answer) as self._bound:
                while True:
                    event = await self._unless_gone(sending, upstream.receive())
                    if isinstance(event, h11.Response):
                        return event
                    if isinstance(event, h11.InformationalResponse):
                        if event.status_code == _SWITCHING:
                            return event
                        continue
                    raise _UpstreamError(502, f"{self._name} closed the connection without an answer", may_repeat=True)
        except TimeoutError:
            raise _UpstreamError(
                504, f"{self._name} did not begin to answer within {self._limits.answer:g} seconds"
            ) from None
        except h11.RemoteProtocolError as error:
            # An end in the middle of nothing is how a kept connection that is over looks.
            raise _UpstreamError(
                502, f"{self._name} does not answer in HTTP/1.1: {error}", may_repeat=upstream.is_lost()
            ) from None
        except OSError as error:
            raise _UpstreamError(
                502, f"{self._name} broke off without an answer: {reason_of(error)}", may_repeat=True
            ) from None
        finally:
            self._bound = None

    async def _pass_on(
        self,
        upstream: Side,
        sending: "asyncio.Task[_Sent]",
        answer: h11.Response | h11.InformationalResponse,
        *,
        path: str,
        here: str,
        shown: tuple[str, str],
    ) -> None:
        heads = answer_heads(answer.headers.raw_items(), self._app, path=path, here=here)
        self._tell(*shown, answer.status_code, "")
        if answer.status_code == _SWITCHING:
            heads += [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")]
            made = h11.InformationalResponse(status_code=_SWITCHING, headers=heads, reason=answer.reason)
            await self._client.send(made)
            return
        await self._client.send(h11.Response(status_code=answer.status_code, headers=heads, reason=answer.reason))
        await self._unless_gone(sending, self._pass_body_on(upstream))

    async def _pass_body_on(self, upstream: Side) -> None:
        while True:
            try:
                event = await upstream.receive()
            except (OSError, h11.RemoteProtocolError) as error:
                raise _UpstreamError(502, f"{self._name} broke off in the middle of its answer: {error}") from None
            if not isinstance(event, h11.Data):
                await self._client.send(h11.EndOfMessage())
                return
            await self._client.send(h11.Data(data=bytes(event.data)))

    async def _unless_gone(self, sending: "asyncio.Task[_Sent]", work: Coroutine[Any, Any, _T]) -> _T:
        """Return what `work` returns, unless the client leaves meanwhile."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({sending, task}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done() and sending.done() and sending.result() is _Sent.CLIENT_GONE:
                raise _ClientGoneError
            return await task
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _switched(self) -> None:
        """Carry bytes both ways (WebSocket) until one side ends it."""
        client, upstream = self._client, self._upstream
        assert upstream is not None
        for one, other in ((client, upstream), (upstream, client)):
            early = one.machine.trailing_data[0]
            if early:
                other.writer.write(early)
        ways = [
            asyncio.create_task(carry(client.reader, upstream.writer)),
            asyncio.create_task(carry(upstream.reader, client.writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _connected(self) -> tuple[Side, bool]:
        """Return the connection to the app, and whether it is new."""
        if self._upstream is not None and not self._upstream.is_lost():
            return self._upstream, False
        self._hang_up()
        endpoint = self._endpoint
        try:
            async with asyncio.timeout(self._limits.connect):
                self._upstream = await connect(
                    self._app,
                    ca_certificates=endpoint.ca_certificates,
                    skips_verification=endpoint.skips_verification,
                )
        except TimeoutError:
            raise _UpstreamError(
                504, f"{self._name} could not be reached within {self._limits.connect:g} seconds"
            ) from None
        except OSError as error:
            reason, way, hint = reason_of(error), "", ""
            if not is_loopback(self._app.host) and (proxy := proxy_to(self._app.url)) is not None:
                way = f" through the proxy `{proxy[1]}` (`{proxy[0]}`)"
                hint = hint_of_proxy(reason, proxy[0], self._app.host)
            hint = hint or hint_of_connection(reason, has_tls=self._app.has_tls)
            message = f"{self._name} could not be reached{way}: {reason}"
            raise _UpstreamError(502, f"{message}\nhint: {hint}" if hint else message) from None
        return self._upstream, True

    @property
    def _name(self) -> str:
        return f"the app at `{self._app.url}`"

    def _hang_up(self, *, at_once: bool = False) -> None:
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            upstream.close(at_once=at_once)

    async def _say(self, status: int, message: str) -> None:
        """Answer in place of the app, and end the connection."""
        client = self._client
        if client.machine.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        text = f"flyte proxy app: {message}\n".encode()
        heads = [("content-type", "text/plain; charset=utf-8"), ("content-length", str(len(text)))]
        await client.send(h11.Response(status_code=status, headers=[*heads, ("connection", "close")]))
        if not self._is_head:
            await client.send(h11.Data(data=text))
        await client.send(h11.EndOfMessage())
        await self._read_rest()

    async def _read_rest(self) -> None:
        """Read what the client still sends: closing before would take the answer from it."""
        writer = self._client.writer
        if self._client.machine.their_state is not h11.SEND_BODY or not writer.can_write_eof():
            return
        writer.write_eof()
        try:
            async with asyncio.timeout(self._limits.rest):
                while await self._client.reader.read(65536):
                    pass
        except (OSError, TimeoutError):
            pass
