"""`flyte.run_python_script`: a script as a run, with arguments, output, failure and an end in time."""

from pathlib import Path

import pytest

import flyte
from flyte.errors import RuntimeUserError, TaskTimeoutError
from flyte.scripts import ScriptFailedError


def write(folder: Path, text: str) -> Path:
    script = folder / "script.py"
    script.write_text(text)
    return script


def test_a_script_gets_its_arguments_and_fills_a_folder(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    script = write(
        tmp_path,
        "import pathlib, sys\nprint('got', sys.argv[1:])\n"
        f"folder = pathlib.Path({str(tmp_path / 'out')!r})\nfolder.mkdir()\n(folder / 'a.txt').write_text('done')\n",
    )
    run = flyte.run_python_script(
        script, extra_args=["a", "b c"], output_dir=str(tmp_path / "out"), name="scripted", cpu=1, wait=True
    )
    assert run.name == "scripted"
    assert "got ['a', 'b c']" in capfd.readouterr().out
    assert (Path(run.outputs()[0].path) / "a.txt").read_text() == "done"


def test_a_script_that_fails_says_how(tmp_path: Path) -> None:
    with pytest.raises(RuntimeUserError) as caught:
        flyte.run_python_script(write(tmp_path, "raise SystemExit(3)"))
    assert isinstance(caught.value.__cause__, ScriptFailedError)
    assert "exit code 3" in str(caught.value)


def test_a_script_is_ended_when_its_time_is_up(tmp_path: Path) -> None:
    with pytest.raises(TaskTimeoutError):
        flyte.run_python_script(write(tmp_path, "import time\ntime.sleep(600)"), timeout=1)


def test_what_cannot_run_is_refused(tmp_path: Path) -> None:
    script = write(tmp_path, "")
    with pytest.raises(NotImplementedError, match="several machines"):
        flyte.run_python_script(script, clustered=True, replicas=2)
    with pytest.raises(FileNotFoundError, match="nope"):
        flyte.run_python_script(tmp_path / "nope.py")
