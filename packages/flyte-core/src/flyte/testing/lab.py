"""The lab: every run of the process on an engine in memory, with virtual time, injected failures and fake secrets."""

import itertools
import os
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

from flyte.running.equipment import Equipment, equip
from flyte.running.options import RunOptions
from flyte.running.start import Runner
from flyte.testing.captured import CapturedRun
from flyte.testing.conducting import PATIENCE_SECONDS, ConductedThreads, patched_sleep
from flyte.testing.interventions import Failures, IntervenedExecutor, Labels
from flyte.testing.virtual_time import LabClock
from flyte_engine.caching import MemoryCache
from flyte_engine.executors import Executor, InlineExecutor
from flyte_engine.memory import MemoryStore
from flyte_models.secrets import Secret
from flyte_syncify import syncify

__all__ = ["Lab", "Secrets"]


class Secrets:
    """Values of secrets for the tasks of a test; taken back at its end."""

    def __init__(self) -> None:
        self._before: dict[str, str | None] = {}

    def set(self, key: str, value: str, *, group: str | None = None, as_env_var: str | None = None) -> None:
        """Let tasks that ask for `flyte.Secret(key, group=..., as_env_var=...)` find `value` in its variable."""
        variable = Secret(key, group=group, as_env_var=as_env_var).as_env_var
        assert variable is not None  # a secret that is not mounted has one
        self._before.setdefault(variable, os.environ.get(variable))
        os.environ[variable] = value

    def __setitem__(self, key: str, value: str) -> None:
        self.set(key, value)

    def restore(self) -> None:
        """Set the variables back."""
        for variable, value in self._before.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value
        self._before.clear()


class Lab:
    """Makes runs in memory and in no time: `flyte.run` of the block's code, and its own `run`.

    Example:
        ```python
        import flyte
        from flyte.testing import Lab

        env = flyte.TaskEnvironment("docs_lab")

        @env.task(retries=2)
        async def fetch(page: int) -> str:
            return f"page {page}"

        with Lab() as lab:
            lab.failures.fail("fetch", TimeoutError("the service is slow"))
            run = lab.run(fetch, 3)
            assert run.outputs()[0] == "page 3"
            assert len(run.action("fetch").attempts) == 2
        ```

    One lab at a time, in a process; blocks may nest, the innermost counts.
    """

    def __init__(
        self, folder: Path | None = None, *, executor: Executor | None = None, patience: float = PATIENCE_SECONDS
    ) -> None:
        """Make a lab.

        Args:
            folder: Where runs keep files; default: one that is deleted at the end.
            executor: What carries out the attempts that no failure was injected into.
            patience: Seconds of real time after which the body of a sync task that neither ends nor waits for a child or for
                `time.sleep` runs beside everything else. Before that one body runs at a time.
        """
        self.clock = LabClock()
        """The time of the runs."""
        self.secrets = Secrets()
        """The secrets that tasks find."""
        self.labels = Labels()
        """What actions are called."""
        self.failures = Failures(self.labels)
        """What goes wrong."""
        self.answers: dict[str, Any] = {}
        """What conditions are answered with, by their names, as soon as they ask."""
        self._folder = folder
        self._patience = patience
        self._executor: Executor = executor if executor is not None else InlineExecutor()
        self.store = MemoryStore()
        """Where the runs are recorded."""
        self._cache = MemoryCache()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        folder = self._folder or Path(self._stack.enter_context(TemporaryDirectory(prefix="flyte-lab-")))
        numbers = itertools.count(1)
        before = equip(
            Equipment(
                clock=self.clock,
                executor=IntervenedExecutor(self._executor, self.failures, self.answers, self.clock, self.store),
                threads=lambda: ConductedThreads(self._patience),
                store=self.store,
                cache=self._cache,
                folder=folder,
                name=lambda: f"run-{next(numbers)}",
                observe=self.labels.observe,
            )
        )
        self._stack.callback(equip, before)
        self._stack.callback(self.secrets.restore)
        self._stack.enter_context(syncify.loop.substituted(self.clock.new_loop))
        self._stack.enter_context(patched_sleep())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def run(self, task: Any, *args: Any, **kwargs: Any) -> CapturedRun:
        """Run a task to its end, and return the run.

        Raises:
            RuntimeUserError: when the task failed, with the exception of its body as cause; as `flyte.run` does.
        """
        run = self.attempt(task, *args, **kwargs)
        if run.error is not None:
            raise run.error
        return run

    def attempt(self, task: Any, *args: Any, **kwargs: Any) -> CapturedRun:
        """Do as `run`, but return a run that failed, with its `error`, instead of raising it."""
        made = syncify.loop.run(Runner(RunOptions(mode="local")).attempt(task, args, kwargs))
        return CapturedRun(self.store, self.labels, made.name, made.error)

    @property
    def runs(self) -> list[CapturedRun]:
        """All runs so far, oldest first, with those that the code under test made."""
        return [
            CapturedRun(self.store, self.labels, record.run_name) for record in reversed(self.store.runs(1_000_000))
        ]
