"""No-op tasks on a devbox, and parents that measure how fast they come back."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import flyte

fresh = flyte.TaskEnvironment("fresh")
kept = flyte.TaskEnvironment("kept", reusable=flyte.ReusePolicy(replicas=2, concurrency=50))
parents = flyte.TaskEnvironment("parents", depends_on=[fresh, kept])

_SINGLE = 100
_AT_ONCE = 100


@fresh.task
def in_fresh_process(x: int) -> int:
    return x


@kept.task
async def in_worker(x: int) -> int:
    return x


async def _measure(call: Callable[[int], Awaitable[int]], n: int, base: int) -> dict[str, float]:
    await asyncio.gather(*(call(base - i - 1) for i in range(8)))
    began = time.perf_counter()
    await asyncio.gather(*(call(base + i) for i in range(n)))
    burst = time.perf_counter() - began
    limit = asyncio.Semaphore(_AT_ONCE)

    async def limited(x: int) -> int:
        async with limit:
            return await call(x)

    began = time.perf_counter()
    await asyncio.gather(*(limited(base + n + i) for i in range(2 * n)))
    steady = time.perf_counter() - began
    times = []
    for i in range(_SINGLE):
        began = time.perf_counter()
        await call(base + 3 * n + i)
        times.append(time.perf_counter() - began)
    return {"burst": burst / n, "steady": steady / (2 * n), "p50": sorted(times)[_SINGLE // 2]}


@parents.task
async def measure_fresh(n: int, base: int) -> dict[str, float]:
    return await _measure(in_fresh_process.aio, n, base)


@parents.task
async def measure_kept(n: int, base: int) -> dict[str, float]:
    return await _measure(in_worker, n, base)
