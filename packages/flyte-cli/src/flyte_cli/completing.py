"""What the shell may complete: names that the history or the control plane knows, files with tasks. For completions only."""

import contextlib
import os
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar, cast

import click
from click.shell_completion import CompletionItem

from flyte_cli.app import RootOptions
from flyte_cli.configuring import with_root_options
from flyte_cli.history import history_file_of
from flyte_cli.scope import DEVBOX, LOCAL
from flyte_config import PROFILE_VARIABLE, Config, auto, get_config_file, profile_names
from flyte_devbox.folder import default_folder
from flyte_devbox.process import find_server
from flyte_engine.records import ActionRecord
from flyte_engine.sqlite import SQLiteStore
from flyte_engine.store import ActionStore, StoreError

_MOST = 100
_ASKED = 1000
_PATIENCE = 3.0
"""Seconds that a shell waits for a control plane."""
_ROOT_OPTIONS = {"config", "org", "endpoint", "insecure", "auth_type"}

T = TypeVar("T")
Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def runs(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a run, the latest first; its task is the description."""
    if _is_remote(ctx):
        return _begun(_asked(ctx, _remote_runs), incomplete)
    with _history(ctx) as store:
        if store is None:
            return []
        found = [
            CompletionItem(run.run_name, help=f"{run.task_name}, {run.phase.value}")
            for run in store.runs(_ASKED)
            if run.run_name.startswith(incomplete)
        ]
    return found[:_MOST]


def actions(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of an action of the run that stands before it, or the name of a task that ran once in it."""
    return _of_run(ctx, lambda store, run_name: _named(store.actions(run_name)), incomplete)


def conditions(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a condition that waits in the run that stands before it."""

    def found(store: ActionStore, run_name: str) -> list[CompletionItem]:
        from flyte_cli.waiting import waiting  # noqa: PLC0415 - for this completion only

        # By the action's name each is one; a condition's name may be asked for by several actions.
        each = waiting(store, run_name)
        return [
            *(CompletionItem(one.name, help=one.data_type) for one in each),
            *(CompletionItem(one.action_name, help=one.name) for one in each),
        ]

    return _of_run(ctx, found, incomplete)


def _of_run(
    ctx: click.Context,
    find: Callable[[ActionStore, str], list[CompletionItem]],
    incomplete: str,
) -> list[CompletionItem]:
    """Complete by what the run that stands before holds, which may be `latest` or the beginning of a name, as in the commands."""
    from flyte_cli.history import find_run  # noqa: PLC0415 - as above

    word: str | None = ctx.params.get("run_name")
    if not word:
        return []

    def of(store: ActionStore) -> list[CompletionItem]:
        return find(store, find_run(store, word).run_name)

    def ask() -> list[CompletionItem]:
        from flyte_cli.remote_history import RemoteHistory  # noqa: PLC0415 - as below

        return of(cast("ActionStore", RemoteHistory()))

    if _is_remote(ctx):
        found = _asked(ctx, ask)
    else:
        found: list[CompletionItem] = []
        with _history(ctx) as store, contextlib.suppress(click.UsageError):
            found = of(store) if store is not None else []
    return _begun(found, incomplete)


def _begun(found: Iterable[CompletionItem], incomplete: str) -> list[CompletionItem]:
    return [item for item in found if item.value.startswith(incomplete)][:_MOST]


def _named(records: Sequence[ActionRecord]) -> list[CompletionItem]:
    counts: dict[str, int] = {}
    for record in records:
        counts[record.short_name] = counts.get(record.short_name, 0) + 1
    names = [(name, "task") for name, count in counts.items() if count == 1]
    names += [(record.name, f"{record.short_name}, {record.phase.value}") for record in records]
    return [CompletionItem(name, help=text) for name, text in names]


def _is_remote(ctx: click.Context) -> bool:
    """Tell whether the line is about a control plane: as `open_runs` decides, and the commands that know no history."""
    if ctx.meta.get(LOCAL):
        return False
    if ctx.params.get("devbox") or ctx.meta.get(DEVBOX) or any(each.name == "abort" for each in _commands(ctx)):
        return True
    root = ctx.find_root().params
    try:
        return bool(root.get("endpoint") or _configuration(ctx).platform.endpoint)
    except (ValueError, OSError):
        return False


def _commands(ctx: click.Context) -> Iterator[click.Command]:
    at: click.Context | None = ctx
    while at is not None:
        yield at.command
        at = at.parent


def _remote_runs() -> list[CompletionItem]:
    from flyte_cli.remote_history import RemoteHistory  # noqa: PLC0415 - as below

    runs = RemoteHistory().runs(_MOST)
    return [CompletionItem(run.run_name, help=f"{run.task_name}, {run.phase.value}") for run in runs]


def projects(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the identifier of a project of the control plane."""

    def ask() -> list[CompletionItem]:
        from flyte.remote import Project  # noqa: PLC0415 - who completes files needs no client

        return [CompletionItem(each.id, help=each.name) for each in Project.listall()]

    return _begun(_asked(ctx, ask), incomplete)


def profiles(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a profile of the configuration file that applies."""
    try:
        file = get_config_file(ctx.find_root().params.get("config"))
        names = profile_names(file.tree, file.path) if file is not None else ()
    except (ValueError, OSError):
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _configuration(ctx: click.Context) -> Config:
    root = ctx.find_root().params
    # In a completion the root command is not carried out, which would choose the profile.
    chosen = {PROFILE_VARIABLE: root["profile"]} if root.get("profile") else {}
    return auto(root.get("config"), environment={**os.environ, **chosen})


def tasks(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a task that is registered at the control plane, or that it has run lately."""

    def ask() -> list[CompletionItem]:
        from flyte.remote import Run, Task  # noqa: PLC0415 - as above

        names = [task.name for task in Task.listall(limit=_ASKED)]
        names += [run.pb2.action.metadata.task.id.name for run in Run.listall(limit=_ASKED)]
        return [CompletionItem(name) for name in dict.fromkeys(names) if name]

    return _begun(_asked(ctx, ask), incomplete)


def tasks_of_environment(ctx: click.Context, environment: str | None, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a task that is registered, in this environment if one is named."""

    def ask() -> list[CompletionItem]:
        from flyte.remote import Task  # noqa: PLC0415 - as above

        found = Task.listall(by_task_env=environment, limit=_ASKED)
        return [CompletionItem(each.name, help=each.pb2.metadata.short_description) for each in found]

    begun = _begun(_asked(ctx, ask), incomplete)
    return [item for item in begun if environment is None or item.value.startswith(f"{environment}.")]


def versions(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete a version of the task, or of the artifact, that stands before it."""

    def ask() -> list[CompletionItem]:
        from flyte.remote import Artifact, Task  # noqa: PLC0415 - as above

        name = ctx.params["name"]
        if ctx.command.name == "artifact":
            return [CompletionItem(each.version) for each in Artifact.listall(name, limit=_MOST)]
        return [CompletionItem(version) for version in Task.versions(name, limit=_MOST)]

    return _begun(_asked(ctx, ask), incomplete)


def triggers(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a trigger, or of its task: of those that have what stands before, if anything does."""

    def ask() -> list[CompletionItem]:
        from flyte.remote import Trigger  # noqa: PLC0415 - as above

        name, task = (ctx.params.get(each) for each in ("name", "task_name"))
        found = [
            each
            for each in Trigger.listall(task_name=task, limit=_ASKED)
            if param.name == "name" or name in (None, each.name)
        ]
        pairs = {(each.name, each.task_name) for each in found}
        if param.name == "task_name":
            return [CompletionItem(of, help=one) for one, of in sorted(pairs)]
        return [CompletionItem(one, help=of) for one, of in sorted(pairs)]

    return _begun(_asked(ctx, ask), incomplete)


def secrets(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a secret."""

    def ask() -> list[CompletionItem]:
        from flyte.remote import Secret  # noqa: PLC0415 - as above

        return [CompletionItem(each.name) for each in Secret.listall(limit=_ASKED)]

    return _begun(_asked(ctx, ask), incomplete)


def artifacts(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of an artifact."""

    def ask() -> list[CompletionItem]:
        from flyte.remote import Artifact  # noqa: PLC0415 - as above

        return [CompletionItem(each.name) for each in Artifact.list_names(limit=_ASKED)]

    return _begun(_asked(ctx, ask), incomplete)


def apps(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of an app."""

    def ask() -> list[CompletionItem]:
        from flyte.remote import App  # noqa: PLC0415 - as above

        return [CompletionItem(each.name) for each in App.listall(limit=_ASKED)]

    return _begun(_asked(ctx, ask), incomplete)


def environments(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the variable of an environment of the file that stands before it, read from its text."""
    from flyte_cli.outline import environments_of  # noqa: PLC0415 - as above

    path: Path | None = ctx.params.get("path")
    chosen = ctx.params.get("names") or ()
    names = environments_of(path) if path is not None else []
    return _begun((CompletionItem(name) for name in names if name not in chosen), incomplete)


def _asked(ctx: click.Context, ask: Callable[[], list[CompletionItem]]) -> list[CompletionItem]:
    """Return what a control plane answers soon; nothing when there is none, or it does not answer."""
    return answered_soon(ctx, lambda: ask() if _connect(ctx) else []) or []


def answered_soon(ctx: click.Context, ask: Callable[[], T]) -> T | None:
    """Return what `ask` does within `_PATIENCE` seconds; `None` when it takes longer, or fails: a completion never complains."""
    found: list[T] = []

    def work() -> None:
        with contextlib.suppress(Exception), ctx:
            found.append(ask())

    # Of a daemon nothing is waited for when the shell has its answer.
    thread = threading.Thread(target=work, name="flyte-completion", daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    return found[0] if found else None


def _connect(ctx: click.Context) -> bool:
    """Set this process up to talk to the control plane that the line means; return whether there is one."""
    # `params` has what commands take as an argument, `meta` what stands in `scope`.
    wants_devbox = bool(ctx.params.get("devbox") or ctx.meta.get(DEVBOX))
    options = RootOptions(**{name: given for name, given in ctx.find_root().params.items() if name in _ROOT_OPTIONS})
    config = with_root_options(_configuration(ctx), options)
    if wants_devbox:
        server = find_server(default_folder())
        if server is None:
            return False
        platform = replace(config.platform, endpoint=server.endpoint, insecure=True)
        config = config.with_params(platform=platform)
    if not config.platform.endpoint:
        return False
    from flyte.initialization import init_from_config  # noqa: PLC0415 - as above

    project = ctx.params.get("project") or config.task.project or "flytesnacks"
    domain = ctx.params.get("domain") or config.task.domain or "development"
    init_from_config(config, org=options.org, project=project, domain=domain)
    return True


def python_files(incomplete: str) -> list[CompletionItem]:
    """Complete the path of a Python file."""
    folder, _, begun = incomplete.rpartition("/")
    parent = Path(f"{folder}/" if incomplete.startswith("/") and not folder else folder or ".").expanduser()
    prefix = f"{folder}/" if "/" in incomplete else ""
    try:
        entries = sorted(parent.glob("*.py"))
    except OSError:
        entries = []
    return [CompletionItem(prefix + entry.name) for entry in entries if entry.name.startswith(begun)]


@contextmanager
def _history(ctx: click.Context) -> Generator[ActionStore | None]:
    """Yield the history, or None where there is none, or none that can be read: a completion never complains."""
    try:
        path = history_file_of(ctx.find_root().params.get("config"))
        store = SQLiteStore(path) if path.is_file() else None
    except (StoreError, ValueError, OSError):
        store = None
    try:
        yield store
    finally:
        if store is not None:
            store.close()
