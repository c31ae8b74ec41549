"""`flyte get logs -f`: over attempts, a restart of the server, and ended by ctrl-c."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flyte_devbox.process import stop_server

FLYTE = Path(sys.executable).with_name("flyte")
PROGRAM = """\
import time
from pathlib import Path

import flyte

env = flyte.TaskEnvironment("talking")


@env.task(retries=2)
def twice(folder: str) -> int:
    mark = Path(folder) / "tried"
    if not mark.exists():
        mark.touch()
        print("the first attempt", flush=True)
        raise ValueError("not yet")
    print("the second attempt", flush=True)
    return 1


@env.task(retries=3)
def waits(folder: str) -> int:
    print("waiting", flush=True)
    while not (Path(folder) / "go").exists():
        time.sleep(0.05)
    print("done waiting", flush=True)
    return 1
"""


class Place:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "talking.py").write_text(PROGRAM)
        self.environment = {
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "FLYTE_DEVBOX_FOLDER": str(folder / "devbox"),
        }

    def start(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [FLYTE, "--no-progress", *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def flyte(self, *words: str) -> str:
        process = self.start(*words)
        out, err = process.communicate(timeout=180)
        assert process.returncode == 0, out + err
        return out


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    place.flyte("start", "devbox", "--port", "0")
    yield place
    stop_server(tmp_path / "devbox")


def test_every_attempt_is_followed(place: Place) -> None:
    place.flyte("run", "--devbox", "--name", "tried", "talking.py", "twice", "--folder", str(place.folder))
    shown = place.flyte("get", "logs", "--devbox", "-f", "tried", "a0").splitlines()
    assert (shown[0], shown[-1]) == ("the first attempt", "the second attempt")
    assert place.flyte("get", "logs", "--devbox", "tried", "a0", "--attempt", "2") == "the second attempt\n"


def test_a_restart_of_the_server_is_survived_and_ctrl_c_is_clean(place: Place) -> None:
    place.flyte("run", "--devbox", "--name", "long", "talking.py", "waits", "--folder", str(place.folder))
    following = place.start("get", "logs", "--devbox", "-f", "long", "a0")
    leaving = place.start("get", "logs", "--devbox", "-f", "long", "a0")
    assert following.stdout is not None
    assert leaving.stdout is not None
    assert following.stdout.readline() == "waiting\n"
    assert leaving.stdout.readline() == "waiting\n"
    leaving.send_signal(signal.SIGINT)
    _, err = leaving.communicate(timeout=120)
    assert (leaving.returncode, "goes on" in err) == (130, True)
    place.flyte("stop", "devbox")
    (place.folder / "go").touch()
    place.flyte("start", "devbox")
    out, err = following.communicate(timeout=180)
    assert following.returncode == 0, err
    assert out.endswith("done waiting\n")
