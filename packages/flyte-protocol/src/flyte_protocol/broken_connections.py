"""What to do about a connection that could not be made: read from what the HTTP client says. Pure, no protobuf is loaded."""

__all__ = ["PRIVATE_AUTHORITY", "hint_of_connection", "hint_of_proxy", "reason_of_connection"]

PRIVATE_AUTHORITY = (
    "its certificate is of a private authority: name that in `ca_cert_file_path` (`admin.caCertFilePath`), or, where anybody "
    "may read along, accept any certificate with `insecure_skip_verify` (`admin.insecureSkipVerify`)"
)

_AUTHORITY_ITSELF = (
    "its certificate is an authority's own, made as by `openssl req -x509`, and cannot stand for a server: let it sign one "
    "for the server and name it in `ca_cert_file_path` (`admin.caCertFilePath`), or, where anybody may read along, accept any "
    "certificate with `insecure_skip_verify` (`admin.insecureSkipVerify`)"
)


def reason_of_connection(said: str) -> str:
    """Return the last of the causes that the client names one after the other."""
    return said.rpartition("): ")[2] or said


def hint_of_proxy(said: str, variable: str, host: str) -> str:
    """Return what to look at when a connection through a proxy could not be made; empty when it is not for the proxy's sake.

    Args:
        said: What the client said, or the HTTP status of the proxy.
        variable: What names the proxy: `HTTPS_PROXY`, `admin.httpProxyURL`.
        host: Whom the proxy was to reach.
    """
    low = said.lower()
    instead = f"name `{host}` in `NO_PROXY` if it can be reached without it"
    if "407" in low or "authorization required" in low or "authentication required" in low:
        return f"it wants a login: write `{variable}` as `http://USER:PASSWORD@HOST:PORT`, or {instead}"
    if "tunnel error: unsuccessful" in low or "the proxy answered" in low:
        return f"it does not let anybody through to `{host}`, or cannot reach it: ask who runs it, or {instead}"
    if "refused" in low or "connect call failed" in low:
        return f"nothing listens where it should be: correct `{variable}`, or {instead}"
    if "dns" in low:
        return f"there is no host of its name: correct `{variable}`, or {instead}"
    if "tunnel error" in low or "timed out" in low or "time out" in low or "within" in low:
        return f"it does not answer as a proxy does: correct `{variable}`, or {instead}"
    return ""


def hint_of_connection(said: str, *, has_tls: bool) -> str:
    """Return what to look at, from the client's text; empty when that says nothing of it.

    Args:
        said: What the client said.
        has_tls: Whether the connection was meant to be encrypted.
    """
    low = said.lower()
    hints = (
        (("invalid http version",), "it speaks HTTP/2 only (plain gRPC), or TLS: check the port, and `insecure`"),
        (("unknownissuer", "unknown issuer", "self-signed", "self signed"), PRIVATE_AUTHORITY),
        (
            ("causedasendentity", "unsupportedcertversion"),
            _AUTHORITY_ITSELF,
        ),
        (
            ("notvalidforname", "not valid for name", "not valid for any names"),
            "its certificate is for another host: use the name that stands in it",
        ),
        (
            ("expired", "notvalidyet", "not valid yet"),
            "its certificate is not valid at this time: check the clock of this machine, then ask who runs it",
        ),
        (("invalidcontenttype", "corrupt message"), "it does not speak TLS: use `http://`, or set `insecure`"),
        (
            ("dns",),
            "there is no host of that name: check the address, the network, and whether `HTTPS_PROXY` has to be set",
        ),
        (
            ("refused", "connect call failed"),
            "nothing listens there: check host and port, and that the control plane is up",
        ),
    )
    for words, hint in hints:
        if any(word in low for word in words):
            return hint
    if "connection closed" in low and not has_tls:
        return "check the network; if it speaks TLS, use `https://`, or unset `insecure`"
    return ""
