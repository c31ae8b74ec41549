"""The compiled codec of a task's interface, made once per task."""

from typing import Any

from flyte.tasks.template import TaskTemplate
from flyte_types.codec import InterfaceCodec


def codec_for(task: TaskTemplate[..., Any]) -> InterfaceCodec:
    """Return the codec between the task's values and the bytes of its inputs and outputs."""
    # Kept on the task: a task that is a plugin's dataclass has no hash.
    codec: InterfaceCodec | None = vars(task).get("_codec")
    if codec is None:
        interface = task.interface
        codec = InterfaceCodec(
            interface.inputs, interface.outputs, task_name=task.name, max_inline_io_bytes=task.max_inline_io_bytes
        )
        vars(task)["_codec"] = codec
    return codec
