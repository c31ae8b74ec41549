"""A map that goes on where one fails: the error takes the place of the result."""

import flyte

env = flyte.TaskEnvironment("map_keeps_going")


@env.task
def invert(x: int) -> float:
    return 1 / x


@env.task
def main() -> list[str]:
    return [type(r).__name__ if isinstance(r, Exception) else str(r) for r in flyte.map(invert, [1, 0, 4])]


if __name__ == "__main__":
    print(flyte.run(main).outputs()[0])

# prints: ['1.0', 'RuntimeUserError', '0.25']
