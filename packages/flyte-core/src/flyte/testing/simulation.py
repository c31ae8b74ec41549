"""Simulation: a workflow in a world where workers and processes end and actions overtake each other, the same for the same seed.

What happens to an attempt follows from the seed, the path of its action and its number alone, so it does not depend on what else
goes on; with virtual time and threads that take turns, a seed always makes the same run.
"""

import asyncio
import itertools
import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from flyte.running.options import RunOptions
from flyte.running.outputs import LocalRun
from flyte.running.start import Runner
from flyte.testing.captured import CapturedRun
from flyte.testing.interventions import lost
from flyte.testing.lab import Lab
from flyte_engine.actions import ActionRequest, Attempt, Completed
from flyte_engine.executors import InlineExecutor
from flyte_engine.records import ProcessRecord, TraceRecord
from flyte_engine.store import ActionStore, Change
from flyte_models.lifecycle import MAX_SYSTEM_FAILURES
from flyte_models.values import value
from flyte_syncify import syncify

__all__ = ["BrokenBySeedError", "Simulation", "assert_survives", "simulate"]


_CLEANUP_SECONDS = 30.0
_MOST_RESTARTS = 3
_PATIENCE_SECONDS = 10.0
"""Of real time: a thread that is not given the processor for a while must not change what a seed means."""


@value
class _Fate:
    """What happens to one attempt."""

    latency: float
    """Seconds until the body begins."""
    loss: str | None = None
    """Where its worker gets lost: `before`, `midway` or `after` the body."""
    survives: float = 0.0
    """Seconds until it gets lost midway; a body that is over by then is lost after."""


class _Chaos:
    """An executor that draws the fate of each attempt."""

    def __init__(self, seed: int, crashes: float, latency: float) -> None:
        self._seed = seed
        self._crashes = crashes
        self._latency = latency
        self._inner = InlineExecutor()
        self.story: list[str] = []
        self.lab: Lab | None = None

    async def execute(self, request: ActionRequest, attempt: Attempt) -> Completed:
        """Run one attempt; see `Executor.execute`."""
        assert self.lab is not None  # the simulation sets it before it runs anything
        action = attempt.action_id
        label = self.lab.labels.text(action.run_name or "", action.name)
        fate = self._fate(label, attempt)
        if fate.latency:
            await asyncio.sleep(fate.latency)
        self._tell(label, attempt, "begins")
        if fate.loss == "before":
            self._lose(label, request, attempt, "before its body")
        if fate.loss == "midway":
            await self._lose_midway(label, request, attempt, fate.survives)
        completed = await self._inner.execute(request, attempt)
        if fate.loss is not None:
            self._lose(label, request, attempt, "after its body")
        return completed

    def _fate(self, label: str, attempt: Attempt) -> _Fate:
        # Text as a seed gives the same numbers in every process and release.
        rng = random.Random(f"{self._seed}/{label}/{attempt.number}")  # noqa: S311 - nothing secret
        latency = rng.expovariate(1.0) * self._latency if self._latency else 0.0
        if rng.random() >= self._crashes or attempt.number > MAX_SYSTEM_FAILURES:
            return _Fate(latency)
        return _Fate(latency, rng.choice(["before", "midway", "after"]), rng.expovariate(1.0) * (self._latency or 1.0))

    async def _lose_midway(self, label: str, request: ActionRequest, attempt: Attempt, seconds: float) -> None:
        body = asyncio.ensure_future(self._inner.execute(request, attempt))
        try:
            await asyncio.wait({body}, timeout=seconds)
        finally:
            is_over = body.done()
            if not is_over:
                body.cancel()
                await asyncio.wait({body}, timeout=_CLEANUP_SECONDS)
                if attempt.leftovers:
                    # A thread cannot be stopped: it goes to its end, and the worker is lost then.
                    await asyncio.wait(attempt.leftovers)
                    is_over = True
        if body.done() and not body.cancelled() and body.exception() is not None:
            body.result()
        self._lose(label, request, attempt, "after its body" if is_over else "in the middle of its body")

    def _lose(self, label: str, request: ActionRequest, attempt: Attempt, where: str) -> None:
        self._tell(label, attempt, f"loses its worker {where}")
        raise lost(request, attempt)

    def _tell(self, label: str, attempt: Attempt, what: str) -> None:
        assert self.lab is not None
        self.story.append(f"{self.lab.clock.elapsed:10.3f} s  {label}, attempt {attempt.number}: {what}")


