"""`--help` of every command that PyPI flyte 2.12.1 has: the worst of them is what counts (issue 8), as a CPU ratio."""

import json
from collections.abc import Callable

from bench.harness.case import Comparison, Goal, Result
from bench.harness.environment import Side
from bench.harness.ours import ROOT
from bench.harness.side_by_side import Stage, stages
from bench.harness.statistics import ratios, spread

TREE = ROOT / "tests" / "cli" / "reference_tree.json"
"""What the reference says of itself with `flyte gen docs --type json`."""
GOAL = Goal(1 / 8, 1 / 4)


def run_help(
    ours: Side, reference: Side, *, rounds: int, progress: Callable[[str], None] = lambda _: None
) -> list[Result]:
    """Ask each command for its page on both sides, alternately, `rounds` times after a warm-up.

    What the reference cannot show (`serve` without FastAPI, `run deployed-task` without a control plane) has no ratio. What ours
    lacks is no page that could be fast: it is named beside the number of commands.
    """
    commands = [path.split()[1:] for path in json.loads(TREE.read_text(encoding="utf-8")) if path != "flyte"]
    with stages(ours, reference) as (mine, theirs):
        shown = [command for command in commands if _seconds(theirs, command) is not None]
        compared = [command for command in shown if _seconds(mine, command) is not None]
        samples: dict[str, dict[str, list[float]]] = {}
        for number in range(rounds):
            for command in compared:
                both = [("ours", mine), ("reference", theirs)]
                for side, stage in reversed(both) if number % 2 else both:
                    seconds = _seconds(stage, command)
                    if seconds is None:
                        told = f"`flyte {' '.join(command)} --help` failed on the side `{side}` after a good warm-up"
                        raise RuntimeError(told)
                    samples.setdefault(" ".join(command), {}).setdefault(side, []).append(seconds)
            progress(f"help pages: round {number + 1} of {rounds}")
    lacking = [f"`{' '.join(command)}`" for command in shown if command not in compared]
    if not samples:
        return [_result("of any command", {}, problem="ours shows no page that the reference has")]
    worst = max(samples, key=lambda name: spread(ratios(samples[name]["ours"], samples[name]["reference"])).median)
    title = f"of {len(compared)} commands, the worst: `flyte {worst} --help`"
    return [_result(title + (f" (ours lacks {', '.join(lacking)})" if lacking else ""), samples[worst])]


def _seconds(stage: Stage, command: list[str]) -> float | None:
    """Return the CPU seconds of a page, or None where there is none."""
    sample = stage.run(("{bin}/flyte", *command, "--help"))
    return sample.cpu_seconds if sample.returncode == 0 and f"flyte {' '.join(command)}" in sample.output else None


def _result(title: str, samples: dict[str, list[float]], *, problem: str = "") -> Result:
    ratio = spread(ratios(samples["ours"], samples["reference"])) if samples else None
    return Result(
        id="help-of-any-command",
        title=title,
        section="help pages",
        metric="cpu",
        times={side: spread(values) for side, values in samples.items()},
        comparisons=(Comparison("reference", ratio, GOAL),),
        samples={side: {"cpu": values} for side, values in samples.items()},
        problem=problem,
    )
