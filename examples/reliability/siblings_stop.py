"""When a parent fails, its other children are stopped, and their clean-up code runs."""

import asyncio

import flyte

env = flyte.TaskEnvironment("siblings_stop")


@env.task
async def wait() -> None:
    try:
        await asyncio.sleep(60)
    finally:
        print("stopped")


@env.task
async def fail() -> None:
    await asyncio.sleep(0.01)
    raise RuntimeError("boom")


@env.task
async def main() -> None:
    await asyncio.gather(wait(), fail())


if __name__ == "__main__":
    try:
        flyte.run(main)
    except Exception as error:
        print(str(error).splitlines()[0])

# prints: stopped
# prints: boom
