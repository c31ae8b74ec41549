"""Where attempts run: the `Executor` protocol and the one that awaits them in place. Other executors live in packages above."""

from collections.abc import Awaitable
from typing import Protocol

from flyte_engine.actions import ActionRequest, Attempt, Completed
from flyte_models.ids import ActionID


class Executor(Protocol):
    """Carries out attempts."""

    def execute(self, request: ActionRequest, attempt: Attempt) -> Awaitable[Completed]:
        """Run one attempt to its end, which is awaited.

        Whatever it raises is the failure of the attempt. When cancelled it ends the attempt before it returns.

        Raises:
            AttemptLostError: the attempt ended through no fault of the task; it is repeated at the system's expense.
        """
        ...


class AttemptLostError(Exception):
    """An executor lost the attempt: its worker died or was never reached.

    Counts as a system failure only for the very attempt it names: when the same exception travels up into the caller's
    body, it is an ordinary failure there. Otherwise each level of callers would repeat all levels below.

    Args:
        message: what happened, and a hint.
        action_id: the action that was running.
        number: its attempt, counted from 1.
    """

    def __init__(self, message: str, *, action_id: ActionID, number: int) -> None:
        super().__init__(message)
        self.action_id = action_id
        self.number = number


class InlineExecutor:
    """Awaits the body in the caller's task and loop."""

    def execute(self, request: ActionRequest, attempt: Attempt) -> Awaitable[Completed]:
        """Run one attempt; see `Executor.execute`."""
        return request.body(attempt)
