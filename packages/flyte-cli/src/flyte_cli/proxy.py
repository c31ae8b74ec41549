"""`flyte proxy app`: a port of this machine that leads to an app, with the sign-in of the user."""

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import click

from flyte_cli.app import LazyGroup
from flyte_cli.completers import complete_app
from flyte_cli.control_plane import connected
from flyte_cli.words import argument, output_option
from flyte_models.errors import UnionRpcError

if TYPE_CHECKING:
    from flyte.remote import App
    from flyte_remote.app_proxy import AppAddress

_NO_USERS = {"unimplemented", "not_found"}
"""What a control plane answers that knows no users."""


@click.command("app")
@argument("name", required=False, shell_complete=complete_app)
@click.option("--url", help="Address of the app, instead of the one that the control plane knows")
@click.option("--port", type=click.IntRange(0, 65535), default=8600, help="Port to listen on; 0: any [default: 8600]")
@click.option(
    "--address", default="127.0.0.1", help="Address to listen on; others let other machines in [default: 127.0.0.1]"
)
@click.option("--emit-mcp-config", is_flag=True, help="Print the configuration for a client of MCP")
@click.option("-v", "--verbose", is_flag=True, help="Print a line for each request")
@connected
@output_option
def app(name: str | None, url: str | None, port: int, address: str, emit_mcp_config: bool, verbose: bool) -> None:
    """Forward a port of this machine to the app NAME, and add your sign-in to every request; ctrl-c ends it."""
    if name is None and url is None:
        raise click.UsageError("`flyte proxy app` needs NAME or `--url`\nhint: `flyte get app` lists the apps")
    from flyte.remote import App, User  # noqa: PLC0415 - help pages need no client
    from flyte_remote.app_proxy import AppAddress, AppProxy, signing_for  # noqa: PLC0415
    from flyte_remote.connection import credentials_of, current_target, endpoint_of  # noqa: PLC0415

    target = current_target()
    endpoint = endpoint_of(target)
    credentials = credentials_of(target, endpoint)
    try:
        given = AppAddress.of(url) if url is not None else None
        if given is not None:
            signing_for(given, endpoint, credentials)
        proxy = AppProxy(address, port)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        if given is None:
            where = _address_of(App.get(name or ""))
        else:
            where = given
            try:
                # Now, and not in the middle of the first request.
                User.get()
            except UnionRpcError as error:
                if error.code not in _NO_USERS:
                    raise
        try:
            signing = signing_for(where, endpoint, credentials)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        if proxy.is_open:
            click.echo(
                f"warning: `--address {address}` lets other machines in: whoever reaches port {proxy.url.rpartition(':')[2]} "
                "uses the app with your sign-in",
                err=True,
            )
        if emit_mcp_config:
            server = {"type": "http", "url": proxy.url}
            click.echo(json.dumps({"mcpServers": {name or url or "": server}}, indent=2, ensure_ascii=False))
        click.echo(f"{proxy.url} leads to {where.url}; ctrl-c ends it", err=True)
        try:
            asyncio.run(proxy.serve(where, signing, endpoint, tell=_Teller(is_verbose=verbose)))
        except KeyboardInterrupt:
            # It is how the command ends, and no failure of it.
            click.echo("ended", err=True)
    finally:
        proxy.close()


def _address_of(found: "App") -> "AppAddress":
    from flyte_remote.app_proxy import AppAddress  # noqa: PLC0415 - help pages need no client

    name, status = found.name, found.status.replace("_", " ")
    start = f"`flyte update app {name} --activate --wait` starts it"
    if not found.endpoint:
        raise click.UsageError(f"app `{name}` has no address: it is {status}\nhint: {start}")
    if found.is_deactivated():
        click.echo(f"warning: app `{name}` is {status}; {start}", err=True)
    try:
        return AppAddress.of(found.endpoint)
    except ValueError as error:
        raise click.UsageError(
            f"the control plane gives app `{name}` an address that cannot be used: {error}"
        ) from None


class _Teller:
    """Writes what becomes of requests to standard error: each with `-v`, otherwise failures of the proxy, not over and over."""

    def __init__(self, *, is_verbose: bool) -> None:
        self._is_verbose = is_verbose
        self._last = ("", 0.0)

    def __call__(self, method: str, path: str, status: int, problem: str) -> None:
        now = time.monotonic()
        if self._is_verbose:
            click.echo(f"{method} {path} -> {status}" + (f": {problem}" if problem else ""), err=True)
        elif problem and (problem != self._last[0] or now - self._last[1] > 10):
            self._last = (problem, now)
            click.echo(f"{method} {path} -> {status}: {problem}", err=True)


command: Any = LazyGroup("proxy", help="Forward a port of this machine.", table={"app": ("flyte_cli.proxy", "app")})
"""The command `flyte proxy`."""
