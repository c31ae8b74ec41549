"""The user's Python file as a module, and the tasks in it; what can go wrong is told in terms of that file."""

import difflib
import importlib.util
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from flyte.tasks.declarations import check_names
from flyte.tasks.template import TaskTemplate
from flyte_cli.frames import user_frames


class CodeNotLoadedError(Exception):
    """The user's file could not be imported."""

    def __init__(self, message: str) -> None:
        """Keep the whole text, which may have `hint:` lines."""
        super().__init__(message)
        self.message = message


def check_file(path: Path) -> Path:
    """Return the absolute path of a Python file.

    Raises:
        click.UsageError: when there is no such file, or it is not a Python file.
    """
    if path.is_file():
        if path.suffix == ".py":
            return path.absolute()
        raise click.UsageError(f"`{path}` is not a Python file\nhint: `flyte run` takes a `.py` file with tasks")
    if path.is_dir():
        raise click.UsageError(f"`{path}` is a folder\nhint: name the `.py` file in it that has the task")
    folder = path.parent if path.parent.is_dir() else Path()
    siblings = sorted(entry.name for entry in folder.glob("*.py"))
    close = difflib.get_close_matches(path.name, siblings, n=1) or difflib.get_close_matches(
        f"{path.name}.py", siblings, n=1
    )
    hint = f"did you mean `{folder / close[0]}`?" if close else f"the working directory is `{Path.cwd()}`"
    raise click.UsageError(f"there is no file `{path}`\nhint: {hint}")


def load_module(path: Path, root: Path) -> ModuleType:
    """Import the file at `path` under the dotted name that it has below `root`.

    `root` and the file's own folder join the import path, so that modules beside the file are found.

    Raises:
        CodeNotLoadedError: when importing it fails, with the user's frames.
        DuplicateEnvironmentError: when it declares two environments of one name.
    """
    for folder in (str(root), str(path.parent)):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    name = _module_name(path, root)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CodeNotLoadedError(f"`{path}` cannot be imported as a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        sys.modules.pop(name, None)
        raise CodeNotLoadedError(_explain(error, path)) from error
    check_names()
    return module


def tasks_of(module: ModuleType) -> dict[str, TaskTemplate[..., Any]]:
    """Return the tasks of a module by the name of their variable, in the order of definition."""
    return {name: value for name, value in vars(module).items() if isinstance(value, TaskTemplate)}


def _module_name(path: Path, root: Path) -> str:
    try:
        parts = path.relative_to(root).with_suffix("").parts
    except ValueError:
        parts = (path.stem,)
    return ".".join(parts) if all(part.isidentifier() for part in parts) else path.stem


def _explain(error: BaseException, path: Path) -> str:
    shown = _relative(path)
    if isinstance(error, SyntaxError):
        where = "".join(traceback.format_exception_only(error)).rstrip("\n")
        file = _relative(Path(error.filename)) if error.filename else shown
        located, _, _ = where.rpartition("\n")
        return f"`{file}` has a syntax error in line {error.lineno}: {error.msg}\n{located}\nhint: correct that line"
    frames = user_frames([error.__traceback__])
    if isinstance(error, ModuleNotFoundError) and error.name:
        top = error.name.partition(".")[0]
        return (
            f"`{shown}` imports `{error.name}`, which is not installed\n{frames.format().rstrip()}\n"
            f"hint: install it (`uv pip install {top}`); if it is a module of yours, run from the folder that has `{top}`"
        )
    if isinstance(error, SystemExit):
        return (
            f"`{shown}` ended the interpreter while it was imported (`SystemExit: {error.code}`)\n{frames.format().rstrip()}\n"
            'hint: put what runs as a script under `if __name__ == "__main__":`'
        )
    message, _, hint = str(error).partition("\nhint: ")
    hint = hint or "the file must be importable before its tasks can be run"
    failed = f"`{shown}` failed while it was imported: {type(error).__name__}: {message}"
    return f"{failed}\n{frames.format().rstrip()}\nhint: {hint}"


def _relative(path: Path) -> str:
    try:
        return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
    except ValueError:
        return str(path)
