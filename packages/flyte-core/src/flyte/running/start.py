"""`flyte.run` and `flyte.with_runcontext`: which strategy runs a task, and with which options."""

from importlib import import_module
from typing import Any, Protocol, cast

from flyte.initialization import settings
from flyte.running.options import CacheScope, Mode, RunOptions, check_concurrency, check_scope
from flyte.running.outputs import LocalRun
from flyte.tasks.pending import refuse_unbuilt
from flyte.tasks.settings import check_env_vars
from flyte.tasks.template import TaskTemplate
from flyte_syncify import syncify


class Strategy(Protocol):
    """One way to run a task."""

    def __init__(self, options: RunOptions) -> None: ...

    async def run(self, task: TaskTemplate[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> LocalRun:
        """Run the task and return the run."""
        ...


_STRATEGIES = {"local": ("flyte.running.local", "LocalStrategy")}
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

    @syncify
    async def run(self, task: Any, *args: Any, **kwargs: Any) -> LocalRun:
        """Run a task and return the run.

        Raises:
            RuntimeUserError: when the task failed, with the exception of its body as cause.
            NotATaskError: when `task` is not a task.
            ValueError: when the arguments do not fit the task's parameters.
            TypeError: when a value does not have its declared type.
        """
        run = await self.attempt(task, args, kwargs)
        run.raise_for_status()
        return run

    async def attempt(self, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> LocalRun:
        """Do as `run`, but return a run that failed instead of raising what its task raised."""
        if not isinstance(task, TaskTemplate):
            raise NotATaskError(task)
        mode = self._options.mode or "local"
        if mode not in _STRATEGIES:
            raise NotImplementedError(
                f"mode {mode!r} is not built yet: this version runs tasks in this process only\nhint: use mode='local'"
            )
        module, name = _STRATEGIES[mode]
        strategy: Strategy = getattr(import_module(module), name)(self._options)
        return await strategy.run(cast("TaskTemplate[..., Any]", task), args, kwargs)


@syncify
async def run(task: Any, *args: Any, **kwargs: Any) -> LocalRun:
    """Run a task with its arguments and return the run; `await flyte.run.aio(...)` in async code.

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
    project: str | None = None,
    domain: str | None = None,
    overwrite_cache: bool = False,
    env_vars: dict[str, str] | None = None,
    disable_run_cache: bool = False,
    queue: str | None = None,
    max_action_concurrency: int | None = None,
    custom_context: dict[str, str] | None = None,
    cache_lookup_scope: CacheScope = "global",
    **unbuilt: Any,
) -> Runner:
    """Return a runner with options of its own: `flyte.with_runcontext(name="nightly").run(task, x)`.

    Args:
        mode: `"local"`, the only one that this version has.
        name: Name of the run; default: a random one.
        resume: Name of a recorded run, whose process was killed or which failed, to continue: what it has finished is not done
            again. The task gets the recorded inputs.
        project: Project of the run.
        domain: Domain of the run.
        overwrite_cache: Run every cached task, and keep the new results.
        env_vars: Environment variables of every action; those of a task itself count more.
        disable_run_cache: Neither read nor write the cache.
        queue: The queue that the actions wait in; a local run has none.
        max_action_concurrency: How many actions run at once; one that waits for its children does not count.
        custom_context: Pairs that every action finds in `flyte.get_custom_context()`.
        cache_lookup_scope: `project-domain` shares cached results within project and domain only.
        unbuilt: The reference's further settings, which this version refuses by name.
    """
    refuse_unbuilt("flyte.with_runcontext", unbuilt)
    check_env_vars("with_runcontext", env_vars)
    check_scope(cache_lookup_scope)
    check_concurrency(max_action_concurrency)
    return Runner(
        RunOptions(
            mode=mode,
            name=name,
            resume=resume,
            project=project,
            domain=domain,
            env_vars=env_vars or {},
            custom_context=custom_context or {},
            overwrite_cache=overwrite_cache,
            disable_run_cache=disable_run_cache,
            cache_lookup_scope=cache_lookup_scope,
            queue=queue,
            max_action_concurrency=max_action_concurrency,
        )
    )
