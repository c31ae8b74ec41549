"""Sync tasks that wait in C, where no exception of another thread reaches them."""

import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import flyte

reused = flyte.TaskEnvironment("reused_blocked", reusable=flyte.ReusePolicy(replicas=2, concurrency=1))
env = flyte.TaskEnvironment("blocked", depends_on=[reused])


def cleaned(place: Path, wait) -> None:
    try:
        (place / "begun").touch()
        wait()
    except BaseException as error:
        (place / "error").write_text(type(error).__name__)
        raise
    finally:
        # Longer than it takes to be asked twice.
        time.sleep(1)
        (place / "part").write_text(threading.current_thread().name)
        (place / "part").rename(place / "cleaned")


@env.task(retries=2)
def sleeps(place: str) -> None:
    cleaned(Path(place), lambda: time.sleep(1000))


@reused.task
def sleeps_in_a_worker(place: str) -> None:
    Path(place, "pid").write_text(str(os.getpid()))
    cleaned(Path(place), lambda: time.sleep(1000))


@env.task
def reads(place: str) -> None:
    ends = socket.socketpair()
    cleaned(Path(place), lambda: ends[0].recv(1))


@env.task
def waits(place: str) -> None:
    with subprocess.Popen(["sleep", "1000"]) as process:
        Path(place, "pid").write_text(str(process.pid))
        try:
            cleaned(Path(place), process.wait)
        finally:
            process.kill()


@env.task
def parent(place: str) -> None:
    folder = Path(place, "child")
    folder.mkdir(exist_ok=True)
    cleaned(Path(place), lambda: sleeps(str(folder)))


@env.task
def adds(a: int, b: int) -> int:
    return a + b


@env.task
def many(n: int) -> list[int]:
    return [
        adds(1, 2),
        *flyte.map(adds, range(n), range(n)),
        int(threading.current_thread() is threading.main_thread()),
    ]
