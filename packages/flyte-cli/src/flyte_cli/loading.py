"""The user's Python file as a module, and the tasks in it; what can go wrong is told in terms of that file."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from flyte.tasks.declarations import check_names
from flyte.tasks.template import TaskTemplate
from flyte_cli.errors import CodeNotLoadedError
from flyte_cli.messages import closest


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
    close = closest(path.name, siblings) or closest(f"{path.name}.py", siblings)
    hint = f"did you mean `{folder / close}`?" if close else f"the working directory is `{Path.cwd()}`"
    raise click.UsageError(f"there is no file `{path}`\nhint: {hint}")


def load_module(path: Path, root: Path) -> ModuleType:
    """Import the file at `path` under the dotted name that it has below `root`.

    `root` and the file's own folder join the import path, so that modules beside the file are found.

    Raises:
        CodeNotLoadedError: when importing it fails, with the user's frames.
        DuplicateEnvironmentError: when it declares two environments of one name.
    """
    # The root comes first, as in the reference: of two modules of one name its own counts.
    for folder in (str(path.parent), str(root)):
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
        from flyte_cli.import_failures import explain  # noqa: PLC0415 - only a failure pays for reading tracebacks

        raise CodeNotLoadedError(explain(error, path)) from error
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
