"""One model, many callers: their requests are put together to batches."""

import asyncio

import flyte
from flyte.extras import DynamicBatcher

env = flyte.TaskEnvironment("batching_example")
sizes: list[int] = []


async def model(batch: list[int]) -> list[int]:
    sizes.append(len(batch))
    return [x * 10 for x in batch]


@env.task
async def main(n: int) -> int:
    async with DynamicBatcher(model, max_batch_size=4, batch_timeout_s=0.02) as batcher:
        futures = [await batcher.submit(x) for x in range(n)]
        return sum(await asyncio.gather(*futures))


if __name__ == "__main__":
    print(flyte.run(main, 10).outputs()[0], sizes)

# prints: 450 [4, 4, 2]
