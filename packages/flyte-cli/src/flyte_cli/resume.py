"""`flyte run --resume RUN` without a file: the record says which file and task the run is of."""

from pathlib import Path

import click

from flyte.initialization import settings
from flyte_cli.loading import check_file, load_module, tasks_of
from flyte_cli.task_commands import make_task_command
from flyte_engine.sqlite import SQLiteStore


def resume_command(run_name: str, root: Path, context: click.Context) -> object:
    """Find the task of a recorded run, and continue the run.

    Raises:
        click.UsageError: there is no such run, or its file or task is not found any more.
    """
    store = SQLiteStore(settings().history_file)
    try:
        record = store.run(run_name)
    finally:
        store.close()
    if record is None:
        raise click.UsageError(f"there is no run `{run_name}` to resume\nhint: `flyte get run` lists the recorded ones")
    if not record.source_path:
        raise click.UsageError(
            f"run `{run_name}` does not tell which file it was made from\n"
            f"hint: name it: `flyte run --resume {run_name} FILE TASK`"
        )
    path = check_file(Path(record.source_path))
    for name, task in tasks_of(load_module(path, root.absolute())).items():
        if task.name == record.task_name:
            command = make_task_command(name, task, path)
            with command.make_context(name, [], parent=context) as made:
                return command.invoke(made)
    raise click.UsageError(
        f"`{path}` has no task `{record.task_name}` any more, of which run `{run_name}` is\n"
        "hint: a run is resumed with the code that it was made with, or a later version of it"
    )
