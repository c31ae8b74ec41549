"""Code bundles that are extracted once for all actions of a machine, where a control plane has a folder for that.

The folder of an action shows what is in the bundle: links to Python sources, which nobody writes to, and copies of all else. The
modules are imported from the shared folder, so that they are compiled once.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from flyte.bundling.downloading import download_and_extract, key_of

__all__ = ["folder_of", "forget_entries", "keep_entries", "read_entries", "shared_code"]

_MANIFEST = ".flyte-entries.json"
_kept: dict[tuple[str, str], tuple[str, dict[str, bool]]] = {}
"""By the URI of a bundle and the folder of all: the folder of the bundle, and what is in it."""


async def shared_code(uri: str, folder: str, destination: str) -> str:
    """Extract a bundle below `folder` unless that was done before, show it in `destination`, and return where the modules are.

    Raises:
        MissingBundleError, CodeBundleError, flyte_storage.StorageError: as `flyte.bundling.downloading.download_and_extract`.
        OSError: the folder cannot be written.
    """
    kept = _kept.get((uri, folder))
    if kept is not None and os.path.exists(f"{kept[0]}/{_MANIFEST}"):  # noqa: PTH110, ASYNC240 - of every start
        code, entries = kept
    else:
        code = folder_of(uri, folder)
        entries = read_entries(code)
        if entries is None:
            await download_and_extract(uri, code)
            entries = _describe(Path(code))
    for name, is_source in entries.items():
        _show(f"{code}/{name}", f"{destination}/{name}", is_source)
    return code


def folder_of(uri: str, folder: str) -> str:
    """Return where a bundle is extracted below the folder of all."""
    return f"{folder}/{key_of(uri)}"


def keep_entries(uri: str, folder: str, entries: dict[str, bool]) -> None:
    """Let this process, and what it forks, know what is in a bundle; see `read_entries`."""
    _kept[uri, folder] = folder_of(uri, folder), entries


def forget_entries(uri: str, folder: str) -> None:
    """Do not know any more what is in a bundle."""
    _kept.pop((uri, folder), None)


def read_entries(code: str) -> dict[str, bool] | None:
    """Return what is in the folder of a bundle, and whether it has nothing but Python sources; None before it is all there."""
    try:
        with open(f"{code}/{_MANIFEST}", encoding="utf-8") as file:  # noqa: PTH123 - of every start
            entries: dict[str, bool] = json.load(file)
            return entries
    except (FileNotFoundError, ValueError):
        return None


def _describe(code: Path) -> dict[str, bool]:
    """Write down which entries of a bundle have nothing but Python sources: all are there already."""
    entries = {name: _is_source(code / name) for name in sorted(os.listdir(code)) if not name.startswith(".flyte-")}  # noqa: PTH208
    temporary = code / f"{_MANIFEST}.{os.getpid()}"
    temporary.write_text(json.dumps(entries), encoding="utf-8")
    temporary.replace(code / _MANIFEST)
    return entries


def _is_source(path: Path) -> bool:
    return all(name.endswith((".py", ".pyc", ".pyi")) for name in _files(path))


def _files(path: Path) -> Iterator[str]:
    if path.is_symlink() or not path.is_dir():
        yield path.name
        return
    for _, _, names in os.walk(path):
        yield from names


def _show(source: str, path: str, is_source: bool) -> None:
    try:
        if is_source:
            os.symlink(source, path)  # noqa: PTH211 - of every start
        elif os.path.isdir(source) and not os.path.islink(source):  # noqa: PTH112, PTH114
            shutil.copytree(source, path, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(source, path, follow_symlinks=False)
    except FileExistsError:
        pass  # what the folder has already stays
