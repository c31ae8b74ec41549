"""Carrying a run out: recorded, with progress, ended by ctrl-c; and what is printed when it is over."""

import shlex
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

import click

from flyte.initialization import settings
from flyte.running.local import new_run_name
from flyte.running.options import RunOptions
from flyte.running.outputs import LocalRun
from flyte.running.start import Runner
from flyte.running.termination import orderly_termination
from flyte.tasks.template import TaskTemplate
from flyte_cli.app import RootOptions
from flyte_cli.errors import InterruptedRunError, RunFailedError
from flyte_cli.hints import local_option
from flyte_cli.progress.display import progress
from flyte_cli.run_options import RunChoices
from flyte_engine.sqlite import SQLiteStore
from flyte_syncify import syncify

_RESULT_LIMIT = 4000


def carry_out(
    task: TaskTemplate[..., Any],
    values: dict[str, Any],
    path: Path,
    *,
    without_cache: bool = False,
    labels: Mapping[str, str] | None = None,
    shows_progress: bool = True,
    name: str | None = None,
) -> None:
    """Run the task, recorded and with progress, and print the result, the record and what to try next.

    Args:
        task: The task.
        values: Its inputs, by name.
        path: The file that the record names.
        without_cache: Neither read nor write the cache.
        labels: Of the run, beside those of the command line.
        shows_progress: Show the progress, if the command line does not say otherwise.
        name: Of the run, when the command line names none.

    Raises:
        RunFailedError: when the run did not succeed.
        InterruptedRunError: when it was interrupted.
    """
    options = click.get_current_context().find_root().ensure_object(RootOptions)
    chosen = RunChoices.of_context()
    chosen.refuse_debugged()
    chosen.note_what_has_no_effect()
    if chosen.is_tracked_strictly and not (chosen.is_tracked or settings().config.local.tracked):
        raise click.UsageError(
            "`--tracked-strict` says what happens when a run cannot be reported, and this one is not reported at all\n"
            "hint: `--tracked` as well, or `local.tracked` in the configuration file"
        )
    if chosen.is_shown:
        # Runs without it load neither this nor textual.
        from flyte_cli.tui.command import require_terminal  # noqa: PLC0415

        require_terminal("flyte run --tui", "without `--tui` the run shows its progress as lines")
    history = settings().history_file
    name = chosen.resume or chosen.name or name or new_run_name()
    store = SQLiteStore(history)
    try:
        _refuse_taken(chosen.name, store)
        with progress(enabled=options.progress and shows_progress and not chosen.is_shown) as display:
            runner = Runner(
                RunOptions(
                    mode="local",
                    name=name,
                    resume=chosen.resume,
                    project=chosen.project,
                    domain=chosen.domain,
                    store=store,
                    observers=(display.on_event,),
                    source_path=str(path),
                    command=shlex.join(["flyte", *sys.argv[1:]]),
                    labels={**chosen.labels, **(labels or {})},
                    disable_run_cache=without_cache,
                    raw_data_path=chosen.raw_data_path,
                    max_action_concurrency=chosen.max_action_concurrency,
                    asks_on_terminal=not chosen.is_shown,
                    is_tracked=chosen.is_tracked,
                    is_tracked_strictly=chosen.is_tracked_strictly,
                )
            )
            try:
                run = _attempted(runner.attempt(task, (), values), store, name, is_shown=chosen.is_shown)
            except ValueError as error:
                if chosen.resume is None:
                    raise
                raise click.UsageError(str(error)) from error
        if run.error is not None:
            raise RunFailedError(run)
        _print_result(run, store, history, options)
    except KeyboardInterrupt:
        raise InterruptedRunError(name) from None
    finally:
        store.close()


def _attempted(attempt: Coroutine[Any, Any, LocalRun], store: SQLiteStore, name: str, *, is_shown: bool) -> LocalRun:
    if is_shown:
        from flyte_cli.tui.local_run import carry_out_shown  # noqa: PLC0415 - as above

        return carry_out_shown(attempt, store, name)
    with orderly_termination():
        return syncify.loop.run(attempt)


def _refuse_taken(name: str | None, store: SQLiteStore) -> None:
    if name is not None and store.run(name) is not None:
        raise click.UsageError(
            f"there is a run `{name}` already\nhint: take another name, or `flyte delete run {name}` first"
        )


def _print_result(run: LocalRun, store: SQLiteStore, history: Path, options: RootOptions) -> None:
    if options.output_format in {"table", "table-simple"}:
        click.echo(_summary(run, history))
        return
    # Only programs that read the result pay for what makes data of it.
    from flyte_cli.output import dump  # noqa: PLC0415
    from flyte_types.literal_text import literal_string_repr  # noqa: PLC0415
    from flyte_types.literals import Outputs  # noqa: PLC0415

    outputs = literal_string_repr(Outputs.FromString(store.outputs(run.name, "a0") or b""))
    data = {"name": run.name, "phase": run.phase.value, "outputs": outputs, "history": str(history)}
    click.echo(dump(data, options.output_format))


def _summary(run: LocalRun, history: Path) -> str:
    outputs = run.outputs()
    named = outputs.named_outputs
    if not named:
        result = "None"
    elif list(named) == ["o0"]:
        result = repr(outputs[0])
    else:
        result = ", ".join(f"{name}={value!r}" for name, value in named.items())
    if len(result) > _RESULT_LIMIT:
        result = f"{result[:_RESULT_LIMIT]}…"
    lines = [f"result    {result}", f"recorded  {_short(history)} as run {run.name}"]
    if run.is_tracked:
        lines.append(f"page      {run.url}")
    return "\n".join([*lines, f"next      flyte get run {run.name}{local_option()}"])


def _short(path: Path) -> str:
    try:
        return f"~/{path.relative_to(Path.home())}"
    except ValueError:
        return str(path)
