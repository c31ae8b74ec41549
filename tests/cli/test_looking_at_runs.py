"""`flyte watch` and `flyte diff`, on runs of this machine and of a devbox."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flyte_devbox.process import stop_server

FLYTE = Path(sys.executable).with_name("flyte")
PROGRAM = """\
import time
from pathlib import Path

import flyte

env = flyte.TaskEnvironment("steps")


@env.task
def half(x: int) -> int:
    if x % 2:
        raise ValueError(f"{x} is odd")
    return x // 2


@env.task
async def main(x: int) -> int:
    return await half.aio(x) + await half.aio(x + 2)


@env.task
def wait(file: str) -> int:
    while not Path(file).exists():
        time.sleep(0.05)
    return 7
"""


class Place:
    """Commands in a folder that is their home, with the devbox of that home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "COLUMNS": "160",
            "FLYTE_DEVBOX_FOLDER": str(folder / "devbox"),
        }
        (folder / "steps.py").write_text(PROGRAM)

    def start(self, *words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [FLYTE, "--no-progress", *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def flyte(self, *words: str, code: int = 0) -> str:
        process = self.start(*words)
        out, err = process.communicate(timeout=180)
        assert process.returncode == code, out + err
        return out if code == 0 else out + err


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("home"))
    place.flyte("start", "devbox", "--port", "0")
    place.flyte("run", "--devbox", "--follow", "--name", "four", "steps.py", "main", "--x", "4")
    place.flyte("run", "--devbox", "--follow", "--name", "five", "steps.py", "main", "--x", "5", code=1)
    place.flyte("run", "--name", "four", "steps.py", "main", "--x", "4")
    place.flyte("run", "--name", "again", "steps.py", "main", "--x", "4")
    place.flyte("run", "--name", "five", "steps.py", "main", "--x", "5", code=1)
    yield place
    stop_server(place.folder / "devbox")


WHERE = pytest.mark.parametrize("where", ["--local", "--devbox"])


@WHERE
def test_a_run_that_is_over_is_shown_at_once(place: Place, where: str) -> None:
    shown = place.flyte("watch", where, "four")
    assert "succeeded" in shown
    assert shown.count("half") == 2
    assert place.flyte("watch", where, "five", code=1).count("failed") >= 2
    told = json.loads(place.flyte("watch", where, "four", "-of", "json"))
    assert (told["phase"], len(told["actions"])) == ("succeeded", 3)


@WHERE
def test_a_run_is_watched_to_its_end(place: Place, where: str) -> None:
    name, file = f"watched{where}", place.folder / f"go{where}"
    begun = place.start("run", where, "--name", name, "steps.py", "wait", "--file", str(file))
    deadline = time.monotonic() + 120
    while not any(run["name"] == name for run in json.loads(place.flyte("get", "run", where, "-of", "json"))):
        assert time.monotonic() < deadline
    plain, lines = place.start("watch", where, name), place.start("watch", where, name, "-of", "json-raw")
    assert lines.stdout is not None
    first = json.loads(lines.stdout.readline())
    assert first["name"] == "a0"
    file.touch()
    out, err = plain.communicate(timeout=120)
    assert plain.returncode == 0, err
    # It may have begun to look when the run was over, and then shows it as it is.
    assert f"run `{name}` ended as succeeded\n" in out or out.startswith(f"{name}  steps.wait  succeeded")
    rest = [json.loads(line) for line in lines.communicate(timeout=120)[0].splitlines()]
    assert rest[-1]["phase"] == "succeeded"
    begun.communicate(timeout=120)


@WHERE
def test_ctrl_c_ends_the_look_and_not_the_run(place: Place, where: str) -> None:
    name, file = f"left{where}", place.folder / f"leave{where}"
    begun = place.start("run", where, "--name", name, "steps.py", "wait", "--file", str(file))
    deadline = time.monotonic() + 120
    while not any(run["name"] == name for run in json.loads(place.flyte("get", "run", where, "-of", "json"))):
        assert time.monotonic() < deadline
    watching = place.start("watch", where, name, "-of", "json-raw")
    assert watching.stdout is not None
    assert watching.stdout.readline()
    watching.send_signal(signal.SIGINT)
    _, err = watching.communicate(timeout=120)
    assert (watching.returncode, f"run `{name}` goes on" in err) == (130, True)
    file.touch()
    assert place.flyte("watch", where, name)
    begun.communicate(timeout=120)


@WHERE
def test_runs_are_compared(place: Place, where: str) -> None:
    told = json.loads(place.flyte("diff", where, "four", "five", "-of", "json"))
    assert (told["runs"], told["equal"]) == (["four", "five"], False)
    found = [(each["what"], each["where"], each["left"], each["right"]) for each in told["differences"]]
    assert ("phase", "", "succeeded", "failed") in found
    assert ("input", "x", "4", "5") in found
    assert ("output", "o0", "5", "") in found
    assert "LEFT" in place.flyte("diff", where, "four", "five")
    assert place.flyte("diff", where, "four", "four").endswith("inputs, actions and outputs are the same.\n")


def test_equal_runs_have_no_difference_but_their_time(place: Place) -> None:
    told = json.loads(place.flyte("diff", "--local", "four", "again", "-of", "json"))
    assert {each["what"] for each in told["differences"]} <= {"duration"}
