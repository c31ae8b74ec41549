"""From any exception to what the user reads and the exit code: the one place where the command line turns errors into text."""

import errno
import select
import sys
import traceback
from collections.abc import Sequence
from typing import TextIO, cast

import click

from flyte.failures import ActionFailure, causes, path_of
from flyte.running.outputs import LocalRun
from flyte.tasks.declarations import DuplicateEnvironmentError
from flyte_cli import exit_codes
from flyte_cli.errors import (
    AlreadyOverError,
    CodeNotLoadedError,
    InterruptedRunError,
    LeftRunError,
    RemoteRunFailedError,
    RunFailedError,
    names_nothing,
)
from flyte_cli.frames import user_frames
from flyte_cli.hints import local_option
from flyte_cli.messages import dim, error_text
from flyte_cli.usage_errors import usage_message
from flyte_config import ConfigError
from flyte_engine.store import StoreError
from flyte_models.errors import (
    BaseRuntimeError,
    CodeBundleError,
    DeclarationError,
    DeploymentError,
    ImageBuildError,
    InitializationError,
    InvalidPackageError,
    ModuleLoadError,
    RunRefusedError,
    RuntimeUserError,
    UnionRpcError,
)
from flyte_types.errors import InputTypeError, InputValueError, UnsupportedTypeError


def render_failure(error: BaseException, *, verbose: bool, colour: bool) -> tuple[str, int]:
    """Return what to write to standard error, possibly nothing, and the exit code.

    Args:
        error: What ended the command.
        verbose: Show all frames of tracebacks.
        colour: Use colours.
    """
    if isinstance(error, click.exceptions.Exit):
        return "", error.exit_code
    if isinstance(error, SystemExit) and _nobody_reads(sys.__stdout__):
        # Who reads the output has enough of it (`flyte get run | head -1`): click has quietened it and ends the command.
        return "", exit_codes.OK
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error.format_message() + "\n", exit_codes.USAGE
    if isinstance(error, RunFailedError):
        return _run_failed(error.run, verbose=verbose, colour=colour), exit_codes.RUN_FAILED
    if isinstance(error, RemoteRunFailedError | AlreadyOverError):
        return error_text(error.message, colour=colour), exit_codes.RUN_FAILED
    if isinstance(error, InterruptedRunError):
        local = local_option()
        message = (
            f"interrupted: run `{error.run_name}` was aborted, and the clean-up code of its tasks was run\n"
            f"hint: `flyte get run {error.run_name}{local}` shows what it had done, "
            f"`flyte run{local} --resume {error.run_name}` goes on"
        )
        return error_text(message, colour=colour), exit_codes.INTERRUPTED
    if isinstance(error, LeftRunError):
        return error_text(error.message, colour=colour), exit_codes.INTERRUPTED
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return error_text("interrupted", colour=colour), exit_codes.INTERRUPTED
    if isinstance(error, CodeNotLoadedError):
        text = error_text(error.message, colour=colour)
        if verbose and error.__cause__ is not None:
            text += "".join(traceback.format_exception(error.__cause__))
        return text, exit_codes.CODE_NOT_LOADED
    if names_nothing(error):
        return error_text(_plain_message(error), colour=colour), exit_codes.USAGE
    for kinds, code in _PLAIN:
        if isinstance(error, kinds):
            return error_text(_plain_message(error), colour=colour), code
    if _is_of_store(error):
        return error_text(_plain_message(error), colour=colour), exit_codes.CONTROL_PLANE
    if isinstance(error, OSError) and error.errno in _OF_THIS_MACHINE:
        shown = "".join(traceback.format_exception(error)) if verbose else ""
        return shown + error_text(_machine_message(error), colour=colour), exit_codes.CONFIGURATION
    return _internal(error, verbose=verbose, colour=colour), exit_codes.INTERNAL


def _is_of_store(error: BaseException) -> bool:
    # Whoever raises it has loaded it; hardly any command does.
    errors = sys.modules.get("flyte_storage.errors")
    return errors is not None and isinstance(error, errors.StorageError)


def _nobody_reads(stream: TextIO | None) -> bool:
    """Tell whether `stream` is a pipe whose other end is closed."""
    try:
        polled = select.poll()
        polled.register(stream.fileno() if stream is not None else -1, 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in polled.poll(0))
    except (OSError, ValueError):
        return False


_PLAIN: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], int], ...] = (
    ((click.ClickException, InputTypeError, InputValueError, NotImplementedError), exit_codes.USAGE),
    (
        (
            DeclarationError,
            DuplicateEnvironmentError,
            UnsupportedTypeError,
            CodeBundleError,
            ImageBuildError,
            InvalidPackageError,
            ModuleLoadError,
        ),
        exit_codes.CODE_NOT_LOADED,
    ),
    ((ConfigError, StoreError, InitializationError), exit_codes.CONFIGURATION),
    ((UnionRpcError, DeploymentError, RunRefusedError), exit_codes.CONTROL_PLANE),
    (RuntimeUserError, exit_codes.USAGE),
)
"""Errors whose text is complete as it is, and their exit codes."""


