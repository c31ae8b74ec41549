"""Sign-in at another device: prints address and code, and asks the server until a person has been there (RFC 8628)."""

import asyncio
import sys
from time import monotonic

from flyte_remote.sign_in.errors import SignInError
from flyte_remote.sign_in.oauth import Server, Tokens, device_form, device_of, next_interval, poll_form, tokens_of
from flyte_remote.sign_in.posting import Poster

__all__ = ["sign_in_at_device"]

_SECONDS = 540.0
"""Below the limit that a transport sets for getting credentials."""


async def sign_in_at_device(server: Server, poster: Poster) -> Tokens:
    """Print where to sign in, wait for the person, and return tokens; as long as the code lives, nine minutes at most.

    Raises:
        SignInError: the person or the server said no, or nobody came.
    """
    if not server.device_endpoint or not server.client_id:
        raise SignInError(
            "the control plane has no sign-in at another device (it names no device endpoint or client)",
            "set `admin.authType` to Pkce, ClientSecret or ExternalCommand",
        )
    status, body = await poster.post(server.device_endpoint, device_form(server))
    device = device_of(status, body, url=server.device_endpoint)
    deadline = monotonic() + min(device.expires_in, _SECONDS)
    print(  # noqa: T201 - a person has to see it
        f"Sign in at {device.address_with_code or device.address} with the code {device.user_code}",
        file=sys.stderr,
        flush=True,
    )
    interval = device.interval
    while monotonic() + interval < deadline:
        await asyncio.sleep(interval)
        status, body = await poster.post(server.token_endpoint, poll_form(server, device))
        try:
            return tokens_of(status, body, url=server.token_endpoint)
        except SignInError as error:
            again = next_interval(error, interval)
            if again is None:
                raise
            interval = again
    raise SignInError("nobody signed in before the code was over", "start again")
