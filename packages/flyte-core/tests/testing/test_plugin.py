"""The pytest plugin, in sessions of its own: what it loads, and how it ends a test."""

import subprocess
import sys
from pathlib import Path

UNUSED = """
import sys

def test_without_a_run():
    own = {name for name in sys.modules if name.split(".")[0].startswith("flyte")}
    assert own == {"flyte", "flyte.testing", "flyte.testing.plugin"}, own
"""

FAILURES = """
import flyte

env = flyte.TaskEnvironment("plugin")

@env.task
async def score(x: int) -> int:
    return x

def test_misspelt(flyte_lab, flyte_failures):
    flyte_failures.fail("scoer")
    flyte_lab.run(score, 1)

def test_everything(flyte_lab, flyte_failures, flyte_clock, flyte_secrets, flyte_runs):
    flyte_failures.delay("score", 60)
    flyte_secrets["token"] = "x"
    assert flyte.run(score, 1).outputs()[0] == 1
    assert flyte_clock.elapsed == 60
    assert [run.outputs()[0] for run in flyte_runs] == [1]
"""


def session(folder: Path, program: str) -> tuple[int, str]:
    (folder / "test_program.py").write_text(program)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "--rootdir", str(folder)]
    done = subprocess.run([*command, str(folder)], cwd=folder, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout


def test_a_session_without_labs_loads_three_small_modules(tmp_path: Path) -> None:
    code, out = session(tmp_path, UNUSED)
    assert code == 0, out


def test_an_injected_failure_that_never_comes_fails_the_test(tmp_path: Path) -> None:
    code, out = session(tmp_path, FAILURES)
    assert code == 1
    assert "failures were injected for actions that never came: `scoer`" in out
    assert "2 passed, 1 error" in out


def test_fixtures_are_listed_with_what_they_are(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "--fixtures", "-q", "-p", "no:cacheprovider"]
    out = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120).stdout
    for name in ("flyte_lab", "flyte_clock", "flyte_failures", "flyte_secrets", "flyte_runs"):
        assert f"{name} -- " in out
