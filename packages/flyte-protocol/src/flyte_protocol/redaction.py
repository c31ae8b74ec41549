"""Takes secrets out of what is shown: answers of servers that repeat what they were sent, addresses with a login. Pure."""

from collections.abc import Iterable
from urllib.parse import quote, quote_plus, urlsplit

__all__ = ["NOT_SHOWN", "without_login", "without_secrets"]

NOT_SHOWN = "(not shown)"
_SHORTEST = 6
"""A shorter text is no secret, and might be a part of anything."""


def without_secrets(body: bytes, secrets: Iterable[str]) -> bytes:
    """Return a body without some texts, as they are and as they stand in forms and addresses.

    A header such as `Bearer abc` counts with and without its first word.
    """
    for secret in secrets:
        for text in (secret, secret.rpartition(" ")[2]):
            if len(text) >= _SHORTEST:
                for form in {text, quote(text, safe=""), quote_plus(text)}:
                    body = body.replace(form.encode(), NOT_SHOWN.encode())
    return body


def without_login(url: str) -> str:
    """Return an address without the user name and password it may have."""
    netloc = urlsplit(url if "://" in url else f"//{url}").netloc
    return url.replace(netloc, netloc.rpartition("@")[2], 1) if "@" in netloc else url
