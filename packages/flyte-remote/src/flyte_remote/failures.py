"""The error of an action that did not succeed, as a caller can catch it."""

from typing import TYPE_CHECKING

from flyte_models.errors import ActionAbortedError, BaseRuntimeError
from flyte_models.phases import ActionPhase
from flyte_protocol.failures import FailureInfo, error_of_failure

if TYPE_CHECKING:
    from flyte_remote.action_details import ActionDetails

__all__ = ["failure_of"]

_KINDS = {1: "user", 2: "system"}
"""`ErrorInfo.Kind`."""


def failure_of(details: "ActionDetails") -> BaseRuntimeError | ActionAbortedError:
    """Make the error of an action that is over and did not succeed."""
    info = details.error_info
    if details.phase is ActionPhase.ABORTED:
        reason = details.abort_info.reason if details.abort_info is not None else ""
        return ActionAbortedError(f"run `{details.run_name}` was aborted{f': {reason}' if reason else ''}")
    if info is None:
        code = "MaxRuntimeExceeded" if details.phase is ActionPhase.TIMED_OUT else "Unknown"
        return error_of_failure(
            FailureInfo(code, f"action `{details.name}` ended as {details.pb2.status.phase}", "unknown")
        )
    return error_of_failure(FailureInfo(info.code or "Unknown", info.message, _KINDS.get(info.kind, "unknown")))
