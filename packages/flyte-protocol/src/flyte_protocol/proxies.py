"""Which proxy stands between here and a server, for clients and for what they say when it fails. Pure but for the environment."""

from urllib.parse import urlsplit

from pyqwest import Proxy

from flyte_protocol.redaction import without_login

__all__ = ["DIRECT", "proxy_to"]

DIRECT = Proxy("http://127.0.0.1:9", no_proxy="localhost,127.0.0.1,::1")
"""For a client of a server on this machine: whatever `HTTP_PROXY` says, no proxy elsewhere can lead there."""


def proxy_to(url: str) -> tuple[str, str] | None:
    """Return the variable that names a proxy for an address, and the proxy without its login; None when there is none."""
    # Only what has failed, or asks for more than a client does by itself, pays for this.
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415

    parts = urlsplit(url)
    found = getproxies()
    for name in (parts.scheme, "all"):
        if name in found and not proxy_bypass(parts.hostname or ""):
            return f"{name.upper()}_PROXY", without_login(found[name])
    return None
