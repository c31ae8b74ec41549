"""`flyte deploy FILE ENV`: the environments of files, registered at the control plane."""

import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

from flyte.initialization import init_from_config, settings
from flyte.tasks.environment import Environment
from flyte_cli import exit_codes
from flyte_cli.app import RootOptions
from flyte_cli.completers import complete_environment, complete_project
from flyte_cli.configuring import configured
from flyte_cli.errors import CodeNotLoadedError
from flyte_cli.loading import check_file, load_module
from flyte_cli.messages import closest
from flyte_cli.output import Layout, show
from flyte_cli.words import argument, output_option

if TYPE_CHECKING:
    from flyte.deployment import Comparison

_WIDTH = 78
_HEADINGS = ("TASK", "VERSION", "OUTCOME", "TRIGGERS")


@click.command("deploy")
@argument("path", metavar="FILE|FOLDER", type=click.Path(path_type=Path))
@argument("names", metavar="[ENV]...", nargs=-1, shell_complete=complete_environment)
@click.option("--devbox", is_flag=True, help="To the devbox of this machine, which is started if it is not up")
@click.option("-p", "--project", help="Project of the tasks", shell_complete=complete_project)
@click.option("-d", "--domain", help="Domain of the tasks")
@click.option("--version", help="Version of the tasks [default: computed from code and declarations]")
@click.option("--dry-run", "--dryrun", is_flag=True, help="Only say what would be registered")
@click.option(
    "--copy-style",
    type=click.Choice(["loaded_modules", "all", "none", "custom"]),
    default="loaded_modules",
    help="Which files are bundled; custom is all [default: loaded_modules]",
)
@click.option(
    "--root-dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder that modules are imported from [default: the working directory]",
)
@click.option("-r", "--recursive", is_flag=True, help="With a folder: files in its folders as well")
@click.option("--all", "everything", is_flag=True, help="Every environment that is found")
@click.option("-i", "--ignore-load-errors", is_flag=True, help="Go on when a file cannot be imported")
@click.option("--no-sync-local-sys-paths", is_flag=True, help="Do not take this process's import path along")
@click.option("--image", multiple=True, metavar="[NAME=]URI", help="Image by name (repeatable)")
@output_option
def command(
    path: Path,
    names: tuple[str, ...],
    devbox: bool,
    project: str | None,
    domain: str | None,
    version: str | None,
    dry_run: bool,
    copy_style: Any,
    root_dir: Path | None,
    recursive: bool,
    everything: bool,
    ignore_load_errors: bool,
    no_sync_local_sys_paths: bool,
    image: tuple[str, ...],
) -> None:
    """Register the tasks and triggers of environments, and of those they depend on.

    ENV is the name of the variable that holds the environment. What the control plane has already stays as it is, so that a
    deployment that failed halfway is finished by the next.
    """
    options = click.get_current_context().find_root().ensure_object(RootOptions)
    root = (root_dir or Path.cwd()).absolute()
    init_from_config(
        configured(),
        root_dir=root,
        org=options.org,
        project=project,
        domain=domain,
        images=image or None,
        sync_local_sys_paths=not no_sync_local_sys_paths,
    )
    if devbox:
        from flyte_cli.remote_runs import use_devbox  # noqa: PLC0415 - who deploys elsewhere needs no devbox

        use_devbox()
    if not dry_run and not settings().endpoint:
        raise click.UsageError(
            "no control plane is configured to deploy to\n"
            "hint: `--devbox` deploys to the devbox of this machine, `flyte create config` writes down another one, "
            "`--dry-run` only looks"
        )
    found = _environments(_files(path, is_recursive=recursive), root, is_lenient=ignore_load_errors)
    chosen = _chosen(found, names, is_all=everything or path.is_dir(), shown=path)

    from flyte.deployment import compare, deploy  # noqa: PLC0415 - a wrong command line need not load the protocol

    with _progress() as tell:
        try:
            deployments = deploy(*chosen, dry_run=dry_run, version=version, copy_style=copy_style, _on_progress=tell)
        except KeyboardInterrupt:
            sys.stderr.write(_interrupted(tell.done, tell.total))
            raise click.exceptions.Exit(exit_codes.INTERRUPTED) from None
    tasks = {task.name: task for deployment in deployments for task in deployment.tasks()}
    if dry_run and settings().endpoint:
        _show_comparisons(compare(tasks.values()))
        return

    def text(layout: Layout) -> str:
        rows = [
            (name, task.version, task.outcome, ", ".join(each.name for each in task.deployed_triggers))
            for name, task in tasks.items()
        ]
        return layout.table(_HEADINGS, rows)

    show(
        lambda: [
            {
                "name": name,
                "version": task.version,
                "outcome": task.outcome,
                "triggers": [each.name for each in task.deployed_triggers],
            }
            for name, task in tasks.items()
        ],
        text,
    )


