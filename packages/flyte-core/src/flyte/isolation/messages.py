"""What a run and the processes of its bodies tell each other, and how both name a task."""

import pickle
import sys
import traceback
from typing import Any

from flyte.tasks.template import AsyncFunctionTaskTemplate, TaskTemplate
from flyte_engine.records import TraceRecord
from flyte_models.errors import RuntimeSystemError, RuntimeUserError
from flyte_models.task_context import TaskContext
from flyte_models.values import value

__all__ = [
    "Answer",
    "Body",
    "Call",
    "Failed",
    "Reference",
    "find_task",
    "packed_error",
    "reference_to",
    "unpacked_error",
]

_CHILD_MAIN = "__mp_main__"
"""What `multiprocessing` calls the main module in a process that it started."""

Reference = tuple[str, str, str] | bytes
"""Module, file and name of a task, or the pickled task where no module has it under a name."""


@value
class Body:
    """A body to execute."""

    task: Reference
    inputs: bytes
    context: TaskContext
    environment: dict[str, str]
    traces: list[TraceRecord]
    """What earlier attempts have recorded."""
    is_captured: bool
    """Whether what it prints is recorded."""


@value
class Call:
    """A body asks something of its run: `submit`, `flush`, `report` or `condition`."""

    number: int
    method: str
    payload: Any


@value
class Answer:
    """What a `Call` came to."""

    number: int
    result: Any = None
    error: bytes | None = None


@value
class Failed:
    """A body has raised."""

    error: bytes


def reference_to(task: TaskTemplate[..., Any]) -> Reference:
    """Name a task for another process.

    Raises:
        RuntimeUserError: It has no name in a module, and cannot be pickled.
    """
    function: Any = getattr(task, "func", None)
    module, name = getattr(function, "__module__", None), getattr(function, "__name__", "")
    found = getattr(sys.modules.get(module or ""), name, None)
    if module is not None and isinstance(found, AsyncFunctionTaskTemplate) and found.func is function:
        return module, getattr(sys.modules[module], "__file__", None) or "", name
    # Tasks are hardly ever made elsewhere than in a module.
    import cloudpickle  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]

    try:
        return cloudpickle.dumps(task)  # pyright: ignore[reportUnknownMemberType]
    except Exception as error:
        raise RuntimeUserError(
            "TaskNotFound",
            f"task `{task.name}` cannot be handed to a process of its own: {error}\n"
            "hint: define it at the top of a module",
        ) from error


def find_task(reference: Reference) -> TaskTemplate[..., Any]:
    """Return the task that another process has named.

    Raises:
        RuntimeUserError: There is none here.
    """
    if isinstance(reference, bytes):
        return pickle.loads(reference)  # noqa: S301 - of our own process
    module, file, name = reference
    if module == _CHILD_MAIN and _CHILD_MAIN not in sys.modules:
        module = "__main__"
    if module not in sys.modules:
        _load(module, file)
    found = getattr(sys.modules[module], name, None)
    if not isinstance(found, TaskTemplate):
        raise RuntimeUserError(
            "TaskNotFound",
            f"module `{module}` has no task `{name}` in the process that is to run it\n"
            "hint: tasks must be defined when the module is imported, not below `if __name__ == '__main__'`",
        )
    return found  # pyright: ignore[reportUnknownVariableType]


def _load(module: str, file: str) -> None:
    """Import a module of the run: by its name, or from its file where it was loaded under a name that no import finds."""
    # Only the other process loads modules.
    from importlib import import_module, util  # noqa: PLC0415

    try:
        import_module(module)
    except ModuleNotFoundError as error:
        if not file or not module.startswith(error.name or "\0"):
            raise
        spec = util.spec_from_file_location(module, file)
        if spec is None or spec.loader is None:
            raise
        made = sys.modules[module] = util.module_from_spec(spec)
        spec.loader.exec_module(made)


def packed_error(error: BaseException) -> bytes:
    """Pickle an exception; one that cannot be becomes a `RuntimeUserError` of its class name and message."""
    text = "".join(traceback.format_exception(error))
    try:
        packed = pickle.dumps(error)
        pickle.loads(packed)  # noqa: S301 - just made; many exceptions fail only here
    except Exception:
        error = RuntimeUserError(type(error).__name__, str(error))
        packed = pickle.dumps(error)
    return pickle.dumps((packed, text))


def unpacked_error(data: bytes) -> BaseException:
    """Make the exception again, with the traceback that it had as a note."""
    packed, text = pickle.loads(data)  # noqa: S301 - of our own process
    error = pickle.loads(packed)  # noqa: S301 - as above
    if not isinstance(error, BaseException):
        error = RuntimeSystemError("BadMessage", f"the process of the body sent {error!r} as its failure")
    error.add_note(f"in the process of the task:\n{text}")
    return error
