"""`flyte.run` and `flyte.with_runcontext`: which strategy runs a task, and with which options."""

from importlib import import_module
from typing import Any, Protocol, cast

from flyte.initialization import settings
from flyte.running.options import Mode, RunOptions
from flyte.running.outputs import LocalRun
from flyte.tasks.pending import refuse_unbuilt
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
    project: str | None = None,
    domain: str | None = None,
    **unbuilt: Any,
) -> Runner:
    """Return a runner with options of its own: `flyte.with_runcontext(name="nightly").run(task, x)`.

    Args:
        mode: `"local"`, the only one that this version has.
        name: Name of the run; default: a random one.
        project: Project of the run.
        domain: Domain of the run.
        unbuilt: The reference's further settings, which this version refuses by name.
    """
    refuse_unbuilt("flyte.with_runcontext", unbuilt)
    return Runner(RunOptions(mode=mode, name=name, project=project, domain=domain))
