"""Where a control plane listens and how it proves who it is."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from flyte_models.values import value

__all__ = ["LOOPBACK", "Endpoint"]

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts that are this machine."""


@value
class Endpoint:
    """Address of a control plane.

    ```python
    from flyte_protocol.endpoints import Endpoint

    assert Endpoint.of("dns:///flyte.example.org").url == "https://flyte.example.org"
    assert Endpoint.of("localhost:8090", is_insecure=True).url == "http://localhost:8090"
    ```
    """

    url: str
    """`https://host[:port][/prefix]`, without a slash at the end."""
    ca_certificates: bytes | None = None
    """Certificates (PEM) that are trusted beside those of the system."""
    skips_verification: bool = False
    """Whether any certificate is accepted, and so anybody may answer."""

    @classmethod
    def of(
        cls,
        text: str,
        *,
        is_insecure: bool = False,
        ca_cert_file: str | os.PathLike[str] | None = None,
        skips_verification: bool = False,
    ) -> "Endpoint":
        """Read an address as users and the reference write it: `host`, `host:port`, `dns:///host`, `http(s)://host`.

        Args:
            text: The address.
            is_insecure: Without TLS, when the address does not say it by `http://` or `https://`.
            ca_cert_file: A file with certificates (PEM) of a private authority.
            skips_verification: Accept every certificate, unless `ca_cert_file` says which ones count.

        Raises:
            ValueError: the address or the file is not usable.
        """
        address = text.strip().removeprefix("dns:///")
        if "://" not in address:
            address = f"{'http' if is_insecure else 'https'}://{address}"
        address = address.rstrip("/")
        try:
            parts = urlsplit(address)
            _ = parts.port  # which raises when it is no port
        except ValueError as error:
            raise ValueError(f"`{text}` is no address of a control plane: {error}") from None
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(
                f"`{text}` is no address of a control plane\n"
                "hint: write `host`, `host:port`, `dns:///host`, `http://host:port` or `https://host`"
            )
        if parts.username or parts.password:
            raise ValueError(
                "the address of a control plane has no user name or password\nhint: sign in, or use an API key"
            )
        certificates = _certificates(ca_cert_file) if ca_cert_file else None
        is_open = skips_verification and certificates is None and parts.scheme == "https"
        return cls(address, certificates, is_open)

    @property
    def host(self) -> str:
        """The host alone."""
        return urlsplit(self.url).hostname or ""

    @property
    def is_local(self) -> bool:
        """Whether the address is one of this machine's own."""
        return self.host in LOOPBACK

    @property
    def has_tls(self) -> bool:
        """Whether what is sent is encrypted."""
        return self.url.startswith("https://")


def _certificates(file: str | os.PathLike[str]) -> bytes:
    path = Path(file).expanduser()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"the certificates in `{path}` cannot be read: {error.strerror}") from None
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise ValueError(
            f"`{path}` has no certificate\nhint: it has to be in the PEM form, `-----BEGIN CERTIFICATE-----`"
        )
    return content
