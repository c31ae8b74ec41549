"""What a client adds to its calls to say who it is. How one signs in stands elsewhere. No protobuf is loaded."""

from collections.abc import Callable, Mapping
from typing import Protocol

from flyte_models.values import value
from flyte_protocol.codes import Code
from flyte_protocol.rpc_errors import RpcError

__all__ = ["BearerToken", "Credentials", "NoCredentials", "wants_sign_in"]


class Credentials(Protocol):
    """Gives the headers of a call, and new ones when a server refused them."""

    async def headers(self) -> Mapping[str, str]:
        """Return the headers to add, such as `authorization`; empty when there are none yet."""
        ...

    async def refresh(self, refused: Mapping[str, str], error: RpcError) -> bool:
        """Get new headers, since a server refused a call.

        Calls are made side by side: when another one has got new headers since, there is nothing to do.

        Args:
            refused: The headers that the refused call had.
            error: How it was refused.

        Returns:
            Whether the call is worth making once more.
        """
        ...


class NoCredentials:
    """Adds nothing."""

    async def headers(self) -> Mapping[str, str]:
        """Return no headers."""
        return {}

    async def refresh(self, refused: Mapping[str, str], error: RpcError) -> bool:  # noqa: ARG002
        """Have nothing better."""
        return False


@value
class BearerToken:
    """A token that is known: of a devbox's state file, of an environment variable. `read` is asked again when it is refused."""

    read: Callable[[], str]
    """Returns the token as it is now."""

    async def headers(self) -> Mapping[str, str]:
        """Return the `authorization` header."""
        token = self.read()
        return {"authorization": f"Bearer {token}"} if token else {}

    async def refresh(self, refused: Mapping[str, str], error: RpcError) -> bool:  # noqa: ARG002
        """Tell whether there is another token by now: a devbox that was started anew has one."""
        return await self.headers() != refused


def wants_sign_in(error: RpcError, *, had_headers: bool) -> bool:
    """Tell whether an error may go away with other credentials.

    Proxies before a control plane answer in their own ways, so UNKNOWN counts, and PERMISSION_DENIED for a call that
    had no credentials.
    """
    if error.status in {Code.UNAUTHENTICATED, Code.UNKNOWN}:
        return True
    if error.status is Code.PERMISSION_DENIED and not had_headers:
        return True
    said = str(error).lower()
    return "unauthenticated" in said or "unauthorized" in said
