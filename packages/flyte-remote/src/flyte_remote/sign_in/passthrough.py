"""Credentials that callers bring along for each call: a server that acts for its users."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from flyte_protocol.rpc_errors import RpcError

__all__ = ["Passthrough", "auth_metadata"]

_headers: ContextVar[Mapping[str, str]] = ContextVar("flyte_auth_metadata", default={})  # noqa: B039 - it is never changed in place


@contextmanager
def auth_metadata(*pairs: tuple[str, str]) -> Generator[None]:
    """Send these headers with each call to the control plane inside the block, where `auth_type` is `Passthrough`.

    ```python
    from flyte_remote import User
    from flyte_remote.sign_in.passthrough import auth_metadata

    def name_of(token: str) -> str:
        with auth_metadata(("authorization", f"Bearer {token}")):
            return User.get().name()
    ```

    Threads and tasks that are started inside the block have them as well; others do not. A block in a block adds to it.

    Raises:
        ValueError: A name or value cannot be a header. The value is not in the message.
    """
    added: dict[str, str] = {}
    for name, text in pairs:
        if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
            raise ValueError(f"`{name}` is no name of a header\nhint: write `authorization`, say")
        if not text.isprintable():
            raise ValueError(f"the value for `{name}` cannot be a header: it has line breaks or control signs")
        added[name.lower()] = text
    token = _headers.set({**_headers.get(), **added})
    try:
        yield
    finally:
        _headers.reset(token)


class Passthrough:
    """Adds what `auth_metadata` was given."""

    async def headers(self) -> Mapping[str, str]:
        """Return the headers of the caller."""
        return _headers.get()

    async def refresh(self, refused: Mapping[str, str], error: RpcError) -> bool:  # noqa: ARG002
        """Have nothing better than what the caller brought."""
        return False
