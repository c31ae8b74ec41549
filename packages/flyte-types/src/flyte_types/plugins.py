"""Type plugins: functions and modules that installed distributions name as entry points of the group `flyte.plugins.types`.

The metadata is read here, because importing `importlib.metadata` takes longer than a whole conversion may.
"""

import importlib
import os
import sys
import threading
from collections.abc import Iterator

__all__ = ["GROUP", "entry_points", "leave_out_plugins", "load_plugins"]

GROUP = "flyte.plugins.types"

_lock = threading.RLock()
_state = {"loaded": False}


def load_plugins() -> None:
    """Load every type plugin, once per process: modules are imported, functions are called as well.

    One that fails is reported by name on the logger `flyte`; the others are loaded all the same.
    """
    if _state["loaded"]:
        return
    with _lock:
        if _state["loaded"]:
            return
        # Set first: a plugin that registers its types may look up others.
        _state["loaded"] = True
        for name, target in entry_points():
            try:
                _load(target)
            except Exception as error:  # whatever a plugin does wrong is its own fault
                _report(name, target, error)


def leave_out_plugins() -> None:
    """Never load a type plugin in this process; what is loaded already stays."""
    _state["loaded"] = True


def entry_points(group: str = GROUP) -> Iterator[tuple[str, str]]:
    """List name and target (`module` or `module:attribute`) of each entry point of a group on `sys.path`."""
    seen: set[tuple[str, str]] = set()
    for folder in sys.path:
        try:
            names = [name for name in os.listdir(folder or ".") if name.endswith((".dist-info", ".egg-info"))]  # noqa: PTH208
        except OSError:
            continue
        for name in sorted(names):
            for pair in _read(os.path.join(folder or ".", name, "entry_points.txt"), group):  # noqa: PTH118
                if pair not in seen:
                    seen.add(pair)
                    yield pair


def _read(path: str, group: str) -> Iterator[tuple[str, str]]:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            text = file.read()
    except (OSError, ValueError):
        return
    if group not in text:
        return
    section = ""
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line.strip("[] ")
        elif section == group and "=" in line and not line.startswith(("#", ";")):
            name, _, target = line.partition("=")
            yield name.strip(), target.partition("[")[0].strip()


def _load(target: str) -> None:
    module, _, attribute = target.partition(":")
    found: object = importlib.import_module(module.strip())
    if not attribute:
        return
    for part in attribute.strip().split("."):
        found = getattr(found, part)
    if callable(found):
        found()


def _report(name: str, target: str, error: Exception) -> None:
    import logging  # noqa: PLC0415  # only once something is wrong

    logging.getLogger("flyte").warning(
        "the type plugin `%s` (`%s`) could not be loaded: %s: %s\nhint: its types are not known; repair or uninstall it",
        name, target, type(error).__name__, error,
    )  # fmt: skip
