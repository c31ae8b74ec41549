"""One command for every measurement: `python -m bench --short --gate` in CI, `--full --record` on a quiet machine."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.cases import startup
from bench.cases.bundles import run_bundles
from bench.cases.devbox import run_devbox
from bench.cases.engine import run_engine
from bench.cases.hashing import run_hashing
from bench.cases.help import run_help
from bench.cases.memory import run_memory
from bench.cases.pages import run_pages
from bench.cases.storage import run_storage
from bench.cases.type_engine import beside_type_engine, run_type_engine
from bench.harness import report
from bench.harness.case import Comparison, Goal, Result
from bench.harness.counts import Count, budgets, count
from bench.harness.environment import Side
from bench.harness.gate import gate_failures
from bench.harness.in_process import run_calls
from bench.harness.machine import circumstances
from bench.harness.ours import ROOT, wheels_side, workspace_side
from bench.harness.reference import reference_side
from bench.harness.side_by_side import run_commands

PARTS = ("counts", "startup", "help", "literals", "bundles", "engine", "storage", "devbox", "pages")
SLOW = frozenset(["help", "storage", "devbox", "pages"])
"""Parts of a full run and of a record; a short run has them where `--only` names them."""
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "measurements.md"
RESULTS = ROOT / "bench" / "results"


@dataclass(frozen=True, slots=True)
class Depth:
    """How long a run may take and how many rounds it tries for."""

    startup_rounds: int
    startup_seconds: float
    help_rounds: int
    call_rounds: int
    reference_rounds: int
    bundle_rounds: int
    engine_rounds: int
    storage_rounds: int
    storage_mebibytes: int
    devbox_rounds: int
    devbox_count: int


# The short one is CI's: 3 minutes at most with the environments in the cache or an index near by.
SHORT = Depth(
    startup_rounds=9,
    startup_seconds=70,
    help_rounds=1,
    call_rounds=15,
    reference_rounds=2,
    bundle_rounds=3,
    engine_rounds=2,
    storage_rounds=5,
    storage_mebibytes=256,
    devbox_rounds=1,
    devbox_count=200,
)
FULL = Depth(
    startup_rounds=41,
    startup_seconds=900,
    help_rounds=3,
    call_rounds=101,
    reference_rounds=7,
    bundle_rounds=9,
    engine_rounds=7,
    storage_rounds=9,
    storage_mebibytes=1024,
    devbox_rounds=5,
    devbox_count=1000,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for and return the exit code: 0, or 1 when `--gate` does not accept the run."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.record:
        if options.only is not None:
            parser.error("a record holds all parts\nhint: leave `--only` away")
        # Before a quarter of an hour of measuring, not after it.
        for page in (README, PAGE):
            report.into_page(page.read_text(encoding="utf-8"), "")
    depth = FULL if options.full else SHORT
    parts = options.only or [part for part in PARTS if options.full or options.record or part not in SLOW]
    began = time.monotonic()
    reference = reference_side()
    ours = _ours(options)
    _say(f"ours: {ours.description} ({ours.python}); reference: {reference.python}; {time.monotonic() - began:.0f} s")
    head = circumstances(ours, reference)
    if head.load > 0.5 * head.cores:
        _say(
            f"note: load {head.load:.1f} on {head.cores} cores; ratios hold better than times, but neither is a record"
        )
    counts: list[Count] = count(ours, budgets()) if "counts" in parts else []
    results: list[Result] = []
    if "startup" in parts:
        results += run_commands(
            startup.CASES,
            ours,
            reference,
            rounds=options.rounds or depth.startup_rounds,
            seconds=depth.startup_seconds,
            progress=_say,
        )
    if "help" in parts:
        results += run_help(ours, reference, rounds=options.rounds or depth.help_rounds, progress=_say)
    if "literals" in parts:
        engines = run_type_engine(ours, reference, rounds=depth.reference_rounds, progress=_say)
        results += beside_type_engine(_literals(options.rounds or depth.call_rounds), engines)
        results += [*run_memory(ours, progress=_say), *engines]
    if "bundles" in parts:
        results += run_bundles(ours, reference, rounds=options.rounds or depth.bundle_rounds, progress=_say)
        results += run_hashing(ours, reference, rounds=options.rounds or depth.bundle_rounds, progress=_say)
    if "engine" in parts:
        results += run_engine(ours, reference, rounds=options.rounds or depth.engine_rounds, progress=_say)
    if "storage" in parts:
        results += run_storage(
            ours,
            mebibytes=depth.storage_mebibytes,
            rounds=options.rounds or depth.storage_rounds,
            progress=_say,
        )
    if "devbox" in parts:
        results += run_devbox(
            ours, count=depth.devbox_count, rounds=options.rounds or depth.devbox_rounds, progress=_say
        )
    if "pages" in parts:
        results += run_pages(ours, rounds=options.rounds or depth.devbox_rounds, progress=_say)
    table = report.markdown(head, results, counts)
    document = report.as_json(head, results, counts)
    RESULTS.mkdir(parents=True, exist_ok=True)
    written = RESULTS / f"{head.date.replace(':', '')}.json"
    written.write_text(document, encoding="utf-8")
    print(table)
    _say(f"raw samples: {os.path.relpath(written)}; {time.monotonic() - began:.0f} s in all")
    if options.record:
        headline = report.headlines(head, results, counts)
        report.write_record(RESULTS, README, PAGE, document=document, table=table, headline=headline)
    return _judge(results, counts) if options.gate else 0


def _literals(rounds: int) -> list[Result]:
    """Run the literal cases; what our codec lacks is a result that says so, not a crash of the bench."""
    try:
        # Their oracles are no part of a run of start-up cases, and must not grow the process that starts those.
        from bench.cases import literals

        cases = literals.cases()
    except (ImportError, LookupError) as error:
        missing = Comparison("upb", None, Goal(0.5, 1.0))
        return [Result("literals", "literals", "literals", "cpu", {}, (missing,), problem=str(error.args[0]))]
    return run_calls(cases, rounds=rounds, progress=_say)


def _ours(options: argparse.Namespace) -> Side:
    if options.wheels is None:
        return workspace_side()
    return wheels_side(None if options.wheels == "build" else Path(options.wheels))


def _judge(results: Sequence[Result], counts: Sequence[Count]) -> int:
    failures = gate_failures(results, counts)
    for failure in failures:
        print(f"gate: {failure}", file=sys.stderr)
    print("gate: " + (f"{len(failures)} failures" if failures else "accepted"), file=sys.stderr)
    return 1 if failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    depth = parser.add_mutually_exclusive_group()
    depth.add_argument("--short", action="store_true", help="few rounds, 3 minutes at most (the default)")
    depth.add_argument("--full", action="store_true", help="many rounds, for a record on a quiet machine")
    parser.add_argument("--rounds", type=int, help="another number of rounds")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=PARTS,
        help="a part of it",
    )
    side = parser.add_mutually_exclusive_group()
    side.add_argument("--workspace", action="store_true", help="measure the editable workspace (the default)")
    side.add_argument(
        "--wheels",
        nargs="?",
        const="build",
        metavar="FOLDER",
        help="measure wheels in an environment of their own: those in FOLDER, or built now",
    )
    parser.add_argument("--gate", action="store_true", help="end with 1 when a count or a wide ratio is exceeded")
    parser.add_argument(
        "--record",
        action="store_true",
        help="write bench/results/recorded.json and the tables in README.md and docs/measurements.md",
    )
    return parser


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
