"""Calls that contend inside one process, alternated batch by batch."""

import gc
import time
from collections.abc import Callable, Sequence

from bench.harness.case import CallCase, Comparison, Result
from bench.harness.statistics import Spread, ratios, spread

BATCH_SECONDS = 0.004
MAX_BATCH = 100_000
SLOW_SECONDS = 0.05
SLOW_ROUNDS = 3
OURS = "ours"


def run_calls(
    cases: Sequence[CallCase], *, rounds: int, progress: Callable[[str], None] = lambda _: None
) -> list[Result]:
    """Run every case `rounds` times: in a round each contestant runs one batch, in an order that turns.

    A batch is as many calls as take about 4 ms, so that a call of a microsecond is measured too; numbers are CPU and
    wall seconds per call. The collector is off within a batch, as in `timeit`. Who needs more than 50 ms for a call runs
    in the first three rounds only.
    """
    results: list[Result] = []
    for case in cases:
        results.append(_run(case, rounds))
        progress(case.title)
    return results


def _run(case: CallCase, rounds: int) -> Result:
    batches = {name: _batch(call) for name, call in case.contestants.items()}
    slow = {name for name, (_, once) in batches.items() if once > SLOW_SECONDS and name != OURS}
    samples: dict[str, dict[str, list[float]]] = {name: {"cpu": [], "wall": []} for name in case.contestants}
    order = list(case.contestants)
    for number in range(rounds):
        for name in order:
            if name in slow and number >= SLOW_ROUNDS:
                continue
            cpu, wall = _time(case.contestants[name], batches[name][0])
            samples[name]["cpu"].append(cpu)
            samples[name]["wall"].append(wall)
        order.append(order.pop(0))
    others = [name for name in case.contestants if name != OURS]
    comparisons = tuple(
        Comparison(name, _ratio(samples[OURS]["cpu"], samples[name]["cpu"]), case.goals.get(name)) for name in others
    )
    return Result(
        id=case.id,
        title=case.title,
        section=case.section,
        metric="cpu",
        times={name: spread(values["cpu"]) for name, values in samples.items()},
        comparisons=comparisons,
        samples=samples,
        limit=case.limit,
    )


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Compare the rounds that both have; a slow one stopped early."""
    return spread(ratios(ours[: len(theirs)], theirs))


def _batch(call: Callable[[], object]) -> tuple[int, float]:
    """Warm up; return how many calls make a batch and the seconds of one."""
    call()
    began = time.perf_counter()
    call()
    once = max(time.perf_counter() - began, 1e-9)
    return max(1, min(MAX_BATCH, round(BATCH_SECONDS / once))), once


def _time(call: Callable[[], object], batch: int) -> tuple[float, float]:
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        wall = time.perf_counter_ns()
        cpu = time.process_time_ns()
        for _ in range(batch):
            call()
        cpu = time.process_time_ns() - cpu
        wall = time.perf_counter_ns() - wall
    finally:
        if was_enabled:
            gc.enable()
    return cpu / batch / 1e9, wall / batch / 1e9
