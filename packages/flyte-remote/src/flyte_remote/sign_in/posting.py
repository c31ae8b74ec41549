"""Sends forms to an OAuth 2 server: every wait has a limit, every failure says what to look at."""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlencode

from pyqwest import Headers, HTTPTransport, ReadError, RemoteProtocolError, Request, WriteError

from flyte_models.values import value
from flyte_remote.sign_in.errors import SignInError
from flyte_remote.sign_in.oauth import is_usable_address

__all__ = ["Poster"]

_ANSWER_BYTES = 1024 * 1024
_SECONDS = 20.0


@value
class Poster:
    """How the servers that hand out tokens are reached."""

    ca_certificates: bytes | None = None
    """Certificates (PEM) that are trusted beside those of the system."""
    proxy: str | None = None
    """The proxy of these calls; None: what `HTTPS_PROXY` and the like say."""

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
        try:
            client = HTTPTransport(
                tls_ca_cert=self.ca_certificates,
                tls_include_system_certs=True,
                connect_timeout=10.0,
                follow_redirects=False,
                use_system_dns=True,
                enable_otel=False,
                proxy=self.proxy,
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
                    Request("POST", url, Headers(headers.items()), urlencode(form).encode())
                )
                async with response:
                    async for piece in response.content:
                        body += piece
                        if len(body) > _ANSWER_BYTES:
                            raise SignInError(f"the answer of `{url}` has no end", "ask who runs that server")
        except TimeoutError:
            raise SignInError(
                f"`{url}` did not answer within {_SECONDS:g} seconds", "check the network and any proxy settings"
            ) from None
        except (OSError, ReadError, WriteError, RemoteProtocolError) as error:
            raise SignInError(f"`{url}` cannot be reached: {_reason(error)}", _hint(str(error).lower(), self)) from None
        finally:
            await client.aclose()
        if 300 <= response.status < 400:
            target = response.headers.get("location", "").partition("?")[0]
            raise SignInError(
                f"`{url}` answered with a redirect to `{target}`",
                "the control plane names a wrong address: ask who runs it",
            )
        return response.status, bytes(body)


def _reason(error: BaseException) -> str:
    said = str(error)
    return said.rpartition("): ")[2] or said


def _hint(low: str, poster: Poster) -> str:
    if "unknownissuer" in low or "unknown issuer" in low or "self-signed" in low or "self signed" in low:
        return "its certificate is of a private authority: name that in `admin.caCertFilePath`"
    if "expired" in low or "notvalidyet" in low or "not valid yet" in low:
        return "its certificate is not valid at this time: check the clock of this machine, then ask who runs it"
    if "dns" in low:
        return "there is no host of that name: check the network, or set `admin.httpProxyURL`"
    return f"check the proxy `{poster.proxy}`" if poster.proxy else "check the network and any proxy settings"
