"""Ctrl-c: a command that looks at a run ends soon, says what goes on and where to look, and leaves no process behind."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from tests.cli.places import Place

from flyte_devbox.process import find_server, stop_server

PROGRAM = """\
import time
from pathlib import Path

import flyte

env = flyte.TaskEnvironment("waiting")


@env.task
def waits(mark: str) -> int:
    Path(mark).touch()
    print("waiting", flush=True)
    time.sleep(600)
    return 1


@env.task
def quick() -> int:
    return 1
"""
_SOON = 60
"""Seconds within which a command has to end, on a slow machine too; those that tasks sleep are far more."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("home"), PROGRAM)
    place.flyte("start", "devbox", "--port", "0")
    try:
        place.flyte("create", "config", "--devbox")
        place.flyte("run", "--name", "long", "steps.py", "waits", "--mark", str(place.folder / "begun"))
        place.until("get", "run", "long", has="waits  a0  running")
        yield place
        place.flyte("abort", "run", "long")
    finally:
        stop_server(place.folder / "devbox")


def interrupt(place: Place, process: "subprocess.Popen[str]") -> str:
    """Do what a terminal does on ctrl-c, and return what a command says to it."""
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=_SOON)
    # Nothing of its group of processes is left.
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    assert process.returncode == 130, err
    return place.normalise(err)


def read_until(process: "subprocess.Popen[str]", text: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return
    raise AssertionError(process.communicate()[1])


def the_child(process: "subprocess.Popen[str]") -> int:
    """Wait for the one process that a command starts, once that is a program of its own."""
    while True:
        assert process.poll() is None
        for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            if "flyte_devbox" in Path(f"/proc/{pid}/cmdline").read_text().split("\0"):
                return int(pid)
        time.sleep(0.005)


def test_a_run_that_is_followed_goes_on(place: Place) -> None:
    mark = place.folder / "followed"
    process = place.start("run", "--follow", "--name", "followed", "steps.py", "waits", "--mark", str(mark))
    read_until(process, "page")
    assert interrupt(place, process) == snapshot("""\
error: interrupted: run `followed` goes on unless it is over
hint: `flyte watch followed` shows it, `flyte abort run followed` ends it\
""")
    assert "running" in place.until("get", "run", "followed", has="waits  a0  running")
    assert place.flyte("abort", "run", "followed") == snapshot("Run `followed` is being aborted.")


def test_a_run_that_is_run_again_goes_on(place: Place) -> None:
    process = place.start("rerun", "long", "--follow", "--name", "again")
    read_until(process, "page")
    assert interrupt(place, process) == snapshot("""\
error: interrupted: run `again` goes on unless it is over
hint: `flyte watch again` shows it, `flyte abort run again` ends it\
""")
    place.until("get", "run", "again", has="waits  a0  running")
    place.flyte("abort", "run", "again")


def test_logs_and_watch(place: Place) -> None:
    process = place.start("get", "logs", "-f", "long", "a0")
    read_until(process, "waiting")
    assert interrupt(place, process) == snapshot("""\
error: interrupted: run `long` goes on unless it is over
hint: `flyte watch long` shows it, `flyte abort run long` ends it\
""")
    process = place.start("-of", "json-raw", "watch", "long", "--interval", "0.1")
    read_until(process, '"run":"long"')
    assert interrupt(place, process) == snapshot("""\
error: interrupted: run `long` goes on unless it is over
hint: `flyte watch long` shows it, `flyte abort run long` ends it\
""")


def test_a_replay_is_aborted(place: Place) -> None:
    process = place.start("replay", "long")
    read_until(process, "waiting")
    assert interrupt(place, process) == snapshot("""\
replaying `waiting.waits` of `long/a0`: mark='<folder>/begun'
error: interrupted: run `<run>` was aborted, and the clean-up code of its tasks was run
hint: `flyte get run <run> --local` shows what it had done, `flyte run --local --resume <run>` goes on\
""")
    assert "aborted" in place.flyte("get", "run", "--local", "latest")
    assert "running" in place.flyte("get", "run", "long")


@pytest.mark.parametrize(
    "words",
    [
        ["get", "logs", "-f", "long", "a0"],
        ["-of", "json-raw", "watch", "long", "--interval", "0.1"],
        ["run", "--local", "steps.py", "waits", "--mark", "mark"],
    ],
    ids=["logs", "watch", "run"],
)
def test_a_second_one_ends_the_command_at_once(place: Place, words: list[str]) -> None:
    for milliseconds in (0, 1, 2, 4, 7, 11, 16, 24, 35, 50):
        process = place.start(*words)
        read_until(process, "long" if "watch" in words else "waiting")
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(milliseconds / 1000)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=_SOON)
        # Python may warn of a coroutine that was just made and is not needed any more.
        assert "error: interrupted" in err
        assert "Traceback" not in err
        # In the last moments of a process Python has given the signal back to the system.
        assert process.returncode in {130, -signal.SIGINT}


DISPOSING = """\
import time
from pathlib import Path

import flyte

env = flyte.TaskEnvironment("disposing")


class Slow:
    def __del__(self) -> None:
        print("disposing", flush=True)
        time.sleep(600)


@env.task
def main() -> int:
    return 1


Slow()
time.sleep(600)
"""


def test_one_that_comes_while_an_object_is_disposed_of_is_not_lost(place: Place) -> None:
    (place.folder / "disposing.py").write_text(DISPOSING)
    process = place.start("run", "--local", "disposing.py", "main")
    read_until(process, "disposing")
    assert interrupt(place, process).strip() == "error: interrupted"


def test_a_command_that_is_just_over_shows_no_traceback(place: Place) -> None:
    for milliseconds in (0, 1, 2, 4, 7, 11, 16, 24):
        process = place.start("run", "--local", "steps.py", "quick")
        read_until(process, "next")
        time.sleep(milliseconds / 1000)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=_SOON)
        assert "Traceback" not in err
        assert process.returncode in {0, 130, -signal.SIGINT}


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes as Linux shows them")
def test_a_devbox_that_has_not_come_up_is_ended(place: Place) -> None:
    for attempt in range(5):
        folder = place.folder / f"other-{attempt}"
        process = place.start("start", "devbox", "--port", "0", "--folder", str(folder))
        server = the_child(process)
        # It is of a session of its own: ctrl-c does not reach it by itself.
        assert os.getsid(server) != os.getsid(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=_SOON)
        if process.returncode == 0:
            # This test was so slow that the devbox had come up.
            stop_server(folder)
            continue
        assert (process.returncode, err.strip()) == (130, "error: interrupted")
        assert not Path(f"/proc/{server}").exists()
        assert find_server(folder) is None
        return
    pytest.fail("the devbox is up before it can be interrupted")
