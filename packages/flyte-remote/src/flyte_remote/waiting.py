"""Waiting for an action, with what it waits for shown on a terminal."""

import sys
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal

from flyte_models.phases import ActionPhase
from flyte_protocol.phases import phase_from_wire
from flyte_protocol.waits import WAITING, waiting_for
from flyte_remote.connection import connection
from flyte_remote.watching import watch_details

if TYPE_CHECKING:
    from flyteidl2.common import identifier_pb2

__all__ = ["WaitFor", "is_reached", "reasons_to_wait", "wait_for_action"]

WaitFor = Literal["terminal", "running", "logs-ready"]


def is_reached(details: Any, wait_for: str) -> bool:
    """Tell whether an action is where somebody waits for it to be.

    Raises:
        ValueError: There is no such place.
    """
    if wait_for not in ("terminal", "running", "logs-ready"):
        raise ValueError(f"`wait_for` must be `terminal`, `running` or `logs-ready`, got {wait_for!r}")
    phase = phase_from_wire(details.status.phase)
    if phase is not None and phase.is_terminal:
        return True
    if wait_for == "running":
        return phase is ActionPhase.RUNNING
    return wait_for == "logs-ready" and any(attempt.logs_available for attempt in details.attempts)


async def reasons_to_wait(action_id: "identifier_pb2.ActionIdentifier") -> AsyncGenerator[str]:
    """Yield what an action waits for, each time that it is something else, until it runs.

    Raises:
        RpcError: there is no such action, or the control plane cannot be reached.
    """
    told = ""
    async with aclosing(watch_details(connection(), action_id)) as messages:
        async for details in messages:
            reason = waiting_for(details)
            if reason and reason != told:
                told = reason
                yield reason
            if phase_from_wire(details.status.phase) not in WAITING:
                return


async def wait_for_action(
    action_id: "identifier_pb2.ActionIdentifier", *, wait_for: str = "terminal", is_quiet: bool = False
) -> Any:
    """Return the details of an action when it is where it is waited for.

    On a terminal each new phase, and what is waited for, is a line on standard error, unless `is_quiet`.

    Raises:
        RpcError: there is no such action, or the control plane cannot be reached.
    """
    shown: tuple[int, str] | None = None
    began = time.monotonic()
    shows = not is_quiet and sys.stderr.isatty()
    details: Any = None
    async for details in watch_details(connection(), action_id):
        if shows and (now := (details.status.phase, waiting_for(details))) != shown:
            shown = now
            phase = phase_from_wire(details.status.phase)
            name = phase.value if phase is not None else "in no known phase"
            passed = time.monotonic() - began
            reason = f": {now[1]}" if now[1] else ""
            print(  # noqa: T201
                f"run {action_id.run.name}: {action_id.name} is {name} ({passed:.1f} s){reason}", file=sys.stderr
            )
        if is_reached(details, wait_for):
            break
    return details
