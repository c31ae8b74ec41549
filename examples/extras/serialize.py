"""What would be registered for a task, without a control plane."""

from pathlib import Path

import flyte
from flyte.extras import serialize_env

env = flyte.TaskEnvironment("serialize_example", resources=flyte.Resources(cpu=2, memory="1Gi"))


@env.task(retries=3)
def one(x: int, y: str = "a") -> int:
    return x


@env.task
def two() -> None:
    pass


if __name__ == "__main__":
    flyte.init(project="p", domain="development", root_dir=Path(__file__).parent)
    for spec in serialize_env(env):
        print(spec.task_template.id.name, spec.task_template.metadata.retries.retries, len(spec.default_inputs))

# prints: serialize_example.one 3 1
# prints: serialize_example.two 0 0
