"""Any script as a run on a devbox, from Python and from the command line."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

import flyte
import flyte.remote
from flyte_models.phases import ActionPhase

from .running import connected_to, write_config

Command = Callable[..., "subprocess.CompletedProcess[str]"]
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


@pytest.fixture
def command(script, port, tmp_path) -> Command:
    """`flyte run OPTIONS python-script script.py WORDS`, with what else the end of a run is waited for."""
    config = write_config(tmp_path / "config.yaml", port)

    def run(*words: str, before: tuple[str, ...] = ("--follow",)) -> "subprocess.CompletedProcess[str]":
        start = (sys.executable, "-m", "flyte_cli.main", "--config", str(config), "run", *before)
        return subprocess.run(
            [*start, "python-script", "script.py", *words],
            cwd=script.parent,
            env=dict(os.environ),
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


def test_from_the_command_line(command) -> None:
    done = command("--extra-args", "a,b")
    assert done.returncode == 0, done.stderr
    assert "result    None" in done.stdout
    assert "arguments ['a', 'b'] False" in done.stderr
    with_files = command("--include-files", "beside.txt", "--output-dir", "filled")
    assert with_files.returncode == 0, with_files.stderr
    assert "arguments [] True" in with_files.stderr
    assert "result    Dir" in with_files.stdout


def test_its_options_make_the_container(command) -> None:
    words = "--cpu 2 --memory 1Gi --gpu 1 --gpu-type A100 --queue slow --timeout 77 --image registry.example.org/own:1"
    assert command(*words.split(), before=("--name", "contained")).returncode == 0
    action = flyte.remote.Run.get("contained").details().action_details.pb2
    template, spec = action.task.task_template, flyte.remote.Run.get("contained").details().pb2.run_spec
    assert template.container.image == "registry.example.org/own:1"
    requested = {each.name: each.value for each in template.container.resources.requests}
    kinds = template.container.resources.ResourceName
    assert requested == {kinds.CPU: "2", kinds.MEMORY: "1Gi", kinds.GPU: "1"}
    assert template.extended_resources.gpu_accelerator.device == "nvidia-tesla-a100"
    assert template.metadata.timeout.seconds == 77
    assert spec.queue == "slow"


def test_options_of_the_run_are_those_of_the_script_too(command, port, tmp_path) -> None:
    """PyPI flyte 2.12.1 takes the name, project and domain, and loses labels and variables."""
    before = ("--name", "placed", "-d", "staging", "--label", "team=ml", "--env", "COLOUR=red", "--queue", "slow")
    assert command("--extra-args", "a", before=(*before, "--follow")).returncode == 0
    with connected_to(port, tmp_path, domain="staging"):
        spec = flyte.remote.Run.get("placed").details().pb2.run_spec
    assert dict(spec.labels.values) == {"team": "ml"}
    assert ("COLOUR", "red") in {(each.key, each.value) for each in spec.envs.values}
    assert spec.queue == "slow"


def test_a_script_that_takes_too_long_is_ended(command, script) -> None:
    script.write_text("import time\nprint('begun', flush=True)\ntime.sleep(1000)\n")
    done = command("--timeout", "5", before=("--follow", "--name", "long"))
    assert done.returncode == 1
    assert flyte.remote.Run.get("long").phase == ActionPhase.TIMED_OUT


SEVERAL = """--clustered; --replicas 2; --nproc-per-node 2; --rdzv-backend c10d; --rdzv-backend static
--torchrun-max-restarts 1; --cluster-max-restarts 1
--restart-on-host-maintenance; --ttl-seconds-after-finished 9; --plugin-config plugin.yaml"""


@pytest.mark.parametrize("words", [each.strip() for each in SEVERAL.replace("\n", ";").split(";")])
def test_what_needs_several_machines_or_a_built_image_is_refused(command, words: str) -> None:
    done = command(*words.split())
    assert done.returncode == 2
    assert f"error: `{words.split(maxsplit=1)[0]}` asks for several machines" in done.stderr


def test_packages_need_an_image(command) -> None:
    done = command("--packages", "numpy")
    assert done.returncode == 2
    assert "`--packages` needs an image to be built" in done.stderr


def test_files_that_cannot_be_included_are_refused(command) -> None:
    for file, reason in (("other.txt", "there is no file `other.txt`"), ("/etc/passwd", "is not below the folder")):
        done = command("--include-files", file)
        assert done.returncode == 2
        assert reason in done.stderr
        assert "hint: what `--include-files` names" in done.stderr
