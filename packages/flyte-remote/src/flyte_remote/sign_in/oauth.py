"""OAuth 2 as pure functions: what is sent, what an answer means, when a token is too old. No network and no clock of its own.

RFC 6749 (grants), 7636 (PKCE), 8628 (devices), 8252 (programs without a server).
"""

import base64
import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

from flyte_models.values import value
from flyte_remote.sign_in.errors import SignInError

__all__ = [
    "Device",
    "Server",
    "Tokens",
    "authorization_url",
    "basic_header",
    "challenge_of",
    "checked_nonce",
    "client_form",
    "code_form",
    "code_of_redirect",
    "device_form",
    "device_of",
    "is_usable_address",
    "next_interval",
    "poll_form",
    "refresh_form",
    "tokens_of",
]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_MARGIN_SECONDS = 60.0
_MARGIN_PART = 0.1
_SLOWER_SECONDS = 5.0


class Tokens:
    """What a server handed out. It never shows itself."""

    __slots__ = ("access", "expires_in", "id_token", "refresh")

    def __init__(self, access: str, refresh: str = "", expires_in: float | None = None, id_token: str = "") -> None:
        self.access = access
        self.refresh = refresh
        self.expires_in = expires_in
        """Seconds that the access token lives from when it was received; None when nobody said."""
        self.id_token = id_token

    def __repr__(self) -> str:
        return "Tokens(not shown)"

    def is_old(self, age: float) -> bool:
        """Tell whether the access token should be renewed before it is used, so many seconds after it was received.

        Ages are measured here, so a clock that differs from the server's does no harm; the margin is for the way of a call: a
        tenth of the token's life, one minute at most.
        """
        if self.expires_in is None:
            return False
        return age >= self.expires_in - min(_MARGIN_SECONDS, self.expires_in * _MARGIN_PART)


@value
class Server:
    """How one signs in at a control plane: `GetOAuth2Metadata` and `GetPublicClientConfig`, and what the user set above them."""

    token_endpoint: str
    authorization_endpoint: str = ""
    device_endpoint: str = ""
    client_id: str = ""
    redirect_uri: str = ""
    scopes: tuple[str, ...] = ()
    audience: str = ""
    header: str = "authorization"
    """The header that carries the token, in lower case."""


@value
class Device:
    """A sign-in that waits for a person at another device. Seconds."""

    code: str
    user_code: str
    address: str
    address_with_code: str
    expires_in: float
    interval: float

    def __repr__(self) -> str:
        return f"Device(user_code={self.user_code!r}, address={self.address!r})"


def is_usable_address(url: str) -> bool:
    """Tell whether secrets may be sent to an address: over TLS, or on this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier (RFC 7636, 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def authorization_url(server: Server, *, redirect_uri: str, state: str, nonce: str, challenge: str) -> str:
    """Return the address that the user's browser opens; `nonce` counts where the scopes hold `openid`."""
    fields = {
        "client_id": server.client_id,
        "response_type": "code",
        "redirect_uri": redirect_uri,
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    if server.scopes:
        fields["scope"] = " ".join(server.scopes)
    if "openid" in server.scopes:
        fields["nonce"] = nonce
    if "offline_access" in server.scopes:
        # Without it servers of OpenID hand out no refresh token (Core, section 11).
        fields["prompt"] = "consent"
    if server.audience:
        fields["audience"] = server.audience
    joint = "&" if urlsplit(server.authorization_endpoint).query else "?"
    return f"{server.authorization_endpoint}{joint}{urlencode(fields)}"


def code_of_redirect(query: str, state: str) -> str | None:
    """Return the code that the browser brings back, or None when the redirect is not an answer to our request.

    Raises:
        SignInError: The server, or the person, said no.
    """
    fields = {name: values[0] for name, values in parse_qs(query).items()}
    if fields.get("state") != state:
        return None
    if "error" in fields:
        raise _refused(fields, "the browser")
    return fields.get("code") or None


def checked_nonce(tokens: Tokens, nonce: str) -> None:
    """Check that an id token, where there is one that holds a nonce, was made for our request.

    Raises:
        SignInError: It was made for another one.
    """
    parts = tokens.id_token.split(".")
    if len(parts) != 3:
        return
    try:
        claims: object = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return
    found = cast("dict[str, Any]", claims).get("nonce") if isinstance(claims, dict) else None
    if found is not None and found != nonce:
        raise SignInError("the sign-in was answered with the token of another one", "sign in again")


def code_form(server: Server, *, code: str, redirect_uri: str, verifier: str) -> dict[str, str]:
    """Return what turns a code into tokens."""
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "client_id": server.client_id,
        "code_verifier": verifier,
    }


def refresh_form(server: Server, refresh: str) -> dict[str, str]:
    """Return what turns a refresh token into new tokens."""
    return {"grant_type": "refresh_token", "refresh_token": refresh, "client_id": server.client_id}


def client_form(server: Server) -> dict[str, str]:
    """Return what asks for a token for a client that has a secret, which goes into a header."""
    return {"grant_type": "client_credentials", **_scope(server)}


