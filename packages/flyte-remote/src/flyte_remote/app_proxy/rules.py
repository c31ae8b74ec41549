"""What the proxy lets through, and how heads of requests and answers are changed on the way. Pure."""

import ipaddress
from collections.abc import Iterable, Mapping
from urllib.parse import urljoin, urlsplit

from flyte_models.values import value
from flyte_protocol.endpoints import LOOPBACK

__all__ = ["AppAddress", "Heads", "answer_heads", "is_loopback", "refusal", "request_heads"]

Heads = list[tuple[bytes, bytes]]
"""Names and values of headers, in order."""

_ONE_CONNECTION = frozenset(
    {
        *(b"connection", b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"proxy-authorization", b"te"),
        *(b"trailer", b"transfer-encoding", b"upgrade", b"http2-settings"),
    }
)
"""Headers about one connection, which never go on to the next (RFC 9110, 7.6.1)."""


@value
class AppAddress:
    """Where an app answers."""

    url: str
    """`http(s)://host[:port][/prefix]`, without a slash at the end."""

    @classmethod
    def of(cls, text: str) -> "AppAddress":
        """Read an address; without a scheme it is `https://`, and `http://` on this machine.

        Raises:
            ValueError: It is none.
        """
        address = text.strip().rstrip("/")
        if "://" not in text:
            host = urlsplit(f"//{address}").hostname or ""
            address = f"{'http' if is_loopback(host) else 'https'}://{address}"
        try:
            parts = urlsplit(address)
            _ = parts.port  # which raises when it is no port
        except ValueError as error:
            raise ValueError(f"`{text}` is no address of an app: {error}") from None
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"`{text}` is no address of an app\nhint: write `https://host` or `https://host/path`")
        if not address.isascii() or not address.isprintable() or " " in address:
            raise ValueError(f"{text!r} is no address of an app: it has signs that an address cannot have")
        if parts.username is not None or parts.password is not None:
            raise ValueError("the address of an app has no user name or password\nhint: the proxy signs in by itself")
        return cls(address)

    @property
    def host(self) -> str:
        """The host alone."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port."""
        return urlsplit(self.url).port or (443 if self.has_tls else 80)

    @property
    def has_tls(self) -> bool:
        """Whether what is sent is encrypted."""
        return self.url.startswith("https://")

    @property
    def netloc(self) -> str:
        """Host and port as the `Host` header has them."""
        return urlsplit(self.url).netloc

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self.has_tls else 'http'}://{self.netloc}"

    @property
    def prefix(self) -> str:
        """The path that stands before every path of the app; empty for none."""
        return urlsplit(self.url).path


def is_loopback(host: str) -> bool:
    """Tell whether a host, by name or as an address, is this machine to this machine alone."""
    if host in LOOPBACK or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refusal(method: str, target: str, heads: Mapping[str, str], *, is_open: bool) -> tuple[int, str] | None:
    """Return the status and the sentence with which a request is refused; None: it goes on.

    Everything that can reach the port acts as the user who has signed in. Programs of this machine may. Pages of foreign sites in
    the user's browser may not, neither by their own origin nor by a name of theirs that leads to this machine.

    Args:
        method: Such as `GET`.
        target: What the request line names.
        heads: Headers of the request, by lower-case name.
        is_open: Whether the proxy listens to other machines, so that it can be called by any name.
    """
    if method == "CONNECT" or not (target.startswith("/") or (target == "*" and method == "OPTIONS")):
        return 400, "this is a proxy to one app and not to other hosts: ask it for a path, such as `/`"
    host = heads.get("host", "")
    if host and not is_open and not is_loopback(_host_of(host)):
        return (
            403,
            f"the proxy is asked for as `{host}`, and answers only to names of this machine, such as `127.0.0.1`",
        )
    origin = heads.get("origin", "")
    if origin and not (is_own(origin, host) or is_loopback(_host_of(origin.partition("://")[2]))):
        return 403, f"a page of `{origin}` may not call the app with your sign-in"
    if not origin and heads.get("sec-fetch-site") == "cross-site" and heads.get("sec-fetch-mode") != "navigate":
        return 403, "a page of another site may not call the app with your sign-in"
    return None


def is_own(origin: str, host: str) -> bool:
    """Tell whether an origin is that of the proxy, as the client names it."""
    return origin.lower() == f"http://{host}".lower()


