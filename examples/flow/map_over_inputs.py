"""`flyte.map` runs a task for each input, side by side; results come in the order of the inputs."""

import flyte

env = flyte.TaskEnvironment("map_over_inputs")


@env.task
def square(x: int) -> int:
    return x * x


@env.task
def main(n: int) -> list[int]:
    return list(flyte.map(square, range(n), concurrency=4, return_exceptions=False))


if __name__ == "__main__":
    print(flyte.run(main, 5).outputs()[0])

# prints: [0, 1, 4, 9, 16]
