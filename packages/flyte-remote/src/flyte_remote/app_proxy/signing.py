"""Who calls the app: the sign-in's headers, and new ones when the app's gateway refuses them."""

import asyncio
import logging
from collections.abc import Mapping
from time import monotonic

from flyte_protocol.codes import Code
from flyte_protocol.credentials import Credentials, NoCredentials
from flyte_protocol.endpoints import Endpoint
from flyte_protocol.rpc_errors import RpcError
from flyte_protocol.transport import Limits
from flyte_remote.app_proxy.rules import AppAddress, is_loopback

__all__ = ["Signing", "signing_for"]

_log = logging.getLogger("flyte.app_proxy")
_RESTS = 60.0
_RESTS_LONG = 900.0


class Signing:
    """Credentials of the user, for the app alone.

    Apps answer 401 for reasons of their own too, and a new token does not help against those: how often one is asked for is
    bounded.
    """

    def __init__(self, credentials: Credentials) -> None:
        """Take the credentials; nobody is asked yet."""
        self._credentials = credentials
        self._turn = asyncio.Lock()
        self._not_before = 0.0

    async def headers(self) -> Mapping[str, str]:
        """Return the headers to add; empty when there are none."""
        return await self._credentials.headers()

    async def renewed(self, refused: Mapping[str, str]) -> bool:
        """Tell whether there are other headers than those that were refused, which are asked for if need be."""
        async with self._turn:
            if await self.headers() != refused:
                return True
            if monotonic() < self._not_before:
                return False
            self._not_before = monotonic() + _RESTS
            error = RpcError(Code.UNAUTHENTICATED, "the app answered with HTTP 401")
            try:
                async with asyncio.timeout(Limits().sign_in):
                    if not await self._credentials.refresh(refused, error):
                        return False
            except (RpcError, TimeoutError) as failed:
                _log.warning("the app wants another sign-in, which failed: %s", failed)
                return False
            return await self.headers() != refused

    def did_not_help(self) -> None:
        """Leave the sign-in alone for longer: the app refuses new headers as well, so that it is about something else."""
        self._not_before = monotonic() + _RESTS_LONG


def signing_for(app: AppAddress, endpoint: Endpoint, credentials: Credentials) -> Signing:
    """Return the sign-in of a control plane for an app of it.

    Raises:
        ValueError: It would be sent over an open line.
    """
    if isinstance(credentials, NoCredentials):
        return Signing(credentials)
    if is_loopback(app.host):
        return Signing(credentials)
    if endpoint.is_local:
        # A devbox's token is for the devbox, and nothing to a host elsewhere.
        return Signing(NoCredentials())
    if not app.has_tls:
        raise ValueError(
            f"the app answers at `{app.url}`, without TLS: whoever stands between could read your sign-in\n"
            "hint: name an `https://` address with `--url`"
        )
    return Signing(credentials)
