"""Which control plane this process talks to, as whom, and with which project: one transport for each event loop."""

import asyncio
import json
import os
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from flyte_models.errors import InitializationError
from flyte_models.values import value
from flyte_protocol.codes import Code
from flyte_protocol.credentials import BearerToken, Credentials, NoCredentials
from flyte_protocol.endpoints import Endpoint
from flyte_protocol.retrying import RetryPolicy
from flyte_protocol.rpc_errors import RpcError
from flyte_protocol.transport import CallOptions, Transport
from flyte_remote.routing import ROUTED, Routes, selection_of
from flyte_remote.services import method
from flyte_syncify.settling import settle_at_exit

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from flyte_remote.sign_in.settings import SignInSettings

__all__ = [
    "Connection",
    "Target",
    "connection",
    "credentials_of",
    "current_target",
    "devbox_folder",
    "devbox_token",
    "endpoint_of",
    "set_target",
]

_TOKEN_VARIABLE = "FLYTE_DEVBOX_TOKEN"  # noqa: S105 - the name of a variable
_FOLDER_VARIABLE = "FLYTE_DEVBOX_FOLDER"
_DEFAULTS = CallOptions()


@value
class Target:
    """Where a control plane is and what calls are about when they do not say it."""

    endpoint: str
    is_insecure: bool = False
    ca_cert_file: str | None = None
    skips_verification: bool = False
    org: str | None = None
    project: str | None = None
    domain: str | None = None
    token: str | None = field(default=None, repr=False)
    """A bearer token that is known already."""
    sign_in: "SignInSettings | None" = None
    """How one signs in; None: not at all."""
    retries: int = 3
    """How often a call that may be made twice is made again after a failure that may pass."""
    console: str | None = None
    """Where its pages are, if not at the host of its API."""


_find_target: Callable[[], Target | None] = lambda: None  # noqa: E731 - replaced by whoever knows
_transports: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[tuple[Any, ...], Transport, Routes]]" = (
    weakref.WeakKeyDictionary()
)


def set_target(find: Callable[[], Target | None]) -> None:
    """Say what gives the target of calls; it is asked at every call, so that a new `flyte.init` counts."""
    global _find_target  # noqa: PLW0603 - a registry of one
    _find_target = find


class Connection:
    """Calls to one control plane from the running event loop."""

    def __init__(self, transport: Transport, target: Target, routes: Routes) -> None:
        self.transport = transport
        self.target = target
        self._routes = routes

    @property
    def org(self) -> str:
        """The organisation of calls."""
        return self.target.org or "local"

    def project(self, given: str | None = None) -> str:
        """Return the project a call is about.

        Raises:
            InitializationError: neither the call nor the configuration names one.
        """
        return _named("project", given or self.target.project)

    def domain(self, given: str | None = None) -> str:
        """Return the domain a call is about.

        Raises:
            InitializationError: neither the call nor the configuration names one.
        """
        return _named("domain", given or self.target.domain)

    async def call(
        self,
        service: str,
        name: str,
        request: "Message",
        options: CallOptions = _DEFAULTS,
        *,
        pool: str | None = None,
    ) -> Any:
        """Call a method, at the cluster that the request belongs to, and return its answer.

        Args:
            service: Such as `RunService`.
            name: Of the method.
            request: Its request.
            options: What is different for this call.
            pool: The cluster pool that it is about, where the request has no place for it.

        Raises:
            RpcError: it failed.
        """
        async with self._routed(service, name, request, pool) as transport:
            return await transport.call(method(service, name), request, options)

    @asynccontextmanager
    async def stream(self, service: str, name: str, request: "Message") -> AsyncGenerator[AsyncIterator[Any]]:
        """Open a stream of the server, at the cluster that the request belongs to; see `Transport.stream`."""
        async with (
            self._routed(service, name, request, None) as transport,
            transport.stream(method(service, name), request) as messages,
        ):
            yield messages

    @asynccontextmanager
    async def _routed(self, service: str, name: str, request: "Message", pool: str | None) -> AsyncGenerator[Transport]:
        question = selection_of(service, name, request, pool=pool) if service in ROUTED else None
        if question is None:
            yield self.transport
            return
        try:
            yield await self._routes.find(question)
        except RpcError as error:
            if error.status is Code.UNAVAILABLE:
                self._routes.forget(question)
            raise


