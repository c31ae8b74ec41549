"""The options of `flyte run` that stand before the file: what they are, what they mean for a run in this process."""

import re
from pathlib import Path
from typing import Any

import click

from flyte.running.options import CopyStyle, check_copy_style
from flyte_cli.completers import complete_project, complete_run
from flyte_cli.words import output_parameter, pairs_of

RUN_OPTIONS = "flyte_cli.run_options"
"""Where a context keeps its `RunChoices`."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")

_CONTAINERS_ONLY = (
    "version",
    "service_account",
    "queue",
    "image",
    "no_sync_local_sys_paths",
    "run_project",
    "run_domain",
)
"""Options that say how a control plane runs it: they change nothing of what a run in this process computes."""


class RunChoices:
    """What was chosen for a run."""

    def __init__(self, given: dict[str, Any]) -> None:
        """Check what stands before the file.

        Raises:
            click.UsageError: when something has the wrong form, or is not to be had in this process.
        """
        self._given = given
        self.name: str | None = given.get("run_name")
        self.resume: str | None = given.get("resume")
        """The run to continue."""
        self.project: str | None = given.get("project")
        self.domain: str | None = given.get("domain")
        self.root_dir: Path | None = given.get("root_dir")
        self.raw_data_path: str | None = given.get("raw_data_path")
        self.max_action_concurrency: int | None = given.get("max_action_concurrency")
        self.version: str | None = given.get("version")
        self.copy_style: CopyStyle = given.get("copy_style") or "loaded_modules"
        try:
            check_copy_style(self.copy_style)
        except ValueError as error:
            raise click.UsageError(str(error)) from error
        self.service_account: str | None = given.get("service_account")
        self.queue: str | None = given.get("queue")
        self.images: tuple[str, ...] = tuple(given.get("image") or ())
        """`NAME=URI`, or a URI for the default image."""
        self.syncs_search_path = not given.get("no_sync_local_sys_paths")
        self.run_project: str | None = given.get("run_project")
        self.run_domain: str | None = given.get("run_domain")
        self.follows = bool(given.get("follow"))
        self.is_debugged = bool(given.get("debug"))
        self.is_local = bool(given.get("local"))
        self.is_devbox = bool(given.get("devbox"))
        if self.is_local and self.is_devbox:
            raise click.UsageError("`--local` and `--devbox` exclude each other\nhint: leave one of them out")
        self.is_shown = bool(given.get("tui"))
        if self.is_shown and self.is_devbox:
            raise click.UsageError(
                "`--tui` shows a run in this process, and `--devbox` begins one elsewhere\n"
                "hint: leave one of them out; `flyte start tui --devbox` shows runs of the devbox"
            )
        self.is_tracked = bool(given.get("tracked"))
        self.is_tracked_strictly = bool(given.get("tracked_strict"))
        self.labels = pairs_of("--label", given.get("label") or ())
        self.env_vars = pairs_of("--env", given.get("env") or ())
        if self.name is not None and _NAME.fullmatch(self.name) is None:
            raise click.UsageError(
                f"`--name {self.name}` is no name of a run\n"
                "hint: up to 63 letters, digits, `-`, `_` and `.`, a letter or digit first"
            )
        if self.name is not None and self.resume is not None:
            raise click.UsageError(
                "`--name` names a new run, and `--resume` continues a recorded one\nhint: leave one of them out"
            )

    @classmethod
    def of_context(cls) -> "RunChoices":
        """Return the choices for the command that is being carried out."""
        found = click.get_current_context().meta.get(RUN_OPTIONS)
        return found if isinstance(found, cls) else cls({})

    def refuse_what_is_for_local_runs(self) -> None:
        """Refuse to report to a control plane what is begun there, to show it in the text interface, and to continue a run.

        Raises:
            click.UsageError: when that was asked for.
        """
        if self.is_tracked or self.is_tracked_strictly:
            raise click.UsageError(
                "`--tracked` reports a run in this process, and this one is begun on the control plane\n"
                "hint: `--local` as well, or leave `--tracked` out"
            )
        if self.is_shown:
            raise click.UsageError(
                "`--tui` shows a run in this process, and this one is begun on the control plane\n"
                "hint: `--local` as well, or leave `--tui` out: `flyte start tui` shows runs of a control plane"
            )
        if self.resume is not None:
            raise click.UsageError("`--resume` continues a run of this machine's history\nhint: add `--local`")

    def refuse_debugged(self) -> None:
        """Refuse an editor in a container where there is none: in this process.

        Raises:
            click.UsageError: when that was asked for.
        """
        if self.is_debugged:
            raise click.UsageError(
                "`--debug` starts an editor in the container of a run, and this one is in this process\n"
                "hint: `--devbox` as well; or leave `--debug` out and write `breakpoint()` in the task"
            )

    def note_what_has_no_effect(self) -> None:
        """Say on standard error which options change nothing in this process."""
        if idle := [f"`{_spelt(option)}`" for option in _CONTAINERS_ONLY if self._given.get(option)]:
            verb = "has" if len(idle) == 1 else "have"
            click.echo(f"note: {', '.join(idle)} {verb} no effect on a run in this process", err=True)


def _spelt(option: str) -> str:
    return f"--{option.replace('_', '-')}"


def run_parameters() -> list[click.Parameter]:
    """Make the options, in the order of the help page."""
    folder = click.Path(path_type=Path, exists=True, file_okay=False)
    return [
        click.Option(["--local"], is_flag=True, help="Run in this process [default, unless an endpoint is configured]"),
        click.Option(
            ["--devbox"], is_flag=True, help="Run on the devbox of this machine, which is started if it is not up"
        ),
        output_parameter(),
        click.Option(["run_name", "--name"], help="Name of the run [default: a random one]"),
        click.Option(
            ["--resume"],
            shell_complete=complete_run,
            metavar="RUN",
            help="Continue a recorded run that was killed or failed; FILE TASK may be left out",
        ),
        click.Option(["-p", "--project"], help="Project of the run", shell_complete=complete_project),
        click.Option(["-d", "--domain"], help="Domain of the run"),
        click.Option(["--label"], multiple=True, metavar="KEY=VALUE", help="Label of the run (repeatable)"),
        click.Option(["-e", "--env"], multiple=True, metavar="KEY=VALUE", help="Environment variable (repeatable)"),
        click.Option(
            ["-f", "--follow"],
            is_flag=True,
            help="Print what the task prints and wait for the result; a run in this process always does",
        ),
        click.Option(
            ["--raw-data-path"], help="Where files that tasks make go, a path or URI [default: beside the history]"
        ),
        click.Option(
            ["--max-action-concurrency"],
            type=click.IntRange(0),
            help="How many actions of the run are at work at once [default: 0, any number]",
        ),
        click.Option(
            ["--root-dir"], type=folder, help="Folder that modules are imported from [default: the working directory]"
        ),
        click.Option(["--version"], help="Version of the tasks, on a control plane"),
        click.Option(
            ["--copy-style"],
            type=click.Choice(["loaded_modules", "all", "none", "custom"]),
            default="loaded_modules",
            help="Which files travel to a control plane [default: loaded_modules]",
        ),
        click.Option(["--no-sync-local-sys-paths"], is_flag=True, help="Do not take this process's import path along"),
        click.Option(["--image"], multiple=True, metavar="[NAME=]URI", help="Image of containers (repeatable)"),
        click.Option(["--service-account"], help="Kubernetes service account of containers"),
        click.Option(["--queue"], help="Queue of a control plane"),
        click.Option(["--run-project"], help="Project of a run of a deployed task"),
        click.Option(["--run-domain"], help="Domain of a run of a deployed task"),
        click.Option(["--debug"], is_flag=True, help="Start an editor in the container, where the task is run by hand"),
        click.Option(["--tui"], is_flag=True, help="Show a local run in a text interface"),
        click.Option(["--tracked"], is_flag=True, help="Report a local run to the control plane"),
        click.Option(["--tracked-strict"], is_flag=True, help="Fail where reporting fails"),
    ]
