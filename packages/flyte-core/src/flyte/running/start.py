"""`flyte.run` and `flyte.with_runcontext`: which strategy runs a task, and with which options."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from flyte.initialization import calling_context, settings
from flyte.running.equipment import equipment
from flyte.running.options import (
    CacheScope,
    CopyStyle,
    Isolation,
    Mode,
    RunOptions,
    check_concurrency,
    check_copy_style,
    check_isolation,
    check_scope,
)
from flyte.running.outputs import LocalRun
from flyte.running.termination import orderly
from flyte.tasks.settings import check_env_vars
from flyte.tasks.template import TaskTemplate
from flyte_syncify import syncify

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from flyte.initialization import LogFormat
    from flyte_models.notifications import NamedRule, Notification


class Strategy(Protocol):
    """One way to run a task."""

    def __init__(self, options: RunOptions) -> None: ...

    async def run(self, task: TaskTemplate[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the task and return the run."""
        ...


_STRATEGIES = {
    "local": ("flyte.running.local", "LocalStrategy"),
    "remote": ("flyte.running.remote", "RemoteStrategy"),
}
"""Mode -> module and class, loaded when the mode is used, so that a local run never loads the transport."""


class NotATaskError(TypeError):
    """Something else than a task was given to `flyte.run`."""

    def __init__(self, value: object) -> None:
        """Name what was given and show the right form."""
        name = getattr(value, "__name__", None)
        if type(value).__name__ == "coroutine":
            if hasattr(value, "close"):
                value.close()  # type: ignore[attr-defined]  # it will never be awaited, and Python would warn
            message = (
                f"`flyte.run` got a coroutine: `{name}` was called, outside a run, instead of being handed over\n"
                f"hint: incorrect: flyte.run({name}(x))\n      correct:   flyte.run({name}, x)"
            )
        elif callable(value):
            message = f"`flyte.run` got {value!r}, which is not a task\nhint: decorate it with `@env.task`"
        else:
            message = (
                f"`flyte.run` got {value!r}, expected a task\n"
                "hint: incorrect: flyte.run(task(x))\n      correct:   flyte.run(task, x)"
            )
        super().__init__(message)


