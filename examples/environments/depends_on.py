"""Environments depend on each other: tasks of one call tasks of the other, each with its own image and resources."""

import flyte

gpu_env = flyte.TaskEnvironment("training", resources=flyte.Resources(cpu=2, memory="1Gi"))
env = flyte.TaskEnvironment("pipeline", depends_on=[gpu_env], description="Loads, and trains")


@gpu_env.task
def train(rows: int) -> float:
    return rows / 10


@env.task
def main(rows: int = 5) -> float:
    return train(rows)


if __name__ == "__main__":
    print(flyte.run(main).outputs()[0], [each.name for each in env.depends_on])

# prints: 0.5 ['training']
