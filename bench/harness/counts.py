"""Counts that gate: which modules a command loads. They are the same on every machine, busy or not."""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.harness.environment import Side
from bench.harness.side_by_side import Stage, stages

BUDGETS = Path(__file__).resolve().parents[1] / "budgets.toml"
_LINE = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s*(\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Budget:
    """What a command may load. Numbers are upper limits, beyond what `python -c pass` loads by itself."""

    id: str
    command: tuple[str, ...]
    modules: int
    """Of anybody: standard library, third parties and ours."""
    own: int
    """Of ours: `flyte` and `flyte_*`."""
    forbidden: tuple[str, ...] = ()
    """Packages of which nothing may be loaded."""


@dataclass(frozen=True, slots=True)
class Count:
    """What a command did load, beside its budget."""

    budget: Budget
    modules: tuple[str, ...]
    """All of them, sorted, without those of a bare interpreter."""
    problem: str = ""
    """Why nothing was counted."""

    @property
    def own(self) -> tuple[str, ...]:
        """Those of our packages."""
        return tuple(name for name in self.modules if is_own(name))

    @property
    def excesses(self) -> list[str]:
        """Every way in which the budget is exceeded, as sentences; empty when it is kept."""
        if self.problem:
            return [self.problem]
        found: list[str] = []
        if len(self.own) > self.budget.own:
            found.append(f"{len(self.own)} own modules, budget {self.budget.own}: {', '.join(self.own)}")
        if len(self.modules) > self.budget.modules:
            found.append(f"{len(self.modules)} modules, budget {self.budget.modules}")
        for package in self.budget.forbidden:
            hits = [name for name in self.modules if name == package or name.startswith(package + ".")]
            if hits:
                found.append(f"`{package}` was loaded ({len(hits)} modules)")
        return found


def is_own(module: str) -> bool:
    """Tell whether a module belongs to our distributions (`flyteidl2` and plugins do not)."""
    top = module.partition(".")[0]
    return top == "flyte" or top.startswith("flyte_")


def loaded_modules(importtime: str) -> set[str]:
    """Return the module names in what `python -X importtime` wrote, whatever else stands between its lines."""
    return set(_LINE.findall(importtime))


def budgets(path: Path = BUDGETS) -> list[Budget]:
    """Read the budgets.

    Raises:
        ValueError: An entry lacks a field or has one that is unknown.
    """
    entries: dict[str, dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        return [_budget(name, **entry) for name, entry in entries.items()]
    except TypeError as error:
        raise ValueError(f"a budget in `{path}` cannot be read: {error}") from error


def _budget(name: str, *, command: list[str], modules: int, own: int, forbidden: Sequence[str] = ()) -> Budget:
    return Budget(id=name, command=tuple(command), modules=modules, own=own, forbidden=tuple(forbidden))


def count(side: Side, wanted: Iterable[Budget]) -> list[Count]:
    """Run each command once under `-X importtime` and say what it loaded."""
    with stages(side) as (stage,):
        bare = loaded_modules(stage.run(("{python}", "-X", "importtime", "-c", "pass")).output)
        return [_count(stage, budget, bare) for budget in wanted]


def _count(stage: Stage, budget: Budget, bare: set[str]) -> Count:
    command = _traced(budget.command)
    sample = stage.run(command)
    if sample.returncode:
        printed = [line for line in sample.output.splitlines() if not line.startswith("import time:")]
        tail = printed[-1] if printed else ""
        return Count(budget, (), f"`{' '.join(budget.command)}` ended with {sample.returncode}: {tail}")
    return Count(budget, tuple(sorted(loaded_modules(sample.output) - bare)))


def _traced(command: Sequence[str]) -> tuple[str, ...]:
    """Run `command` by an interpreter that reports its imports; a console script is a Python file."""
    rest = command[1:] if command[0] == "{python}" else command
    return ("{python}", "-X", "importtime", *rest)