def request_heads(sent: Heads, app: AppAddress, added: Mapping[str, str]) -> Heads:
    """Return the headers with which a request goes to the app.

    The app sees its own name in `Host`, and its own origin where the client names the proxy's; what the client says of who calls
    gives way to the sign-in.

    Args:
        sent: What the client sent.
        app: Where it goes.
        added: The headers of the sign-in.
    """
    dropped = _of_connection(sent) | {b"host", b"expect", *(name.lower().encode() for name in added)}
    host = next((text.decode("latin-1") for name, text in sent if name.lower() == b"host"), "")
    own = f"http://{host}"
    made: Heads = [(b"Host", app.netloc.encode())]
    for name, text in sent:
        low = name.lower()
        if low in dropped:
            continue
        said = text.decode("latin-1")
        if low == b"origin" and is_own(said, host):
            text = app.origin.encode()
        elif low == b"referer" and (said == own or said.startswith(f"{own}/")):
            text = f"{app.url}{said[len(own) :]}".encode("latin-1")
        made.append((name, text))
    made += [(name.encode(), text.encode("latin-1", "replace")) for name, text in added.items()]
    if _is_web_socket(sent):
        made += [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")]
    elif _has_chunks(sent):
        made.append((b"Transfer-Encoding", b"chunked"))
    return made


def answer_heads(sent: Heads, app: AppAddress, *, path: str, here: str) -> Heads:
    """Return the headers with which an answer goes to the client: what leads to the app leads through the proxy.

    Args:
        sent: What the app sent.
        app: Where it came from.
        path: What was asked for, as the app knows it.
        here: The proxy's own address as the client names it, `http://host:port`.
    """
    dropped = _of_connection(sent)
    made: Heads = []
    for name, text in sent:
        low = name.lower()
        if low in dropped:
            continue
        if low in {b"location", b"content-location"}:
            text = _through(text.decode("latin-1"), app, path, here).encode("latin-1")
        elif low == b"set-cookie":
            text = _cookie(text.decode("latin-1"), app).encode("latin-1")
        made.append((name, text))
    return made


def _through(location: str, app: AppAddress, path: str, here: str) -> str:
    try:
        whole = urljoin(f"{app.origin}{path}", location)
        parts = urlsplit(whole)
        goes_there = (parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)) == (
            "https" if app.has_tls else "http",
            app.host,
            app.port,
        )
    except ValueError:
        return location
    rest = whole[len(f"{parts.scheme}://{parts.netloc}") :]
    inside = rest.startswith((f"{app.prefix}/", f"{app.prefix}?")) or rest == app.prefix
    if not goes_there or not inside:
        return whole if goes_there else location
    rest = rest[len(app.prefix) :]
    return f"{here}{rest if rest.startswith('/') else f'/{rest}'}"


def _cookie(text: str, app: AppAddress) -> str:
    """Let a cookie of the app be one of the proxy: without the app's domain, below the proxy's paths, and without TLS."""
    first, *attributes = text.split(";")
    names = {each.strip().lower() for each in attributes}
    # Browsers take what has to be secure from 127.0.0.1 as well, but not without the word for it.
    has_to_be_secure = first.strip().startswith("__") or "samesite=none" in names or "partitioned" in names
    kept = [first]
    for each in attributes:
        name, _, said = each.strip().partition("=")
        low = name.lower()
        if low == "domain" or (low == "secure" and not has_to_be_secure):
            continue
        if low == "path" and app.prefix and (said == app.prefix or said.startswith(f"{app.prefix}/")):
            kept.append(f" {name}={said[len(app.prefix) :] or '/'}")
            continue
        kept.append(each)
    return ";".join(kept)


def _of_connection(heads: Heads) -> set[bytes]:
    named = (text for name, text in heads if name.lower() == b"connection")
    return {*_ONE_CONNECTION, *(word.strip().lower() for text in named for word in text.split(b","))}


def _is_web_socket(heads: Heads) -> bool:
    return _says(heads, b"upgrade", b"websocket") and _says(heads, b"connection", b"upgrade")


def _has_chunks(heads: Heads) -> bool:
    return any(name.lower() == b"transfer-encoding" for name, _ in heads)


def _says(heads: Iterable[tuple[bytes, bytes]], name: bytes, word: bytes) -> bool:
    return any(
        low.lower() == name and word in {each.strip().lower() for each in text.split(b",")} for low, text in heads
    )


def _host_of(netloc: str) -> str:
    try:
        return (urlsplit(f"//{netloc}").hostname or "").rstrip(".")
    except ValueError:
        return ""
