"""From a request to the files of its bundle: copy styles, includes, and what is refused or warned of on the way."""

import glob
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from flyte.bundling.imports import Project
from flyte.bundling.request import BundleRequest, Include
from flyte.bundling.user_code import UserCode
from flyte_models.errors import CodeBundleError
from flyte_native import Selection, select_files, select_tree

logger = logging.getLogger("flyte.bundling")

LARGE = 100 * 1024 * 1024
"""Bytes of content from which on a bundle is worth a warning: it is uploaded, and downloaded by every pod."""
_NAMED = 5
_NOT_OURS = frozenset({"venv", "node_modules"})


def select_code(request: BundleRequest, modules: Mapping[str, object] | None = None) -> Selection:
    """Select the files of a request, and warn of what a user should know before they are packed.

    Args:
        request: With any copy style but `none`.
        modules: As `sys.modules`, which is the default.

    Raises:
        CodeBundleError: The root is missing or the home folder, nothing is selected, or an include matches nothing.
    """
    root = request.root.absolute()
    if not root.is_dir():
        raise CodeBundleError(
            f"the root of the bundle, `{root}`, is no folder\nhint: pass an existing folder as `root_dir`"
        )
    try:
        selection = _with_includes(root, _by_style(root, request, modules), request.includes)
    except CodeBundleError:
        raise
    except (OSError, ValueError) as error:
        raise CodeBundleError(f"the files below `{root}` could not be selected: {error}") from error
    if not len(selection):
        raise CodeBundleError(f"there is nothing to bundle below `{root}`\n{_empty_hint(request)}")
    _warn(root, selection)
    return selection


def python_files(folder: Path) -> list[Path]:
    """Return the Python files of a folder and those below it that a bundle may have; hidden ones and `node_modules` are left out.

    Raises:
        OSError: The folder cannot be read.
    """
    names = (Path(name) for name in select_tree(folder).names() if name.endswith(".py"))
    return [folder / name for name in names if not any(p.startswith(".") or p in _NOT_OURS for p in name.parts)]


def _by_style(root: Path, request: BundleRequest, modules: Mapping[str, object] | None) -> Selection:
    match request.copy_style:
        case "all":
            refuse_home(root)
            return select_tree(root)
        case "loaded_modules":
            code = UserCode(root)
            files = Project(code.root, code.search_path()).closure(code.loaded_files(modules))
            return select_files(files.items())
        case "custom":
            return _custom(root, request.paths)
        case "none":
            raise CodeBundleError(
                "copy style `none` has no files\nhint: choose `loaded_modules` or `all` to bundle code"
            )


def _custom(root: Path, paths: Iterable[str]) -> Selection:
    """Files as they are, folders by their ignore rules."""
    files: dict[str, Path] = {}
    folders: list[str] = []
    for path in paths:
        name = _below(root, root / path, what="path")
        if (root / name).is_dir():
            folders.append("" if name == "." else name)
        else:
            files[name] = root / name
    selection = select_files(files.items())
    return selection.union(select_tree(root, within=folders)) if folders else selection


def _with_includes(root: Path, selection: Selection, includes: Iterable[Include]) -> Selection:
    files: dict[str, Path] = {}
    within: list[str] = []
    for include in includes:
        folder = include.declared_in.absolute().parent
        for pattern in include.patterns:
            path = Path(os.path.normpath(folder / pattern))
            if path.is_file():
                name = _below(root, path, what="include")
                files[name] = root / name
            elif path.is_dir():
                name = _below(root, path, what="include")
                within.append("" if name == "." else name)
            else:
                within += [_below(root, match, what="include") for match in _matches(path, pattern, include)]
    if files:
        selection = selection.union(select_files(files.items()))
    if within:
        selection = selection.union(select_tree(root, within=within))
    return selection


def _matches(path: Path, pattern: str, include: Include) -> list[Path]:
    # `Path.glob` would follow no link for `**`, and find hidden files, which no shell does.
    found = [Path(match) for match in glob.iglob(str(path), recursive=True)] if glob.has_magic(pattern) else []  # noqa: PTH207
    if not found:
        raise CodeBundleError(
            f"include `{pattern}`, declared in `{include.declared_in}`, is no file, no folder and matches none\n"
            "hint: patterns are relative to the folder of that file; `**` stands for folders of any depth"
        )
    return found


def _below(root: Path, path: Path, *, what: str) -> str:
    plain = Path(os.path.normpath(path))
    for base in (root, root.resolve()):
        if plain.is_relative_to(base):
            return plain.relative_to(base).as_posix()
    raise CodeBundleError(
        f"{what} `{plain}` is outside of the root of the bundle, `{root}`\n"
        "hint: pass a `root_dir` further up, so that everything lies under it"
    )


def refuse_home(root: Path) -> None:
    """Refuse to bundle everything in the home folder, or in a folder that holds it.

    Raises:
        CodeBundleError: `root` is such a folder.
    """
    try:
        home = Path.home().resolve()
    except RuntimeError:
        return
    if home.is_relative_to(root.resolve()):
        what = "the home folder" if home == root.resolve() else "a folder that holds the home folder"
        raise CodeBundleError(
            f"`{root}` is {what}: a bundle of all of it would have private files, and never end\n"
            "hint: start in the folder of your project, pass `root_dir`, or use copy style `loaded_modules`"
        )


def _empty_hint(request: BundleRequest) -> str:
    match request.copy_style:
        case "loaded_modules":
            return "hint: no imported module lies under it: pass the folder of your code as `root_dir`, or use copy style `all`"
        case "all":
            return "hint: all files are ignored: see `.gitignore` and `.flyteignore`"
        case _:
            return "hint: name files or folders below the root"


def _warn(root: Path, selection: Selection) -> None:
    if selection.size >= LARGE:
        largest = ", ".join(f"`{name}` ({_mib(size)})" for name, size in selection.largest(_NAMED))
        logger.warning(
            "the bundle of `%s` has %s in %d files; the largest: %s\nhint: name what the code does not need in `.flyteignore`",
            root,
            _mib(selection.size),
            len(selection),
            largest,
        )
    if selection.skipped:
        named = ", ".join(f"`{name}` ({reason})" for name, reason in selection.skipped[:_NAMED])
        more = len(selection.skipped) - _NAMED
        logger.warning("left out of the bundle: %s%s", named, f" and {more} more" if more > 0 else "")
    for clash in selection.case_clashes()[:_NAMED]:
        names = ", ".join(f"`{name}`" for name in clash)
        logger.warning("%s differ in case only: where case does not count they are one file", names)


def _mib(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MiB"
