"""Any script as a run on a devbox, from Python and from the command line."""

import os
import subprocess
import sys

import pytest

import flyte
import flyte.remote
from flyte_models.phases import ActionPhase

from .running import connected_to, write_config

SCRIPT = """
import sys
from pathlib import Path

here = Path(__file__).parent
print("arguments", sys.argv[1:], (here / "beside.txt").exists())
if "fail" in sys.argv:
    sys.exit(3)
Path("filled").mkdir(exist_ok=True)
Path("filled", "made.txt").write_text("made")
"""


@pytest.fixture
def script(port, tmp_path):
    folder = tmp_path / "scripts"
    folder.mkdir()
    (folder / "script.py").write_text(SCRIPT)
    (folder / "beside.txt").write_text("beside")
    with connected_to(port, tmp_path, root_dir=None):
        yield folder / "script.py"


def test_it_runs_there_with_what_it_includes(script) -> None:
    run = flyte.run_python_script(
        script, extra_args=["a", "b c"], include_files=["beside.txt"], wait=True, name="script1"
    )
    assert (run.name, run.phase) == ("script1", ActionPhase.SUCCEEDED)
    assert list(run.get_logs()) == ["arguments ['a', 'b c'] True"]
    resources = run.details().action_details.pb2.task.task_template.container.resources
    assert {each.value for each in resources.requests} == {"4", "16Gi"}


def test_the_folder_that_it_fills_is_its_output(script) -> None:
    run = flyte.run_python_script(script, output_dir="filled", wait=True)
    assert [each.name for each in run.outputs()[0].walk_sync()] == ["made.txt"]


def test_a_script_that_fails_fails_its_run(script) -> None:
    run = flyte.run_python_script(script, extra_args=["fail"], wait=True)
    with pytest.raises(flyte.errors.RuntimeUserError, match="exit code 3"):
        run.raise_for_status()
    with pytest.raises(FileNotFoundError, match="no file `other.txt`"):
        flyte.run_python_script(script, include_files=["other.txt"])
    with pytest.raises(ValueError, match="not below the folder of the script"):
        flyte.run_python_script(script, include_files=["/etc/passwd"])


def test_from_the_command_line(script, port, tmp_path) -> None:
    config = write_config(tmp_path / "config.yaml", port)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "flyte_cli.main", "--config", str(config), "run", "--follow"),
            *("python-script", "script.py", "--extra-args", "a,b"),
        ],
        cwd=script.parent,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "result    None" in done.stdout
    assert "arguments ['a', 'b'] False" in done.stderr
