"""Kills a recorded run of many actions with -9 when most have finished, resumes it, and prints JSON about what ran again.

Usage: `python engine_resume.py COUNT`. `repeated` is how many attempts were made of actions that had finished; `seconds` is what
the resumed run took, in a fresh process, imports included.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import flyte
from flyte_engine.sqlite import SQLiteStore
from flyte_models.phases import ActionPhase

env = flyte.TaskEnvironment(name="resumed")


@env.task
async def leaf(x: int, last: int) -> int:
    if x == last and "first" in sys.argv:
        os.kill(os.getpid(), signal.SIGKILL)
    return x


@env.task
async def many(count: int) -> int:
    total = 0
    # In portions: the last one is under way when the process dies.
    for start in range(0, count, 500):
        portion = range(start, min(start + 500, count))
        total += sum(await asyncio.gather(*(leaf(number, count - 1) for number in portion)))
    return total


def measure(count: int) -> dict[str, float]:
    """Run, kill, resume, and compare the records."""
    with tempfile.TemporaryDirectory() as folder:
        variables = {**os.environ, "HOME": folder}
        command = [sys.executable, __file__, str(count)]
        first = subprocess.run([*command, "first"], env=variables, check=False)
        if first.returncode != -signal.SIGKILL:
            raise AssertionError(f"the first run ended with {first.returncode}")
        before = attempts(folder, only_finished=True)
        if len(before) < count / 2:
            raise AssertionError(f"only {len(before)} actions had finished")
        began = time.perf_counter()
        subprocess.run([*command, "again"], env=variables, check=True)
        seconds = time.perf_counter() - began
        after = attempts(folder, only_finished=False)
        if len(after) != count + 1:
            raise AssertionError(f"the resumed run has {len(after)} actions")
    return {"repeated": sum(after[name] - made for name, made in before.items()), "seconds": seconds}


def attempts(folder: str, *, only_finished: bool) -> dict[str, int]:
    """Return how many attempts were made of each action."""
    store = SQLiteStore(Path(folder) / ".flyte" / "history.db")
    try:
        return {
            action.name: action.attempt
            for action in store.actions("r1")
            if action.phase is ActionPhase.SUCCEEDED or not only_finished
        }
    finally:
        store.close()


if __name__ == "__main__":
    number = int(sys.argv[1])
    if len(sys.argv) == 2:
        print(json.dumps(measure(number)))
    else:
        flyte.init(local_persistence=True)
        if "first" in sys.argv:
            flyte.with_runcontext(name="r1").run(many, number)
        elif flyte.with_runcontext(resume="r1").run(many).outputs()[0] != sum(range(number)):
            raise AssertionError("the resumed run gave another result")
