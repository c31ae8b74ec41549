"""What the end of an attempt means: from exit code, `outputs.pb` and `error.pb` to an event of the lifecycle."""

import signal
from collections.abc import Callable

from flyteidl2.core import execution_pb2
from flyteidl2.workflow import run_definition_pb2
from google.protobuf.message import DecodeError

from flyte_devbox.executors import Exit
from flyte_models.lifecycle import Fail, Succeed
from flyte_models.values import value

__all__ = ["INTERRUPTED", "Outcome", "abort_error", "judge", "limit_error", "lost"]

_ErrorInfo = run_definition_pb2.ErrorInfo
_SHOWN_BYTES = 64 * 1024


@value
class Outcome:
    """How an attempt ended."""

    event: Succeed | Fail
    error: run_definition_pb2.ErrorInfo | None = None


def judge(ended: Exit, read: Callable[[str], bytes | None], *, label: str, memory_limit: int | None = None) -> Outcome:
    """Decide what an attempt's end means.

    Args:
        ended: how its process ended.
        read: gives the content of a file below its output prefix, or `None`.
        label: how messages name the attempt.
        memory_limit: how many bytes it was allowed to use, if that was limited.
    """
    if ended.outputs is not None:
        return Outcome(Succeed())
    document = ended.error if ended.error is not None else read("error.pb")
    if document is not None:
        return _from_document(document, label)
    if ended.is_out_of_memory:
        limit = "" if memory_limit is None else f" of {memory_limit / 1024**2:,.0f} MiB"
        message = f"{label} used more memory than its limit{limit} and was killed\nhint: raise `Resources(memory=...)`"
        return Outcome(Fail(recoverable=True), _ErrorInfo(code="OOMKilled", message=message, kind=_ErrorInfo.KIND_USER))
    if ended.is_machine_out_of_memory:
        message = (
            f"{label} was killed by the kernel: the machine had no memory left\n"
            "hint: declare what it needs with `Resources(memory=...)`, so that less runs beside it"
        )
        return Outcome(Fail(recoverable=True), _ErrorInfo(code="OOMKilled", message=message, kind=_ErrorInfo.KIND_USER))
    if ended.code == 0:
        return Outcome(Succeed())
    if ended.code is None and read("outputs.pb") is not None:
        return Outcome(Succeed())
    if ended.code is None:
        return lost(f"{label} ended while the devbox was down, without a result")
    if ended.code < 0:
        name = _signal_name(-ended.code)
        return lost(f"{label} was killed by {name}, from outside")
    message = f"{label} exited with code {ended.code} and left no error\nhint: its log may say more"
    return Outcome(
        Fail(recoverable=True), _ErrorInfo(code="NonZeroExitCode", message=message, kind=_ErrorInfo.KIND_USER)
    )


def lost(message: str) -> Outcome:
    """Return the outcome of an attempt that ended through no fault of the task."""
    error = _ErrorInfo(code="Interrupted", message=message, kind=_ErrorInfo.KIND_SYSTEM)
    return Outcome(Fail(recoverable=True, system=True), error)


def limit_error(kind: str, seconds: float, label: str) -> run_definition_pb2.ErrorInfo:
    """Describe a limit that has passed."""
    codes = {"max_runtime": "TaskTimeout", "max_queued_time": "QueuedTimeout", "deadline": "DeadlineExceeded"}
    code = codes.get(kind, "TaskTimeout")
    message = f"{label} passed its limit `{kind}` of {seconds:g} s"
    return _ErrorInfo(code=code, message=message, kind=_ErrorInfo.KIND_USER)


def abort_error(reason: str) -> run_definition_pb2.ErrorInfo:
    """Describe an abort."""
    return _ErrorInfo(code="Aborted", message=reason, kind=_ErrorInfo.KIND_USER)


INTERRUPTED = _ErrorInfo(
    code="Interrupted",
    message="the devbox was stopped while this attempt ran; another one begins when it is started again",
    kind=_ErrorInfo.KIND_SYSTEM,
)
"""What an attempt is told to have ended of when its server was stopped."""


def _from_document(document: bytes, label: str) -> Outcome:
    try:
        error = execution_pb2.ErrorDocument.FromString(document).error
    except DecodeError:
        message = f"{label} failed and left an `error.pb` that cannot be read"
        return Outcome(Fail(recoverable=True), _ErrorInfo(code="Unknown", message=message, kind=_ErrorInfo.KIND_USER))
    is_system = error.origin == execution_pb2.ExecutionError.SYSTEM
    info = _ErrorInfo(
        code=error.code or "Unknown",
        message=error.message[:_SHOWN_BYTES],
        kind=_ErrorInfo.KIND_SYSTEM if is_system else _ErrorInfo.KIND_USER,
    )
    return Outcome(Fail(recoverable=error.kind == execution_pb2.ContainerError.RECOVERABLE, system=is_system), info)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
