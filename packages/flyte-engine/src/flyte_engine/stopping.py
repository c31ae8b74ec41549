"""Ends what still runs: children of an action that is over, or all of a run. Marks them ABORTED, then cancels their tasks."""

import asyncio
from collections.abc import Iterable

from flyte_engine.journal import Journal
from flyte_engine.live import LiveAction, LiveRun
from flyte_engine.records import ActionRecord, ErrorRecord

__all__ = ["CODE_ABORTED", "CODE_CANCELLED", "abort_alive", "abort_children", "cancelled_error", "current_task"]

CODE_ABORTED = "Aborted"
CODE_CANCELLED = "Cancelled"


def abort_children(journal: Journal, action: LiveAction) -> "set[asyncio.Task[object]]":
    """Abort what still runs below, the deepest first, and give the tasks that were cancelled for it."""
    if not action.children:
        return set()
    message = f"its parent `{action.request.action_id.name}` ended before this action did"
    error = ErrorRecord(CODE_ABORTED, message, recoverable=False)
    below = list(action.descendants())
    below.reverse()
    return _cancel((child for child in below if journal.abort(child, error)), message, action.body)


def abort_alive(journal: Journal, run: LiveRun, error: ErrorRecord) -> tuple[ActionRecord, ...]:
    """Abort every action of a run that is not over, children before their parents, and give their records."""
    # Of a copy: a subscriber may end actions.
    actions = [action for action in reversed(list(run.alive.values())) if journal.abort(action, error)]
    _cancel(actions, error.message)
    return tuple(action.record for action in actions)


def cancelled_error(exception: BaseException) -> ErrorRecord:
    """Describe why an action was cancelled by its caller."""
    message = str(exception) or ("interrupted" if isinstance(exception, KeyboardInterrupt) else "cancelled")
    return ErrorRecord(CODE_CANCELLED, message, recoverable=False)


def current_task() -> "asyncio.Task[object] | None":
    """Give the calling task, if there is one."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        # Called outside the loop, as `Engine.close` may be.
        return None


def _cancel(
    actions: Iterable[LiveAction], message: str, spared: "asyncio.Task[object] | None" = None
) -> "set[asyncio.Task[object]]":
    """Cancel what carries the actions out, except the calling task and a spared one; give what was cancelled."""
    current = current_task()
    # Once per task: a child that was awaited in place shares the task of its parent.
    tasks = {action.task for action in actions if action.body is None or action.body is not current}
    cancelled = {task for task in tasks if task is not None and task is not current and task is not spared}
    for task in cancelled:
        task.cancel(message)
    return cancelled
