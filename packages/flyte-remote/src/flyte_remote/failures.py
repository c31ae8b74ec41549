"""The error of an action that did not succeed, as a caller can catch it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from flyte_models.errors import ActionAbortedError, BaseRuntimeError
from flyte_models.phases import ActionPhase
from flyte_protocol.failures import FailureInfo, error_of_failure

if TYPE_CHECKING:
    from flyte_remote.action_details import ActionDetails

__all__ = ["failure_of", "set_on_missing_bundle"]

_KINDS = {1: "user", 2: "system"}
"""`ErrorInfo.Kind`."""
_on_missing_bundle: Callable[[str], None] | None = None


def set_on_missing_bundle(tell: Callable[[str], None]) -> None:
    """Say who is told the URI of a bundle that its store had no more when an action wanted it."""
    global _on_missing_bundle  # noqa: PLW0603 - one for the process, as the target
    _on_missing_bundle = tell


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
    if "MissingBundleError" in info.code and _on_missing_bundle is not None:
        bundle = details.code_bundle
        if bundle is not None:
            _on_missing_bundle(bundle.tgz or bundle.pkl or "")
    return error_of_failure(FailureInfo(info.code or "Unknown", info.message, _KINDS.get(info.kind, "unknown")))
