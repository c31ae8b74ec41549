"""Why the user's file could not be imported, as the text of the error. Loaded only once that has happened."""

import os
import traceback
from pathlib import Path

from flyte_cli.frames import user_frames
from flyte_models.errors import NotBuiltError


def explain(error: BaseException, path: Path) -> str:
    """Return what happened while the file at `path` was imported, with the user's frames and what to do."""
    shown = _relative(path)
    if isinstance(error, SyntaxError):
        where = "".join(traceback.format_exception_only(error)).rstrip("\n")
        file = _relative(Path(error.filename)) if error.filename else shown
        located, _, _ = where.rpartition("\n")
        return f"`{file}` has a syntax error in line {error.lineno}: {error.msg}\n{located}\nhint: correct that line"
    frames = user_frames([error.__traceback__])
    if isinstance(error, NotBuiltError):
        message, _, hint = str(error).partition("\nhint: ")
        return f"`{shown}` cannot be imported: {message}\n{frames.format().rstrip()}\nhint: {hint}"
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] == "flyte":
        # Most likely a name of another release; nothing that is installed beside this one helps.
        is_module = isinstance(error, ModuleNotFoundError)
        what = f"a module `{error.name}`" if is_module else f"a name of `{error.name}`"
        why = "" if is_module else f": {str(error).partition(' (')[0]}"
        return (
            f"`{shown}` imports {what} that this version of flyte does not have{why}\n{frames.format().rstrip()}\n"
            "hint: the CHANGELOG lists what each version has, `flyte --version` tells which this is"
        )
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
