"""What stands between this machine and a control plane, step by step: the first that fails is the one to look at."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from flyte_models.values import value
from flyte_protocol.codes import Code
from flyte_protocol.credentials import Credentials, NoCredentials
from flyte_protocol.endpoints import Endpoint
from flyte_protocol.rpc_errors import RpcError
from flyte_protocol.transport import CallOptions, Transport
from flyte_remote.connection import connection, credentials_of, current_target
from flyte_remote.services import method
from flyte_syncify.settling import settle_at_exit

__all__ = ["STEPS", "Step", "steps"]

STEPS = ("endpoint", "tls", "api", "sign-in", "project", "store")
_CONNECT_SECONDS = 10.0
_CALL = CallOptions(timeout=15.0, is_idempotent=False)


@value
class Step:
    """One step: `ok`, `failed`, or `skipped` where there is nothing to check, and why."""

    name: str
    state: str
    text: str


class _SkippedError(Exception):
    pass


async def steps() -> AsyncGenerator[Step]:
    """Check the configured control plane; after a step that failed there is no other.

    Raises:
        InitializationError: No endpoint is configured.
    """
    target = current_target()
    # The first steps have clients of their own, whose threads have to come to rest as well.
    settle_at_exit()
    try:
        endpoint = Endpoint.of(
            target.endpoint,
            is_insecure=target.is_insecure,
            ca_cert_file=target.ca_cert_file,
            skips_verification=target.skips_verification,
        )
    except ValueError as error:
        yield Step("endpoint", "failed", str(error))
        return
    checks: tuple[Callable[[Endpoint], Awaitable[str]], ...] = (_reach, _tls, _api, _sign_in, _project, _store)
    for name, check in zip(STEPS, checks, strict=True):
        try:
            yield Step(name, "ok", await check(endpoint))
        except _SkippedError as reason:
            yield Step(name, "skipped", str(reason))
        except Exception as error:  # whatever it is, it is what this step has found
            yield Step(name, "failed", str(error) or type(error).__name__)
            return


async def _reach(endpoint: Endpoint) -> str:
    parts = urlsplit(endpoint.url)
    host = parts.hostname or ""
    proxy = getproxies().get(parts.scheme)
    if proxy and not endpoint.is_local and not proxy_bypass(host):
        raise _SkippedError(f"`{parts.scheme.upper()}_PROXY` leads to it; the next steps go that way")
    port = parts.port or (443 if endpoint.has_tls else 80)
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        raise ConnectionError(
            f"`{host}` does not answer on port {port} within {_CONNECT_SECONDS:g} seconds\n"
            "hint: a firewall may drop it: check the network, a VPN, and whether `HTTPS_PROXY` has to be set"
        ) from None
    except OSError as error:
        text = str(error.strerror or error)
        hint = (
            "there is no host of that name: check `admin.endpoint`"
            if "name" in text.lower() or "address" in text.lower()
            else "nothing listens there: check host and port of `admin.endpoint`, and that the control plane is up"
        )
        raise ConnectionError(f"`{host}:{port}` cannot be reached: {text}\nhint: {hint}") from None
    writer.close()
    return f"{host}:{port} can be reached"


async def _tls(endpoint: Endpoint) -> str:
    if not endpoint.has_tls:
        raise _SkippedError("plain HTTP, as configured (`http://` or `admin.insecure`)")
    try:
        await _ask(endpoint)
    except RpcError as error:
        if not error.was_sent:
            raise
    if endpoint.skips_verification:
        return "its certificate is not checked (`admin.insecureSkipVerify`)"
    return "its certificate is good" + (" (with `admin.caCertFilePath`)" if endpoint.ca_certificates else "")


async def _api(endpoint: Endpoint) -> str:
    remark = ""
    try:
        remark = await _ask(endpoint)
    except RpcError as error:
        # An error of the protocol is an answer of an API; a web page, a redirect or a 404 is not.
        is_gateway = "` answered " in str(error)
        if is_gateway or error.status in {Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED}:
            raise
    return f"{endpoint.url} speaks the protocol" + (f"; but {remark}" if remark else "")


async def _ask(endpoint: Endpoint) -> str:
    """Make a call that needs no sign-in, but for that of a gateway; return what is to be said of the clocks."""
    from flyteidl2.auth import auth_service_pb2  # noqa: PLC0415 - messages load when used

    target = current_target()
    gate: Credentials = NoCredentials()
    if target.sign_in is not None and target.sign_in.proxy_command and not target.is_insecure:
        # Credentials that have not signed in yet add what the gateway wants, and nothing else.
        gate = _OnlyAdding(credentials_of(target, endpoint))
    async with Transport(endpoint, credentials=gate) as transport:
        await transport.call(
            method("AuthMetadataService", "GetPublicClientConfig"),
            auth_service_pb2.GetPublicClientConfigRequest(),
            _CALL,
        )
        return transport.clock_remark()


class _OnlyAdding:
    """Credentials that never sign in."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def headers(self) -> Mapping[str, str]:
        return await self._credentials.headers()

    async def refresh(self, refused: Mapping[str, str], error: RpcError) -> bool:  # noqa: ARG002
        return False


async def _sign_in(endpoint: Endpoint) -> str:  # noqa: ARG001 - as all of them
    from flyteidl2.auth import identity_pb2  # noqa: PLC0415 - as above

    target = current_target()
    try:
        who = await connection().call("IdentityService", "UserInfo", identity_pb2.UserInfoRequest())
    except RpcError as error:
        if error.status is Code.UNIMPLEMENTED:
            raise _SkippedError("the control plane does not tell who calls") from None
        if error.status is Code.UNAUTHENTICATED and target.is_insecure:
            raise _SkippedError("nobody signs in where `insecure` is set") from None
        raise
    name = who.name or who.preferred_username or who.email or who.subject
    return f"signed in as {name}" if name else "the control plane takes these credentials"


async def _project(endpoint: Endpoint) -> str:  # noqa: ARG001
    from flyteidl2.project import project_service_pb2  # noqa: PLC0415 - as above

    at = connection()
    if not at.target.project or not at.target.domain:
        missing = "project" if not at.target.project else "domain"
        raise ValueError(f"no {missing} is configured\nhint: set `task.{missing}` in the configuration file")
    request = project_service_pb2.GetProjectRequest(id=at.project(), org=at.org)
    found = (await at.call("ProjectService", "GetProject", request)).project
    domains = [each.id for each in found.domains]
    if domains and at.domain() not in domains:
        raise ValueError(
            f"project `{at.project()}` has no domain `{at.domain()}`\nhint: `task.domain` is one of {', '.join(domains)}"
        )
    return f"project {at.project()}, domain {at.domain()}"


async def _store(endpoint: Endpoint) -> str:  # noqa: ARG001
    from flyte_remote.uploads import upload  # noqa: PLC0415 - the client of stores is big

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "flyte-config-check.txt"
        file.write_text("written by `flyte config check`\n", encoding="utf-8")
        _, place = await upload(file)
    return f"a file was uploaded: {place}"
