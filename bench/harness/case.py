"""The shapes of a case and of what came of it. A case is data: adding one needs no code in the harness."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from bench.harness.statistics import Spread

Metric = Literal["cpu", "wall"]
Unit = Literal["seconds", "bytes", "count"]
Verdict = Literal["pass", "miss", "not measured", "information"]


@dataclass(frozen=True, slots=True)
class Goal:
    """What a ratio ours/theirs should be, and the wide margin beyond which CI fails."""

    ratio: float
    gate: float
    """At least the goal, wide enough for two shared cores."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What a number of ours should be at most, whatever others take. Never gated: machines differ."""

    most: float
    """In the unit of the result."""


@dataclass(frozen=True, slots=True)
class CommandCase:
    """A command that each side runs in a process of its own, alternately.

    Commands are rows of arguments in which `{python}`, `{bin}` (the folder of console scripts) and `{programs}` (a copy
    of `bench/programs`) are filled in for the side that runs them.
    """

    id: str
    title: str
    ours: tuple[str, ...]
    reference: tuple[str, ...]
    goal: Goal
    expects: str = ""
    """Text that both sides must print; without it a command that does nothing would be the fastest."""
    above_bare: bool = False
    """Whether the time of `python -c pass` of the same interpreter and round is subtracted first."""
    metric: Metric = "cpu"
    section: str = "startup"


@dataclass(frozen=True, slots=True)
class CallCase:
    """Calls that contend inside one process, alternately.

    `contestants` maps a name to a callable without arguments. `ours` is what is judged, against each name in `goals`.
    """

    id: str
    title: str
    contestants: dict[str, Callable[[], object]]
    goals: dict[str, Goal]
    section: str = "literals"
    limit: Limit | None = None
    """Seconds of one call."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours against one other, in one case."""

    against: str
    ratio: Spread | None
    goal: Goal | None

    @property
    def verdict(self) -> Verdict:
        """Whether the goal was met."""
        if self.ratio is None:
            return "not measured"
        if self.goal is None:
            return "information"
        return "pass" if self.ratio.median <= self.goal.ratio else "miss"

    @property
    def is_within_gate(self) -> bool:
        """Whether CI accepts it; a ratio without a goal is never gated, a goal without a ratio never accepted."""
        if self.goal is None:
            return True
        return self.ratio is not None and self.ratio.median <= self.goal.gate


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one case."""

    id: str
    title: str
    section: str
    metric: Metric
    times: dict[str, Spread]
    """Seconds (or bytes, or a count, see `unit`) by contestant, after subtracting the bare interpreter where the case says so."""
    comparisons: tuple[Comparison, ...]
    samples: dict[str, dict[str, list[float]]] = field(default_factory=dict[str, dict[str, list[float]]])
    """Raw numbers: contestant -> `cpu` or `wall` seconds (or `peak_rss_bytes`) -> one a round; bare runs as `bare <name>`."""
    problem: str = ""
    """Why there is no ratio: what our side said instead of doing the thing."""
    limit: Limit | None = None
    unit: Unit = "seconds"
    """Of `times`, `samples` and the limit."""

    @property
    def limit_verdict(self) -> Verdict:
        """Whether ours stayed within its limit."""
        if self.limit is None:
            return "information"
        if "ours" not in self.times:
            return "not measured"
        return "pass" if self.times["ours"].median <= self.limit.most else "miss"
