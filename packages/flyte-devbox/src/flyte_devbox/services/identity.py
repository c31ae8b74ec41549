"""`IdentityService`: everybody here is the devbox's one user."""

import getpass
from typing import TYPE_CHECKING

from flyteidl2.auth import identity_pb2

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox


class Service:
    """Answers the calls of `IdentityService`."""

    def __init__(self, devbox: "Devbox") -> None:
        self._devbox = devbox

    async def user_info(self, request: identity_pb2.UserInfoRequest) -> identity_pb2.UserInfoResponse:  # noqa: ARG002
        """Return the user whose devbox this is."""
        try:
            name = getpass.getuser()
        except (OSError, KeyError):
            name = "devbox"
        return identity_pb2.UserInfoResponse(subject="devbox", name=name, preferred_username=name)
