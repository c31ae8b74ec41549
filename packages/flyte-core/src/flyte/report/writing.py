"""The report of the action that runs: adding to it, and handing the page to whoever carries out the action."""

from flyte.controllers.protocol import active_controller
from flyte.report.page import MAIN, Report, Tab
from flyte_models.context import current_context
from flyte_models.task_context import TaskContext
from flyte_syncify import Twofold, syncify

__all__ = ["current_report", "flush", "get_tab", "log", "replace", "report_of", "save"]

_KEY = "__flyte_report__"


def report_of(context: TaskContext) -> Report:
    """Give the report of an action, the same each time."""
    return context.data.setdefault(_KEY, Report((context.task_action or context.action).name))


def current_report() -> Report:
    """Give the report of the action that runs; outside of tasks one that goes nowhere."""
    context = current_context()
    return report_of(context) if context else Report("dummy")


def get_tab(name: str, /, create_if_missing: bool = True) -> Tab:
    """Give a tab of the report of the action that runs.

    Args:
        name: The name, which the page shows; `main` is there from the beginning.
        create_if_missing: Make it if it is not there.

    Raises:
        ValueError: It is not there, and shall not be made.
    """
    return current_report().get_tab(name, create_if_missing)


@syncify
async def flush() -> None:
    """Show the report as it is now; a task with `report=True` does so at its end by itself. Outside of tasks nothing happens.

    Raises:
        OSError: The page cannot be written.
        flyte_storage.StorageError: The page cannot be written.
    """
    context = current_context()
    if context:
        await save(context)


async def save(context: TaskContext) -> None:
    """Hand the page of an action, if anything was logged, to the controller of its run."""
    report = report_of(context)
    controller = active_controller.get()
    if controller is not None and report.has_content():
        await controller.save_report(context.task_action or context.action, report.render().encode())


def _log(content: str, do_flush: bool = False) -> None:
    """Add HTML to the main tab of the report.

    Args:
        content: HTML.
        do_flush: Show the report as it is now, instead of at the end of the task.

    Raises:
        TypeError: The content is no text.
    """
    get_tab(MAIN).log(content)
    if do_flush:
        flush()


async def _log_async(content: str, do_flush: bool = False) -> None:
    get_tab(MAIN).log(content)
    if do_flush:
        await flush.aio()


def _replace(content: str, do_flush: bool = False) -> None:
    """Put HTML in the place of all that the main tab of the report holds.

    Args:
        content: HTML.
        do_flush: Show the report as it is now, instead of at the end of the task.

    Raises:
        TypeError: The content is no text.
    """
    get_tab(MAIN).replace(content)
    if do_flush:
        flush()


async def _replace_async(content: str, do_flush: bool = False) -> None:
    get_tab(MAIN).replace(content)
    if do_flush:
        await flush.aio()


log = Twofold(_log, _log_async)
replace = Twofold(_replace, _replace_async)
