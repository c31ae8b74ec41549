"""Modules of the user's project that its files import, found without running them.

A bundle of loaded modules alone lacks what a function imports when it is called, what a branch imports that was not taken here,
and what only type checkers import. Counted are `import` and `from` at any depth, relative ones too, `from package import *`
by the package's `__all__`, and `importlib.import_module` and `__import__` of a literal name.
"""

import ast
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from importlib.machinery import all_suffixes
from pathlib import Path

# Where an import statement may start. Matches in strings and comments are weeded out by parsing the whole file, which is
# done only where one of them would add a file: parsing everything would cost seconds in a project of 2,000 modules.
_START = re.compile(r"(?:^|[;:])[ \t\f]*(?=(?:import|from)[ \t\\(.])", re.MULTILINE)
_STATEMENT_END = re.compile(r"[#;]")
_CALL = re.compile(r"\bimport_module\b|\b__import__\b")
_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.MULTILINE)
_SUFFIXES = tuple(all_suffixes())

Imported = tuple[int, str, tuple[str, ...]]
"""Level of a relative import, module, and names taken from it."""


class Project:
    """Files below a root that modules are imported from.

    Args:
        root: The folder; nothing outside of it is found.
        search: Folders that absolute imports are looked up in, in this order.
    """

    def __init__(self, root: Path, search: Sequence[Path]) -> None:
        self._root = root
        self._search = tuple(search)
        self._listings: dict[Path, tuple[frozenset[str], frozenset[str]]] = {}
        self._resolved: dict[tuple[tuple[Path, ...], Imported], tuple[Path, ...]] = {}
        self._statements: dict[str, tuple[Imported, ...]] = {}

    def closure(self, seeds: Mapping[str, Path]) -> dict[str, Path]:
        """Return the seeds and everything that they import, directly or not: names below the root and paths."""
        found = set(seeds.values())
        pending = deque(found)
        while pending:
            for path in self.imports_of(pending.popleft(), known=found):
                if path not in found:
                    found.add(path)
                    pending.append(path)
        return {path.relative_to(self._root).as_posix(): path for path in found}

    def imports_of(self, file: Path, *, known: AbstractSet[Path] = frozenset()) -> list[Path]:
        """Return the files of the project that one file imports; none if it is no Python, or not valid.

        Args:
            file: A file of the project.
            known: Files that need not be reported.
        """
        if file.suffix not in {".py", ".pyi"}:
            return []
        source = _source_of(file)
        if source is None or ("import" not in source):
            return []
        candidates = list(self._scan(source))
        found = (path for imported in candidates for path in self._find(file, imported))
        if _CALL.search(source) is None and all(path in known for path in found):
            return []
        exact = _parsed_imports(source)
        return [path for imported in exact for path in self._find(file, imported)]

    def _scan(self, source: str) -> Iterator[Imported]:
        """Yield what looks like an import statement: all that are, and perhaps some in strings and comments."""
        for match in _START.finditer(source):
            text = _logical_line(source, match.end())
            if text not in self._statements:
                self._statements[text] = tuple(_parsed_imports(text))
            yield from self._statements[text]

    def _find(self, file: Path, imported: Imported) -> tuple[Path, ...]:
        level, _, _ = imported
        folders = self._search
        if level:
            base = file.parent
            for _ in range(level - 1):
                base = base.parent
            if not base.is_relative_to(self._root):
                return ()
            folders = (base,)
        key = (folders, imported)
        if key not in self._resolved:
            self._resolved[key] = tuple(self._resolve(folders, imported))
        return self._resolved[key]

    def _resolve(self, folders: Sequence[Path], imported: Imported) -> Iterator[Path]:
        level, module, names = imported
        if level:
            yield from self._package_file(folders[0])
        inside: Sequence[Path] = folders
        for part in module.split(".") if module else ():
            files, inside = self._step(inside, part)
            yield from files
        if not module and not level:
            return
        for name in names:
            if name == "*":
                for initial in (file for folder in inside for file in self._package_file(folder)):
                    for public in _public_names(initial):
                        yield from self._step(inside, public)[0]
            else:
                yield from self._step(inside, name)[0]

    def _step(self, folders: Sequence[Path], name: str) -> tuple[list[Path], list[Path]]:
        """Return the files that importing `name` in `folders` runs, and the folders that its submodules lie in.

        As the import system has it: the first regular package or module wins, and folders without either are joined.
        """
        portions: list[Path] = []
        for folder in folders:
            files, subfolders = self._listing(folder)
            package = folder / name
            if name in subfolders:
                initial = self._package_file(package)
                if initial:
                    return initial, [package]
            for suffix in _SUFFIXES:
                if f"{name}{suffix}" in files:
                    return self._with_stub(folder, name, folder / f"{name}{suffix}"), []
            if name in subfolders:
                portions.append(package)
        return [], portions

    def _package_file(self, folder: Path) -> list[Path]:
        files, _ = self._listing(folder)
        names = (f"__init__{suffix}" for suffix in _SUFFIXES)
        initial = next((folder / name for name in names if name in files), None)
        return [initial] if initial else []

    def _with_stub(self, folder: Path, name: str, file: Path) -> list[Path]:
        # An extension module's Python twin, if any, is what a pod of another platform imports.
        twin = folder / f"{name}.py"
        return [file] if file == twin or twin.name not in self._listing(folder)[0] else [file, twin]

    def _listing(self, folder: Path) -> tuple[frozenset[str], frozenset[str]]:
        if folder not in self._listings:
            try:
                entries = list(folder.iterdir())
            except OSError:
                entries = []
            folders = frozenset(entry.name for entry in entries if entry.is_dir())
            self._listings[folder] = (frozenset(entry.name for entry in entries) - folders, folders)
        return self._listings[folder]


