"""`TypeEngine` with protobuf objects: ours beside PyPI flyte's, fresh processes alternated, timed inside them.

The same program runs on both sides: values to `Literal` objects and back, without their bytes.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence

from bench.harness.case import Comparison, Goal, Limit, Result
from bench.harness.environment import Side
from bench.harness.side_by_side import Stage, stages
from bench.harness.statistics import ratios, spread

SECTION = "type engine, with protobuf objects"
REFERENCE = "PyPI flyte"
OWN_LOOP = "PyPI flyte, a loop per call"
INFORMATION = "PyPI flyte TypeEngine"

# Issue 4; the gates leave room for two shared cores.
MANY = Goal(1 / 100, 1 / 40)
MODELS = Goal(1 / 40, 1 / 20)
SINGLE = Goal(1 / 40, 1 / 2)

_TITLES = {
    "int": "one int",
    "point": "one dataclass",
    "list-int": "list[int] of 10,000",
    "list-str": "list[str] of 10,000, ASCII",
    "list-str-wide": "list[str] of 10,000, not ASCII",
    "dict-str-float": "dict[str, float] of 10,000",
    "list-list-int": "list[list[int]], 100 by 100",
    "list-point": "1,000 dataclasses",
    "list-model": "1,000 pydantic models",
}
_VERBS = {"encode": "to a literal", "decode": "back"}
_LIMITS = {"encode-int": Limit(5e-6), "decode-int": Limit(5e-6)}

Times = Mapping[str, Sequence[float]]
"""`<verb>-<value>` or `<verb>-own-loop-<value>` -> seconds, one a round."""


def run_type_engine(
    ours: Side, reference: Side, *, rounds: int, progress: Callable[[str], None] = lambda _: None
) -> list[Result]:
    """Convert every value on both sides, `rounds` times.

    Raises:
        RuntimeError: The reference could not run the program.
    """
    mine: dict[str, list[float]] = {}
    theirs: dict[str, list[float]] = {}
    with stages(ours, reference) as (our_stage, reference_stage):
        for number in range(rounds):
            pairs = [(our_stage, mine), (reference_stage, theirs)]
            for stage, times in reversed(pairs) if number % 2 else pairs:
                problem = _measure(stage, times)
                if problem and stage is reference_stage:
                    raise RuntimeError(f"the reference cannot convert the values: {problem}")
                if problem:
                    return [_failed(problem)]
            progress(f"type engine: round {number + 1} of {rounds}")
    return [_result(verb, name, mine, theirs) for name in _TITLES for verb in _VERBS]


def beside_type_engine(results: Sequence[Result], measured: Sequence[Result]) -> list[Result]:
    """Return the literal `results` with the reference's time of each value added, without a goal.

    The ratio is ours' median against each of its rounds: the two are not alternated, a factor of hundreds needs none.
    """
    samples = {result.id.removeprefix("type-engine-"): result.samples.get(REFERENCE) for result in measured}
    return [_joined(result, samples.get(result.id)) for result in results]


def _measure(stage: Stage, times: dict[str, list[float]]) -> str:
    sample = stage.run(("{python}", "{programs}/type_engine.py"))
    if sample.returncode:
        # A killed program says nothing.
        return f"`type_engine.py` ended with {sample.returncode}: {sample.output.strip()[-2000:]}"
    found: dict[str, dict[str, float]] = json.loads(sample.output.strip().splitlines()[-1])
    for name, verbs in found.items():
        for verb, seconds in verbs.items():
            times.setdefault(f"{verb}-{name}", []).append(seconds)
    return ""


def _result(verb: str, name: str, mine: Times, theirs: Times) -> Result:
    case = f"{verb}-{name}"
    goal = SINGLE if name in ("int", "point") else MODELS if name == "list-model" else MANY
    samples = {"ours": mine[case], REFERENCE: theirs[case]}
    comparisons = [Comparison(REFERENCE, spread(ratios(mine[case], theirs[case])), goal)]
    title = f"{_TITLES[name]}, {_VERBS[verb]}"
    own_loop = theirs.get(f"{verb}-own-loop-{name}")
    if own_loop:
        title += ", 1,000 conversions in one loop"
        samples[OWN_LOOP] = own_loop
        comparisons.append(Comparison(OWN_LOOP, spread(ratios(mine[case], own_loop)), goal))
    return Result(
        id=f"type-engine-{case}",
        title=title,
        section=SECTION,
        metric="cpu",
        times={side: spread(values) for side, values in samples.items()},
        comparisons=tuple(comparisons),
        samples={side: {"cpu": list(values)} for side, values in samples.items()},
        limit=_LIMITS.get(case),
    )


def _joined(result: Result, sample: Mapping[str, list[float]] | None) -> Result:
    if not sample or "ours" not in result.times:
        return result
    seconds = sample["cpu"]
    ratio = spread([result.times["ours"].median / each for each in seconds])
    return dataclasses.replace(
        result,
        times={**result.times, INFORMATION: spread(seconds)},
        comparisons=(*result.comparisons, Comparison(INFORMATION, ratio, None)),
        samples={**result.samples, INFORMATION: {"cpu": seconds}},
    )


def _failed(problem: str) -> Result:
    comparisons = (Comparison(REFERENCE, None, MANY),)
    return Result("type-engine", "`TypeEngine`", SECTION, "cpu", {}, comparisons, problem=problem)
