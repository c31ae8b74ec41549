"""Code of bundles that a warm parent keeps for what it forks: which files they have, and modules that earlier actions compiled.

Only code is kept, as it is in a `.pyc` file: each process executes the modules that it imports by itself. Bundles never change
under their URI, so what is kept is what would be read.
"""

import gc
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from importlib.util import cache_from_source
from types import CodeType

from flyte.runtime.loading import SHARED_CODE
from flyte.runtime.shared_code import folder_of, forget_entries, keep_entries, read_entries

__all__ = ["CodeKeeper"]

_BUNDLES = 8
"""How many bundles are kept: those used last."""
_FILES = 500
"""How many files of a bundle are looked at: nothing is forked meanwhile."""


class _KeptLoader(SourceFileLoader):
    """Imports a source file, from the code that was kept if it was."""

    codes: "dict[str, CodeType]" = {}  # noqa: RUF012 - of this process, for modules of any place

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the code of the module."""
        return self.codes.get(self.path) or super().get_code(fullname)


class _Bundle:
    def __init__(self, code: str) -> None:
        self.code = code
        self.uses = 0
        self.folders: list[str] = []


class CodeKeeper:
    """Looks at the bundles of attempts that are about to be forked."""

    def __init__(self) -> None:
        self._bundles: dict[tuple[str, str], _Bundle] = {}

    def look(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        """Keep the code of an attempt, if its bundle was used before.

        It is looked at when its number of uses has doubled, as modules are compiled by the actions that import them first.

        Args:
            argv: arguments of the attempt.
            env: its environment.
        """
        uri, folder = _argument(argv, "--tgz"), env.get(SHARED_CODE)
        if not uri or not folder:
            return
        bundle = self._bundles.pop((uri, folder), None)
        if bundle is None:
            bundle = _Bundle(folder_of(uri, folder))
            while len(self._bundles) >= _BUNDLES:
                self._forget(next(iter(self._bundles)))
        # The last is the one used last.
        self._bundles[uri, folder] = bundle
        bundle.uses += 1
        if bundle.uses > 1 and bundle.uses & (bundle.uses - 1) == 0:
            self._keep(uri, folder, bundle, _argument(argv, "mod"))
            # As all else that is here: collecting it in a child would only copy its pages.
            gc.freeze()

    def _keep(self, uri: str, folder: str, bundle: _Bundle, module: str | None) -> None:
        entries = read_entries(bundle.code)
        if entries is None:
            return
        keep_entries(uri, folder, entries)
        named = f"/{module.replace('.', '/')}" if module else "/"
        for place, names in _sources(bundle.code):
            for name in names:
                path = f"{place}/{name}"
                if path in _KeptLoader.codes:
                    continue
                is_named = path.endswith((f"{named}.py", f"{named}/__init__.py"))
                if is_named or os.path.exists(cache_from_source(path)):  # noqa: PTH110 - of many files
                    _keep_module(path)
            self._serve(bundle, place)

    def _serve(self, bundle: _Bundle, place: str) -> None:
        """Let what is imported from a folder be what is kept."""
        if place in bundle.folders:
            return
        bundle.folders.append(place)
        finder = FileFinder(
            place,
            (ExtensionFileLoader, EXTENSION_SUFFIXES),
            (_KeptLoader, SOURCE_SUFFIXES),
            (SourcelessFileLoader, BYTECODE_SUFFIXES),
        )
        # It has listed the folder then, and lists it again when that has changed.
        finder.find_spec("flyte_no_such_module")
        sys.path_importer_cache[place] = finder

    def _forget(self, key: tuple[str, str]) -> None:
        bundle = self._bundles.pop(key)
        forget_entries(*key)
        for place in bundle.folders:
            sys.path_importer_cache.pop(place, None)
        for path in [path for path in _KeptLoader.codes if path.startswith(f"{bundle.code}/")]:
            del _KeptLoader.codes[path]


def _keep_module(path: str) -> None:
    name = os.path.basename(path).removesuffix(".py")  # noqa: PTH119 - of many files
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = SourceFileLoader(name, path).get_code(name)
    except Exception:
        # Who imports it meets the same, and says so.
        return
    if code is not None:
        _KeptLoader.codes[path] = code


def _sources(code: str) -> Iterator[tuple[str, list[str]]]:
    """Give the folders of a bundle with their source files."""
    count = 0
    for place, folders, names in os.walk(code):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__pycache__")))
        count += len(names)
        if count > _FILES:
            return
        sources = sorted(name for name in names if name.endswith(".py"))
        if sources:
            yield place, sources


def _argument(argv: Sequence[str], name: str) -> str | None:
    try:
        return argv[argv.index(name) + 1]
    except (ValueError, IndexError):
        return None
