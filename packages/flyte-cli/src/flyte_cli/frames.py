"""Which frames of a traceback are the user's: those are shown with their source line, the others are folded."""

import sys
import sysconfig
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

_OWN_PACKAGES = (
    "flyte",
    "flyte_cli",
    "flyte_config",
    "flyte_devbox",
    "flyte_engine",
    "flyte_images",
    "flyte_models",
    "flyte_native",
    "flyte_protocol",
    "flyte_remote",
    "flyte_storage",
    "flyte_syncify",
    "flyte_types",
)


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames of one or more tracebacks, outermost first."""

    shown: tuple[traceback.FrameSummary, ...]
    folded: int
    """How many frames of flyte, of Python itself and of installed packages were left out."""

    def format(self) -> str:
        """Return the shown frames as Python prints them, with source lines and markers."""
        return "".join(traceback.format_list(list(self.shown)))


def user_frames(tracebacks: Iterable[TracebackType | None]) -> Frames:
    """Pick the user's frames of several tracebacks; where there are none, the last frame stands for all."""
    frames: list[traceback.FrameSummary] = []
    for part in tracebacks:
        frames.extend(traceback.extract_tb(part))
    foreign = _foreign_folders()
    shown = [frame for frame in frames if _is_users(frame.filename, foreign)]
    if frames and frames[-1] not in shown and not frames[-1].filename.startswith(_own_folders()):
        shown.append(frames[-1])  # raised inside an installed package: where, is worth a line
    return Frames(tuple(shown), len(frames) - len(shown))


def _is_users(filename: str, foreign: tuple[str, ...]) -> bool:
    return not filename.startswith("<frozen ") and not filename.startswith(foreign)


def _own_folders() -> tuple[str, ...]:
    folders: list[str] = []
    for name in _OWN_PACKAGES:
        spec = sys.modules[name].__spec__ if name in sys.modules else find_spec(name)
        folders += [f"{folder}/" for folder in (spec.submodule_search_locations or [])] if spec is not None else []
    return tuple(folders)


def _foreign_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    installed = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    # A virtual environment's standard library stands elsewhere than its packages.
    installed.add(str(Path(traceback.__file__).parent))
    return (*_own_folders(), *(f"{folder}/" for folder in installed))
