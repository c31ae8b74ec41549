"""`flyte replay RUN ACTION`: one action again, here: its code and its inputs, and a debugger where it fails."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from flyte import RetryStrategy
from flyte.controllers.conversion import codec_for
from flyte.failures import causes
from flyte.initialization import init_from_config
from flyte.running.local import new_run_name
from flyte.tasks.template import TaskTemplate
from flyte_cli.carrying_out import carry_out
from flyte_cli.completers import complete_action, complete_run
from flyte_cli.configuring import configured
from flyte_cli.errors import RunFailedError
from flyte_cli.failures import root_cause
from flyte_cli.history import find_action, find_run, history_file, open_runs, split_id
from flyte_cli.loading import check_file, load_module
from flyte_cli.scope import local_or_devbox, project_and_domain
from flyte_cli.words import argument, output_option
from flyte_engine.records import ActionRecord, RunRecord
from flyte_engine.sqlite import SQLiteStore
from flyte_syncify import syncify

_ROOT = "a0"
_ONCE = RetryStrategy(count=0)
Task = TaskTemplate[..., Any]


@click.command("replay")
@argument("run_name", metavar="RUN", shell_complete=complete_run)
@argument("action_name", metavar="[ACTION]", required=False, shell_complete=complete_action)
@click.option("--pdb", "debugs", is_flag=True, help="Open the debugger at the frame that failed")
@click.option(
    "--dest",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the code of a control plane [default: among the files of the new run]",
)
@project_and_domain
@local_or_devbox
@output_option
def replay(
    run_name: str,
    action_name: str | None,
    debugs: bool,
    dest: Path | None,
    project: str | None,
    domain: str | None,
) -> None:
    """Run one action of a run again, in this process, with the inputs it had.

    Of a control plane it is the code that the action ran with; of this machine's history the file as it is now. The task is
    called once, without retries and without the cache, and tasks that it calls run here too. It is recorded as a new run.
    ACTION is as for `flyte get action`; without it, the root.
    """
    del project, domain  # `open_runs` reads them
    run_name, action_name = split_id(run_name, action_name)
    with open_runs() as store:
        run = find_run(store, run_name)
        action = find_action(store, run.run_name, action_name or _ROOT)
        data = store.inputs(run.run_name, action.name)
        is_local = isinstance(store, SQLiteStore)
        if is_local:
            init_from_config(configured(), root_dir=Path.cwd())
    name = new_run_name()
    # Beside what the run writes: it is there while somebody looks at the failure, and `flyte delete run` deletes it.
    folder = (dest or history_file().parent / "runs" / name / "code").absolute()
    with _code_here(run, action) if is_local else _code_of_control_plane(run, action, folder) as (task, path):
        values = syncify.loop.run(codec_for(task).decode_inputs_async(data or b""))
        shown = ", ".join(f"{name}={value!r}" for name, value in values.items())
        click.echo(f"replaying `{task.name}` of `{run.run_name}/{action.name}`: {_short(shown)}", err=True)
        try:
            carry_out(
                task.override(retries=_ONCE),
                values,
                path,
                without_cache=True,
                labels={"replay-of": f"{run.run_name}/{action.name}"},
                shows_progress=not debugs,
                name=name,
            )
        except RunFailedError as failed:
            if debugs:
                _debug(failed)
            raise


def _debug(failed: RunFailedError) -> None:
    import pdb  # noqa: PLC0415, T100 - what was asked for

    error = failed.run.error
    if error is None:
        return
    cause = root_cause(list(causes(error)))
    click.echo(f"{type(cause).__name__}: {cause}", err=True)
    # The frames of a failed call are kept by its traceback: their variables can be looked at.
    pdb.post_mortem(cause.__traceback__)


@contextmanager
def _code_here(run: RunRecord, action: ActionRecord) -> Generator[tuple[Task, Path]]:
    """Yield the task and its file, as the file is now.

    Raises:
        click.UsageError: The run names no file, or the file has the task no more.
    """
    if not run.source_path:
        raise click.UsageError(
            f"run `{run.run_name}` does not tell which file it was made from: it was begun in a Python session\n"
            "hint: `flyte run FILE TASK` records the file"
        )
    path = check_file(Path(run.source_path))
    load_module(path, Path.cwd())
    yield _named(action, path), path


def _named(action: ActionRecord, path: Path) -> Task:
    """Find a task by its full name: in the file, or in what the file imports."""
    for module in list(sys.modules.values()):
        for value in list(vars(module).values()) if hasattr(module, "__dict__") else ():
            if isinstance(value, TaskTemplate) and value.name == action.task_name:
                return value  # pyright: ignore[reportUnknownVariableType]
    raise click.UsageError(
        f"`{path}` has no task `{action.task_name}`, of which action `{action.name}` is\n"
        "hint: traced calls and conditions are no tasks; a task that was renamed since has to have its name again"
    )


@contextmanager
def _code_of_control_plane(run: RunRecord, action: ActionRecord, folder: Path) -> Generator[tuple[Task, Path]]:
    """Yield the task, loaded from the code that the action ran with, in whose folder the process is meanwhile.

    Raises:
        click.UsageError: The action is no task of Python.
        ModuleLoadError: Its module or the task in it is not found.
    """
    from flyte.remote import Action  # noqa: PLC0415 - help pages need no client
    from flyte.runtime.loading import extend_search_path, resolve  # noqa: PLC0415

    remote = Action.get(run_name=run.run_name, name=action.name)
    details = syncify.loop.run(remote.details())
    arguments = list(details.pb2.task.task_template.container.args) if details.pb2.HasField("task") else []
    bundle = details.code_bundle
    if "--resolver" not in arguments and (bundle is None or not bundle.pkl):
        raise click.UsageError(
            f"action `{action.name}` of run `{run.run_name}` is no task of Python: there is no code to run here\n"
            f"hint: `flyte get action {run.run_name}` lists the actions"
        )
    environment = {each.key: each.value for each in details.pb2.task.task_template.container.env}
    if bundle is not None:
        written = remote.download_code(folder, extract=not bundle.pkl)
        if bundle.pkl:
            from flyte.bundling.pickling import load_pickled  # noqa: PLC0415 - for tasks of notebooks only

            yield load_pickled(written), written
            return
    before = Path.cwd()
    # As in the container: what the task opens by a relative path lies beside its code.
    os.chdir(folder if bundle is not None else before)
    try:
        extend_search_path(".", [part for part in environment.get("_F_SYS_PATH", "").split(":") if part])
        at = arguments.index("--resolver")
        yield resolve(arguments[at + 1], arguments[at + 2 :]), folder
    finally:
        os.chdir(before)


def _short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:300]}…"


command = replay
"""The command `flyte replay`."""