_OF_THIS_MACHINE = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO),
    *(errno.EMFILE, errno.ENFILE, errno.ENAMETOOLONG, errno.ENOTDIR, errno.ELOOP),
}
"""What a file or a folder that may not be used, or a full disk, says wherever it is met: nothing is wrong with the program."""


def _machine_message(error: OSError) -> str:
    what = (
        f"`{error.filename}` cannot be used"
        if error.filename is not None
        else "the output, or a file, cannot be written"
    )
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    hint = "make room on its disk" if full else "check what it is, who may use it, and whether its disk can be written"
    return f"{what}: {error.strerror}\nhint: {hint}; `flyte -v ...` shows what needed it"


_THIS_MACHINE = ("localhost", "127.0.0.1", "[::1]")


def _plain_message(error: BaseException) -> str:
    if isinstance(error, click.ClickException):
        return usage_message(error)
    text = _with_notes(error)
    if "nothing listens there" in text and any(f"//{host}:" in text for host in _THIS_MACHINE):
        text += "\nhint: `flyte status devbox` says where the devbox of this machine is, `flyte start devbox` starts it"
    return text


def _with_notes(error: BaseException) -> str:
    """Return the text of an error with what was noted of it on the way; hints stay behind all else."""
    lines = [line for part in (str(error), *getattr(error, "__notes__", ())) for line in part.strip("\n").split("\n")]
    return "\n".join(sorted(lines, key=lambda line: line.startswith("hint:")))


def _run_failed(run: LocalRun, *, verbose: bool, colour: bool) -> str:
    error = run.error
    if error is None:
        return error_text(f"run `{run.name}` ended as {run.phase.value}", colour=colour)
    path = path_of(error)
    links = list(causes(error))
    root = root_cause(links)
    lines = [_headline(run, path, root)]
    lines += _detail_lines(path)
    lines += [note.rstrip() for note in getattr(root, "__notes__", ())]
    frames = user_frames([link.__traceback__ for link in links])
    text = error_text("\n".join(lines), colour=colour)
    if verbose:
        return text + "".join(traceback.format_exception(error)) + _hints(run, colour=colour)
    text += frames.format()
    if frames.shown and frames.folded:
        noun = "frame" if frames.folded == 1 else "frames"
        text += dim(
            f"  ({frames.folded} {noun} of flyte and Python folded; `flyte -v ...` shows them)\n", colour=colour
        )
    return text + _hints(run, colour=colour)


def _headline(run: LocalRun, path: Sequence[ActionFailure], root: BaseException) -> str:
    task = f"task `{path[-1].task_name}`" if path else f"run `{run.name}`"
    attempts = path[-1].attempt if path else 1
    after = f" after {attempts} attempts" if attempts > 1 else ""
    name = root.code if isinstance(root, BaseRuntimeError) else type(root).__name__
    message = _first_lines(str(root))
    return f"{task} failed{after}: {name}: {message}" if message else f"{task} failed{after}: {name}"


def _detail_lines(path: Sequence[ActionFailure]) -> list[str]:
    if not path:
        return []
    lines: list[str] = []
    if len(path) > 1 or path[-1].index is not None:
        lines.append(f"  action  {' > '.join(step.label for step in path)}")
    inputs = path[-1].inputs
    if inputs:
        lines.append(f"  inputs  {', '.join(f'{name}={shown}' for name, shown in inputs)}")
    return lines


def _hints(run: LocalRun, *, colour: bool) -> str:
    if run.recorded_in is None:
        return ""
    hint = f"\nhint: `flyte get action {run.name}{local_option()}` shows every action of this run"
    return error_text(hint, colour=colour).partition("\n")[2]


def root_cause(links: Sequence[BaseException]) -> BaseException:
    """Return the error that the user has to look at: the first that is not a mere carrier of another one."""
    for link in links:
        carries = isinstance(link, BaseRuntimeError) and link.__cause__ is not None
        if not carries:
            return _first_of_group(link)
    return links[-1]


def _first_of_group(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        members = cast("tuple[BaseException, ...]", error.exceptions)  # pyright: ignore[reportUnknownMemberType]
        error = members[0]
    return error


def _first_lines(message: str, limit: int = 12) -> str:
    lines = message.rstrip().split("\n")
    return "\n".join(lines) if len(lines) <= limit else "\n".join([*lines[:limit], "  …"])


def _internal(error: BaseException, *, verbose: bool, colour: bool) -> str:
    shown = "".join(traceback.format_exception(error)) if verbose else ""
    message = f"this should not have happened, and is a bug of flyte: {type(error).__name__}: {error}"
    hint = (
        "please report it with the traceback above"
        if verbose
        else "`flyte -v ...` shows the traceback; please report it"
    )
    return shown + error_text(f"{message}\nhint: {hint}", colour=colour)
