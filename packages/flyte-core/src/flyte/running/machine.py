"""Whether this machine has what a task asks for. A local run warns and goes on: requests are made for clusters."""

import logging
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any, cast

from flyte_models.resources import Resources

__all__ = ["Machine", "shortcomings", "warn_of_shortcomings"]

_logger = logging.getLogger("flyte")
_told: set[str] = set()

_QUANTITY = re.compile(r"\s*([0-9.]+(?:[eE][+-]?[0-9]+)?)\s*([munkKMGTPE]?i?)[bB]?\s*")
_FACTORS = {
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "": 1.0,
    "k": 1e3,
    "K": 1e3,
    **{letter: 10.0 ** (3 * power) for power, letter in enumerate("MGTPE", start=2)},
    **{f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTPE", start=1)},
}
_GIB = 1024.0**3


class Machine:
    """What this machine has."""

    cpus: float
    memory: float
    """Bytes."""
    disk: float
    """Free bytes where temporary files go."""
    gpus: int

    def __init__(self) -> None:
        """Look."""
        self.cpus = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
        try:
            self.memory = float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
        except (AttributeError, ValueError, OSError):
            self.memory = float("inf")
        try:
            self.disk = float(shutil.disk_usage(os.environ.get("TMPDIR") or os.sep).free)
        except OSError:
            self.disk = float("inf")
        self.gpus = sum(1 for _ in Path("/dev").glob("nvidia[0-9]*")) + len(list(Path("/dev").glob("kfd")))
        if sys.platform == "darwin":
            self.gpus = 1


def quantity(text: object) -> float:
    """Read a quantity as Kubernetes writes it: `500m`, `2Gi`, `4`; an unreadable one counts as none."""
    if isinstance(text, int | float):
        return float(text)
    match = _QUANTITY.fullmatch(str(text))
    return float(match[1]) * _FACTORS.get(match[2], 0.0) if match else 0.0


def shortcomings(resources: Resources, machine: Machine) -> list[str]:
    """List what a request asks for and the machine does not have."""
    found: list[str] = []
    cpu, memory, disk = (quantity(_request(item)) for item in (resources.cpu, resources.memory, resources.disk))
    if cpu > machine.cpus:
        found.append(f"{cpu:g} CPUs, where {machine.cpus:g} are there")
    if memory > machine.memory:
        found.append(f"{memory / _GIB:.3g} GiB of memory, where {machine.memory / _GIB:.3g} GiB are there")
    if disk > machine.disk:
        found.append(f"{disk / _GIB:.3g} GiB of disk, where {machine.disk / _GIB:.3g} GiB are free")
    device = resources.get_device()
    if device is not None and device.quantity > machine.gpus:
        model = f"{device.device} " if device.device else ""
        found.append(f"{device.quantity} {model}{device.device_class}, where {machine.gpus} are there")
    return found


def warn_of_shortcomings(task_name: str, resources: Resources) -> None:
    """Warn, once for each task and reason, of what the task asks for and this machine does not have."""
    for lack in shortcomings(resources, Machine()):
        text = f"task `{task_name}` asks for {lack}"
        if text not in _told:
            _told.add(text)
            _logger.warning("%s\nhint: the task runs all the same; on a cluster it gets what it asks for", text)


def _request(item: Any) -> Any:
    if isinstance(item, tuple):
        return cast("tuple[Any, ...]", item)[0]
    return 0 if item is None else item
