"""One of each that a tracked run tells of, for both clients."""

import flyte

env = flyte.TaskEnvironment("told")


@flyte.trace
async def add_one(x: int) -> int:
    return x + 1


@env.task
async def child(x: int) -> int:
    return await add_one(x)


@env.task
async def fails(x: int) -> int:
    raise ValueError(f"no {x}")


@env.task
async def nothing() -> None:
    pass


@env.task
async def parent(n: int) -> int:
    with flyte.group("children"):
        made = await child(n)
    await nothing()
    try:
        await fails(1)
    except Exception:
        return made
    return 0


def run(endpoint: str, name: str) -> None:
    flyte.init(endpoint=endpoint, insecure=True, org="acme", project="flytesnacks", domain="development")
    flyte.with_runcontext(mode="local", tracked=True, name=name).run(parent, n=2)
