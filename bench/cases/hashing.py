"""Digests of one file of 256 MB: ours beside PyPI flyte, alternated in fresh processes, timed inside them.

Wall time, because BLAKE3 uses all cores. The file is in the page cache: what is measured is digesting, not a disk.
"""

import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.harness.case import Comparison, Limit, Result
from bench.harness.environment import Side
from bench.harness.side_by_side import Stage, stages
from bench.harness.statistics import ratios, spread

SECTION = "digests of a file"
SIZE = 256_000_000
MD5 = Limit(1.65 / 3)
BLAKE3 = Limit(1.65 / 12)
"""Issue 5: a third and a twelfth of the 1.65 s that the reference took for 256 MB on the issue's machine."""
MEMORY = Limit(150e6)
"""Bytes above idle."""

_HASHED, _COPIED = "reference, digest of an upload", "reference, `File` with a hash"


def run_hashing(
    ours: Side, reference: Side, *, rounds: int, progress: Callable[[str], None] = lambda _: None
) -> list[Result]:
    """Digest the file on both sides, `rounds` times after a warm-up.

    Raises:
        RuntimeError: The reference cannot digest the file.
    """
    with tempfile.TemporaryDirectory(prefix="flyte-bench-file-") as folder, stages(ours, reference) as (mine, theirs):
        path = Path(folder, "data.bin")
        path.write_bytes(random.Random(5).randbytes(SIZE))
        measured: dict[str, list[dict[str, Any]]] = {"our": [], "reference": []}
        try:
            for number in range(rounds + 1):
                pairs = [("our", mine), ("reference", theirs)]
                for name, stage in reversed(pairs) if number % 2 else pairs:
                    measured[name].append(_run(stage, name, path))
                progress(f"digests: round {number} of {rounds}")
        except LookupError as error:
            # There is no ratio that a goal could be held to: the tests tell whether it works, this says why it is missing.
            return [Result("digests", "digests", SECTION, "wall", {}, (), problem=str(error.args[0]), limit=MD5)]
    return _results(measured["our"][1:], measured["reference"][1:])


def _run(stage: Stage, name: str, path: Path) -> dict[str, Any]:
    program = f"{name}_hashing.py"
    sample = stage.run(("{python}", f"{{programs}}/{program}", str(path)))
    if sample.returncode:
        told = f"`{program}` ended with {sample.returncode}: {sample.output.strip()[-2000:]}"
        raise RuntimeError(told) if name == "reference" else LookupError(told)
    return json.loads(sample.output.strip().splitlines()[-1])


def _results(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> list[Result]:
    digests = {run["md5"]["digest"] for run in [*ours, *theirs]} | {run["copied"]["digest"] for run in theirs}
    problem = "" if len(digests) == 1 else f"both sides must have one MD5, and have {sorted(digests)}"
    others = {_HASHED: _seconds(theirs, "md5"), _COPIED: _seconds(theirs, "copied")}
    peak = [float(run["peak"]) for run in ours]
    return [
        _timed("digest-md5", "256 MB, MD5", _seconds(ours, "md5"), others, limit=MD5, problem=problem),
        _timed("digest-blake3", "256 MB, BLAKE3", _seconds(ours, "blake3"), others, limit=BLAKE3, problem=problem),
        Result(
            id="digest-memory",
            title="its memory above idle",
            section=SECTION,
            metric="wall",
            unit="bytes",
            times={"ours": spread(peak)},
            comparisons=(),
            samples={"ours": {"bytes": peak}},
            limit=MEMORY,
        ),
    ]


def _seconds(runs: list[dict[str, Any]], what: str) -> list[float]:
    return [run[what]["wall"] for run in runs]


def _timed(
    name: str, title: str, mine: list[float], others: dict[str, list[float]], *, limit: Limit, problem: str
) -> Result:
    samples = {"ours": mine, **others}
    return Result(
        id=name,
        title=title,
        section=SECTION,
        metric="wall",
        times={side: spread(values) for side, values in samples.items()},
        comparisons=tuple(
            Comparison(other, None if problem else spread(ratios(mine, values)), None)
            for other, values in others.items()
        ),
        samples={side: {"wall": values} for side, values in samples.items()},
        problem=problem,
        limit=limit,
    )
