"""What a test does to the actions of a run: let them fail, lose their worker, or take long, chosen by name."""

import copy
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, NamedTuple

from flyte.running.conditions import CONDITION_TASK
from flyte_engine.actions import ActionRequest, Attempt, Completed
from flyte_engine.clock import Clock
from flyte_engine.engine import EngineEvent
from flyte_engine.executors import AttemptLostError, Executor
from flyte_engine.store import ActionStore, SignalChange

__all__ = ["Failures", "InjectedError", "Labels"]

When = Literal["before", "after"]
ErrorMaker = BaseException | type[BaseException] | Callable[[], BaseException]

_STEP = re.compile(r"(?P<name>[^\[\]]+?)(?:\[(?P<index>\d+)\])?")


class InjectedError(Exception):
    """The failure of an action that a test injected without saying which error."""


class Labels:
    """Names actions as people do: `main > score[17] > load`, the number being the place among equal ones of one parent."""

    def __init__(self) -> None:
        self._steps: dict[tuple[str, str], tuple[str | None, str, str, int]] = {}
        self._counts: dict[tuple[str, str | None, str], int] = {}

    def observe(self, event: EngineEvent) -> None:
        """Take an event of the engine; a new action gets its number."""
        record = event.record
        key = (record.run_name, record.name)
        if key in self._steps:
            return
        place = (record.run_name, record.parent_name, record.short_name)
        index = self._counts.get(place, 0)
        self._counts[place] = index + 1
        self._steps[key] = (record.parent_name, record.short_name, record.task_name, index)

    def path(self, run_name: str, name: str) -> list[tuple[str, str, str, int]]:
        """Return the steps from the root to an action: action name, short name, task name, number."""
        steps: list[tuple[str, str, str, int]] = []
        at: str | None = name
        while at is not None and (run_name, at) in self._steps:
            parent, short_name, task_name, index = self._steps[run_name, at]
            steps.append((at, short_name, task_name, index))
            at = parent
        return steps[::-1]

    def text(self, run_name: str, name: str) -> str:
        """Return the path as text, with a number where there are several of one name."""
        parts: list[str] = []
        parent: str | None = None
        for action, short_name, _, index in self.path(run_name, name):
            several = self._counts.get((run_name, parent, short_name), 1) > 1
            parts.append(f"{short_name}[{index}]" if several else short_name)
            parent = action
        return " > ".join(parts) or name


class _Attempted(NamedTuple):
    """An attempt that a rule applies to."""

    request: ActionRequest
    attempt: Attempt
    clock: Clock


class _Rule:
    def __init__(self, target: str, times: int | None) -> None:
        self.target = target
        self.left = times
        self.used = 0
        self._steps: list[tuple[str, int | None]] = []
        for step in target.split(">"):
            match = _STEP.fullmatch(step.strip())
            if match is None:
                raise ValueError(f"{target!r} names no action\nhint: write `score`, `score[17]` or `main > score[17]`")
            self._steps.append((match["name"], None if match["index"] is None else int(match["index"])))

    def applies(self, path: list[tuple[str, str, str, int]]) -> bool:
        """Tell whether the path ends with the target's steps, and the rule is not used up."""
        if self.left == 0 or len(path) < len(self._steps):
            return False
        return all(
            name in step[:3] and index in (None, step[3])
            for (name, index), step in zip(reversed(self._steps), reversed(path), strict=False)
        )

    def use(self) -> None:
        self.used += 1
        if self.left is not None:
            self.left -= 1

    async def intervene(self, when: When, at: "_Attempted") -> None:
        """Do what is to be done before the body, or after it has succeeded."""


class _Fail(_Rule):
    def __init__(self, target: str, times: int | None, error: ErrorMaker | None, when: When) -> None:
        super().__init__(target, times)
        self._error = error
        self._when = when

    async def intervene(self, when: When, at: "_Attempted") -> None:
        if when == self._when:
            raise self._make(at.request)

    def _make(self, request: ActionRequest) -> BaseException:
        if self._error is None:
            return InjectedError(f"the test lets `{request.short_name}` fail")
        if isinstance(self._error, BaseException):
            # Each failure is an error of its own: an error collects where it has been.
            return copy.copy(self._error)
        return self._error()


