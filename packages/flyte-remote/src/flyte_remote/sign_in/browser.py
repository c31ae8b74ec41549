"""Sign-in with a browser: PKCE, with the answer coming back to a port of this machine (RFC 8252)."""

import asyncio
import secrets
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from flyte_remote.sign_in.errors import SignInError
from flyte_remote.sign_in.oauth import (
    Server,
    Tokens,
    authorization_url,
    challenge_of,
    checked_nonce,
    code_form,
    code_of_redirect,
    tokens_of,
)
from flyte_remote.sign_in.posting import Poster

__all__ = ["sign_in_by_browser"]

_SECONDS = 300.0
_REQUEST_SECONDS = 10.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PAGE = (
    "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n"
    "Content-Security-Policy: default-src 'none'\r\nReferrer-Policy: no-referrer\r\nCache-Control: no-store\r\n"
    "Content-Length: {length}\r\n\r\n{page}"
)


async def sign_in_by_browser(server: Server, poster: Poster) -> Tokens:
    """Open the browser, wait for the person, and return tokens; five minutes at most.

    Raises:
        SignInError: the person or the server said no, nobody came, or the port is taken.
    """
    if not server.authorization_endpoint or not server.redirect_uri or not server.client_id:
        raise SignInError(
            "the control plane has no sign-in by browser (it names no authorization endpoint, redirect or client)",
            "set `admin.authType` to DeviceFlow, ClientSecret or ExternalCommand",
        )
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    async with _listening(server.redirect_uri, state) as (redirect_uri, answer):
        url = authorization_url(
            server, redirect_uri=redirect_uri, state=state, nonce=nonce, challenge=challenge_of(verifier)
        )
        print(f"Sign in with the browser; if none opens: {url}", file=sys.stderr, flush=True)  # noqa: T201 - a person has to see it
        # Some browsers keep the caller until they are closed.
        opening = asyncio.get_running_loop().run_in_executor(None, _open, url)
        try:
            async with asyncio.timeout(_SECONDS):
                code = await answer
        except TimeoutError:
            raise SignInError(
                f"nobody signed in within {_SECONDS:g} seconds",
                "start again; without a browser set `admin.authType: DeviceFlow`",
            ) from None
        finally:
            opening.cancel()
    status, body = await poster.post(
        server.token_endpoint, code_form(server, code=code, redirect_uri=redirect_uri, verifier=verifier)
    )
    tokens = tokens_of(status, body, url=server.token_endpoint)
    checked_nonce(tokens, nonce)
    return tokens


def _open(url: str) -> None:
    import webbrowser  # noqa: PLC0415 - here only

    try:
        webbrowser.open_new_tab(url)
    except (webbrowser.Error, OSError):
        pass  # the address is printed


@asynccontextmanager
async def _listening(redirect_uri: str, state: str) -> AsyncGenerator[tuple[str, "asyncio.Future[str]"]]:
    """Listen where the browser is sent back to, and yield that address and what comes with it."""
    parts = urlsplit(redirect_uri)
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK:
        raise SignInError(
            f"the control plane sends browsers back to `{redirect_uri}`, which is not this machine",
            "set `admin.authType: DeviceFlow`, or ask who runs the control plane",
        )
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    path = parts.path or "/"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                words = (await reader.readline()).decode("latin-1").split(" ")
                while (await reader.readline()).strip():
                    pass
                target = urlsplit(words[1] if len(words) > 1 else "")
                status, page = "404 Not Found", "Nothing is here."
                if words[0] == "GET" and (target.path or "/") == path:
                    status, page = _taken(target.query, state, answer)
                writer.write(_PAGE.format(status=status, length=len(page), page=page).encode())
                await writer.drain()
        except (OSError, TimeoutError, ValueError):
            pass  # a browser that went away; the next one may come
        finally:
            writer.close()

    # Where the address has no port, a server of RFC 8252 takes any; one family then, as each would get a port of its own.
    try:
        host = parts.hostname if parts.port else "::1" if parts.hostname == "::1" else "127.0.0.1"
        listener = await asyncio.start_server(serve, host, parts.port or 0)
    except OSError as error:
        raise SignInError(
            f"the browser is to come back to `{redirect_uri}`, but that port cannot be opened: {error.strerror}",
            "another sign-in may be going on: end it; or set `admin.authType: DeviceFlow`",
        ) from None
    async with listener:
        if parts.port is None:
            port = listener.sockets[0].getsockname()[1]
            redirect_uri = f"http://{parts.netloc}:{port}{parts.path}"
        try:
            yield redirect_uri, answer
        finally:
            answer.cancel()


def _taken(query: str, state: str, answer: "asyncio.Future[str]") -> tuple[str, str]:
    """Take what the browser brings, and return what it is shown."""
    try:
        code = code_of_redirect(query, state)
    except SignInError as error:
        if not answer.done():
            answer.set_exception(error)
        return "200 OK", "The sign-in was refused. The terminal says more."
    if code is None:
        # Any page can send a browser here: what does not know our state ends nothing.
        return "400 Bad Request", "This does not belong to the sign-in that is going on."
    if not answer.done():
        answer.set_result(code)
    return "200 OK", "You are signed in. You can close this page."
