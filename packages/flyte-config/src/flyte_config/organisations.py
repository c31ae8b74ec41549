"""Which organisation a control plane serves, by its address. Pure."""

import re

__all__ = ["org_of_endpoint"]

_ADDRESS = re.compile(r"(?:dns:///|https?://)?([^/:\[\]]+)", re.IGNORECASE)
_NUMBER = re.compile(r"[\d.]+")


def org_of_endpoint(endpoint: str | None) -> str | None:
    """Return the first part of a host name of three parts or more, as PyPI `flyte` does; None for others and for IP addresses.

    ```python
    from flyte_config import org_of_endpoint

    assert org_of_endpoint("dns:///acme.example.org") == "acme"
    assert org_of_endpoint("localhost:30080") is None
    ```
    """
    found = _ADDRESS.match((endpoint or "").strip())
    if found is None or _NUMBER.fullmatch(found[1]):
        return None
    labels = found[1].split(".")
    return labels[0] if len(labels) > 2 and all(labels) else None
