"""The devbox from the command line: `flyte start|stop|status devbox`. Knows its folder and process, nothing of the server."""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import click

from flyte_cli import exit_codes
from flyte_cli.app import LazyGroup
from flyte_cli.output import Layout, show
from flyte_cli.words import output_option
from flyte_devbox.folder import ServerRecord, default_folder
from flyte_devbox.process import DevboxError, answers, find_server, start_server, stop_server

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
@click.option("--image", help="Of the reference: image of its container; this devbox is no container")
@click.option("--dev", is_flag=True, help="Of the reference: another image; without effect here")
@click.option("--gpu", is_flag=True, help="Of the reference: GPUs for its container; tasks see those of this machine")
@click.option("--apple-silicon", is_flag=True, help="Of the reference: a bridge to the GPU; without effect here")
@output_option
def start_devbox(
    folder: Path | None,
    port: int | None,
    no_auth: bool,
    python: Path | None,
    **of_containers: Any,
) -> None:
    """Start the devbox: a Flyte 2 control plane on this machine, without Docker.

    It goes on until `flyte stop devbox`. Started again, it goes on with the runs it had.
    """
    if idle := [f"`--{name.replace('_', '-')}`" for name, given in of_containers.items() if given]:
        verb = "has" if len(idle) == 1 else "have"
        click.echo(f"note: {', '.join(idle)} {verb} no effect: this devbox runs without a container", err=True)
    if no_auth:
        click.echo("warning: without a token every program on this machine can run code as you", err=True)
    try:
        started = start_server(_folder(folder), port=port, needs_token=not no_auth, python=python)
    except DevboxError as error:
        raise click.ClickException(str(error)) from None
    what = f"started in {started.seconds:.1f} s" if started.is_new else "runs already"
    where = _folder(folder)
    show(
        lambda: _data(where, started.record),
        lambda layout: f"The devbox {what}.\n{layout.fields(_fields(where, started.record))}",
    )


@click.command("devbox")
@_FOLDER
@output_option
def stop_devbox(folder: Path | None) -> None:
    """Stop the devbox. What it runs ends, and goes on at the next start."""
    try:
        record = stop_server(_folder(folder))
    except DevboxError as error:
        raise click.ClickException(str(error)) from None
    text = "No devbox runs." if record is None else "The devbox has stopped."
    show(lambda: {"stopped": record is not None}, lambda _: text)


@click.command("devbox")
@_FOLDER
@click.option("--json", "as_json", is_flag=True, help="Print as JSON, without the token")
@output_option
def status_devbox(folder: Path | None, as_json: bool) -> None:
    """Tell whether the devbox runs, and where. Exits with 1 if it does not."""
    where = _folder(folder)
    record = find_server(where)
    if as_json:
        click.echo(json.dumps(_data(where, record)))
    else:
        _show(where, record)
    if record is None:
        click.get_current_context().exit(exit_codes.RUN_FAILED)


@click.command("devbox")
@_FOLDER
@click.option("--no-probes", is_flag=True, help="Do not ask it anything, and do not measure what it uses")
@output_option
def get_devbox(folder: Path | None, no_probes: bool) -> None:
    """Show the devbox: whether it runs, whether it answers, what it uses. Exits with 1 if it does not run."""
    where = _folder(folder)
    record = find_server(where)
    if record is None or no_probes:
        _show(where, record)
    else:
        probes = _probes(where, record)
        show(
            lambda: _data(where, record) | probes,
            lambda layout: layout.fields(
                [*_fields(where, record), *((key, str(each)) for key, each in probes.items())]
            ),
        )
    if record is None:
        click.get_current_context().exit(exit_codes.RUN_FAILED)


@click.command("devbox")
@_FOLDER
@click.option("--volume", is_flag=True, help="Delete its folder too: every run, log and file that it has")
@output_option
def delete_devbox(folder: Path | None, volume: bool) -> None:
    """Stop the devbox for good: nothing is left that runs. Its data stays, but for `--volume`."""
    where = _folder(folder)
    if volume and where.exists() and not (where / "lock").is_file():
        raise click.UsageError(f"`{where}` is no folder of a devbox\nhint: look what is in it")
    try:
        record = stop_server(where)
    except DevboxError as error:
        raise click.ClickException(str(error)) from None
    is_gone = volume and where.exists()
    if is_gone:
        # Under another name first: what is interrupted leaves no half of a devbox behind.
        doomed = where.with_name(f".{where.name}-deleted-{os.getpid()}")
        where.rename(doomed)
        shutil.rmtree(doomed)
    text = "No devbox runs." if record is None else "The devbox has stopped."
    kept = f"Deleted `{where}`." if is_gone else f"Its data stays in `{where}`; `--volume` deletes it."
    show(
        lambda: {"stopped": record is not None, "deleted": str(where) if is_gone else None},
        lambda _: f"{text} {kept}" if where.exists() or is_gone else text,
    )


def _folder(folder: Path | None) -> Path:
    return (default_folder() if folder is None else folder).expanduser().absolute()


def _show(folder: Path, record: ServerRecord | None) -> None:
    def text(layout: Layout) -> str:
        if record is None:
            return f"No devbox runs on `{folder}`.\nhint: `flyte start devbox` starts it"
        return layout.fields(_fields(folder, record))

    show(lambda: _data(folder, record), text)


def _fields(folder: Path, record: ServerRecord) -> list[tuple[str, str]]:
    fields = [("endpoint", record.endpoint), ("console", record.console), ("process", str(record.pid))]
    return [*fields, ("folder", str(folder)), ("log", str(folder / "devbox.log"))]


def _data(folder: Path, record: ServerRecord | None) -> dict[str, Any]:
    """Return what programs may know: not the token."""
    fields: dict[str, Any] = {"running": record is not None, "folder": str(folder)}
    if record is not None:
        fields |= {"endpoint": record.endpoint, "pid": record.pid, "version": record.version}
        fields |= {"needs_token": bool(record.token)}
    return fields


def _probes(folder: Path, record: ServerRecord) -> dict[str, Any]:
    began = time.monotonic()
    ready = answers(record)
    probes: dict[str, Any] = {"ready": ready, "answered_ms": round((time.monotonic() - began) * 1000, 1)}
    try:
        pages = int(Path(f"/proc/{record.pid}/statm").read_text().split()[1])
        probes["memory_mb"] = round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)
    except (OSError, ValueError):
        pass  # other systems than Linux do not tell so
    database = folder / "state.db"
    if database.is_file():
        probes["database_mb"] = round(database.stat().st_size / 1e6, 1)
    probes["free_disk_gb"] = round(shutil.disk_usage(folder).free / 1e9, 1)
    return probes


start: Any = LazyGroup(
    "start",
    help="Start something on this machine.",
    table={
        "devbox": ("flyte_cli.devbox", "start_devbox"),
        "tui": ("flyte_cli.tui.command", "start_tui"),
    },
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
