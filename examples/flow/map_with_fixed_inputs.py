"""A map where one input stays the same: `functools.partial` leaves exactly one open."""

from functools import partial

import flyte

env = flyte.TaskEnvironment("map_with_fixed_inputs")


@env.task
def power(base: int, exponent: int) -> int:
    return base**exponent


@env.task
async def main() -> list[int]:
    return [x async for x in flyte.map.aio(partial(power, exponent=3), [1, 2, 3], return_exceptions=False)]


if __name__ == "__main__":
    print(flyte.run(main).outputs()[0])

# prints: [1, 8, 27]
