"""What the code of a task can ask about its own execution."""

from flyte_models.context import current_context
from flyte_models.task_context import TaskContext


def ctx() -> TaskContext:
    """Return the context of the task that is executing; outside a task a null context, which is falsy."""
    return current_context()


__all__ = ["ctx"]