class _Lose(_Rule):
    def __init__(self, target: str, times: int | None, when: When) -> None:
        super().__init__(target, times)
        self._when = when

    async def intervene(self, when: When, at: "_Attempted") -> None:
        if when == self._when:
            raise lost(at.request, at.attempt)


class _Delay(_Rule):
    def __init__(self, target: str, times: int | None, seconds: float) -> None:
        super().__init__(target, times)
        self._seconds = seconds

    async def intervene(self, when: When, at: "_Attempted") -> None:
        if when == "before":
            await at.clock.sleep(self._seconds)


def lost(request: ActionRequest, attempt: Attempt) -> AttemptLostError:
    """Make the error of an attempt whose worker is gone."""
    return AttemptLostError(
        f"the test lets the worker of `{request.short_name}` disappear",
        action_id=attempt.action_id,
        number=attempt.number,
    )


class Failures:
    """Lets actions fail, by their name. Each call adds a rule; of several that apply, all do, in their order.

    An action is named by its task (`score`, or `shop.score` in full), with its place among equal ones of one parent
    (`score[17]`, from 0), or by the end of its path (`main > score[17] > load`).
    """

    def __init__(self, labels: Labels) -> None:
        self._labels = labels
        self._rules: list[_Rule] = []

    def fail(
        self,
        action: str,
        error: ErrorMaker | None = None,
        *,
        times: int | None = 1,
        when: When = "before",
    ) -> None:
        """Let attempts of an action fail.

        Args:
            action: Which, see the class.
            error: What they raise: an error, a class or a function that makes one. Default: an `InjectedError`.
            times: How many attempts; None for all.
            when: `before` the body, which then does not run, or `after` it, whose result is lost.
        """
        self._rules.append(_Fail(action, times, error, when))

    def lose(self, action: str, *, times: int | None = 1, when: When = "before") -> None:
        """Let the worker of an action disappear: the attempt is made again, at the system's expense (three times at most)."""
        self._rules.append(_Lose(action, times, when))

    def delay(self, action: str, seconds: float, *, times: int | None = None) -> None:
        """Let attempts of an action begin their bodies later, within their time limits."""
        self._rules.append(_Delay(action, times, seconds))

    @property
    def unused(self) -> list[str]:
        """The names of actions that a rule was made for and that never came."""
        return [rule.target for rule in self._rules if not rule.used]

    async def execute(
        self,
        request: ActionRequest,
        attempt: Attempt,
        clock: Clock,
        body: Callable[[ActionRequest, Attempt], Awaitable[Completed]],
    ) -> Completed:
        """Carry out one attempt under the rules."""
        if not self._rules:
            return await body(request, attempt)
        path = self._labels.path(attempt.action_id.run_name or "", attempt.action_id.name)
        rules = [rule for rule in self._rules if rule.applies(path)]
        at = _Attempted(request, attempt, clock)
        for rule in rules:
            rule.use()
            await rule.intervene("before", at)
        completed = await body(request, attempt)
        for rule in rules:
            await rule.intervene("after", at)
        return completed


class IntervenedExecutor:
    """An executor that does to each attempt what a test wants.

    Args:
        inner: Carries out attempts.
        failures: What goes wrong.
        answers: What conditions are answered with, by their names.
        clock: The time of the runs.
        store: Where answers are recorded.
    """

    def __init__(
        self, inner: Executor, failures: Failures, answers: Mapping[str, Any], clock: Clock, store: ActionStore
    ) -> None:
        self._inner = inner
        self._failures = failures
        self._answers = answers
        self._clock = clock
        self._store = store

    async def execute(self, request: ActionRequest, attempt: Attempt) -> Completed:
        """Run one attempt; see `Executor.execute`."""
        if request.task_name == CONDITION_TASK:
            self._answer(request)
        return await self._failures.execute(request, attempt, self._clock, self._inner.execute)

    def _answer(self, request: ActionRequest) -> None:
        name = request.short_name
        if name in self._answers:
            answer = json.dumps(self._answers[name]).encode()
            self._store.record(SignalChange(request.action_id.run_name or "", request.action_id.name, answer))
        elif request.timeout is None:
            # Nobody else can answer, and in virtual time the wait would go on for ever at once.
            raise LookupError(
                f"the test has no answer for condition `{name}`, which has no time limit\n"
                f'hint: `flyte_lab.answers["{name}"] = ...`'
            )
