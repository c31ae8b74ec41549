"""Failures of actions on the wire, made errors of `flyte.errors` again. This loads protobuf."""

from collections.abc import Callable

from flyteidl2.core import execution_pb2
from google.protobuf.message import DecodeError

from flyte_models.errors import (
    APPLE_SILICON_ERRORS_BY_CODE,
    GPU_FAULT_CODES,
    BaseRuntimeError,
    DeadlineExceededError,
    GPUFaultError,
    ImagePullBackOffError,
    InlineIOMaxBytesBreached,
    InvalidImageNameError,
    MaxQueuedTimeExceededError,
    MaxRuntimeExceededError,
    NonRecoverableError,
    OOMError,
    PrimaryContainerNotFoundError,
    RetriesExhaustedError,
    RuntimeSystemError,
    RuntimeUnknownError,
    RuntimeUserError,
    TaskInterruptedError,
    TaskTimeoutError,
)
from flyte_models.values import value

__all__ = ["TRACE_MARK", "FailureInfo", "error_of_failure", "failure_from_wire", "read_error_document"]

TRACE_MARK = "\n\nTraceback (most recent call last):\n"
"""Stands between the message of a failure and where it was raised."""


@value
class FailureInfo:
    """Why an action failed, as a control plane tells it."""

    code: str
    """Class of the exception, or a code of the system such as `OOMKilled`."""
    message: str
    kind: str
    """`user`, `system` or `unknown`."""
    is_recoverable: bool = True
    """Whether another attempt could have helped."""
    worker: str | None = None

    @property
    def text(self) -> str:
        """The message without the traceback."""
        return self.message.partition(TRACE_MARK)[0]

    @property
    def traceback(self) -> str | None:
        """Where it was raised in the other process, as Python prints it; None when it is not told."""
        _, mark, lines = self.message.partition(TRACE_MARK)
        return mark.lstrip("\n") + lines if mark else None


_KINDS = {
    execution_pb2.ExecutionError.USER: "user",
    execution_pb2.ExecutionError.SYSTEM: "system",
}


def failure_from_wire(message: execution_pb2.ExecutionError) -> FailureInfo:
    """Read the error of an action's update."""
    return FailureInfo(
        code=message.code,
        message=message.message,
        kind=_KINDS.get(message.kind, "unknown"),
        is_recoverable=message.recoverability == execution_pb2.ContainerError.RECOVERABLE,
        worker=message.worker or None,
    )


def read_error_document(content: bytes) -> FailureInfo:
    """Read an `error.pb`.

    Raises:
        ValueError: it is none.
    """
    try:
        error = execution_pb2.ErrorDocument.FromString(content).error
    except DecodeError as broken:
        raise ValueError(f"not an error document: {broken}") from None
    return FailureInfo(
        code=error.code,
        message=error.message,
        kind=_KINDS.get(error.origin, "unknown"),
        is_recoverable=error.kind == execution_pb2.ContainerError.RECOVERABLE,
    )


def error_of_failure(failure: FailureInfo) -> BaseRuntimeError:
    """Make the error that a caller can catch; the traceback of the other process is its note."""
    error = _error(failure)
    if failure.worker is not None:
        error.worker = failure.worker
    if failure.traceback is not None:
        error.add_note(failure.traceback)
    return error


def _error(failure: FailureInfo) -> BaseRuntimeError:
    code, text = failure.code or "Unknown", failure.text
    # Codes of the system stand in longer texts, such as `Interrupted: node was lost`; `server|user` names two.
    for part, make in _BY_CODE:
        if part in code:
            return make(code, text)
    if any(fault in code for fault in GPU_FAULT_CODES):
        return GPUFaultError(code, "system" if failure.kind == "system" else "user", text)
    apple = APPLE_SILICON_ERRORS_BY_CODE.get(code)
    if apple is not None:
        return apple(text)
    if failure.kind == "system":
        return RuntimeSystemError(code, text)
    if failure.kind == "unknown":
        return RuntimeUnknownError(code, text)
    return RuntimeUserError(code, text)


_BY_CODE: tuple[tuple[str, Callable[[str, str], BaseRuntimeError]], ...] = (
    ("OOM", OOMError),
    ("Interrupted", TaskInterruptedError),
    ("PrimaryContainerNotFound", PrimaryContainerNotFoundError),
    ("RetriesExhausted", RetriesExhaustedError),
    ("InvalidImageName", InvalidImageNameError),
    ("ImagePullBackOff", ImagePullBackOffError),
    ("MaxRuntimeExceeded", lambda _, text: MaxRuntimeExceededError(text)),
    ("MaxQueuedTimeExceeded", lambda _, text: MaxQueuedTimeExceededError(text)),
    ("DeadlineExceeded", lambda _, text: DeadlineExceededError(text)),
    ("TaskTimeout", lambda _, text: TaskTimeoutError(text)),
    ("NonRecoverable", lambda code, text: NonRecoverableError(text, code)),
    ("InlineIOMaxBytesBreached", lambda _, text: InlineIOMaxBytesBreached(text)),
)
