"""`flyte run` on a control plane: the devbox of this machine, or the configured endpoint."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import click

from flyte.initialization import apply, settings
from flyte.remote import Run, TaskDetails
from flyte.running.options import RunOptions
from flyte.running.start import Runner
from flyte.tasks.template import TaskTemplate
from flyte_cli.app import RootOptions
from flyte_cli.configuring import configured
from flyte_cli.errors import LeftRunError, RemoteRunFailedError
from flyte_cli.hints import left_run, remote_option, root_options
from flyte_cli.run_options import RunChoices
from flyte_cli.scope import ON_DEVBOX
from flyte_models.phases import ActionPhase
from flyte_protocol.failures import TRACE_MARK
from flyte_remote.values import literals_of
from flyte_remote.waiting import reasons_to_wait
from flyte_syncify import syncify
from flyte_types.literal_text import literal_string_repr

_RESULT_LIMIT = 4000
_DEVBOX_PROJECT, _DEVBOX_DOMAIN = "flytesnacks", "development"


def use_devbox() -> None:
    """Make the devbox of this machine the control plane of this process; start it if it is not up.

    Raises:
        click.ClickException: It cannot be started.
    """
    from flyte_devbox.folder import default_folder  # noqa: PLC0415 - who runs elsewhere needs no devbox
    from flyte_devbox.process import DevboxError, find_server, start_server  # noqa: PLC0415

    running = find_server(default_folder())
    try:
        # One that runs is taken as it is: whether it asks for a token was said when it was started.
        started = start_server(default_folder(), needs_token=running is None or bool(running.token))
    except DevboxError as error:
        raise click.ClickException(str(error)) from None
    if started.is_new:
        click.echo(f"The devbox started in {started.seconds:.1f} s.", err=True)
    # Hints name what works: nothing else says so to the next command.
    click.get_current_context().meta[ON_DEVBOX] = True
    made = settings()
    platform = replace(made.config.platform, endpoint=started.record.endpoint, insecure=True)
    apply(
        replace(
            made,
            project=made.project or _DEVBOX_PROJECT,
            domain=made.domain or _DEVBOX_DOMAIN,
            config=made.config.with_params(platform=platform),
        )
    )


def carry_out_remotely(task: "TaskTemplate[..., Any] | TaskDetails", values: dict[str, Any]) -> None:
    """Make a run and print its name and page; with `--follow`, its log and, when it is over, its result.

    Raises:
        RemoteRunFailedError: It was followed, and did not succeed.
        RpcError: The control plane cannot be reached, or refuses.
    """
    chosen = RunChoices.of_context()
    chosen.refuse_what_is_for_local_runs()
    is_registered = isinstance(task, TaskDetails)
    # A registered task is looked up in one project, and may run in another.
    project, domain = (chosen.run_project, chosen.run_domain) if is_registered else (chosen.project, chosen.domain)
    runner = Runner(replace(options_of(chosen), project=project, domain=domain))
    began = time.monotonic()
    with starting():
        run: Run = syncify.loop.run(runner.attempt(task, (), values))
    report(run, began, follows=chosen.follows, is_debugged=chosen.is_debugged)


def options_of(chosen: RunChoices) -> RunOptions:
    """Return what a run on a control plane is started with."""
    return RunOptions(
        mode="remote",
        name=chosen.name,
        project=chosen.project,
        domain=chosen.domain,
        raw_data_path=chosen.raw_data_path,
        labels=chosen.labels,
        env_vars=chosen.env_vars,
        max_action_concurrency=chosen.max_action_concurrency,
        version=chosen.version,
        copy_style=chosen.copy_style,
        service_account=chosen.service_account,
        queue=chosen.queue,
        debug=chosen.is_debugged,
    )


@contextmanager
def starting() -> Generator[None]:
    """Say, when the block that makes a run is interrupted, that nobody knows whether the control plane has made it.

    Raises:
        LeftRunError: It was interrupted.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise LeftRunError(
            "interrupted while the run was being started: it may have begun\n"
            f"hint: `flyte get run{remote_option()}` lists it then"
        ) from None


