"""Runs from places that are no plain script: running loops, threads, processes, the debugger, interrupted twice; their end."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import flyte

env = flyte.TaskEnvironment("odd_places")


@env.task
def square(x: int) -> int:
    return x * x


@env.task
async def square_async(x: int) -> int:
    return x * x


@env.task
def with_a_loop_of_its_own(n: int) -> list[int]:
    async def several() -> list[int]:
        return list(await asyncio.gather(*(square_async(i) for i in range(n)), square.aio(n)))

    return asyncio.run(several())


def test_sync_run_in_a_running_loop_as_in_a_notebook() -> None:
    async def cell() -> list[int]:
        return [flyte.run(square, 3).outputs()[0], (await flyte.run.aio(square_async, 4)).outputs()[0]]

    assert asyncio.run(cell()) == [9, 16]


def test_sync_body_runs_a_loop_that_calls_tasks() -> None:
    assert flyte.run(with_a_loop_of_its_own, 3).outputs()[0] == [0, 1, 4, 9]


def test_runs_from_several_threads() -> None:
    def run(x: int) -> Any:
        return flyte.run(square, x) if x % 2 else flyte.run(square_async, x)

    with ThreadPoolExecutor(4) as threads:
        runs = list(threads.map(run, range(12)))
    assert [run.outputs()[0] for run in runs] == [x * x for x in range(12)]
    assert len({run.name for run in runs}) == 12


def test_run_within_the_body_of_a_task() -> None:
    @env.task
    def outer() -> int:
        return flyte.run(square, 5).outputs()[0]

    assert asyncio.run(flyte.run.aio(outer)).outputs()[0] == 25


_PROCESSES = """
import multiprocessing
import flyte

env = flyte.TaskEnvironment("processes")

@env.task
def square(x: int) -> int:
    return x * x

def run_square(x: int) -> int:
    return flyte.run(square, x).outputs()[0]

@env.task
def uses_a_pool(n: int) -> list[int]:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        return pool.map(run_square, range(n))

if __name__ == "__main__":
    print(flyte.run(uses_a_pool, 3).outputs()[0])
"""

_DEBUGGED = """
import flyte

env = flyte.TaskEnvironment("debugged")

@env.task
def stops(x: int) -> int:
    y = x + 1
    breakpoint()
    return y

@env.task
async def stops_async(x: int) -> int:
    y = x + 2
    breakpoint()
    return y

if __name__ == "__main__":
    print("result", flyte.run(stops, 1).outputs()[0] + flyte.run(stops_async, 1).outputs()[0])
"""

_TIDY = """
import asyncio, gc, os, sys, threading, time
import flyte

env = flyte.TaskEnvironment("tidy")

@env.task(cache=flyte.Cache("auto", version_override="1"))
def square(x: int) -> int:
    return x * x

@env.task
async def main(n: int) -> int:
    results = await asyncio.gather(*(square.aio(i) for i in range(n)))
    return sum(results)

def left():
    gc.collect()
    deadline = time.monotonic() + 30
    while [t for t in threading.enumerate() if t.name.startswith(("flyte-body", "flyte-store"))]:
        assert time.monotonic() < deadline, threading.enumerate()
        time.sleep(0.01)
    return sorted(t.name for t in threading.enumerate()), len(os.listdir("/proc/self/fd"))

if __name__ == "__main__":
    flyte.init(local_persistence=True)
    flyte.run(main, 3)
    first = left()
    for _ in range(4):
        flyte.run(main, 3)
    assert left() == first, (left(), first)
    print("tidy", len(first[0]))
"""

_STUBBORN = """
import asyncio
import sys
import flyte

env = flyte.TaskEnvironment("stubborn")

@env.task
async def stays(folder: str) -> int:
    open(f"{folder}/began", "w").close()
    try:
        await asyncio.sleep(600)
    finally:
        open(f"{folder}/cleaning", "w").close()
        await asyncio.sleep(600)
    return 1
"""


def _start(folder: Path, code: str, *arguments: str, text: str = "") -> "subprocess.CompletedProcess[str]":
    (folder / "program.py").write_text(code)
    return subprocess.run(
        [sys.executable, *arguments, "program.py"],
        cwd=folder,
        input=text,
        env={**os.environ, "HOME": str(folder), "PYTHONBREAKPOINT": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_spawned_processes(tmp_path: Path) -> None:
    done = _start(tmp_path, _PROCESSES)
    assert done.stdout.strip() == "[0, 1, 4]", done.stderr


def test_breakpoint_stops_in_the_body(tmp_path: Path) -> None:
    done = _start(tmp_path, _DEBUGGED, text="p ('y is', y)\nc\np ('y is', y)\nc\n")
    assert done.returncode == 0, done.stderr
    assert "('y is', 2)" in done.stdout
    assert "('y is', 3)" in done.stdout
    assert "result 5" in done.stdout


def test_runs_leave_no_threads_and_files(tmp_path: Path) -> None:
    done = _start(tmp_path, _TIDY, "-W", "error::ResourceWarning")
    assert done.returncode == 0, done.stderr
    # The main thread and the loop of the sync calls.
    assert done.stdout.strip() == "tidy 2"
    assert done.stderr == ""


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_second_interruption_ends_at_once(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(_STUBBORN)
    with subprocess.Popen(
        [sys.executable, "-m", "flyte_cli.main", "run", "program.py", "stays", "--folder", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            _wait_for(tmp_path / "began")
            process.send_signal(signal.SIGINT)
            _wait_for(tmp_path / "cleaning")
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        finally:
            # Leaving the block waits for it.
            process.kill()
    assert process.returncode == 130, err
    assert "Traceback" not in err
