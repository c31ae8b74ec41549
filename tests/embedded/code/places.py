"""Tasks that tell about their processes, leave some behind, or are killed."""

import asyncio
import os
import sys
import threading
import time
from pathlib import Path

import flyte

env = flyte.TaskEnvironment("places")


@env.task
def who() -> dict[str, str]:
    return {
        "pid": str(os.getpid()),
        "parent": str(os.getppid()),
        "session": str(os.getsid(0)),
        "folder": os.getcwd(),
        "action": os.environ["ACTION_NAME"],
        "argv": sys.argv[0],
        "seed": os.environ.get("PYTHONHASHSEED", ""),
    }


@env.task
async def many(n: int) -> list[dict[str, str]]:
    return list(await asyncio.gather(*(who.aio() for _ in range(n))))


@env.task
def leaves_something(path: str) -> int:
    """Leave a process that has got out of the session, and whose parent is over."""
    first = os.fork()
    if first == 0:
        os.setsid()
        if os.fork() == 0:
            Path(f"{path}.part").write_text(str(os.getpid()))
            Path(f"{path}.part").replace(path)
            threading.Event().wait(300)
        os._exit(0)
    os.waitpid(first, 0)
    while not Path(path).exists():
        time.sleep(0.01)
    return os.getpid()


@env.task
def is_killed() -> int:
    os.kill(os.getpid(), 9)
    return 0
