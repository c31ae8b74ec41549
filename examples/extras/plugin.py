"""A plugin of your own: a class of configuration that makes functions tasks of another kind."""

from dataclasses import dataclass
from typing import Any

import flyte
from flyte.extend import AsyncFunctionTaskTemplate, TaskPluginRegistry


@dataclass
class Loud:
    """Say what is done."""

    times: int = 1


@dataclass(kw_only=True)
class LoudTask(AsyncFunctionTaskTemplate):
    """Announces each call."""

    plugin_config: Loud
    task_type: str = "loud"

    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        for _ in range(self.plugin_config.times):
            print("calling", self.short_name)
        return await super().execute(*args, **kwargs)


TaskPluginRegistry.register(Loud, LoudTask)
env = flyte.TaskEnvironment("plugin_example", plugin_config=Loud(2))


@env.task
def add(a: int, b: int) -> int:
    return a + b


if __name__ == "__main__":
    print(flyte.run(add, 1, 2).outputs()[0], add.task_type)

# prints: calling add
# prints: calling add
# prints: 3 loud
