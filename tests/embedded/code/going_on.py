"""Parents and attempts that come to an end before their time, and what goes on after them."""

import asyncio
import os
import signal
import time
from pathlib import Path

import flyte
import flyte.report

env = flyte.TaskEnvironment("going_on")


def note(place: str, text: str) -> None:
    with Path(place, "notes").open("a") as file:
        file.write(f"{text}\n")


async def there(place: str, name: str) -> None:
    while not Path(place, name).exists():
        await asyncio.sleep(0.02)


@env.task
async def once(place: str, n: int) -> int:
    note(place, f"once {n}")
    return n


@env.task
async def patient(place: str) -> int:
    note(place, "patient")
    Path(place, "patient").touch()
    await there(place, "go")
    return 10


@env.task
async def fails(place: str) -> int:
    note(place, "fails")
    raise ValueError("no good")


@env.task(retries=1)
async def killed(place: str) -> int:
    """Killed from outside while it waits for its last child."""
    Path(place, f"pid{os.environ['FLYTE_ATTEMPT_NUMBER']}").write_text(str(os.getpid()))
    first = sum(await asyncio.gather(*(once(place, n) for n in range(3))))
    try:
        await fails(place)
    except flyte.errors.RuntimeUserError as error:
        note(place, f"caught {error.code}")
    return first + await patient(place)


@env.task(retries=1)
def keeps(place: str) -> int:
    """Leaves a checkpoint, and is killed."""
    checkpoint = flyte.ctx().checkpoint
    loaded = checkpoint.load_sync()
    if loaded is None:
        checkpoint.save_sync(b"41")
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)
    return int((loaded / "payload" if loaded.is_dir() else loaded).read_text()) + 1


@env.task(report=True)
async def reports(place: str) -> int:
    await flyte.report.replace.aio("<p>half of it</p>")
    await flyte.report.flush.aio()
    Path(place, "flushed").touch()
    await there(place, "go")
    await flyte.report.replace.aio("<p>all of it</p>")
    return 1


@flyte.trace
async def traced(place: str, n: int) -> int:
    note(place, f"traced {n}")
    return n + 1


@env.task(retries=1)
async def story(place: str) -> list[str]:
    """A bit of everything that is asked of a control plane."""
    said = [str(await traced(place, 1)), *map(str, await asyncio.gather(*(once(place, n) for n in range(3))))]
    try:
        await fails(place)
    except flyte.errors.RuntimeUserError as error:
        said.append(error.code)
    unwanted = asyncio.ensure_future(patient(place))
    await there(place, "patient")
    unwanted.cancel()
    try:
        await unwanted
    except asyncio.CancelledError:
        said.append("cancelled")
    if os.environ["FLYTE_ATTEMPT_NUMBER"] == "0":
        raise RuntimeError("the first attempt fails")
    return said


@env.task
async def waits(place: str) -> int:
    return await patient(place)
