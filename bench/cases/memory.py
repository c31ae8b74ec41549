"""Memory that our codec takes beyond the values and the bytes, in fresh processes: peaks of resident memory.

Single values are left out: what they take is a few hundred bytes, less than a page.
"""

import json
from collections.abc import Callable

from bench.harness.case import Comparison, Goal, Result
from bench.harness.environment import Side
from bench.harness.side_by_side import stages
from bench.harness.statistics import ratios, spread

SECTION = "memory beyond the values and the bytes"
WRITTEN = "bytes written"
GOAL = Goal(1.0, 1.5)
"""Issue 4: at most the bytes written."""

_TITLES = {
    "list-int": "list[int] of 200,000",
    "list-str": "list[str] of 200,000, ASCII",
    "list-str-wide": "list[str] of 200,000, not ASCII",
    "dict-str-float": "dict[str, float] of 200,000",
    "list-list-int": "list[list[int]], 2,000 by 100",
    "list-point": "20,000 dataclasses",
    "list-model": "20,000 pydantic models",
}
_VERBS = {"encode": "values to bytes", "decode": "bytes to values"}


def run_memory(ours: Side, *, progress: Callable[[str], None] = lambda _: None) -> list[Result]:
    """Convert each collection both ways, each in a process of its own."""
    results: list[Result] = []
    with stages(ours) as (stage,):
        for name, title in _TITLES.items():
            for verb, words in _VERBS.items():
                sample = stage.run(("{python}", "{programs}/literal_memory.py", name, verb))
                output = sample.output.strip()
                problem = f"it ended with {sample.returncode}: {output[-500:]}" if sample.returncode else ""
                found = json.loads(output.splitlines()[-1]) if not problem else None
                results.append(_result(f"memory-{verb}-{name}", f"{title}, {words}", found, problem))
            progress(f"memory: {title}")
    return results


def _result(name: str, title: str, found: dict[str, float] | None, problem: str) -> Result:
    samples = {"ours": [float(found["beyond"])], WRITTEN: [float(found["written"])]} if found else {}
    ratio = spread(ratios(samples["ours"], samples[WRITTEN])) if samples else None
    return Result(
        id=name,
        title=title,
        section=SECTION,
        metric="wall",
        unit="bytes",
        times={side: spread(values) for side, values in samples.items()},
        comparisons=(Comparison(WRITTEN, ratio, GOAL),),
        samples={side: {"bytes": values} for side, values in samples.items()},
        problem=problem,
    )
