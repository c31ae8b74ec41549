"""What the code of a task can ask about its own execution, and hand down to its children."""

from flyte_models.context import current_context, current_custom_context, custom_context_scope, group_scope
from flyte_models.task_context import TaskContext


def ctx() -> TaskContext:
    """Return the context of the task that is executing; outside a task a null context, which is falsy."""
    return current_context()


custom_context = custom_context_scope
"""`flyte.custom_context`."""
get_custom_context = current_custom_context
"""`flyte.get_custom_context`."""
group = group_scope
"""`flyte.group`."""

__all__ = ["ctx", "custom_context", "get_custom_context", "group"]
