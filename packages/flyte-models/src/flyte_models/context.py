"""Which task context, group and custom context are current, in this thread or asyncio task."""

from _thread import allocate_lock
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Any

from flyte_models.task_context import NULL_TASK_CONTEXT, GroupData, TaskContext

__all__ = [
    "LOG_VARIABLES",
    "DeferredContext",
    "current_context",
    "current_custom_context",
    "custom_context_scope",
    "enter_context",
    "expected_artifacts",
    "group_scope",
    "leave_context",
    "task_scope",
]

LOG_VARIABLES = {"LOG_LEVEL": "30", "LOG_FORMAT": "console", "USER_LOG_LEVEL": "20", "FLYTE_RESET_ROOT_LOGGER": ""}
"""The variables of the log, and what each means that is not set. Each action of a run gets them: most change nothing."""

# Not of `threading`, which takes longer to import than this package.
_making = allocate_lock()


class DeferredContext:
    """A context that is made once, when it is first asked for: most actions end without asking, and it takes long to make."""

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], TaskContext]) -> None:
        self._make = make
        self._made: TaskContext | None = None

    def get(self) -> TaskContext:
        """Give the context, always the same one."""
        made = self._made
        if made is None:
            # Of threads that ask at once one makes it: the calls of an action are counted in its context.
            with _making:
                made = self._made
                if made is None:
                    made = self._made = self._make()
        return made


_current: ContextVar[TaskContext | DeferredContext] = ContextVar("flyte_task_context", default=NULL_TASK_CONTEXT)


expected_artifacts: ContextVar[tuple[str, Mapping[str, Any]] | None] = ContextVar(
    "flyte_expected_artifacts", default=None
)
"""The action that declares artifacts of the children it calls now, and their metadata by the name of the output. Children inherit
the variable, not the declaration."""


def current_context() -> TaskContext:
    """Give the context of the task that runs here, or the false `NULL_TASK_CONTEXT` outside of tasks."""
    found = _current.get()
    return found.get() if type(found) is DeferredContext else found  # pyright: ignore[reportReturnType] - exact type


def enter_context(context: TaskContext | DeferredContext) -> "Token[Any]":
    """Make a context the current one until `leave_context`, as `task_scope` does for a block."""
    return _current.set(context)


def leave_context(token: "Token[Any]") -> None:
    """Make that context the current one which was before `enter_context`."""
    _current.reset(token)


class task_scope:  # noqa: N801 - used as a function; a generator would take twice as long, and every action has one
    """Make a context the current one for the block, here and in what is started from here (asyncio tasks, copied contexts).

    ```python
    from flyte_models.context import current_context, task_scope
    from flyte_models.ids import ActionID
    from flyte_models.paths import RawDataPath
    from flyte_models.task_context import TaskContext

    context = TaskContext(
        action=ActionID(name="a0"), version="v1", raw_data_path=RawDataPath(path="/tmp/raw"),
        output_path="/tmp/out", run_base_dir="/tmp/run", report=None,
    )
    assert not current_context()
    with task_scope(context):
        assert current_context() is context
    ```
    """

    __slots__ = ("_context", "_token")

    def __init__(self, context: TaskContext) -> None:
        self._context = context
        self._token: Token[Any] | None = None

    def __enter__(self) -> TaskContext:
        self._token = _current.set(self._context)
        return self._context

    def __exit__(self, *error: object) -> None:
        if self._token is not None:
            _current.reset(self._token)


@contextmanager
def group_scope(name: str) -> Generator[None]:
    """Show the child actions of the block as one group. The innermost group counts; outside of tasks nothing happens."""
    context = current_context()
    if not context:
        yield
        return
    with task_scope(context.replace(group_data=GroupData(name))):
        yield


@contextmanager
def custom_context_scope(**context: str) -> Generator[None]:
    """Add pairs that child actions of the block inherit. Outside of tasks nothing happens."""
    task = current_context()
    if not task:
        yield
        return
    with task_scope(task.replace(custom_context={**task.custom_context, **context})):
        yield


def current_custom_context() -> dict[str, str]:
    """Give a copy of the pairs that child actions inherit, without those that Flyte itself hands on; empty outside of tasks."""
    context = current_context()
    return {key: item for key, item in context.custom_context.items() if not key.startswith("_u_")} if context else {}
