"""Time-outs: the body is cancelled when its time is up, and the caller can go on."""

import asyncio
from datetime import timedelta

import flyte
from flyte.errors import TaskTimeoutError

env = flyte.TaskEnvironment("timeouts")


@env.task(timeout=flyte.Timeout(max_runtime=timedelta(milliseconds=50)))
async def slow() -> str:
    try:
        await asyncio.sleep(60)
    finally:
        print("cleaned up")
    return "done"


@env.task
async def main() -> str:
    try:
        return await slow()
    except TaskTimeoutError:
        return "gave up"


if __name__ == "__main__":
    print(flyte.run(main).outputs()[0])

# prints: cleaned up
# prints: gave up
