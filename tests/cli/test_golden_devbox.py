"""What commands show of a devbox, word for word. Change one only on purpose: `just snap` accepts the new text."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from flyte_devbox.process import stop_server

FLYTE = Path(sys.executable).with_name("flyte")
PROGRAM = """\
import flyte

env = flyte.TaskEnvironment("steps")


@env.task
def half(x: int) -> int:
    return x // 2
"""


class Place:
    """Commands in a folder that is their home, with the devbox of that home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "COLUMNS": "160",
            "TZ": "UTC",
            "LOGNAME": "ada",
            "FLYTE_DEVBOX_FOLDER": str(folder / "devbox"),
        }
        (folder / "steps.py").write_text(PROGRAM)

    def flyte(self, *words: str) -> str:
        done = subprocess.run(
            [FLYTE, "--no-progress", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return self.normalise(done.stdout)

    def normalise(self, text: str) -> str:
        text = text.replace(str(self.folder), "<folder>")
        text = re.sub(r"(127\.0\.0\.1|localhost):\d+", "<devbox>", text)
        text = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?", "<time>", text)
        text = re.sub(r"(?m)(  succeeded  +)\S.*$", r"\1<duration>", text)
        text = re.sub(r"(?m)^((?:started|took)  +)\S.*$", r"\1<duration>", text)
        text = re.sub(r'"seconds": [0-9.e-]+', '"seconds": <duration>', text)
        # The widths of columns follow what they held before it was replaced.
        return "\n".join(re.sub(r"(?<=\S)  +", "  ", line).rstrip() for line in text.splitlines())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("home"))
    place.flyte("start", "devbox", "--port", "0")
    try:
        place.flyte("run", "--devbox", "--follow", "--name", "four", "steps.py", "half", "--x", "4")
        yield place
    finally:
        stop_server(place.folder / "devbox")


def test_inputs_and_outputs(place: Place) -> None:
    assert place.flyte("get", "io", "--devbox", "four") == snapshot("""\
inputs
  x  4

outputs
  o0  2\
""")
    assert place.flyte("get", "io", "--devbox", "four", "-of", "json") == snapshot("""\
{
  "inputs": {
    "x": 4
  },
  "outputs": {
    "o0": 2
  }
}\
""")
    assert place.flyte("get", "io", "--devbox", "four", "-of", "yaml") == snapshot("""\
inputs:
  x: 4
outputs:
  o0: 2\
""")


def test_runs_that_do_not_differ(place: Place) -> None:
    assert place.flyte("diff", "--devbox", "four", "four") == snapshot("""\
left  four  succeeded  <duration>
right  four  succeeded  <duration>

No difference: inputs, actions and outputs are the same.\
""")
    assert place.flyte("diff", "--devbox", "four", "four", "-of", "json") == snapshot("""\
{
  "runs": [
    "four",
    "four"
  ],
  "equal": true,
  "differences": []
}\
""")


def test_what_a_project_holds(place: Place) -> None:
    assert place.flyte("get", "project", "--devbox") == snapshot("""\
ID  NAME  DESCRIPTION
flytesnacks  flytesnacks  To begin with\
""")
    assert place.flyte("get", "trigger", "--devbox") == snapshot("TRIGGER  TASK  ACTIVE  STARTS  LAST")
    assert place.flyte("get", "trigger", "--devbox", "-of", "json") == snapshot("[]")
    assert place.flyte("get", "secret", "--devbox") == snapshot("SECRET  TYPE")
    assert place.flyte("get", "secret", "--devbox", "-of", "json") == snapshot("[]")


def test_whose_run_it_is(place: Place) -> None:
    assert place.flyte("whoami", "--devbox") == snapshot("""\
name  ada
subject  devbox
user  ada\
""")
    assert place.flyte("whoami", "--devbox", "-of", "json") == snapshot("""\
{
  "subject": "devbox",
  "name": "ada",
  "preferredUsername": "ada"
}\
""")
    assert place.flyte("get", "run", "--devbox", "four") == snapshot("""\
run  four
task  steps.half
phase  succeeded
started  <duration>
took  <duration>

TASK  ACTION  PHASE  ATTEMPTS  TOOK  ERROR
half  a0  succeeded  <duration>\
""")
    assert place.flyte("get", "action", "--devbox", "four", "-of", "json") == snapshot("""\
[
  {
    "run": "four",
    "name": "a0",
    "parent": null,
    "task": "steps.half",
    "short_name": "half",
    "group": null,
    "phase": "succeeded",
    "attempts": 1,
    "created_at": "<time>",
    "started_at": "<time>",
    "ended_at": "<time>",
    "seconds": <duration>,
    "cache": "disabled",
    "error": null
  }
]\
""")
