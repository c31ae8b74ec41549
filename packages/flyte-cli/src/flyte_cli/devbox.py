"""The devbox from the command line: `flyte start|stop|status devbox`. Knows its folder and process, nothing of the server."""

import json
from pathlib import Path
from typing import Any

import click

from flyte_cli.app import LazyGroup
from flyte_devbox.folder import ServerRecord, default_folder
from flyte_devbox.process import DevboxError, find_server, start_server, stop_server

_FOLDER = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the devbox keeps everything [default: ~/.flyte/devbox, or FLYTE_DEVBOX_FOLDER]",
)


@click.command("devbox")
@_FOLDER
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on [default: the one before, else 30080]")
@click.option("--no-auth", is_flag=True, help="Ask callers for no token: for clients other than this one")
@click.option(
    "--python",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Interpreter whose `a0` runs the actions [default: the one that runs this command]",
)
def start_devbox(folder: Path | None, port: int | None, no_auth: bool, python: Path | None) -> None:
    """Start the devbox: a Flyte 2 control plane on this machine, without Docker.

    It goes on until `flyte stop devbox`. Started again, it goes on with the runs it had.
    """
    if no_auth:
        click.echo("warning: without a token every program on this machine can run code as you", err=True)
    try:
        started = start_server(_folder(folder), port=port, needs_token=not no_auth, python=python)
    except DevboxError as error:
        raise click.ClickException(str(error)) from None
    what = f"started in {started.seconds:.1f} s" if started.is_new else "runs already"
    click.echo(f"The devbox {what}.")
    _show(_folder(folder), started.record)


@click.command("devbox")
@_FOLDER
def stop_devbox(folder: Path | None) -> None:
    """Stop the devbox. What it runs ends, and goes on at the next start."""
    try:
        record = stop_server(_folder(folder))
    except DevboxError as error:
        raise click.ClickException(str(error)) from None
    click.echo("No devbox runs." if record is None else "The devbox has stopped.")


@click.command("devbox")
@_FOLDER
@click.option("--json", "as_json", is_flag=True, help="Print as JSON, without the token")
def status_devbox(folder: Path | None, as_json: bool) -> None:
    """Tell whether the devbox runs, and where. Exits with 1 if it does not."""
    where = _folder(folder)
    record = find_server(where)
    if as_json:
        fields: dict[str, Any] = {"running": record is not None, "folder": str(where)}
        if record is not None:
            fields |= {"endpoint": record.endpoint, "pid": record.pid, "version": record.version}
            fields |= {"needs_token": bool(record.token)}
        click.echo(json.dumps(fields))
    elif record is None:
        click.echo(f"No devbox runs on `{where}`.\nhint: `flyte start devbox` starts it")
    else:
        _show(where, record)
    if record is None:
        click.get_current_context().exit(1)


def _folder(folder: Path | None) -> Path:
    return (default_folder() if folder is None else folder).expanduser().absolute()


def _show(folder: Path, record: ServerRecord) -> None:
    lines = [("endpoint", record.endpoint), ("console", record.console), ("process", str(record.pid))]
    lines += [("folder", str(folder)), ("log", str(folder / "devbox.log"))]
    click.echo("\n".join(f"{left:<9} {right}" for left, right in lines))


start: Any = LazyGroup(
    "start", help="Start something on this machine.", table={"devbox": ("flyte_cli.devbox", "start_devbox")}
)
"""The command `flyte start`."""

stop: Any = LazyGroup(
    "stop", help="Stop something on this machine.", table={"devbox": ("flyte_cli.devbox", "stop_devbox")}
)
"""The command `flyte stop`."""

status: Any = LazyGroup(
    "status", help="Tell how something on this machine is.", table={"devbox": ("flyte_cli.devbox", "status_devbox")}
)
"""The command `flyte status`."""
