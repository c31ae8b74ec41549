"""`flyte replay`: an action of a failed run again, from this machine's history and from a devbox, and the debugger."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flyte_devbox.process import stop_server

FLYTE = Path(sys.executable).with_name("flyte")
PROGRAM = """\
from dataclasses import dataclass

import flyte

env = flyte.TaskEnvironment("shop")


@dataclass
class Part:
    size: int


@env.task(retries=1, cache="auto")
def half(part: Part) -> int:
    rest = part.size % 2
    if rest:
        raise ValueError(f"{part.size} is odd")
    return part.size // 2


@env.task
async def main(x: int) -> int:
    return await half.aio(Part(x))
"""


class Place:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / "shop.py"
        self.program.write_text(PROGRAM)
        self.environment = {
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "COLUMNS": "160",
            "FLYTE_DEVBOX_FOLDER": str(folder / "devbox"),
        }

    def flyte(self, *words: str, answers: str = "", where: str = ".") -> "subprocess.CompletedProcess[str]":
        folder = self.folder / where
        folder.mkdir(exist_ok=True)
        command = [FLYTE, "--no-progress", *words]
        return subprocess.run(
            command, cwd=folder, env=self.environment, input=answers, capture_output=True, text=True, timeout=180
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("home"))
    assert place.flyte("start", "devbox", "--port", "0").returncode == 0
    assert place.flyte("run", "--devbox", "--follow", "--name", "odd", "shop.py", "main", "--x", "5").returncode == 1
    assert place.flyte("run", "--devbox", "--follow", "--name", "even", "shop.py", "main", "--x", "6").returncode == 0
    assert place.flyte("run", "--name", "odd", "shop.py", "main", "--x", "5").returncode == 1
    assert place.flyte("run", "--name", "even", "shop.py", "main", "--x", "6").returncode == 0
    yield place
    stop_server(place.folder / "devbox")


@pytest.mark.parametrize("where", ["--local", "--devbox"])
def test_an_action_runs_again_with_its_inputs(place: Place, where: str) -> None:
    done = place.flyte("replay", where, "even", "half", "-of", "json")
    assert done.returncode == 0, done.stderr
    assert "replaying `shop.half` of `even/" in done.stderr
    assert "part=Part(size=6)" in done.stderr
    told = json.loads(done.stdout)
    assert told["outputs"] == {"o0": 3}
    # The cache has its result; it was called all the same.
    action = json.loads(place.flyte("get", "action", "--local", told["name"], "a0", "-of", "json").stdout)
    assert action["cache"] == "disabled"
    listed = json.loads(place.flyte("get", "run", "--local", told["name"], "-of", "json").stdout)
    assert listed["labels"]["replay-of"].startswith("even/")


@pytest.mark.parametrize("where", ["--local", "--devbox"])
def test_a_failure_is_told_after_one_attempt(place: Place, where: str) -> None:
    done = place.flyte("replay", where, "odd", "half")
    assert done.returncode == 1
    assert "error: task `shop.half` failed: ValueError: 5 is odd\n" in done.stderr
    assert 'raise ValueError(f"{part.size} is odd")' in done.stderr


@pytest.mark.parametrize("where", ["--local", "--devbox"])
def test_the_debugger_opens_at_the_frame_that_failed(place: Place, where: str) -> None:
    done = place.flyte("replay", where, "odd", "half", "--pdb", answers="p part.size, rest\nq\n")
    assert done.returncode == 1
    assert "(Pdb) (5, 1)" in done.stdout
    assert "-> raise ValueError(" in done.stdout


def test_the_code_of_a_control_plane_needs_nothing_of_this_folder(place: Place) -> None:
    done = place.flyte("replay", "--devbox", "even", where="elsewhere")
    assert done.returncode == 0, done.stderr
    assert "result    3" in done.stdout
    kept = place.flyte("replay", "--devbox", "even", "half", "--dest", "kept", where="elsewhere")
    assert kept.returncode == 0, kept.stderr
    assert (place.folder / "elsewhere" / "kept" / "shop.py").read_text() == PROGRAM


def test_what_cannot_be_replayed_is_refused(place: Place) -> None:
    missing = place.flyte("replay", "odd", "none-such")
    assert (missing.returncode, "has no action `none-such`" in missing.stderr) == (2, True)
    renamed = place.folder / "renamed.py"
    renamed.write_text(PROGRAM)
    assert place.flyte("run", "--name", "renamed", "renamed.py", "main", "--x", "2").returncode == 0
    renamed.write_text(PROGRAM.replace("def half", "def quarter").replace("half.aio", "quarter.aio"))
    refused = place.flyte("replay", "renamed", "half")
    assert refused.returncode == 2
    assert "has no task `shop.half`" in refused.stderr
