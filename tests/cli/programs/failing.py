"""Tasks that fail in every way a task can."""

import asyncio
import threading
from dataclasses import dataclass

import flyte

env = flyte.TaskEnvironment("failing")


@dataclass
class Order:
    item: str
    amount: int


@env.task
def load(order: Order) -> int:
    if order.amount < 0:
        raise ValueError(f"amount of {order.item} is negative: {order.amount}")
    return order.amount


@env.task
async def crash(amount: int = -1) -> int:
    """Fail in a child."""
    return await load.aio(Order("tea", amount))


@env.task
def double(x: int) -> int:
    return 100 // (x - 3)


@env.task
def mapped(n: int = 6) -> list[int]:
    """Fail in one of several mapped children."""
    return list(flyte.map(double, range(n), return_exceptions=False))


@env.task(retries=2)
def flaky(name: str) -> str:
    raise ConnectionError(f"{name} does not answer (attempt {flyte.ctx().attempt_number})")


@env.task
async def unlucky() -> str:
    """Fail as often as it may."""
    return await flaky.aio("db")


@env.task
def unserialisable() -> list[int]:
    """Return what does not fit its annotation."""
    return [1, 2, threading.Lock()]  # type: ignore[list-item]


@env.task
async def slow(seconds: float = 60.0) -> str:
    """Run until it is interrupted."""
    print("started", flush=True)
    try:
        await asyncio.sleep(seconds)
    finally:
        print("cleaned up", flush=True)
    return "done"


@env.task
def compute(
    count: int, name: str = "x", ratio: float = 0.5, verbose: bool = False, tags: list[str] | None = None
) -> str:
    """Take inputs of several types.

    Args:
        count: How many.
        name: What to call it.
    """
    return f"{name}: {count} {ratio} {verbose} {tags}"
