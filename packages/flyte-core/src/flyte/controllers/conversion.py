"""The compiled codec of a task's interface, made once per task."""

from typing import Any
from weakref import WeakKeyDictionary

from flyte.tasks.template import TaskTemplate
from flyte_types.codec import InterfaceCodec

_codecs: "WeakKeyDictionary[TaskTemplate[..., Any], InterfaceCodec]" = WeakKeyDictionary()


def codec_for(task: TaskTemplate[..., Any]) -> InterfaceCodec:
    """Return the codec between the task's values and the bytes of its inputs and outputs."""
    codec = _codecs.get(task)
    if codec is None:
        interface = task.interface
        codec = InterfaceCodec(interface.inputs, interface.outputs, task_name=task.name)
        _codecs[task] = codec
    return codec
