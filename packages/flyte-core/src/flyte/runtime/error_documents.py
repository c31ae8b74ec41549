"""Failures of an action as the `error.pb` that a control plane reads. This loads protobuf: only actions that fail need it."""

import traceback
from typing import TYPE_CHECKING

from flyteidl2.core import execution_pb2

from flyte.runtime.invocation import InvocationError
from flyte_models.errors import (
    BaseRuntimeError,
    CodeBundleError,
    ModuleLoadError,
    NonRecoverableError,
    RuntimeDataValidationError,
)
from flyte_protocol.failures import TRACE_MARK

if TYPE_CHECKING:
    from flyte_engine.records import ErrorRecord

__all__ = ["error_document", "record_document", "traceback_of"]

_POINTLESS = (NonRecoverableError, InvocationError, ModuleLoadError, CodeBundleError, RuntimeDataValidationError)
_MOST_TEXT = 64 * 1024
_ORIGINS = {
    "user": execution_pb2.ExecutionError.USER,
    "system": execution_pb2.ExecutionError.SYSTEM,
    "unknown": execution_pb2.ExecutionError.UNKNOWN,
}


def error_document(error: BaseException, *, is_recoverable: bool | None = None) -> bytes:
    """Return the `ErrorDocument` of a failure.

    The code is the class of the exception, or the code of a Flyte error; the message is its text, and below it the traceback
    without frames of Flyte's own.

    Args:
        error: What the action raised.
        is_recoverable: Whether another attempt can help. None: unless the exception says that none can.
    """
    document = execution_pb2.ErrorDocument()
    failure = document.error
    is_ours = isinstance(error, BaseRuntimeError)
    failure.code = error.code if is_ours else type(error).__name__
    failure.origin = _ORIGINS[error.kind] if is_ours else _origin(error)
    recoverable = not isinstance(error, _POINTLESS) if is_recoverable is None else is_recoverable
    failure.kind = (
        execution_pb2.ContainerError.RECOVERABLE if recoverable else execution_pb2.ContainerError.NON_RECOVERABLE
    )
    failure.message = _message(error)
    return document.SerializeToString()


def record_document(error: "ErrorRecord") -> bytes:
    """Return the `ErrorDocument` of a failure that was described already."""
    document = execution_pb2.ErrorDocument()
    document.error.code = error.code
    document.error.origin = _ORIGINS.get(error.kind, execution_pb2.ExecutionError.UNKNOWN)
    document.error.kind = (
        execution_pb2.ContainerError.RECOVERABLE if error.recoverable else execution_pb2.ContainerError.NON_RECOVERABLE
    )
    trace = (error.traceback or "").removeprefix(TRACE_MARK.lstrip("\n"))
    document.error.message = _shortened(f"{error.message}{TRACE_MARK}{trace}" if trace else error.message)
    return document.SerializeToString()


def traceback_of(error: BaseException) -> list[str]:
    """Return the lines of an error's traceback with the frames of Flyte itself left out where the user's begin."""
    shown = traceback.TracebackException.from_exception(error)
    link: traceback.TracebackException | None = shown
    while link is not None:
        frames = [frame for frame in link.stack if not _is_ours(frame.filename)]
        if frames:
            link.stack = traceback.StackSummary.from_list(frames)
        link = link.__cause__ or link.__context__
    return list(shown.format())


def _message(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    lines = "".join(traceback_of(error))
    trace = lines.removeprefix(TRACE_MARK.lstrip("\n"))
    return _shortened(f"{text}{TRACE_MARK}{trace}")


def _shortened(whole: str) -> str:
    return whole if len(whole) <= _MOST_TEXT else f"{whole[: _MOST_TEXT // 2]}\n...\n{whole[-_MOST_TEXT // 2 :]}"


def _origin(error: BaseException) -> "execution_pb2.ExecutionError.ErrorKind":
    # A file system that fails below the user's code is no fault of it.
    is_device = isinstance(error, OSError) and error.errno == 5
    return execution_pb2.ExecutionError.SYSTEM if is_device else execution_pb2.ExecutionError.USER


def _is_ours(filename: str) -> bool:
    parts = filename.replace("\\", "/").split("/")
    return any(part == "flyte" or part.startswith("flyte_") for part in parts[-4:-1]) or "asyncio" in parts[-2:-1]
