"""`flyte run python-script SCRIPT`: any script as a run of one action, recorded with what it prints."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from flyte.initialization import settings
from flyte.scripts import ScriptContainer, begin_script, files_below, run_script, run_script_for_output
from flyte_cli.carrying_out import carry_out
from flyte_cli.loading import check_file
from flyte_cli.run_options import RunChoices
from flyte_cli.words import Word
from flyte_syncify import syncify

_CLUSTER_ONLY = (
    "plugin_config",
    "clustered",
    "replicas",
    "nproc_per_node",
    "rdzv_backend",
    "torchrun_max_restarts",
    "cluster_max_restarts",
    "restart_on_host_maintenance",
    "ttl_seconds_after_finished",
)
"""Options that ask for several machines."""
_IDLE = ("cpu", "memory", "gpu", "gpu_type", "image", "packages", "queue", "include_files")
"""Options that describe the container, which a run in this process does not have."""


def _carry_out(script: Path, timeout: int, extra_args: str | None, output_dir: str | None, **given: Any) -> None:
    context = click.get_current_context()
    explicit = {name for name in given if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT}
    for name in _CLUSTER_ONLY:
        if name in explicit:
            spelt = f"--{name.replace('_', '-')}"
            raise click.UsageError(
                f"`{spelt}` asks for several machines, and this version runs scripts on one\nhint: leave it out"
            )
    chosen = RunChoices.of_context()
    if settings().endpoint and not chosen.is_local:
        _carry_out_remotely(check_file(script), timeout, extra_args, output_dir, chosen, given)
        return
    if idle := [f"`--{name.replace('_', '-')}`" for name in _IDLE if name in explicit]:
        click.echo(f"note: {', '.join(idle)} without effect: the script runs on this machine, as it is", err=True)
    path = check_file(script)
    values: dict[str, Any] = {"script": str(path), "arguments": extra_args.split(",") if extra_args else []}
    if output_dir is None:
        carry_out(run_script.override(timeout=timeout), values, path)
    else:
        values["output_dir"] = str(Path(output_dir).absolute())
        carry_out(run_script_for_output.override(timeout=timeout), values, path)


def _carry_out_remotely(
    script: Path,
    timeout: int,
    extra_args: str | None,
    output_dir: str | None,
    chosen: RunChoices,
    given: dict[str, Any],
) -> None:
    from flyte_cli.remote_runs import options_of, report, starting  # noqa: PLC0415 - a run in this process needs no client

    chosen.refuse_what_is_for_local_runs()
    if given.get("packages"):
        raise click.UsageError(
            "`--packages` needs an image to be built, which this version does not do\nhint: name an `--image`"
        )
    options = options_of(chosen)
    if given["queue"]:
        options = replace(options, queue=given["queue"])
    container = ScriptContainer(given["cpu"], given["memory"], given["gpu"], given["gpu_type"], given["image"], timeout)
    arguments = extra_args.split(",") if extra_args else []
    try:
        files = files_below(script.parent, given["include_files"])
    except (FileNotFoundError, ValueError) as error:
        raise click.UsageError(
            f"{error}\nhint: what `--include-files` names stands beside the script or below its folder"
        ) from None
    began = time.monotonic()
    with starting():
        run = syncify.loop.run(begin_script(script, arguments, container, options, output_dir=output_dir, files=files))
    report(run, began, follows=chosen.follows, is_debugged=chosen.is_debugged)


def make_command() -> click.Command:
    """Make the command."""
    return click.Command(
        "python-script",
        help="Run any Python script, with its arguments, as a recorded run of one action.",
        callback=_carry_out,
        params=[
            Word(["script"], type=click.Path(path_type=Path)),
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
