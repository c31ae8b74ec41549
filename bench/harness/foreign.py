"""PyPI flyte's TypeEngine on the same values, timed in its own environment: information beside the literal cases."""

import dataclasses
import json
from collections.abc import Sequence

from bench.harness.case import Comparison, Result
from bench.harness.environment import Side
from bench.harness.side_by_side import stages
from bench.harness.statistics import spread

NAME = "PyPI flyte TypeEngine"


def with_reference_literals(results: Sequence[Result], reference: Side, *, rounds: int) -> list[Result]:
    """Return `results` with the reference's time of each case added, without a goal.

    The ratio is ours' median against each of its rounds: the two are not alternated, a factor of hundreds needs none.

    Raises:
        RuntimeError: The reference could not run the program.
    """
    with stages(reference) as (stage,):
        sample = stage.run(("{python}", "{programs}/reference_literals.py", str(rounds)))
    if sample.returncode:
        raise RuntimeError(f"the reference cannot convert the values:\n{sample.output[-2000:]}")
    measured = json.loads(sample.output.strip().splitlines()[-1])
    return [_joined(result, measured) for result in results]


def _joined(result: Result, measured: dict[str, dict[str, list[float]]]) -> Result:
    verb, _, name = result.id.partition("-")
    seconds = measured.get(name, {}).get(verb)
    if not seconds or "ours" not in result.times:
        return result
    ratio = spread([result.times["ours"].median / each for each in seconds])
    return dataclasses.replace(
        result,
        times={**result.times, NAME: spread(seconds)},
        comparisons=(*result.comparisons, Comparison(NAME, ratio, None)),
        samples={**result.samples, NAME: {"cpu": seconds}},
    )
