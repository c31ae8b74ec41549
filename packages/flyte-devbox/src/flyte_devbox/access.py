"""Who may talk to the devbox: only this machine under a local name, not a page of another site, and only with the token."""

import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from flyte_devbox.errors import ServiceError, unauthenticated

__all__ = ["Access", "cookie_of"]

_COOKIE = "flyte_devbox"

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_OPEN_PREFIXES = ("/flyteidl2.auth.AuthMetadataService/", "/healthz")
"""What a client may ask before it knows who it is."""


class Access:
    """Decides about requests by their headers.

    Args:
        token: what a caller has to bring; empty for anybody on this machine.
    """

    def __init__(self, token: str) -> None:
        self._token = token

    def check(self, path: str, headers: Mapping[str, str]) -> None:
        """Refuse a request that may not be answered.

        Raises:
            ServiceError: PERMISSION_DENIED for a foreign name or site, UNAUTHENTICATED without the right token.
        """
        self.check_origin(headers)
        if self._token and not path.startswith(_OPEN_PREFIXES) and not self.is_known(headers):
            raise unauthenticated(
                "the devbox does not know you\n"
                "hint: our clients read the token from the devbox's folder; a browser gets it by the link that "
                "`flyte status devbox` prints; `--no-auth` at the start asks for none"
            )

    def check_origin(self, headers: Mapping[str, str]) -> None:
        """Refuse what was not addressed to a local name, or was sent by a page of another site.

        Raises:
            ServiceError: PERMISSION_DENIED.
        """
        host = headers.get("host", "")
        if _name_of(host) not in _LOCAL_NAMES:
            raise ServiceError(
                "permission_denied",
                f"this devbox answers to `localhost`, not to `{host[:100]}`\nhint: it serves this machine alone",
            )
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            raise ServiceError("permission_denied", f"the page `{origin[:100]}` may not talk to the devbox")
        if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
            # A link from elsewhere may lead to a page, but nothing may be done or read by it.
            is_visit = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
            if not is_visit:
                raise ServiceError("permission_denied", "a page of another site may not talk to the devbox")

    def is_known(self, headers: Mapping[str, str]) -> bool:
        """Tell whether the token is there, as a bearer token or in the cookie."""
        if not self._token:
            return True
        kind, _, sent = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.is_token(sent.strip()):
            return True
        # Without the port is what earlier releases have set.
        names = {_COOKIE, cookie_of(headers)}
        for piece in headers.get("cookie", "").split(";"):
            name, _, value = piece.strip().partition("=")
            if name in names and self.is_token(value):
                return True
        return False

    def is_token(self, text: str) -> bool:
        """Compare in a time that does not depend on the text."""
        return bool(self._token) and hmac.compare_digest(text.encode(), self._token.encode())


def cookie_of(headers: Mapping[str, str]) -> str:
    """Return the name of the cookie that carries the token of a browser.

    It has the port in it: cookies are for all ports of a machine, which may have several devboxes.
    """
    port = headers.get("host", "").rpartition(":")[2]
    return f"{_COOKIE}_{port}" if port.isascii() and port.isdigit() else _COOKIE


def _name_of(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".").lower()
    except ValueError:
        return ""