def _source_of(file: Path) -> str | None:
    try:
        content = file.read_bytes()
    except OSError:
        return None
    declared = _CODING.search(b"\n".join(content.split(b"\n", 2)[:2]))
    encoding = declared.group(1).decode("ascii") if declared else "utf-8-sig"
    try:
        return content.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _logical_line(source: str, start: int) -> str:
    """Cut the import statement that starts at `start`, to the end of its parentheses and of its continuations.

    It has no strings, so that `#` always starts a comment and `;` always ends it.
    """
    text, end = "", start
    while end < len(source):
        stop = source.find("\n", end)
        stop = len(source) if stop < 0 else stop
        line = source[end:stop]
        cut = _STATEMENT_END.search(line)
        text += line[: cut.start()] if cut else line.rstrip("\r")
        is_open = "(" in text and ")" not in text
        if (cut and cut.group() == ";") or not (is_open or text.endswith("\\")):
            break
        text += "\n"
        end = stop + 1
    return text.rstrip()


def _parsed_imports(source: str) -> list[Imported]:
    """Return the imports of a source text, none if it is not valid."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    return [imported for node in ast.walk(tree) for imported in _imports_of_node(node)]


def _imports_of_node(node: ast.AST) -> Iterable[Imported]:
    match node:
        case ast.Import(names=names):
            return [(0, alias.name, ()) for alias in names]
        case ast.ImportFrom(module=module, names=names, level=level):
            return [(level, module or "", tuple(alias.name for alias in names))]
        case ast.Call(func=function, args=[ast.Constant(value=str(name)), *_]):
            called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if called not in {"import_module", "__import__"}:
                return []
            absolute = name.lstrip(".")
            return [(len(name) - len(absolute), absolute, ())] if all(absolute.split(".")) else []
        case _:
            return []


def _public_names(initial: Path) -> list[str]:
    """Return the literal names of a package's `__all__`: `import *` imports submodules of these names."""
    source = _source_of(initial) if initial.suffix == ".py" else None
    if source is None or "__all__" not in source:
        return []
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    names: list[str] = []
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=listed):
                pass
            case ast.AnnAssign(target=ast.Name(id="__all__"), value=listed) if listed is not None:
                pass
            case ast.AugAssign(target=ast.Name(id="__all__"), value=listed):
                pass
            case _:
                continue
        names += [
            each.value for each in ast.walk(listed) if isinstance(each, ast.Constant) and isinstance(each.value, str)
        ]
    return names
