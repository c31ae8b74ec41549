"""`flyte.durable`: a time that stays the same in every attempt, and a sleep that is not begun anew."""

import flyte
import flyte.durable

env = flyte.TaskEnvironment("durable_time")
seen: list[float] = []


@env.task(retries=1)
async def main() -> bool:
    seen.append(await flyte.durable.time.aio())
    await flyte.durable.sleep.aio(0.01)
    if flyte.ctx().attempt_number == 0:
        raise ConnectionError("try again")
    return seen[0] == seen[1]


if __name__ == "__main__":
    print(flyte.run(main).outputs()[0])

# prints: True
