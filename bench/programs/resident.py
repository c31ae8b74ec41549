"""Resident memory of this process, as the kernel counts it, on Linux."""

import ctypes
import gc
from pathlib import Path

_libc = ctypes.CDLL(None)


def resident(name):
    """Return the bytes under a name of `/proc/self/status`: `VmRSS`, or `VmHWM` for the peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"`/proc/self/status` has no `{name}`")


def settled():
    """Return what is resident after what was freed went back to the kernel, so that it cannot be used again unseen."""
    gc.collect()
    _libc.malloc_trim(0)
    return resident("VmRSS")


def start_peak():
    """Let the peak start anew, from what is resident now, and return that."""
    before = settled()
    Path("/proc/self/clear_refs").write_text("5")
    return before