def current_target() -> Target:
    """Return where the control plane is.

    Raises:
        InitializationError: no endpoint is configured.
    """
    target = _find_target()
    if target is None or not target.endpoint:
        raise InitializationError(
            "ClientNotInitializedError",
            "user",
            "there is no control plane to talk to: no endpoint is configured\n"
            'hint: `flyte.init(endpoint="...")`, `flyte.init_from_config()`, or `flyte create config --devbox`',
        )
    return target


def connection() -> Connection:
    """Return the connection of the running event loop.

    Raises:
        InitializationError: no endpoint is configured.
    """
    target = current_target()
    loop = asyncio.get_running_loop()
    key = (
        target.endpoint,
        target.is_insecure,
        target.ca_cert_file,
        target.skips_verification,
        target.token,
        target.sign_in,
        target.retries,
    )
    known = _transports.get(loop)
    if known is not None and known[0] == key:
        return Connection(known[1], target, known[2])
    endpoint = endpoint_of(target)
    settle_at_exit()
    # Who signs in at the control plane is known to its clusters.
    credentials = credentials_of(target, endpoint)
    retry = RetryPolicy(attempts=target.retries + 1)
    transport = Transport(endpoint, credentials=credentials, retry=retry)

    def open_at(url: str) -> Transport:
        return Transport(replace(endpoint, url=url), credentials=credentials, retry=retry)

    routes = Routes(transport, open_at)
    _transports[loop] = (key, transport, routes)
    return Connection(transport, target, routes)


def endpoint_of(target: Target) -> Endpoint:
    """Return the address of a target.

    Raises:
        ValueError: It, or the file of certificates, cannot be used.
    """
    return Endpoint.of(
        target.endpoint,
        is_insecure=target.is_insecure,
        ca_cert_file=target.ca_cert_file,
        skips_verification=target.skips_verification,
    )


def credentials_of(target: Target, endpoint: Endpoint) -> Credentials:
    """Return who calls a target; nobody is asked yet."""
    if target.token:
        token = target.token
        return BearerToken(lambda: token)
    if endpoint.is_local and (target.is_insecure or target.sign_in is None or devbox_token(endpoint.url)):
        # Read again when it is refused: a devbox that was started anew has another one.
        return BearerToken(lambda: devbox_token(endpoint.url))
    if target.is_insecure or target.sign_in is None:
        return NoCredentials()
    from flyte_remote.sign_in.session import signed_in  # noqa: PLC0415 - a devbox needs none of it

    return signed_in(endpoint, target.sign_in)


def devbox_token(url: str) -> str:
    """Return the token of the devbox of this machine that listens at a URL; empty when there is none."""
    named = os.environ.get(_TOKEN_VARIABLE)
    if named:
        return named
    try:
        parsed: object = json.loads((devbox_folder() / "devbox.json").read_bytes())
    except (OSError, ValueError):
        return ""
    if not isinstance(parsed, dict):
        return ""
    fields = cast("dict[str, Any]", parsed)
    return str(fields.get("token") or "") if url.endswith(f":{fields.get('port')}") else ""


def devbox_folder() -> Path:
    """Return where the devbox of this machine keeps what it has."""
    return Path(os.environ.get(_FOLDER_VARIABLE) or "~/.flyte/devbox").expanduser()


def _named(what: str, given: str | None) -> str:
    if not given:
        raise InitializationError(
            f"{what.capitalize()}NotInitializedError",
            "user",
            f'no {what} is named\nhint: `flyte.init({what}="...")`, `task.{what}` in the configuration file, '
            f"or `-{what[0]} {what.upper()}` on the command line",
        )
    return given
