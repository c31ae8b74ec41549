"""One large file to and from a local S3 server: ours beside plain obstore, alternated in fresh processes, timed inside them.

Wall time, because both use all cores, which they share with the server. Ours also checks what it moved by MD5.
"""

import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.harness.case import Comparison, Goal, Limit, Result
from bench.harness.environment import Side
from bench.harness.object_store import S3Server, s3_server
from bench.harness.side_by_side import Stage, stages
from bench.harness.statistics import ratios, spread

SECTION = "storage"
GOAL = Goal(1 / 0.9, 3)
"""Issue 5: at nine tenths of plain obstore's speed. The gate is wide: on two cores the server is in the way of both."""
MEMORY = Limit(150e6)
"""Bytes above idle."""

_DIRECTIONS = {"up": "to", "down": "from"}


def run_storage(
    ours: Side, *, mebibytes: int, rounds: int, progress: Callable[[str], None] = lambda _: None
) -> list[Result]:
    """Move a file of random bytes up and down, `rounds` times after a warm-up."""
    measured: dict[str, list[dict[str, Any]]] = {"ours": [], "obstore": []}
    try:
        with (
            tempfile.TemporaryDirectory(prefix="flyte-bench-file-") as folder,
            s3_server() as server,
            stages(ours) as (stage,),
        ):
            file = Path(folder, "file")
            _fill(file, mebibytes)
            for number in range(rounds + 1):
                for name in ("obstore", "ours") if number % 2 else ("ours", "obstore"):
                    measured[name].append(_run(stage, name, server, file))
                progress(f"storage: round {number} of {rounds}")
    except LookupError as error:
        missing = (Comparison("obstore", None, GOAL),)
        return [Result("storage", "a file and an S3 server", SECTION, "wall", {}, missing, problem=str(error.args[0]))]
    # The first round warmed up.
    kept = {name: runs[1:] for name, runs in measured.items()}
    return [result for way in _DIRECTIONS for result in _results(way, kept, f"{mebibytes} MiB", server.name)]


def _fill(file: Path, mebibytes: int) -> None:
    generator = random.Random(5)
    with file.open("wb") as stream:
        for _ in range(mebibytes):
            stream.write(generator.randbytes(1024 * 1024))


def _run(stage: Stage, name: str, server: S3Server, file: Path) -> dict[str, Any]:
    arguments = (name, server.endpoint, server.bucket, str(file))
    sample = stage.run(("{python}", "{programs}/store_transfer.py", *arguments))
    if sample.returncode:
        raise LookupError(f"`store_transfer.py {name}` ended with {sample.returncode}: {sample.output.strip()[-2000:]}")
    return json.loads(sample.output.strip().splitlines()[-1])


def _results(way: str, kept: dict[str, list[dict[str, Any]]], size: str, server: str) -> list[Result]:
    walls, peaks = (
        {name: [run[way][what] for run in runs] for name, runs in kept.items()} for what in ("wall", "peak")
    )
    title = f"{size} {_DIRECTIONS[way]} {server}"
    return [
        Result(
            id=f"storage-{way}",
            title=title,
            section=SECTION,
            metric="wall",
            times={name: spread(values) for name, values in walls.items()},
            comparisons=(Comparison("obstore", spread(ratios(walls["ours"], walls["obstore"])), GOAL),),
            samples={name: {"wall": values} for name, values in walls.items()},
        ),
        Result(
            id=f"storage-{way}-memory",
            title=f"{title}: peak of memory above idle",
            section=SECTION,
            metric="wall",
            times={name: spread(values) for name, values in peaks.items()},
            comparisons=(Comparison("obstore", spread(ratios(peaks["ours"], peaks["obstore"])), None),),
            samples={name: {"peak": values} for name, values in peaks.items()},
            limit=MEMORY,
            unit="bytes",
        ),
    ]
