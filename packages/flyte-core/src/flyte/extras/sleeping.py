"""A task that only waits, which a backend does without a container: `plugin_config=flyte.extras.Sleep()`."""

from typing import Any

from flyte.tasks.fields import declares_fields
from flyte.tasks.plugins import TaskPluginRegistry
from flyte.tasks.template import AsyncFunctionTaskTemplate
from flyte_models.values import light_dataclass

__all__ = ["Sleep", "SleepTask"]


@light_dataclass(frozen=True)
class Sleep:
    """The `plugin_config` of an environment whose functions say how long to wait: their one input is the time.

    A local run calls the function, which does the waiting.
    """


@declares_fields
class SleepTask(AsyncFunctionTaskTemplate[..., Any]):
    """What `env.task` makes of a function in an environment with `plugin_config=Sleep()`."""

    task_type: str = "core-sleep"


TaskPluginRegistry.register(Sleep, SleepTask)
