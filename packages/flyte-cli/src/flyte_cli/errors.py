"""What can end a command beside click's own errors. Only the exceptions; how they read is a matter of `failures`."""

from flyte.running.outputs import LocalRun
from flyte_models.errors import (
    ActionNotFoundError,
    ConditionNotFoundError,
    RemoteTaskNotFoundError,
    UnionRpcError,
)


def names_nothing(error: BaseException) -> bool:
    """Tell whether a command ended because what was named is not there, whoever found out: the client or the control plane.

    One rule for all nouns: the command line names what there is not, so that it exits as any wrong command line does.
    """
    if isinstance(error, UnionRpcError):
        return error.code == "not_found"
    return isinstance(error, ActionNotFoundError | ConditionNotFoundError | RemoteTaskNotFoundError)


class CodeNotLoadedError(Exception):
    """The user's file could not be imported."""

    def __init__(self, message: str) -> None:
        """Keep the whole text, which may have `hint:` lines."""
        super().__init__(message)
        self.message = message


class RunFailedError(Exception):
    """A run ended without success; it was carried out and recorded."""

    def __init__(self, run: LocalRun) -> None:
        """Keep the run, which knows what its root action raised."""
        super().__init__(run.name)
        self.run = run


class RemoteRunFailedError(Exception):
    """A run on a control plane was followed and ended without success."""

    def __init__(self, message: str) -> None:
        """Keep the whole text, which may have `hint:` lines."""
        super().__init__(message)
        self.message = message


class AlreadyOverError(Exception):
    """What was to be aborted is over: the command line is right, and nothing was aborted."""

    def __init__(self, message: str) -> None:
        """Keep the whole text, which may have `hint:` lines."""
        super().__init__(message)
        self.message = message


class InterruptedRunError(Exception):
    """A run was interrupted with ctrl-c; it is recorded as ABORTED."""

    def __init__(self, run_name: str) -> None:
        """Name the run."""
        super().__init__(run_name)
        self.run_name = run_name


class LeftRunError(Exception):
    """A command that showed or started a run was interrupted with ctrl-c; the run goes on elsewhere."""

    def __init__(self, message: str) -> None:
        """Keep the whole text, which may have `hint:` lines."""
        super().__init__(message)
        self.message = message