def report(run: Run, began: float, *, follows: bool, is_debugged: bool = False) -> None:
    """Print the name and page of a run that has begun; if it is followed, its log and, when it is over, its result.

    In debug mode the address of the editor is waited for and printed too.

    Args:
        run: The run.
        began: When it began, by `time.monotonic`.
        follows: Whether it is followed to its end.
        is_debugged: Whether it has an editor.

    Raises:
        RemoteRunFailedError: It was followed, and did not succeed.
        LeftRunError: It was followed, and ctrl-c ended that.
    """
    try:
        _report(run, began, follows=follows, is_debugged=is_debugged)
    except KeyboardInterrupt:
        raise LeftRunError(left_run(run.name, place=_place_of(run))) from None


def _place_of(run: Run) -> str:
    """Return the options that find a run which is elsewhere than the configuration says."""
    place, usual = run.pb2.action.id.run, configured().task
    options = ""
    if place.project != (usual.project or _DEVBOX_PROJECT):
        options += f" -p {place.project}"
    if place.domain != (usual.domain or _DEVBOX_DOMAIN):
        options += f" -d {place.domain}"
    return options


def _report(run: Run, began: float, *, follows: bool, is_debugged: bool) -> None:
    options = click.get_current_context().find_root().ensure_object(RootOptions)
    is_for_people = options.output_format in {"table", "table-simple"}
    if is_for_people:
        click.echo(f"run       {run.name}\npage      {run.url}")
    more: dict[str, Any] = {"debug_url": _editor(run, is_told=is_for_people)} if is_debugged else {}
    if not follows:
        _say(options, run, f"next      flyte{root_options()} get run {run.name}{remote_option()}{_place_of(run)}", more)
        return
    _follow(run, (lambda line: click.echo(line, err=True)) if options.progress else (lambda _: None))
    if run.phase not in (ActionPhase.SUCCEEDED, ActionPhase.RECOVERED):
        raise RemoteRunFailedError(_failure(run))
    outputs = run.outputs()
    if not is_for_people:
        _say(options, run, "", {**more, "outputs": literal_string_repr(literals_of(outputs.pb2))})
        return
    named = outputs.named_outputs
    result = repr(outputs[0]) if list(named) == ["o0"] else ", ".join(f"{k}={v!r}" for k, v in named.items()) or "None"
    shown = result if len(result) <= _RESULT_LIMIT else f"{result[:_RESULT_LIMIT]}…"
    _say(options, run, f"result    {shown}\ntook      {time.monotonic() - began:.1f} s", {})


def _editor(run: Run, *, is_told: bool) -> str | None:
    """Wait until the editor of a run is ready or the run is over; return its address, and print it."""
    if is_told and sys.stderr.isatty():
        click.echo("waiting for the editor in the container; ctrl-c leaves the run to itself", err=True)
    url = run.get_debug_url()
    if is_told and url is not None:
        click.echo(f"editor    {url}")
    elif url is None:
        click.echo(
            "note: no editor has come, and the run is over\n"
            f"hint: `flyte{root_options()} get logs {run.name}{remote_option()}{_place_of(run)}` says why, "
            "or the control plane has no debug mode",
            err=True,
        )
    return url


def _follow(run: Run, show: Callable[[str], None]) -> None:
    if sys.stderr.isatty():
        for reason in syncify.loop.iterate(reasons_to_wait(run.pb2.action.id)):
            show(f"waiting: {reason}")
    for line in run.get_logs():
        show(line)
    run.wait(quiet=not sys.stderr.isatty())


def _failure(run: Run) -> str:
    first = run.first_failure()
    phase = run.phase.value if run.phase is not None else "in no known phase"
    if first is None or not first.error_message:
        return f"run `{run.name}` ended as {phase}\nhint: {run.url}"
    where = f" in action `{first.name}`" if first.name != "a0" else ""
    text = first.error_message.partition(TRACE_MARK)[0].rstrip()
    code = first.error_info.code if first.error_info is not None else ""
    kind = f"{code}: " if code and not text.startswith(f"{code}:") else ""
    return (
        f"task `{first.task_name}` failed{where}: {kind}{text}\n"
        f"hint: {run.url}{f'?i={first.name}' if first.name != 'a0' else ''} has the log and the inputs"
    )


def _say(options: RootOptions, run: Run, text: str, more: dict[str, Any]) -> None:
    if options.output_format in {"table", "table-simple"}:
        click.echo(text)
        return
    # Only programs that read the result pay for what makes data of it.
    from flyte_cli.output import dump  # noqa: PLC0415

    phase = run.phase.value if run.phase is not None else None
    click.echo(dump({"name": run.name, "phase": phase, "url": run.url, **more}, options.output_format))