class Runner:
    """Runs tasks with the same options: what `flyte.with_runcontext` returns."""

    def __init__(self, options: RunOptions) -> None:
        self._options = options

    @orderly
    async def run(self, task: Any, *args: Any, **kwargs: Any) -> Any:
        """Run a task and return the run: over, when it is local; begun, when it is remote.

        Raises:
            RuntimeUserError: when the task failed, with the exception of its body as cause.
            NotATaskError: when `task` is not a task.
            ValueError: when the arguments do not fit the task's parameters.
            TypeError: when a value does not have its declared type.
        """
        run = await self.attempt(task, args, kwargs)
        if isinstance(run, LocalRun):
            # A remote one has only begun.
            run.raise_for_status()
        return run

    async def attempt(self, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Do as `run`, but return a run that failed instead of raising what its task raised."""
        if not isinstance(task, TaskTemplate):
            return await self._run_registered(task, args, kwargs)
        # A lab (`flyte.testing`) is for runs in this process, whatever the configuration says.
        is_remote = equipment() is None and (bool(settings().endpoint) or calling_context() is not None)
        mode = self._options.mode or ("remote" if is_remote else "local")
        if self._options.is_tracked and mode != "local":
            raise ValueError(
                "`tracked` reports a run in this process to the control plane, and this one is begun there\n"
                'hint: `mode="local"` as well, or `--local`'
            )
        if mode not in _STRATEGIES:
            raise NotImplementedError(
                f"mode {mode!r} is not built in this version\nhint: use mode='local' or mode='remote'"
            )
        module, name = _STRATEGIES[mode]
        strategy: Strategy = getattr(import_module(module), name)(self._options)
        if self._options.log_settings:
            from flyte.logs import configured  # noqa: PLC0415 - hardly any run has a log of its own

            with configured(**self._options.log_settings):
                return await strategy.run(cast("TaskTemplate[..., Any]", task), args, kwargs)
        return await strategy.run(cast("TaskTemplate[..., Any]", task), args, kwargs)

    async def _run_registered(self, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        # What is registered is known by its client, which nobody has loaded who has none of it.
        if type(task).__module__ not in ("flyte_remote.tasks", "flyte_remote.triggers"):
            raise NotATaskError(task)
        if self._options.mode == "local":
            raise ValueError(
                f"{task!r} is at a control plane, and cannot run in this process\nhint: leave out `mode='local'`"
            )
        from flyte.running.remote import RemoteStrategy  # noqa: PLC0415 - as said

        return await RemoteStrategy(self._options).run_registered(task, args, kwargs)

    @syncify
    async def rerun(
        self,
        run_name: str,
        action_name: str = "a0",
        recover: bool = False,
        force_rerun_actions: "Sequence[str] | None" = None,
        allow_missing_source_outputs: bool = False,
        **inputs: Any,
    ) -> Any:
        """Run again what an earlier run has run; see `flyte.rerun`."""
        if self._options.mode == "local":
            raise ValueError("a run of a control plane is run again there\nhint: leave out `mode='local'`")
        from flyte.running.remote import RemoteStrategy  # noqa: PLC0415 - a local run needs no client

        return await RemoteStrategy(self._options).rerun(
            run_name,
            action_name,
            inputs,
            recover=recover,
            forced=tuple(force_rerun_actions or ()),
            allows_missing=allow_missing_source_outputs,
        )


@syncify
async def rerun(
    run_name: str,
    action_name: str = "a0",
    recover: bool = False,
    force_rerun_actions: "Sequence[str] | None" = None,
    allow_missing_source_outputs: bool = False,
    **inputs: Any,
) -> Any:
    """Run again what a run of the control plane has run: the same code and inputs, as a new run, which has only begun.

    Args:
        run_name: The earlier run.
        action_name: The action whose task is run again, as the root of the new run.
        recover: Take over what has succeeded in the earlier run instead of doing it again.
        force_rerun_actions: With `recover`: names of actions that are done again all the same.
        allow_missing_source_outputs: With `recover`: go on where outputs of the earlier run are gone.
        inputs: Inputs in place of the earlier ones.

    Raises:
        ValueError: The action is no task, an input is unknown, or the choices do not fit together.
        TypeError: An input is of another type.
        RpcError: There is no such run or action, or its inputs are gone.
    """
    made = settings()
    runner = Runner(RunOptions(project=made.project, domain=made.domain))
    return await runner.rerun.aio(
        run_name, action_name, recover, force_rerun_actions, allow_missing_source_outputs, **inputs
    )


@orderly
async def run(task: Any, *args: Any, **kwargs: Any) -> Any:
    """Run a task with its arguments and return the run; `await flyte.run.aio(...)` in async code.

    With an endpoint (`flyte.init`) it is a run on that control plane, which has only begun (`flyte.remote.Run`): `run.wait()`,
    `run.outputs()`. Without one it is a local run, which is over.

    Example:
        ```python
        import flyte

        env = flyte.TaskEnvironment("docs_run")

        @env.task
        async def greet(name: str) -> str:
            return f"hello {name}"

        run = flyte.run(greet, name="Ada")
        assert run.outputs()[0] == "hello Ada"
        ```

    Raises:
        RuntimeUserError: when the task failed, with the exception of its body as cause.
        NotATaskError: when `task` is not a task.
        ValueError: when the arguments do not fit the task's parameters.
        TypeError: when a value does not have its declared type.
    """
    made = settings()
    return await Runner(RunOptions(project=made.project, domain=made.domain)).run.aio(task, *args, **kwargs)


def with_runcontext(
    mode: Mode | None = None,
    *,
    name: str | None = None,
    resume: str | None = None,
    isolation: Isolation = "thread",
    service_account: str | None = None,
    version: str | None = None,
    copy_style: CopyStyle = "loaded_modules",
    dry_run: bool = False,
    copy_bundle_to: "Path | None" = None,
    interactive_mode: bool | None = None,
    raw_data_path: str | None = None,
    run_base_dir: str | None = None,
    run_start_time: "datetime | None" = None,
    overwrite_cache: bool = False,
    project: str | None = None,
    domain: str | None = None,
    env_vars: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    interruptible: bool | None = None,
    log_level: int | None = None,
    log_format: "LogFormat" = "console",
    user_log_level: int | None = None,
    reset_root_logger: bool = False,
    disable_run_cache: bool = False,
    queue: str | None = None,
    max_action_concurrency: int | None = None,
    notifications: "Notification | NamedRule | tuple[Notification, ...] | None" = None,
    custom_context: dict[str, str] | None = None,
    cache_lookup_scope: CacheScope = "global",
    preserve_original_types: bool = False,
    debug: bool = False,
    tracked: bool = False,
    tracked_strict: bool = False,
    _tracker: Any = None,
) -> Runner:
    """Return a runner with options of its own: `flyte.with_runcontext(name="nightly").run(task, x)`.

    Args:
        mode: `"local"`, or `"remote"` for a run on the control plane; default: remote when there is an endpoint.
        name: Name of the run; default: a random one.
        resume: Name of a recorded run, whose process was killed or which failed, to continue: what it has finished is not done
            again. The task gets the recorded inputs.
        isolation: `process` executes each body of a local run in a process of its own, which is killed if the body does not end.
        service_account: The Kubernetes service account of a remote run.
        version: The version that the task of a remote run is registered under; default: that of its bundle.
        copy_style: Which code a remote run gets: of `loaded_modules`, `all` below the root folder, or `none`.
        dry_run: Prepare a remote run, and do not start it.
        copy_bundle_to: Where the bundle of a dry run is put.
        interactive_mode: Whether a remote run gets the task itself, pickled, as in a notebook.
        raw_data_path: Where the data of the run goes: files, folders, frames.
        run_base_dir: Where inputs and outputs of the actions go.
        run_start_time: What the run takes as its start (`flyte.ctx().run_start_time`); default: now.
        overwrite_cache: Run every cached task, and keep the new results.
        project: Project of the run.
        domain: Domain of the run.
        env_vars: Environment variables of every action; those of a task itself count more.
        labels: Labels of the run, to find it by.
        annotations: Annotations of the pods of a remote run.
        interruptible: Whether a remote run may use machines that can be taken away.
        log_level: Level of the SDK's own log during the run.
        log_format: `console` or `json`.
        user_log_level: Level of `flyte.logger` during the run.
        reset_root_logger: Let the root logger, and so all other libraries, log as the SDK does.
        disable_run_cache: Neither read nor write the cache.
        queue: The queue that the actions wait in; a local run has none.
        max_action_concurrency: How many actions run at once; one that waits for its children does not count.
        notifications: Whom to tell when the run ends (`flyte.notify`); a local run sends by itself.
        custom_context: Pairs that every action finds in `flyte.get_custom_context()`.
        cache_lookup_scope: `project-domain` shares cached results within project and domain only.
        preserve_original_types: Whether outputs of a remote run keep the types that the task has here.
        debug: Give the root action of a remote run an editor in its container, in which it is run by hand, instead of running
            it; `Run.get_debug_url` waits for its address.
        tracked: Report a local run to the control plane while it goes on: its actions, inputs, outputs, reports. Where that
            cannot be, the run goes on without, and a warning says so.
        tracked_strict: With `tracked`: end a run that cannot be reported, and raise why.
        _tracker: Of the reference's own user interface; not taken.

    Raises:
        TypeError: A setting is of another type.
        ValueError: A setting has another form.
    """
    check_env_vars("with_runcontext", env_vars)
    check_scope(cache_lookup_scope)
    check_isolation(isolation)
    check_concurrency(max_action_concurrency)
    check_copy_style(copy_style)
    if _tracker is not None:
        raise NotImplementedError("`_tracker` is of the text interface of the reference\nhint: leave it out")
    return Runner(
        RunOptions(
            mode=mode,
            name=name,
            resume=resume,
            isolation=isolation,
            service_account=service_account,
            version=version,
            copy_style=copy_style,
            dry_run=dry_run,
            copy_bundle_to=copy_bundle_to,
            interactive_mode=interactive_mode,
            raw_data_path=raw_data_path,
            run_base_dir=run_base_dir,
            run_start_time=run_start_time,
            project=project,
            domain=domain,
            env_vars=env_vars or {},
            labels=labels or {},
            annotations=annotations or {},
            interruptible=interruptible,
            debug=debug,
            log_settings=_log_settings(log_level, log_format, user_log_level, is_root_reset=reset_root_logger),
            notifications=_notices(notifications),
            preserve_original_types=preserve_original_types,
            custom_context=custom_context or {},
            overwrite_cache=overwrite_cache,
            disable_run_cache=disable_run_cache,
            cache_lookup_scope=cache_lookup_scope,
            queue=queue,
            max_action_concurrency=max_action_concurrency,
            is_tracked=tracked,
            is_tracked_strictly=tracked_strict,
        )
    )


def _log_settings(
    level: int | None, form: "LogFormat", user_level: int | None, *, is_root_reset: bool
) -> dict[str, Any]:
    if level is None and user_level is None and form == "console" and not is_root_reset:
        return {}
    chosen = None if form == "console" else form
    return {"level": level, "form": chosen, "user_level": user_level, "is_root_reset": is_root_reset}


def _notices(given: Any) -> tuple[Any, ...]:
    if given is None:
        return ()
    from flyte.running.notices import as_notices  # noqa: PLC0415 - hardly any run tells somebody

    return as_notices(given)
