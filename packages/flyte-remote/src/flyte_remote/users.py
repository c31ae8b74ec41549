"""`User`: who is calling."""

from typing import TYPE_CHECKING

from flyte_remote.connection import connection
from flyte_remote.messages import OfMessage
from flyte_syncify import syncify

if TYPE_CHECKING:
    from flyteidl2.auth import identity_pb2

__all__ = ["User"]


class User(OfMessage):
    """The user that the control plane takes this process for."""

    def __init__(self, pb2: "identity_pb2.UserInfoResponse") -> None:
        """Wrap a message."""
        self.pb2 = pb2

    def __repr__(self) -> str:
        return f"<user `{self.pb2.subject}`>"

    @syncify.class_method
    @classmethod
    async def get(cls) -> "User":
        """Ask who is calling.

        Raises:
            RpcError: Nobody is signed in.
        """
        from flyteidl2.auth import identity_pb2  # noqa: PLC0415

        return cls(await connection().call("IdentityService", "UserInfo", identity_pb2.UserInfoRequest()))

    def name(self) -> str:
        """Return the name that the user is shown by."""
        return self.pb2.name

    def subject(self) -> str:
        """Return the identifier: what `Run.listall(created_by_subject=...)` takes."""
        return self.pb2.subject
