"""What a run that is continued takes from its record."""

from typing import Any

from flyte.tasks.template import TaskTemplate
from flyte_engine.store import ActionStore

__all__ = ["recorded_inputs"]


def recorded_inputs(store: ActionStore, run_name: str, task: TaskTemplate[..., Any], *, has_arguments: bool) -> bytes:
    """Return the inputs of the root action of a recorded run of `task`.

    Args:
        store: where it is recorded.
        run_name: the run.
        task: the task that continues it.
        has_arguments: whether the caller gave arguments, which a recorded run has already.

    Raises:
        ValueError: there is no such run, it is of another task, it never began, or arguments were given.
    """
    record = store.run(run_name)
    if record is None:
        raise ValueError(f"there is no run `{run_name}` to resume\nhint: `flyte get run` lists the recorded ones")
    if record.task_name != task.name:
        raise ValueError(
            f"run `{run_name}` is of task `{record.task_name}`, and cannot be resumed with `{task.name}`\n"
            f"hint: resume it with `{record.task_name}`, or start a new run"
        )
    if has_arguments:
        raise ValueError(
            f"run `{run_name}` has its recorded inputs, and cannot be resumed with others\n"
            "hint: leave the arguments out, or start a new run"
        )
    inputs = store.inputs(run_name, "a0")
    if inputs is None:
        raise ValueError(
            f"run `{run_name}` ended before its first action was recorded, and cannot be resumed\nhint: start a new run"
        )
    return inputs