def _interrupted(done: int, total: int) -> str:
    how_far = f"at least {done} of {total} tasks are registered" if total else "nothing is known to be registered"
    return f"\ninterrupted: {how_far}\nhint: deploy again; what is registered stays as it is\n"


@contextmanager
def _progress() -> Generator["_Progress"]:
    """Show in one line of a terminal how far the registration is; nothing elsewhere."""
    is_shown = sys.stderr.isatty()
    try:
        yield _Progress(is_shown)
    finally:
        if is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


class _Progress:
    """How many tasks the control plane has by now, of how many; `total` is 0 before the first."""

    def __init__(self, is_shown: bool) -> None:
        self._is_shown = is_shown
        self.done = self.total = 0

    def __call__(self, done: int, total: int, task: Any) -> None:
        self.done, self.total = done, total
        if self._is_shown:
            sys.stderr.write(f"\r\x1b[K{done} of {total} tasks: {task.name}"[: _WIDTH + 5])
            sys.stderr.flush()


def _show_comparisons(found: "list[Comparison]") -> None:
    def text(layout: Layout) -> str:
        rows = [
            (each.task.name, each.task.version, each.change, ", ".join(one.name for one in each.task.deployed_triggers))
            for each in found
        ]
        lines = [layout.table(("TASK", "VERSION", "WOULD BE", "TRIGGERS"), rows)]
        for each in found:
            if each.differences:
                beside = f", beside version {each.beside}" if each.beside else ""
                lines.append(f"\n{each.task.name}{beside}:")
                lines += [f"  {difference}" for difference in each.differences]
        return "\n".join(lines)

    show(
        lambda: [
            {
                "name": each.task.name,
                "version": each.task.version,
                "outcome": each.task.outcome,
                "triggers": [one.name for one in each.task.deployed_triggers],
                "change": each.change,
                "beside": each.beside,
                "differences": [
                    {"field": one.field, "before": one.before, "after": one.after} for one in each.differences
                ],
            }
            for each in found
        ],
        text,
    )


def _files(path: Path, *, is_recursive: bool) -> list[Path]:
    if not path.is_dir():
        return [check_file(path)]
    if is_recursive:
        from flyte.bundling.selecting import python_files  # noqa: PLC0415 - of this option only

        found = python_files(path)
    else:
        found = sorted(path.glob("*.py"))
    files = [each.absolute() for each in found]
    if not files:
        raise click.UsageError(f"there are no Python files in `{path}`\nhint: `--recursive` looks into its folders")
    return files


def _environments(files: Sequence[Path], root: Path, *, is_lenient: bool) -> dict[str, Environment]:
    """Return environments by the name of their variable; those of several files each once."""
    found: dict[str, Environment] = {}
    for file in files:
        try:
            module = load_module(file, root)
        except CodeNotLoadedError as error:
            if not is_lenient:
                raise
            click.echo(f"note: left out: {str(error).partition(chr(10))[0]}", err=True)
            continue
        for name, environment in _declared(module):
            if environment not in found.values():
                found[name if name not in found else f"{module.__name__}.{name}"] = environment
    return found


def _declared(module: ModuleType) -> Iterator[tuple[str, Environment]]:
    return ((name, each) for name, each in vars(module).items() if isinstance(each, Environment))


def _chosen(found: dict[str, Environment], names: tuple[str, ...], *, is_all: bool, shown: Path) -> list[Environment]:
    known = ", ".join(f"`{name}`" for name in found) or "none"
    if not found:
        raise click.UsageError(f"there are no environments in `{shown}`\nhint: `env = flyte.TaskEnvironment(...)`")
    if not names:
        if is_all:
            return list(found.values())
        raise click.UsageError(f"which environment of `{shown}`? It has {known}\nhint: name it, or say `--all`")
    for name in names:
        if name not in found:
            close = closest(name, found)
            hint = f"did you mean `{close}`?" if close else f"it has {known}"
            raise click.UsageError(f"`{shown}` has no environment `{name}`\nhint: {hint}")
    return [found[name] for name in names]
