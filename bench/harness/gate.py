"""What fails CI: counts beyond their budget, and same-run ratios beyond their wide margin. Never a time."""

from collections.abc import Iterable

from bench.harness.case import Result
from bench.harness.counts import Count


def gate_failures(results: Iterable[Result], counts: Iterable[Count]) -> list[str]:
    """Return every reason not to accept a run, as sentences; empty when it is accepted."""
    failures: list[str] = []
    for result in results:
        for comparison in result.comparisons:
            if comparison.is_within_gate:
                continue
            if comparison.ratio is None or comparison.goal is None:
                failures.append(f"{result.id}: not measured: {result.problem}")
            else:
                failures.append(
                    f"{result.id}: {comparison.ratio.median:.3f} of {comparison.against}, "
                    f"gate {comparison.goal.gate:.3f}, goal {comparison.goal.ratio:.3f}"
                )
    failures.extend(f"modules of {count.budget.id}: {excess}" for count in counts for excess in count.excesses)
    return failures