def device_form(server: Server) -> dict[str, str]:
    """Return what begins a sign-in at another device."""
    return {"client_id": server.client_id, **_scope(server)}


def poll_form(server: Server, device: Device) -> dict[str, str]:
    """Return what asks whether the person has signed in meanwhile."""
    return {"grant_type": _DEVICE_GRANT, "device_code": device.code, "client_id": server.client_id}


def basic_header(client_id: str, secret: str) -> str:
    """Return the `authorization` header of a client; both parts are form-encoded first (RFC 6749, 2.3.1)."""
    return "Basic " + base64.b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()).decode()


def tokens_of(status: int, body: bytes, *, url: str, kept_refresh: str = "") -> Tokens:
    """Read the answer of a token endpoint.

    Args:
        status: The HTTP status.
        body: The body.
        url: Who answered.
        kept_refresh: The refresh token that stays valid when the answer brings no new one.

    Raises:
        SignInError: It is a refusal, or no answer of a token endpoint. Its `oauth_code` is the server's word.
    """
    fields = _fields(status, body, url)
    access = fields.get("access_token")
    if not isinstance(access, str) or not access:
        raise SignInError(
            f"`{url}` answered HTTP {status} without a token", "is that the token endpoint of an OAuth 2 server?"
        )
    if not _is_header_text(access):
        raise SignInError(f"the token of `{url}` holds signs that no header can have", "ask who runs that server")
    kind = fields.get("token_type")
    if isinstance(kind, str) and kind.lower() not in {"bearer", ""}:
        raise SignInError(f"`{url}` hands out tokens of the type `{kind}`, not `Bearer`", "ask who runs that server")
    refresh, id_token = fields.get("refresh_token"), fields.get("id_token")
    return Tokens(
        access,
        refresh if isinstance(refresh, str) and refresh else kept_refresh,
        _seconds(fields.get("expires_in")),
        id_token if isinstance(id_token, str) else "",
    )


def device_of(status: int, body: bytes, *, url: str) -> Device:
    """Read how a person signs in at another device.

    Raises:
        SignInError: It is a refusal, or no such answer.
    """
    fields = _fields(status, body, url)
    # Some servers write `verification_url`.
    address = fields.get("verification_uri") or fields.get("verification_url")
    code, user_code = fields.get("device_code"), fields.get("user_code")
    if not (isinstance(address, str) and isinstance(code, str) and isinstance(user_code, str)):
        raise SignInError(f"`{url}` answered HTTP {status} without a code for a device", "try `admin.authType: Pkce`")
    whole = fields.get("verification_uri_complete")
    return Device(
        code,
        user_code,
        address,
        whole if isinstance(whole, str) else "",
        _seconds(fields.get("expires_in")) or 600.0,
        _seconds(fields.get("interval")) or 5.0,
    )


def next_interval(error: SignInError, interval: float) -> float | None:
    """Return after how many seconds to ask again while a person signs in, or None when it is over (RFC 8628, 3.5)."""
    if error.oauth_code == "authorization_pending":
        return interval
    if error.oauth_code == "slow_down":
        return interval + _SLOWER_SECONDS
    return None


def _is_header_text(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _scope(server: Server) -> dict[str, str]:
    fields = {"scope": " ".join(server.scopes)} if server.scopes else {}
    return fields | ({"audience": server.audience} if server.audience else {})


def _fields(status: int, body: bytes, url: str) -> dict[str, Any]:
    try:
        parsed: object = json.loads(body)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        what = "a web page" if body.lstrip()[:1] == b"<" else "nothing" if not body else "something that is no JSON"
        raise SignInError(
            f"`{url}` answered HTTP {status} with {what}, not with the JSON of an OAuth 2 server",
            "the control plane may name a wrong address, or a gateway or proxy answers in its place",
        )
    fields = cast("dict[str, Any]", parsed)
    if status >= 400 or "error" in fields:
        raise _refused(fields, f"`{url}`", status)
    return fields


def _refused(fields: Mapping[str, Any], who: str, status: int | None = None) -> SignInError:
    code = str(fields.get("error") or (f"HTTP {status}" if status else "nothing"))[:100]
    said = " ".join(str(fields.get("error_description") or "").split())[:300]
    return SignInError(
        f"signing in was refused: {who} says `{code}`{f': {said}' if said else ''}",
        _HINTS.get(code, ""),
        oauth_code=code,
    )


_HINTS = {
    "invalid_client": "check client id and secret",
    "unauthorized_client": "this client may not sign in this way: set `admin.authType`, or ask who runs the control plane",
    "unsupported_grant_type": "the server does not know this way to sign in: set `admin.authType` to another one",
    "invalid_scope": "set `admin.scopes` to what the server knows",
    "invalid_grant": "sign in again; if it goes on, check the clock of this machine",
    "access_denied": "sign in again and agree, or ask for access",
    "expired_token": "nobody signed in in time: start again",
}


def _seconds(found: object) -> float | None:
    try:
        number = float(cast("Any", found))
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None
