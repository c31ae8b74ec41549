"""`flyte run python-script SCRIPT`: any script as a run of one action, recorded with what it prints."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Any, TextIO

import click

import flyte
from flyte.io import Dir
from flyte_cli.carrying_out import carry_out
from flyte_cli.loading import check_file

_GRACE_SECONDS = 5.0
_CLUSTER_ONLY = (
    "plugin_config",
    "clustered",
    "replicas",
    "nproc_per_node",
    "torchrun_max_restarts",
    "cluster_max_restarts",
    "restart_on_host_maintenance",
    "ttl_seconds_after_finished",
)
"""Options that ask for several machines."""
_IDLE = ("cpu", "memory", "gpu", "gpu_type", "image", "packages", "queue", "include_files")
"""Options that describe the container, which a run in this process does not have."""

env = flyte.TaskEnvironment("python_script")


class ScriptFailedError(Exception):
    """The script ended with another exit code than 0."""


@env.task
async def run_script(script: str, arguments: list[str]) -> None:
    """Run a script with the interpreter of this process."""
    await _run(script, arguments)


@env.task
async def run_script_for_output(script: str, arguments: list[str], output_dir: str) -> Dir[Any]:
    """Run a script and return the folder that it fills."""
    await _run(script, arguments)
    _check_made(output_dir, script)
    filled: Any = await Dir.from_local(output_dir)  # pyright: ignore[reportUnknownVariableType]
    return filled


def _check_made(output_dir: str, script: str) -> None:
    if not Path(output_dir).is_dir():
        raise ScriptFailedError(f"`{script}` did not make the folder `{output_dir}` that `--output-dir` names")


async def _run(script: str, arguments: list[str]) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-u",
        script,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        limit=1 << 20,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        await asyncio.gather(_pass_on(process.stdout, sys.stdout), _pass_on(process.stderr, sys.stderr))
        code = await process.wait()
    finally:
        if process.returncode is None:
            await _end(process)
    if code != 0:
        reason = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        raise ScriptFailedError(f"`{script}` ended with {reason}")


async def _pass_on(source: asyncio.StreamReader, target: TextIO) -> None:
    """Print what comes, in pieces that end with a line where there is one, so that it is recorded with the action."""
    while piece := await source.read(1 << 16):
        while not piece.endswith(b"\n") and (more := await source.read(1 << 16)):
            piece += more
        target.write(piece.decode("utf-8", "replace"))
        target.flush()


async def _end(process: asyncio.subprocess.Process) -> None:
    # The script may have started others: they are of its session, and end with it.
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sent)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _GRACE_SECONDS)
            return


def _carry_out(script: Path, timeout: int, extra_args: str | None, output_dir: str | None, **given: Any) -> None:
    context = click.get_current_context()
    explicit = {name for name in given if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT}
    for name in _CLUSTER_ONLY:
        if name in explicit:
            spelt = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"`{spelt}` needs a control plane: it asks for several machines\nhint: leave it out")
    if idle := [f"`--{name.replace('_', '-')}`" for name in _IDLE if name in explicit]:
        click.echo(f"note: {', '.join(idle)} without effect: the script runs on this machine, as it is", err=True)
    path = check_file(script)
    values: dict[str, Any] = {"script": str(path), "arguments": extra_args.split(",") if extra_args else []}
    if output_dir is None:
        carry_out(run_script.override(timeout=timeout), values, path)
    else:
        values["output_dir"] = str(Path(output_dir).absolute())
        carry_out(run_script_for_output.override(timeout=timeout), values, path)


def make_command() -> click.Command:
    """Make the command."""
    return click.Command(
        "python-script",
        help="Run any Python script, with its arguments, as a recorded run of one action.",
        callback=_carry_out,
        params=[
            click.Argument(["script"], type=click.Path(path_type=Path)),
            click.Option(["--cpu"], type=int, default=1, help="CPUs of the container [default: 1]"),
            click.Option(["--memory"], default="2Gi", help="Memory of the container [default: 2Gi]"),
            click.Option(["--gpu"], type=int, default=0, help="GPUs of the container [default: 0]"),
            click.Option(["--gpu-type"], default="T4", help="Kind of GPU [default: T4]"),
            click.Option(["--image"], help="Image of the container"),
            click.Option(["--packages"], help="Packages of the container, separated by commas"),
            click.Option(["--timeout"], type=click.IntRange(1), default=3600, help="Seconds [default: 3600]"),
            click.Option(["--extra-args"], help="Arguments of the script, separated by commas"),
            click.Option(["--queue"], help="Queue of a control plane"),
            click.Option(["--plugin-config"], type=click.Path(path_type=Path), help="Settings of a plugin, as YAML"),
            click.Option(["--clustered"], is_flag=True, help="Run on several machines"),
            click.Option(["--replicas"], type=int, help="Machines"),
            click.Option(["--nproc-per-node"], type=int, help="Processes on each machine"),
            click.Option(["--rdzv-backend"], type=click.Choice(["static", "c10d"]), default="static", hidden=True),
            click.Option(["--torchrun-max-restarts"], type=int, default=0, hidden=True),
            click.Option(["--cluster-max-restarts"], type=int, default=0, hidden=True),
            click.Option(["--restart-on-host-maintenance"], is_flag=True, hidden=True),
            click.Option(["--ttl-seconds-after-finished"], type=int, hidden=True),
            click.Option(["--output-dir"], help="Folder that the script fills: the output of the run"),
            click.Option(["--include-files"], multiple=True, help="Further files for the container (repeatable)"),
        ],
    )
