"""Calls tasks that are registered, which it does not import."""

import flyte
import flyte.remote

env = flyte.TaskEnvironment("caller")

add = flyte.remote.Task.get("registered.add", auto_version="latest")


@env.task
async def call(n: int) -> tuple[int, int, str]:
    here = flyte.remote.Task.get("registered.add", auto_version="latest").override(
        short_name="other", env_vars={"MORE": "100"}
    )
    try:
        await add(x=n)
    except ValueError as error:
        said = str(error)
    return await add(a=n), await here(a=n, b=5), said
