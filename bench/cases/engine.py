"""The local engine: calls that do nothing beside PyPI flyte's, wide fan-outs, maps, and resumption, in fresh processes."""

import json
from collections.abc import Callable
from typing import Any

from bench.harness.case import Comparison, Goal, Limit, Result
from bench.harness.environment import Side
from bench.harness.side_by_side import Stage, stages
from bench.harness.statistics import ratios, spread

SECTION = "engine"
CALL = Goal(1 / 20, 1 / 6)
"""Issue 6: an async task that does nothing, nothing recorded, in a twentieth of the reference's time."""
RECORDING = Limit(0.2e-3)
"""Issue 6: what recording adds to a call, in seconds."""
LINEAR = Goal(1.25, 2.5)
"""50,000 children beside ten times 5,000: linear, up to what the garbage collector and caches make of it."""
MEMORY = Limit(400e6)
REPEATED = Limit(0)
"""After a kill -9, what had finished."""
SLEEPERS = Goal(1.2, 4)
"""A map over eight sleeping tasks beside one of them. One by one would be eight."""

_CALLS, _REFERENCE_CALLS = 2_000, 300
_MANY, _FEW = 50_000, 5_000


def run_engine(
    ours: Side, reference: Side, *, rounds: int, progress: Callable[[str], None] = lambda _: None
) -> list[Result]:
    """Run each case `rounds` times, the sides alternating.

    Raises:
        RuntimeError: The reference cannot run the program.
    """
    kinds: dict[str, list[dict[str, float]]] = {}
    with stages(ours, reference) as (mine, theirs):
        todo: list[tuple[str, Stage, tuple[str, ...]]] = [
            ("plain", mine, ("calls", str(_CALLS))),
            ("reference", theirs, ("calls", str(_REFERENCE_CALLS))),
            ("recorded", mine, ("calls", str(_CALLS), "recorded")),
            ("few", mine, ("children", str(_FEW))),
            ("many", mine, ("children", str(_MANY))),
            ("one", mine, ("sleepers", "1")),
            ("eight", mine, ("sleepers", "8")),
            ("resume", mine, (str(_FEW),)),
        ]
        try:
            for number in range(rounds):
                for name, stage, arguments in reversed(todo) if number % 2 else todo:
                    kinds.setdefault(name, []).append(_run(stage, name, arguments))
                progress(f"engine: round {number + 1} of {rounds}")
        except LookupError as error:
            failed = (Comparison("reference", None, CALL),)
            return [Result("engine", "the local engine", SECTION, "wall", {}, failed, problem=str(error.args[0]))]
    return _results({name: [run["seconds"] for run in runs] for name, runs in kinds.items()}, kinds)


def _run(stage: Stage, name: str, arguments: tuple[str, ...]) -> dict[str, float]:
    program = "engine_resume.py" if name == "resume" else "engine_calls.py"
    sample = stage.run(("{python}", f"{{programs}}/{program}", *arguments))
    if sample.returncode:
        told = f"`{program} {' '.join(arguments)}` ended with {sample.returncode}: {sample.output.strip()[-2000:]}"
        raise RuntimeError(told) if name == "reference" else LookupError(told)
    return json.loads(sample.output.strip().splitlines()[-1])


def _results(seconds: dict[str, list[float]], runs: dict[str, list[dict[str, float]]]) -> list[Result]:
    added = [recorded - plain for recorded, plain in zip(seconds["recorded"], seconds["plain"], strict=True)]
    tenfold = [10 * few for few in seconds["few"]]
    return [
        _result(
            "engine-call", "a child that does nothing", seconds["plain"], ("reference", seconds["reference"], CALL)
        ),
        _result("engine-recording", "what recording adds to it", added, limit=RECORDING),
        _result(
            "engine-children", "50,000 children of one parent", seconds["many"], ("ten times 5,000", tenfold, LINEAR)
        ),
        _result(
            "engine-children-memory",
            "their memory above idle",
            [run["peak"] for run in runs["many"]],
            limit=MEMORY,
            unit="bytes",
        ),
        _result(
            "engine-resume",
            "finished actions that a resumed run of 5,000 repeats",
            [run["repeated"] for run in runs["resume"]],
            limit=REPEATED,
            unit="count",
        ),
        _result("engine-resume-time", "that resumed run, in a fresh process", seconds["resume"]),
        _result(
            "engine-map", "map over 8 tasks that sleep", seconds["eight"], ("one of them", seconds["one"], SLEEPERS)
        ),
    ]


def _result(
    name: str, title: str, mine: list[float], other: tuple[str, list[float], Goal] | None = None, **more: Any
) -> Result:
    samples = {"ours": mine} | ({other[0]: other[1]} if other else {})
    comparisons = (Comparison(other[0], spread(ratios(mine, other[1])), other[2]),) if other else ()
    return Result(
        id=name,
        title=title,
        section=SECTION,
        metric="wall",
        times={side: spread(values) for side, values in samples.items()},
        comparisons=comparisons,
        samples={side: {more.get("unit", "wall"): values} for side, values in samples.items()},
        **more,
    )
