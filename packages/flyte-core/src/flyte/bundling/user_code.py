"""Which files are the user's: those of loaded modules under the root that belong to no installation."""

import os
import site
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

_SDK_PREFIX = "flyte_"


class UserCode:
    """Tells the user's files from those of the interpreter, of installed packages and of the SDK."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        # Plain strings: a process has thousands of modules, and a `Path` of each costs more than the archive.
        self._inside = os.path.join(self.root, "")  # noqa: PTH118
        self._foreign = tuple(folder for folder in installations() if not self._inside.startswith(folder))

    def name_of(self, file: str) -> str | None:
        """Return the POSIX path of `file` below the root, or None if it is not the user's, or not there."""
        path = os.path.abspath(file)  # noqa: PTH100
        if path.startswith(self._foreign):
            return None
        if not path.startswith(self._inside):
            # A link below the root is called by its own name, as it is imported; one that leads here, by the file's.
            path = os.path.realpath(path)
            if path.startswith(self._foreign) or not path.startswith(self._inside):
                return None
        if not os.path.isfile(path):  # noqa: PTH113
            return None
        return path[len(self._inside) :].replace(os.sep, "/")

    def loaded_files(self, modules: Mapping[str, object] | None = None) -> dict[str, Path]:
        """Return the names and paths of the files of loaded modules that are the user's.

        Args:
            modules: As `sys.modules`, which is the default.
        """
        files = {
            file
            for module in list((sys.modules if modules is None else modules).values())
            for file in _files_of(module)
        }
        names = (self.name_of(file) for file in files)
        return {name: self.root / name for name in names if name is not None}

    def search_path(self, entries: Iterable[str] | None = None) -> list[Path]:
        """Return the folders under the root that modules are imported from, the root last."""
        found: list[Path] = []
        for entry in [*(sys.path if entries is None else entries), str(self.root)]:
            folder = Path(entry or ".").absolute()
            for candidate in (folder, folder.resolve()):
                if candidate.is_relative_to(self.root):
                    is_foreign = os.path.join(candidate, "").startswith(self._foreign)  # noqa: PTH118
                    if candidate not in found and not is_foreign and candidate.is_dir():
                        found.append(candidate)
                    break
        return found


def _files_of(module: object) -> list[str]:
    # Not by `getattr`: a lazy module would import what it stands for.
    try:
        attributes = vars(module)
    except TypeError:
        return []
    file = attributes.get("__file__")
    return [file] if isinstance(file, str) else []


@cache
def installations() -> tuple[str, ...]:
    """Folders whose files are no user's: interpreter, standard library, site-packages, our own distributions.

    Each ends with a separator, so that it is a prefix of what lies in it.
    """
    places = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, *sysconfig.get_paths().values()]
    places += [*site.getsitepackages(), site.getusersitepackages()]
    for name, module in list(sys.modules.items()):
        if name == "flyte" or (name.startswith(_SDK_PREFIX) and "." not in name):
            places += [os.path.dirname(file) for file in _files_of(module)]  # noqa: PTH120
    spelled = {spell(place) for place in places if place for spell in (os.path.abspath, os.path.realpath)}
    # Users' folders may lie below a system's prefix, such as `/usr`: `UserCode` drops those that hold its root.
    return tuple(sorted(os.path.join(place, "") for place in spelled if os.path.dirname(place) != place))  # noqa: PTH118,PTH120
