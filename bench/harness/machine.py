"""What a run was made on: machine, interpreter, versions and commit, for the head of every report."""

import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.harness.environment import Side, installed
from bench.harness.ours import ROOT


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Everything a reader needs to judge a number."""

    date: str
    commit: str
    """With `+changes` when the checkout was not clean."""
    machine: str
    cores: int
    load: float
    """Processes that wanted to run, averaged over the minute before the start."""
    python: str
    ours: str
    reference: str
    our_packages: dict[str, str]
    reference_packages: dict[str, str]

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON knows it."""
        return asdict(self)


def circumstances(ours: Side, reference: Side) -> Circumstances:
    """Collect the circumstances of a run that is about to start."""
    return Circumstances(
        date=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        commit=_commit(),
        machine=f"{_processor()}, {platform.system()} {platform.machine()}",
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        load=os.getloadavg()[0],
        python=platform.python_version(),
        ours=ours.description,
        reference=reference.description,
        our_packages=installed(ours.python),
        reference_packages=installed(reference.python),
    )


def _commit() -> str:
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        return commit + ("+changes" if _git("status", "--porcelain") else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "--no-optional-locks", *arguments], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout.strip()


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"
