"""The report of an action: saved when its body ends, however it ends."""

from collections.abc import Awaitable
from typing import TypeVar

from flyte_models.task_context import TaskContext

__all__ = ["with_report"]

T = TypeVar("T")


async def with_report(context: TaskContext, body: Awaitable[T]) -> T:
    """Await the body of an action and then save its report; of one that fails, what it has logged until then.

    Raises:
        BaseException: What the body raises; or, of one that succeeds, that the report cannot be saved.
    """
    # Tasks without a report load nothing of this.
    from flyte.report.writing import save  # noqa: PLC0415

    try:
        result = await body
    except BaseException as error:
        try:
            await save(context)
        except Exception as further:
            error.add_note(f"its report could not be saved either: {further}")
        raise
    await save(context)
    return result
