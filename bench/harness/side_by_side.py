"""Commands of two sides, alternated round by round, so that both saw the same machine."""

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.harness.case import CommandCase, Comparison, Result
from bench.harness.environment import Side
from bench.harness.measure import COMMAND_TIMEOUT_SECONDS, Sample, clean_environment, run_measured
from bench.harness.statistics import above, ratios, spread

PROGRAMS = Path(__file__).resolve().parents[1] / "programs"
BARE = "bare"
BARE_COMMAND = ("{python}", "-c", "pass")
MINIMUM_ROUNDS = 3


@dataclass(slots=True)
class Stage:
    """Where a side runs: a home and a working folder of its own, with a copy of the programs."""

    side: Side
    folder: Path
    environment: dict[str, str] = field(init=False)
    programs: Path = field(init=False)

    def __post_init__(self) -> None:
        home = self.folder / "home"
        (home / "tmp").mkdir(parents=True)
        self.programs = self.folder / "work"
        shutil.copytree(PROGRAMS, self.programs, ignore=shutil.ignore_patterns("__pycache__"))
        self.environment = clean_environment(self.side, home)

    def run(self, command: Sequence[str], *, timeout: float = COMMAND_TIMEOUT_SECONDS) -> Sample:
        """Run `command` with its placeholders filled in, and end it after `timeout` seconds.

        Raises:
            OSError: The program is not there.
        """
        names = {"python": str(self.side.python), "bin": str(self.side.bin), "programs": str(self.programs)}
        return run_measured(
            [part.format(**names) for part in command], self.environment, self.programs, timeout=timeout
        )


@contextmanager
def stages(*sides: Side):
    """Yield one stage for each side in a temporary folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="flyte-bench-", ignore_cleanup_errors=True) as folder:
        yield [Stage(side, Path(folder) / side.name) for side in sides]


def run_commands(
    cases: Sequence[CommandCase],
    ours: Side,
    reference: Side,
    *,
    rounds: int,
    seconds: float,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Result]:
    """Run each case `rounds` times on both sides after one warm-up, within about `seconds`.

    A round runs every case, ours and the reference's next to each other, and turns their order every time. When time
    runs out after at least three rounds, the rounds that are there count.

    Raises:
        RuntimeError: The reference could not do what a case asks: that is an error of the case, not a result.
    """
    deadline = time.monotonic() + seconds
    with stages(ours, reference) as (our_stage, reference_stage):
        problems = _warm_up(cases, our_stage, reference_stage)
        running = [case for case in cases if case.id not in problems]
        recorded: dict[str, dict[str, list[Sample]]] = {}
        for number in range(rounds):
            if number >= MINIMUM_ROUNDS and time.monotonic() > deadline:
                progress(f"time is up after {number} rounds of {rounds}")
                break
            _round(running, our_stage, reference_stage, recorded, turned=bool(number % 2))
            progress(f"round {number + 1} of {rounds}")
    return [_result(case, recorded, problems.get(case.id, "")) for case in cases]


def _warm_up(cases: Sequence[CommandCase], ours: Stage, reference: Stage) -> dict[str, str]:
    """Run everything once, unmeasured: bytecode and page cache get warm, and what fails is found before it counts."""
    problems: dict[str, str] = {}
    for case in cases:
        failure = _failure(reference, case.reference, case.expects)
        if failure:
            raise RuntimeError(f"the reference cannot run case `{case.id}`: {failure}")
        failure = _failure(ours, case.ours, case.expects)
        if failure:
            problems[case.id] = failure
    return problems


def _failure(stage: Stage, command: Sequence[str], expects: str) -> str:
    try:
        sample = stage.run(command)
    except OSError as error:
        return str(error)
    tail = sample.output.strip().rpartition("\n")[2]
    if sample.returncode:
        return f"`{' '.join(command)}` ended with {sample.returncode}: {tail}"
    if expects not in sample.output:
        return f"`{' '.join(command)}` did not print `{expects}`, its last line was: {tail}"
    return ""


def _round(
    cases: Sequence[CommandCase],
    ours: Stage,
    reference: Stage,
    recorded: dict[str, dict[str, list[Sample]]],
    *,
    turned: bool,
) -> None:
    pairs: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [(case.id, case.ours, case.reference) for case in cases]
    for name, our_command, reference_command in [(BARE, BARE_COMMAND, BARE_COMMAND), *pairs]:
        both = [(ours, our_command), (reference, reference_command)]
        for stage, command in reversed(both) if turned else both:
            sample = stage.run(command)
            if sample.returncode:
                raise RuntimeError(
                    f"case `{name}` ended with {sample.returncode} on the side `{stage.side.name}` after a good "
                    f"warm-up:\n{sample.output[-1000:]}"
                )
            recorded.setdefault(name, {}).setdefault(stage.side.name, []).append(sample)


def _result(case: CommandCase, recorded: dict[str, dict[str, list[Sample]]], problem: str) -> Result:
    if problem or case.id not in recorded:
        return Result(
            id=case.id,
            title=case.title,
            section=case.section,
            metric=case.metric,
            times={},
            comparisons=(Comparison("reference", None, case.goal),),
            problem=problem or "no round was run",
        )
    samples: dict[str, dict[str, list[float]]] = {}
    for name in (case.id, BARE):
        for side, runs in recorded[name].items():
            samples[side if name == case.id else f"{BARE} {side}"] = {
                "cpu": [run.cpu_seconds for run in runs],
                "wall": [run.wall_seconds for run in runs],
                "peak_rss_bytes": [float(run.peak_rss_bytes) for run in runs],
            }
    times = {
        side: (
            above(samples[side][case.metric], samples[f"{BARE} {side}"][case.metric])
            if case.above_bare
            else samples[side][case.metric]
        )
        for side in ("ours", "reference")
    }
    return Result(
        id=case.id,
        title=case.title,
        section=case.section,
        metric=case.metric,
        times={side: spread(values) for side, values in times.items()},
        comparisons=(Comparison("reference", spread(ratios(times["ours"], times["reference"])), case.goal),),
        samples=samples,
    )
