"""One command, measured: wall time, CPU time of it and its children, peak memory, and what it printed."""

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.harness.environment import Side

COMMAND_TIMEOUT_SECONDS = 240.0
"""Against programs that hang. The longest ones take a quarter of a minute on two quiet cores, and cores are shared."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one command."""

    wall_seconds: float
    cpu_seconds: float
    """User and system time of the process and of the children that it waited for."""
    peak_rss_bytes: int
    """The kernel counts the moment before `exec` too, so it is never less than the harness itself."""
    returncode: int
    output: str
    """Standard output and standard error as they came."""


def clean_environment(side: Side, home: Path) -> dict[str, str]:
    """Return what a measured command sees: nothing of the caller's settings, a home of its own, no telemetry.

    `PYTHONDONTWRITEBYTECODE`, common in containers, would make every start compile every module; a proxy would let the
    reference's telemetry and version checks wait for the network.
    """
    system = "/usr/local/bin:/usr/bin:/bin"
    return {
        "PATH": f"{side.bin}:{system}",
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "DO_NOT_TRACK": "1",
        "FLYTE_DISABLE_TELEMETRY": "1",
        "FLYTE_DISABLE_SENTRY": "1",
    }


def run_measured(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, *, timeout: float = COMMAND_TIMEOUT_SECONDS
) -> Sample:
    """Run `command` in `folder` and measure it; past `timeout` seconds its whole process group is killed.

    Raises:
        OSError: The program is not there.
    """
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
        )
        watchdog = threading.Timer(timeout, os.killpg, (process.pid, signal.SIGKILL))
        watchdog.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            # In a session of its own it does not see the terminal's ctrl-c.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        finally:
            watchdog.cancel()
        wall = time.perf_counter() - began
        # Popen must know that the child was waited for, or it would wait for a stranger with the same number.
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        printed = output.read().decode(errors="replace")
    return Sample(
        wall_seconds=wall,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        peak_rss_bytes=usage.ru_maxrss * 1024,
        returncode=process.returncode,
        output=printed,
    )
