"""`flyte get code`: the files that an action ran with."""

import tempfile
from pathlib import Path

import click

from flyte_cli.completers import complete_action, complete_run
from flyte_cli.history import find_action, find_run, open_runs, split_id
from flyte_cli.output import show
from flyte_cli.scope import local_or_devbox, project_and_domain
from flyte_cli.words import argument, output_option
from flyte_engine.sqlite import SQLiteStore

_ROOT = "a0"


@click.command("code")
@argument("run_name", shell_complete=complete_run)
@argument("action_name", required=False, shell_complete=complete_action)
@click.option(
    "-o", "--dest", type=click.Path(path_type=Path, file_okay=False), help="Folder to write to [default: list]"
)
@click.option("--no-extract", is_flag=True, help="With --dest: keep the archive as it is")
@click.option("-a", "--attempt", type=click.IntRange(1), help="Of this attempt [default: the last]")
@project_and_domain
@local_or_devbox
@output_option
def get_code(
    run_name: str,
    action_name: str | None,
    dest: Path | None,
    no_extract: bool,
    attempt: int | None,
    project: str | None,
    domain: str | None,
) -> None:
    """List the files of the code that a run, or one of its actions, ran with; with `--dest` download them."""
    del project, domain  # `open_runs` reads them
    if no_extract and dest is None:
        raise click.UsageError("`--no-extract` is about a download\nhint: add `--dest FOLDER`")
    run_name, action_name = split_id(run_name, action_name)
    with open_runs() as store:
        run = find_run(store, run_name)
        if isinstance(store, SQLiteStore):
            where = f"it ran `{run.source_path}` as it was then" if run.source_path else "it ran in a Python session"
            raise click.UsageError(
                f"run `{run.run_name}` is of this machine, whose code is not kept: {where}\n"
                "hint: `flyte run --devbox` keeps the code with each run"
            )
        action = find_action(store, run.run_name, action_name or _ROOT)
        from flyte.remote import Action  # noqa: PLC0415 - help pages need no client

        remote = Action.get(run_name=run.run_name, name=action.name)
        if dest is not None:
            written = remote.download_code(dest, extract=not no_extract, attempt=attempt)
            show(lambda: {"path": str(written)}, lambda _: f"Wrote `{written}`.")
            return
        with tempfile.TemporaryDirectory(prefix="flyte-code-") as folder:
            root = remote.download_code(folder, attempt=attempt)
            files = [
                (path.relative_to(root).as_posix(), path.stat().st_size)
                for path in sorted(root.rglob("*"))
                if path.is_file()
            ]
    show(
        lambda: [{"path": path, "bytes": size} for path, size in files],
        lambda layout: layout.table(("FILE", "BYTES"), [(path, str(size)) for path, size in files]),
    )
