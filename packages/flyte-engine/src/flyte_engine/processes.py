"""Which process this is, and whether another one still lives: by number, start time and machine."""

import os
from functools import lru_cache
from pathlib import Path

from flyte_engine.records import ProcessRecord

__all__ = ["current_process", "is_alive"]

_STATE = 0
_START_TIME = 19
"""Places in `/proc/<pid>/stat`, counted from behind the name, which may contain anything."""


def current_process() -> ProcessRecord:
    """Describe the calling process."""
    # By number, since a forked child has the caches of its parent.
    return _describe(os.getpid())


def is_alive(process: ProcessRecord) -> bool | None:
    """Tell whether a process lives, or `None` if it belongs to another machine or container and cannot be asked.

    Where the system does not tell start times, any process of that number counts as the one.
    """
    if process.host != (host := _host()):
        name, boot = process.host.split("/")[:2]
        own_name, own_boot = host.split("/")[:2]
        # Of this machine before it was started anew.
        return False if name == own_name and boot != own_boot else None
    stat = _stat(process.pid)
    if stat is not None:
        return stat[_STATE] not in "ZX" and stat[_START_TIME] == process.started
    return not process.started and _exists(process.pid)


@lru_cache(maxsize=4)
def _describe(pid: int) -> ProcessRecord:
    stat = _stat(pid)
    return ProcessRecord(pid, stat[_START_TIME] if stat is not None else "", _host())


def _stat(pid: int) -> list[str] | None:
    text = _read(f"/proc/{pid}/stat")
    return text.rpartition(")")[2].split() if text else None


def _host() -> str:
    name = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    boot = _read("/proc/sys/kernel/random/boot_id").strip()
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        namespace = ""
    return "/".join((name.replace("/", "_"), boot, namespace))


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        # It belongs to somebody else.
        return True
    return True


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
