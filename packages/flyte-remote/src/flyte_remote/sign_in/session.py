"""Who calls a control plane, by the configuration: the credentials of a transport, shared by all event loops of a process."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from flyte_protocol.credentials import Credentials, NoCredentials
from flyte_protocol.endpoints import Endpoint
from flyte_protocol.rpc_errors import RpcError
from flyte_remote.sign_in.browser import sign_in_by_browser
from flyte_remote.sign_in.commands import token_of_command
from flyte_remote.sign_in.device import sign_in_at_device
from flyte_remote.sign_in.discovery import discovered, server_of_client_config
from flyte_remote.sign_in.errors import SignInError
from flyte_remote.sign_in.oauth import Server, Tokens, basic_header, client_form, refresh_form, tokens_of
from flyte_remote.sign_in.passthrough import Passthrough
from flyte_remote.sign_in.posting import Poster
from flyte_remote.sign_in.renewing import Renewing
from flyte_remote.sign_in.settings import SignInSettings, mode_of
from flyte_remote.sign_in.store import TokenStore

__all__ = ["SignIn", "signed_in"]

_log = logging.getLogger("flyte.sign_in")


class SignIn:
    """Credentials that sign in when a control plane refuses a call, and once per process however many calls there are."""

    def __init__(self, endpoint: Endpoint, settings: SignInSettings) -> None:
        """Prepare a sign-in; nobody is asked yet.

        Raises:
            InitializationError: The settings miss what their mode needs.
        """
        self.mode = mode_of(settings)
        self._endpoint = endpoint
        self._settings = settings
        unchecked = urlsplit(endpoint.url).netloc if endpoint.skips_verification else ""
        self._poster = Poster(endpoint.ca_certificates, settings.http_proxy_url, unchecked)
        self._server: Server | None = None
        self._has_warned = False
        command = settings.proxy_command
        self._gate: Renewing | None = None
        if command:
            self._gate = Renewing(
                lambda _, __: token_of_command(command, "admin.proxyCommand"), what="the proxy before the control plane"
            )
        asks = self.mode in {"Pkce", "DeviceFlow"}
        store = TokenStore(urlsplit(endpoint.url).netloc) if asks and settings.keeps_tokens else None
        self._renewing = Renewing(self._fetch, store=store, asks_a_person=asks)

    @property
    def fetches(self) -> int:
        """How often tokens of the control plane were fetched."""
        return self._renewing.fetches

    async def headers(self) -> Mapping[str, str]:
        """Return what is known by now; a proxy's token is fetched, since proxies do not say that they want one."""
        headers = await self._gate_headers()
        token = await self._renewing.token()
        if token:
            headers[self._server.header if self._server else "authorization"] = f"Bearer {token}"
        return headers

    async def refresh(self, refused: Mapping[str, str], error: RpcError) -> bool:
        """Sign in, or get a new token, unless another call has done it meanwhile.

        Raises:
            SignInError: It failed.
        """
        remark = error.clock_remark
        if remark and not self._has_warned:
            self._has_warned = True
            _log.warning("%s", remark)
        try:
            if self._gate is not None:
                await self._gate.renew(_token(refused, "proxy-authorization"))
            await self._renewing.renew(_token(refused, self._server.header if self._server else "authorization"))
        except SignInError as failed:
            if remark and remark not in str(failed):
                raise SignInError(str(failed), remark, oauth_code=failed.oauth_code) from None
            raise
        return True

    async def server(self) -> Server:
        """Return how one signs in here, which is asked for once.

        Raises:
            SignInError: The control plane does not say it.
        """
        if self._server is None:
            settings = self._settings
            given = settings.client_config
            if given is not None and getattr(given, "token_endpoint", None):
                server = server_of_client_config(given, Server(""))
            else:
                server = server_of_client_config(given, await discovered(self._endpoint, _Gate(self)))
            self._server = replace(
                server,
                client_id=settings.client_id or server.client_id,
                scopes=settings.scopes or server.scopes,
            )
        return self._server

    async def _gate_headers(self) -> dict[str, str]:
        if self._gate is None:
            return {}
        token = await self._gate.token()
        if not token:
            await self._gate.renew("")
            token = await self._gate.token()
        return {"proxy-authorization": f"Bearer {token}"}

    async def _fetch(self, held: Tokens | None, before_asking: Callable[[], None]) -> Tokens:
        settings = self._settings
        if self.mode == "ExternalCommand":
            return await token_of_command(settings.command or (), "admin.command")
        server = await self.server()
        url = server.token_endpoint
        if self.mode == "ClientSecret":
            header = basic_header(server.client_id, settings.client_secret or "")
            return tokens_of(*await self._poster.post(url, client_form(server), header), url=url)
        if held is not None and held.refresh:
            answer = await self._poster.post(url, refresh_form(server, held.refresh))
            try:
                return tokens_of(*answer, url=url, kept_refresh=held.refresh)
            except SignInError as error:
                # Revoked, too old, or of another client: a person has to sign in again. Anything else is worth knowing.
                if error.oauth_code not in {
                    "invalid_grant",
                    "invalid_request",
                    "unauthorized_client",
                    "invalid_client",
                }:
                    raise
        before_asking()
        if self.mode == "DeviceFlow":
            return await sign_in_at_device(server, self._poster)
        return await sign_in_by_browser(server, self._poster)


class _Gate:
    """The credentials of calls that come before the sign-in: those of a proxy."""

    def __init__(self, sign_in: SignIn) -> None:
        self._sign_in = sign_in

    async def headers(self) -> Mapping[str, str]:
        return await self._sign_in._gate_headers()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - a part of it

    async def refresh(self, refused: Mapping[str, str], error: RpcError) -> bool:  # noqa: ARG002
        return False


_lock = threading.Lock()
_known: dict[tuple[Endpoint, SignInSettings], Credentials] = {}


def signed_in(endpoint: Endpoint, settings: SignInSettings) -> Credentials:
    """Return the credentials for a control plane, the same for the same settings. Nobody signs in over an open line.

    Raises:
        InitializationError: The settings miss what their mode needs.
    """
    if not endpoint.has_tls and not endpoint.is_local:
        return NoCredentials()
    key = (endpoint, replace(settings, client_config=id(settings.client_config) if settings.client_config else None))
    with _lock:
        found = _known.get(key)
        if found is None:
            found = Passthrough() if mode_of(settings) == "Passthrough" else SignIn(endpoint, settings)
            _known[key] = found
        return found


def _token(headers: Mapping[str, str], name: str) -> str:
    return headers.get(name, "").removeprefix("Bearer ")