class _Record:
    """The record of a run as one process writes it: once the process has ended, nothing more gets into it."""

    def __init__(self, store: ActionStore) -> None:
        self._store = store
        self._has_ended = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def record(self, change: Change) -> None:
        """Take a change; see `ActionStore.record`."""
        if not self._has_ended:
            self._store.record(change)

    def record_trace(self, trace: TraceRecord) -> None:
        """Take a traced call; see `ActionStore.record_trace`."""
        if not self._has_ended:
            self._store.record_trace(trace)

    def end(self, run_name: str) -> None:
        """Leave the record as it is, owned by a process that is no more."""
        self._has_ended = True
        owner = self._store.owner(run_name)
        if owner is not None:
            gone = ProcessRecord(owner.pid, f"{owner.started} and ended", owner.host)
            self._store.take_over(run_name, gone, owner)


class Simulation:
    """The world of one seed. Each `run` happens in a lab of its own, with the same fates."""

    def __init__(
        self,
        seed: int,
        *,
        crashes: float = 0.2,
        restarts: float = 0.2,
        latency: float = 10.0,
        answers: Mapping[str, Any] | None = None,
    ) -> None:
        """Choose the world; see `simulate`."""
        for name, share in (("crashes", crashes), ("restarts", restarts)):
            if not 0 <= share <= 1:
                raise ValueError(f"`{name}` is a share between 0 and 1, got {share!r}")
        if latency < 0:
            raise ValueError(f"`latency` is seconds from 0 on, got {latency!r}")
        self.seed = seed
        self.story: list[str] = []
        """What happened in the last run, line by line, with its time."""
        self._crashes = crashes
        self._restarts = restarts
        self._latency = latency
        self._answers = answers or {}

    def run(self, task: Any, *args: Any, **kwargs: Any) -> CapturedRun:
        """Run a task to its end in this world; a run that failed is returned with its `error`, not raised."""
        chaos = _Chaos(self.seed, self._crashes, self._latency)
        with Lab(executor=chaos, patience=_PATIENCE_SECONDS) as lab:
            chaos.lab = lab
            lab.answers.update(self._answers)
            made = syncify.loop.run(self._live(lab, chaos, task, args, kwargs))
            run = CapturedRun(lab.store, lab.labels, made.name, made.error)
        self.story = chaos.story
        return run

    async def _live(
        self, lab: Lab, chaos: _Chaos, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> LocalRun:
        """Run the task in one process after the other, each going on with what the one before has recorded."""
        rng = random.Random(f"{self.seed}/process")  # noqa: S311 - nothing secret
        name, resume = f"seed-{self.seed}", None
        for life in itertools.count():
            record = _Record(lab.store)
            options = RunOptions(
                mode="local", name=None if resume else name, resume=resume, store=cast("ActionStore", record)
            )
            work = asyncio.ensure_future(Runner(options).attempt(task, args, kwargs))
            if life < _MOST_RESTARTS and rng.random() < self._restarts:
                await asyncio.wait({work}, timeout=rng.expovariate(1.0) * 3 * (self._latency or 1.0))
                if not work.done() and lab.store.run(name) is not None:
                    chaos.story.append(
                        f"{lab.clock.elapsed:10.3f} s  the process ends, and another one resumes the run"
                    )
                    record.end(name)
                    work.cancel()
                    await asyncio.wait({work})
                    resume, args, kwargs = name, (), {}
                    continue
            return await work
        raise AssertionError("the loop above ends by returning")


def simulate(
    seed: int,
    *,
    crashes: float = 0.2,
    restarts: float = 0.2,
    latency: float = 10.0,
    answers: Mapping[str, Any] | None = None,
) -> Simulation:
    """Return a world in which workers and processes end and actions overtake each other, as the seed says.

    An attempt whose worker gets lost is made again, as on a cluster: before its body, in the middle of it, or after it with its
    result gone. An action survives three such losses, and no more happen to it. Time is virtual: nothing waits.

    Args:
        seed: The same seed makes the same run.
        crashes: The share of attempts whose worker gets lost.
        restarts: The share of processes that end in the middle of the run, which another one then resumes, three times at most.
            Clean-up code of async tasks still runs, sync ones go to their end, but nothing of it is recorded.
        latency: Mean seconds that an attempt waits before it begins, each its own: this changes the order of what runs at once.
        answers: What conditions are answered with, by their names.

    Example:
        ```python
        import flyte
        from flyte.testing import simulate

        env = flyte.TaskEnvironment("docs_simulate")

        @env.task
        async def square(x: int) -> int:
            return x * x

        @env.task
        async def squares(n: int) -> int:
            return sum([value async for value in flyte.map.aio(square, range(n))])

        assert simulate(seed=7).run(squares, 10).outputs()[0] == 285
        ```
    """
    return Simulation(seed, crashes=crashes, restarts=restarts, latency=latency, answers=answers)


class BrokenBySeedError(AssertionError):
    """A workflow that does not survive the world of a seed."""

    def __init__(self, seed: int, reason: str, story: list[str], call: str) -> None:
        """Tell the seed, what broke, what had happened, and how to see it again."""
        self.seed = seed
        self.story = story
        shown = story[-40:]
        left_out = f"  ... {len(story) - len(shown)} lines before\n" if len(shown) < len(story) else ""
        lines = "\n".join(f"  {line}" for line in shown)
        super().__init__(f"seed {seed} breaks it: {reason}\n{left_out}{lines}\nhint: `{call}` makes the same run again")


def assert_survives(
    task: Any,
    *args: Any,
    seeds: int | Iterable[int] = 100,
    check: Callable[[CapturedRun], object] | None = None,
    crashes: float = 0.2,
    restarts: float = 0.2,
    latency: float = 10.0,
    answers: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> None:
    """Run a workflow in the worlds of many seeds, and expect of each what a calm world gives.

    Every run has to end in the phase, and with the outputs, of a run without crashes and latency.

    Args:
        task: The task.
        args: Its arguments.
        seeds: How many seeds, from 0 on, or which.
        check: Called with each run, the calm one first: raises, or returns False, when something is wrong.
        crashes: As for `simulate`.
        restarts: As for `simulate`.
        latency: As for `simulate`.
        answers: As for `simulate`.
        kwargs: Its arguments by name.

    Raises:
        BrokenBySeedError: a seed breaks it: which, and what had happened.
        ValueError: a calm run fails already, or the check finds something wrong with it.
    """
    calm = Simulation(0, crashes=0.0, restarts=0.0, latency=0.0, answers=answers).run(task, *args, **kwargs)
    expected = calm.outputs() if calm.error is None else None
    reason, cause = _fault(calm, expected, check)
    if reason is not None:
        raise ValueError(f"already in a calm world {reason}\nhint: test that with `flyte_lab` first") from cause
    for seed in range(seeds) if isinstance(seeds, int) else seeds:
        world = Simulation(seed, crashes=crashes, restarts=restarts, latency=latency, answers=answers)
        run = world.run(task, *args, **kwargs)
        reason, cause = _fault(run, expected, check)
        if reason is not None:
            settings = "".join(
                f", {name}={given!r}"
                for name, given, usual in (
                    ("crashes", crashes, 0.2),
                    ("restarts", restarts, 0.2),
                    ("latency", latency, 10.0),
                )
                if given != usual
            )
            call = f"simulate({seed}{settings}).run({getattr(task, 'short_name', 'task')}, ...)"
            raise BrokenBySeedError(seed, reason, world.story, call) from cause


def _fault(
    run: CapturedRun, expected: object, check: Callable[[CapturedRun], object] | None
) -> tuple[str | None, BaseException | None]:
    if run.error is not None:
        return f"the run {run.phase.value}: {run.error}", run.error
    outputs = run.outputs()
    if outputs != expected:
        return f"it returns {outputs!r} instead of {expected!r}", None
    if check is None:
        return None, None
    try:
        verdict = check(run)
    except Exception as error:
        return f"the check raises {type(error).__name__}: {error}", error
    return ("the check returns False", None) if verdict is False else (None, None)
