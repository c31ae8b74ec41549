"""A task that begins runs of its own on the control plane that runs it."""

import flyte
import flyte.errors
import flyte.remote

env = flyte.TaskEnvironment("spawning")
manual = flyte.Trigger(name="manual", automation=flyte.Cron("0 2 1 1 *"), inputs={"x": 3}, env_vars={"ASKED": "1"})


@env.task(triggers=(manual,))
async def leaf(x: int = 1) -> int:
    return x


@env.task
async def late(x: int) -> int:
    raise ValueError(f"{x} is late")


@env.task
async def spawner(prefix: str) -> list[str]:
    """Begin a run of code, of a registered task, of a trigger and of an earlier run, and wait for all."""
    registered = flyte.remote.Task.get("spawning.leaf", auto_version="latest")
    trigger = await flyte.remote.Trigger.get.aio(name="manual", task_name="spawning.leaf")
    runs = [
        await flyte.with_runcontext(name=f"{prefix}-code", env_vars={"B": "2"}).run.aio(leaf, 7),
        await flyte.run.aio(registered, x=1),
        await flyte.run.aio(trigger),
    ]
    runs.append(await flyte.rerun.aio(runs[1].name))
    for run in runs:
        await run.wait.aio(quiet=True)
        await run.raise_for_status.aio()
    return [run.name for run in runs]


@env.task
def spawner_in_a_thread(prefix: str) -> int:
    run = flyte.with_runcontext(name=f"{prefix}-sync").run(leaf, 5)
    run.wait(quiet=True)
    return run.outputs()[0]


@env.task
async def spawns_what_fails(prefix: str) -> str:
    run = await flyte.with_runcontext(name=f"{prefix}-late").run.aio(late, 3)
    await run.wait.aio(quiet=True)
    try:
        await run.raise_for_status.aio()
    except flyte.errors.RuntimeUserError as error:
        return error.code
    return "no error"


@env.task
async def late_leaf(x: int) -> int:
    return x


@env.task
async def stays(x: int) -> int:
    run = await flyte.with_runcontext(mode="local").run.aio(late_leaf, x)
    return run.outputs()[0]
