"""The context of one task execution. Which one is current stands in `context`."""

import os
from collections.abc import Callable, Mapping
from dataclasses import field, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal

from flyte_models.bundles import CodeBundle
from flyte_models.errors import NotInTaskContextError
from flyte_models.ids import ActionID, CallCounter
from flyte_models.paths import CheckpointPaths, RawDataPath
from flyte_models.values import light_dataclass

__all__ = [
    "CLUSTERED_WORKER_ENV",
    "NULL_TASK_CONTEXT",
    "GroupData",
    "TaskContext",
    "is_clustered_worker_env",
    "set_checkpoint_factory",
]

CLUSTERED_WORKER_ENV = "FLYTE_CLUSTERED_WORKER"
"""The environment variable that marks a worker process of a clustered task."""

_CHECKPOINT_KEY = "__flyte_sync_checkpoint__"
_checkpoint_factory: Callable[[CheckpointPaths], Any] | None = None


def is_clustered_worker_env(env: Mapping[str, str]) -> bool:
    """Tell whether these environment variables are those of a worker of a clustered task, started by a JobSet or by torchrun."""
    return bool(env.get(CLUSTERED_WORKER_ENV) or env.get("TORCHELASTIC_RUN_ID"))


def set_checkpoint_factory(factory: Callable[[CheckpointPaths], Any] | None) -> None:
    """Name what opens a checkpoint for `TaskContext.checkpoint`; the package that does the storage calls this."""
    global _checkpoint_factory  # noqa: PLW0603  # a registry of one
    _checkpoint_factory = factory


@light_dataclass(frozen=True)
class GroupData:
    """The group that child actions are shown under."""

    name: str


@light_dataclass(frozen=True, kw_only=True)
class TaskContext:
    """What a running task can know about its execution. A context is true, `NULL_TASK_CONTEXT` is not."""

    action: ActionID
    """The action that runs; inside a trace, the trace's own."""
    version: str
    raw_data_path: RawDataPath
    input_path: str | None = None
    output_path: str
    run_base_dir: str
    """The prefix under which the run stores its actions' inputs."""
    report: Any
    group_data: GroupData | None = None
    checkpoint_paths: CheckpointPaths | None = None
    code_bundle: CodeBundle | None = None
    compiled_image_cache: Any = None
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    """Values that whoever runs the task hands on."""
    mode: Literal["local", "remote", "hybrid"] = "remote"
    interactive_mode: bool = False
    custom_context: dict[str, str] = field(default_factory=dict[str, str])
    """Pairs that child actions inherit."""
    disable_run_cache: bool = False
    in_driver_literal_conversion: bool = False
    run_start_time: datetime | None = field(default_factory=lambda: datetime.now(UTC))
    task_action: ActionID | None = None
    """The action of the task itself, also inside a trace."""
    local_attempt: int | None = None
    """The attempt, from 0 on, of an action that shares its process with others, so that no environment variable can tell it."""
    _call_counter: CallCounter = field(default_factory=CallCounter, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.task_action is None:
            object.__setattr__(self, "task_action", self.action)

    @property
    def call_counter(self) -> CallCounter:
        """The counter of the calls that this action makes."""
        return self._call_counter

    def replace(self, **kwargs: Any) -> "TaskContext":
        """Give a changed copy. `data` is merged into the present one; another `action` starts to count its calls anew.

        Raises:
            TypeError: There is no such field.
        """
        if "data" in kwargs:
            kwargs["data"] = {**self.data, **kwargs["data"]}
        if "_call_counter" not in kwargs and kwargs.get("action", self.action) != self.action:
            kwargs["_call_counter"] = CallCounter()
        return replace(self, **kwargs)

    def is_in_cluster(self) -> bool:
        """Tell whether the task runs on a cluster."""
        return self.mode == "remote"

    @property
    def checkpoint(self) -> Any:
        """The checkpoint of the action, the same object each time; `None` when the action has none.

        Raises:
            RuntimeError: Nothing that opens checkpoints was registered.
        """
        if self.checkpoint_paths is None or self.checkpoint_paths.checkpoint_path is None:
            return None
        if _CHECKPOINT_KEY not in self.data:
            if _checkpoint_factory is None:
                raise RuntimeError(
                    "a checkpoint cannot be opened: nothing that does is registered\n"
                    "hint: `import flyte` registers it; `flyte_models` alone does no storage"
                )
            self.data[_CHECKPOINT_KEY] = _checkpoint_factory(self.checkpoint_paths)
        return self.data[_CHECKPOINT_KEY]

    @property
    def attempt_number(self) -> int:
        """The attempt, from 0 on."""
        return self.local_attempt if self.local_attempt is not None else _int_env("FLYTE_ATTEMPT_NUMBER") or 0

    @property
    def rank(self) -> int | None:
        """The number of this process among all of a clustered task, `None` outside of one."""
        return _int_env("RANK")

    @property
    def local_rank(self) -> int | None:
        """The number of this process on its node, `None` outside of a clustered task."""
        return _int_env("LOCAL_RANK")

    @property
    def world_size(self) -> int | None:
        """How many processes a clustered task has, `None` outside of one."""
        return _int_env("WORLD_SIZE")

    @property
    def local_world_size(self) -> int | None:
        """How many processes a clustered task has on this node, `None` outside of one."""
        return _int_env("LOCAL_WORLD_SIZE")

    @property
    def node_rank(self) -> int | None:
        """The number of this node in a clustered task, `None` outside of one."""
        return _int_env("NODE_RANK")

    @property
    def nnodes(self) -> int | None:
        """How many nodes a clustered task has, `None` outside of one."""
        return _int_env("NNODES")

    @property
    def master_addr(self) -> str | None:
        """The host where the processes of a clustered task meet, `None` outside of one."""
        return os.environ.get("MASTER_ADDR")

    @property
    def master_port(self) -> int | None:
        """The port where the processes of a clustered task meet, `None` outside of one."""
        return _int_env("MASTER_PORT")

    @property
    def restart_attempt(self) -> int | None:
        """How often the cluster of a clustered task was restarted, `None` outside of one."""
        return _int_env("JOBSET_RESTART_ATTEMPT")


class _NullTaskContext(TaskContext):
    """Stands for "no task": false, and every field reads `None`."""

    def __init__(self) -> None:
        for each in fields(TaskContext):
            object.__setattr__(self, each.name, None)

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "NullTaskContext()"

    def __reduce__(self) -> str:
        return "NULL_TASK_CONTEXT"

    def replace(self, **kwargs: Any) -> TaskContext:
        """Refuse: there is nothing to change."""
        raise NotInTaskContextError(
            "NotInTaskContextError",
            f"there is no task context in which to set {', '.join(f'`{name}`' for name in kwargs) or 'anything'}\n"
            "hint: this works only while a task runs; test `if flyte.ctx():` first",
        )


NULL_TASK_CONTEXT: TaskContext = _NullTaskContext()
"""What stands for the context outside of tasks: false, and every field reads `None`."""


def _int_env(name: str) -> int | None:
    text = os.environ.get(name)
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"the environment variable `{name}` must be a whole number, got {text!r}") from None
