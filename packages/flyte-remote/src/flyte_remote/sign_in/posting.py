"""Sends forms to an OAuth 2 server: every wait has a limit, every failure says what to look at."""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from pyqwest import Headers, HTTPTransport, ReadError, RemoteProtocolError, Request, WriteError

from flyte_models.values import value
from flyte_protocol.broken_connections import hint_of_connection, hint_of_proxy, reason_of_connection
from flyte_protocol.endpoints import LOOPBACK
from flyte_protocol.proxies import DIRECT, proxy_to
from flyte_protocol.redaction import without_login, without_secrets
from flyte_remote.sign_in.errors import SignInError
from flyte_remote.sign_in.oauth import is_usable_address

__all__ = ["Poster"]

_ANSWER_BYTES = 1024 * 1024
_SECONDS = 20.0
_CONNECT_SECONDS = 10.0
_SECRET_FIELDS = ("client_secret", "code", "code_verifier", "device_code", "refresh_token")


@value
class Poster:
    """How the servers that hand out tokens are reached."""

    ca_certificates: bytes | None = None
    """Certificates (PEM) that are trusted beside those of the system."""
    proxy: str | None = None
    """The proxy of these calls; None: what `HTTPS_PROXY` and the like say."""
    unchecked: str = ""
    """Host and port of the control plane whose certificate is not checked; those of other servers are."""

    async def post(self, url: str, form: Mapping[str, str], authorization: str = "") -> tuple[int, bytes]:
        """Post a form and return status and body; 20 seconds at most. Redirects are not followed: a form may hold a secret.

        Raises:
            SignInError: there is no answer.
        """
        if not is_usable_address(url):
            raise SignInError(
                f"no secret is sent to `{url}`: it is neither an `https://` address nor one of this machine",
                "the control plane names that address: ask who runs it",
            )
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        if authorization:
            headers["authorization"] = authorization
        relay, address = None, url
        if url.startswith("https://") and urlsplit(url).netloc == self.unchecked:
            from flyte_protocol.unchecked_tls import UncheckedTLS  # noqa: PLC0415 - hardly anybody wants it

            relay = UncheckedTLS(url, connect_seconds=_CONNECT_SECONDS, proxy=self.proxy)
            address, more = await relay.entry()
            headers.update(more)
        is_direct = relay is not None or (self.proxy is None and (urlsplit(url).hostname or "") in LOOPBACK)
        try:
            client = HTTPTransport(
                tls_ca_cert=self.ca_certificates,
                tls_include_system_certs=True,
                connect_timeout=_CONNECT_SECONDS,
                follow_redirects=False,
                use_system_dns=True,
                enable_otel=False,
                proxy=DIRECT if is_direct else self.proxy,
            )
        except Exception as error:  # whatever the client says of a proxy or certificate that it cannot use
            raise SignInError(
                f"the proxy or the certificates for signing in cannot be used: {error}",
                "check `admin.httpProxyURL` and `admin.caCertFilePath`",
            ) from None
        try:
            async with asyncio.timeout(_SECONDS):
                body = bytearray()
                response = await client.execute(
                    Request("POST", address, Headers(headers.items()), urlencode(form).encode())
                )
                async with response:
                    if relay is not None and (reason := relay.failure_of(response.headers)):
                        raise ConnectionError(reason)
                    async for piece in response.content:
                        body += piece
                        if len(body) > _ANSWER_BYTES:
                            raise SignInError(f"the answer of `{url}` has no end", "ask who runs that server")
        except TimeoutError:
            raise SignInError(
                f"`{url}` did not answer within {_SECONDS:g} seconds", "check the network and any proxy settings"
            ) from None
        except (OSError, ReadError, WriteError, RemoteProtocolError) as error:
            said = str(error)
            raise SignInError(
                f"`{url}` cannot be reached: {reason_of_connection(said)}", _hint(said, url, self.proxy)
            ) from None
        finally:
            await client.aclose()
            if relay is not None:
                await relay.aclose()
        if 300 <= response.status < 400:
            target = response.headers.get("location", "").partition("?")[0]
            raise SignInError(
                f"`{url}` answered with a redirect to `{target}`",
                "the control plane names a wrong address: ask who runs it",
            )
        # Some servers repeat what they refuse; a token that is handed out is no repetition.
        is_refusal = response.status >= 400 or b'"access_token"' not in body
        secrets = (authorization, *(form[name] for name in _SECRET_FIELDS if name in form))
        return response.status, without_secrets(bytes(body), secrets) if is_refusal else bytes(body)


def _hint(said: str, url: str, own_proxy: str | None) -> str:
    named = ("admin.httpProxyURL", without_login(own_proxy)) if own_proxy else proxy_to(url)
    if named and (hint := hint_of_proxy(said, named[0], urlsplit(url).hostname or "")):
        return f"the way leads through the proxy `{named[1]}` (`{named[0]}`), and {hint}"
    return hint_of_connection(said, has_tls=True) or "check the network and any proxy settings"
