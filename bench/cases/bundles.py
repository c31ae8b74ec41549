"""Code bundles of a generated tree: ours beside PyPI flyte, alternated in fresh processes, timed inside them.

Wall time, because ours uses all cores. The size of the archive is a count: beyond its limit the case fails, as it does when
the two sides bundle different files.
"""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.harness.case import Comparison, Goal, Limit, Result
from bench.harness.environment import Side
from bench.harness.side_by_side import Stage, stages
from bench.harness.statistics import ratios, spread
from bench.programs.code_tree import make_tree

SECTION = "bundles"
GOAL = Goal(1 / 15, 2 / 5)
"""Issue 5: 2,000 files in a fifteenth of the reference's time. The gate is wide: both cores are ours on a quiet machine only."""
MOST_SIZE = 1.05
"""Of the reference's archive."""
UNCHANGED = Limit(0.05)
LARGE = Limit(2.0)
"""Issue 5: seconds for a tree that did not change, and for ten times as many files."""
MEMORY = Limit(150e6)
"""Bytes above idle."""

_SMALL, _LARGE = 2_000, 20_000


def run_bundles(
    ours: Side, reference: Side, *, rounds: int, progress: Callable[[str], None] = lambda _: None
) -> list[Result]:
    """Bundle 2,000 files on both sides and 20,000 on ours, `rounds` times after a warm-up.

    Raises:
        RuntimeError: The reference cannot bundle the tree.
    """
    with tempfile.TemporaryDirectory(prefix="flyte-bench-tree-") as folder, stages(ours, reference) as (mine, theirs):
        small, large = Path(folder, "small"), Path(folder, "large")
        make_tree(small, _SMALL)
        make_tree(large, _LARGE)
        measured: dict[str, list[dict[str, Any]]] = {"ours": [], "reference": [], "large": []}
        try:
            for number in range(rounds + 1):
                pairs = [("ours", mine, small), ("reference", theirs, small), ("large", mine, large)]
                for name, stage, tree in reversed(pairs) if number % 2 else pairs:
                    measured[name].append(_run(stage, name, tree))
                progress(f"bundles: round {number} of {rounds}")
        except LookupError as error:
            return [_failed(str(error.args[0]))]
    # The first round warmed up.
    return _results({name: values[1:] for name, values in measured.items()})


def _run(stage: Stage, name: str, tree: Path) -> dict[str, Any]:
    program = "reference_bundle.py" if name == "reference" else "our_bundle.py"
    sample = stage.run(("{python}", f"{{programs}}/{program}", str(tree)))
    if sample.returncode:
        told = f"`{program}` ended with {sample.returncode}: {sample.output.strip()[-2000:]}"
        raise RuntimeError(told) if name == "reference" else LookupError(told)
    return json.loads(sample.output.strip().splitlines()[-1])


def _results(measured: dict[str, list[dict[str, Any]]]) -> list[Result]:
    problem = _beyond_limits(measured)
    mine, theirs, large = (measured[name] for name in ("ours", "reference", "large"))
    return [
        _result(
            "bundle-2000",
            "2,000 files, 18 MB",
            _seconds(mine, "cold"),
            _seconds(theirs, "cold"),
            goal=GOAL,
            problem=problem,
        ),
        _result(
            "bundle-2000-unchanged",
            "2,000 files, unchanged",
            _seconds(mine, "unchanged"),
            _seconds(theirs, "cold"),
            limit=UNCHANGED,
        ),
        _memory("bundle-2000-memory", "their memory above idle", mine),
        _result("bundle-20000", "20,000 files, 188 MB", _seconds(large, "cold"), limit=LARGE),
        _result("bundle-20000-unchanged", "20,000 files, unchanged", _seconds(large, "unchanged")),
        _memory("bundle-20000-memory", "their memory above idle", large),
    ]


def _seconds(runs: list[dict[str, Any]], what: str) -> list[float]:
    return [run[what]["wall"] for run in runs]


def _beyond_limits(measured: dict[str, list[dict[str, Any]]]) -> str:
    mine, theirs = measured["ours"][0], measured["reference"][0]
    if mine["files"] != _SMALL or theirs["files"] not in {0, _SMALL}:
        return f"{mine['files']} files were bundled by ours and {theirs['files']} by the reference, not {_SMALL}"
    if mine["size"] > MOST_SIZE * theirs["size"]:
        return f"the archive has {mine['size']} bytes, the reference's {theirs['size']}; the limit is {MOST_SIZE} times that"
    return ""


def _result(
    name: str,
    title: str,
    mine: list[float],
    theirs: list[float] | None = None,
    *,
    goal: Goal | None = None,
    limit: Limit | None = None,
    problem: str = "",
) -> Result:
    samples = {"ours": mine} | ({"reference": theirs} if theirs else {})
    ratio = spread(ratios(mine, theirs)) if theirs and not problem else None
    return Result(
        id=name,
        title=title,
        section=SECTION,
        metric="wall",
        times={side: spread(values) for side, values in samples.items()},
        comparisons=(Comparison("reference", ratio, goal),) if theirs else (),
        samples={side: {"wall": values} for side, values in samples.items()},
        problem=problem,
        limit=limit,
    )


def _memory(name: str, title: str, runs: list[dict[str, Any]]) -> Result:
    peaks = [float(run["peak"]) for run in runs]
    return Result(
        id=name,
        title=title,
        section=SECTION,
        metric="wall",
        unit="bytes",
        times={"ours": spread(peaks)},
        comparisons=(),
        samples={"ours": {"bytes": peaks}},
        limit=MEMORY,
    )


def _failed(problem: str) -> Result:
    comparisons = (Comparison("reference", None, GOAL),)
    return Result("bundles", "code bundles", SECTION, "wall", {}, comparisons, problem=problem)
