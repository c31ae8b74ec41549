"""`flyte run --devbox` and `flyte abort`, as commands in a home of their own."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flyte_devbox.process import stop_server

from .running import CODE

Flyte = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    shutil.copy(CODE / "shapes.py", home)
    # A port that is free, and not the one of a devbox that somebody works with.
    started = _flyte(home, "start", "devbox", "--port", "0")
    assert started.returncode == 0, started.stderr
    yield home
    stop_server(home / "devbox")


def _flyte(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    env = {name: text for name, text in os.environ.items() if not name.startswith(("FLYTE", "_U_"))}
    env |= {"HOME": str(home), "FLYTE_DEVBOX_FOLDER": str(home / "devbox")}
    command = [str(Path(sys.executable).parent / "flyte"), *arguments]
    return subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_a_run_is_followed_to_its_result(home: Path) -> None:
    done = _flyte(home, "run", "--devbox", "--follow", "shapes.py", "total", "--n", "3")
    assert done.returncode == 0, done.stderr
    assert "result    5" in done.stdout
    assert "adding up" in done.stderr
    told = _flyte(home, "-of", "json", "run", "--devbox", "--follow", "shapes.py", "square", "--x", "4")
    assert (json.loads(told.stdout)["phase"], json.loads(told.stdout)["outputs"]) == ("succeeded", {"o0": 16})


def test_a_failure_is_told_with_its_task_and_the_page(home: Path) -> None:
    done = _flyte(home, "run", "--devbox", "--follow", "shapes.py", "broken", "--n", "3")
    assert done.returncode == 1
    assert "error: task `shapes.failing` failed in action" in done.stderr
    assert "3 is no good" in done.stderr
    assert "/runs/" in done.stderr


def test_a_run_is_begun_and_aborted(home: Path) -> None:
    begun = _flyte(home, "-of", "json-raw", "run", "--devbox", "--name", "to-abort", "shapes.py", "lasting")
    assert json.loads(begun.stdout)["name"] == "to-abort"
    aborted = _flyte(home, "abort", "run", "--devbox", "to-abort")
    assert aborted.returncode == 0, aborted.stderr
    again = _flyte(home, "abort", "run", "--devbox", "to-abort")
    assert (again.returncode, "is over: aborted" in again.stderr) in {(1, True), (0, False)}
    missing = _flyte(home, "abort", "run", "--devbox", "none-such")
    assert missing.returncode == 2
    assert "none-such" in missing.stderr


def test_the_hint_of_a_new_run_works_as_it_is(home: Path) -> None:
    begun = _flyte(home, "run", "--devbox", "shapes.py", "square", "--x", "4")
    *_, hint = begun.stdout.splitlines()
    assert hint.startswith("next      flyte get run ")
    shown = _flyte(home, *hint.split()[2:])
    assert shown.returncode == 0, shown.stderr
    assert "square" in shown.stdout


def test_a_configured_endpoint_is_where_runs_go_but_for_local_ones(home: Path) -> None:
    config = home / "config.yaml"
    written = _flyte(home, "create", "config", "--devbox", "-o", str(config), "--force")
    assert written.returncode == 0, written.stderr
    config.write_text(config.read_text())
    there = _flyte(home, "-c", str(config), "run", "--follow", "shapes.py", "square", "--x", "2")
    assert there.returncode == 0, there.stderr
    assert "result    4" in there.stdout
    assert "page      http://localhost:" in there.stdout
    here = _flyte(home, "-c", str(config), "run", "--local", "shapes.py", "square", "--x", "2")
    assert here.returncode == 0, here.stderr
    assert "recorded" in here.stdout


def test_what_ran_there_is_shown_as_what_ran_here(home: Path) -> None:
    begun = _flyte(home, "run", "--devbox", "--follow", "--name", "to-show", "shapes.py", "total", "--n", "2")
    assert begun.returncode == 0, begun.stderr
    listed = json.loads(_flyte(home, "-of", "json", "get", "run", "--devbox").stdout)
    assert ("to-show", "shapes.total", "succeeded") in {(run["name"], run["task"], run["phase"]) for run in listed}
    run = json.loads(_flyte(home, "-of", "json", "get", "run", "--devbox", "to-show").stdout)
    assert sorted(action["task"] for action in run["actions"]) == ["shapes.square", "shapes.square", "shapes.total"]
    root = json.loads(_flyte(home, "-of", "json", "get", "action", "--devbox", "to-show", "a0").stdout)
    assert [attempt["phase"] for attempt in root["tries"]] == ["succeeded"]
    io = json.loads(_flyte(home, "-of", "json", "get", "io", "--devbox", "to-show").stdout)
    assert io == {"inputs": {"n": 2}, "outputs": {"o0": 1}}
    assert _flyte(home, "get", "logs", "--devbox", "to-show").stdout == "total: adding up\n"
    missing = _flyte(home, "get", "run", "--devbox", "none-such")
    assert (missing.returncode, "on the control plane" in missing.stderr) == (2, True)


def test_what_is_told_of_the_devbox(home: Path) -> None:
    record = json.loads((home / "devbox" / "devbox.json").read_text())
    known = {
        "running": True,
        "folder": str(home / "devbox"),
        "endpoint": f"localhost:{record['port']}",
        "pid": record["pid"],
        "version": record["version"],
        "needs_token": True,
    }
    told = _flyte(home, "status", "devbox", "--json").stdout
    assert (told.count("\n"), json.loads(told)) == (1, known)
    assert record["token"] not in told
    folder = ("--folder", str(home / "devbox"))
    assert json.loads(_flyte(home, "get", "devbox", *folder, "--no-probes", "-of", "json").stdout) == known
    probed = json.loads(_flyte(home, "get", "devbox", "-of", "json").stdout)
    assert probed["ready"] is True
    assert probed.keys() - known.keys() >= {"ready", "answered_ms", "database_mb", "free_disk_gb"}


def test_no_probes_asks_a_devbox_nothing(home: Path) -> None:
    """One that is stopped answers nobody: with probes the command waits for it, without them it tells what is known."""
    record = json.loads((home / "devbox" / "devbox.json").read_text())
    os.kill(record["pid"], signal.SIGSTOP)
    try:
        plain = _flyte(home, "get", "devbox", "--no-probes", "-of", "json")
        probed = _flyte(home, "get", "devbox", "-of", "json")
    finally:
        os.kill(record["pid"], signal.SIGCONT)
    assert (json.loads(plain.stdout)["running"], "ready" in json.loads(plain.stdout)) == (True, False)
    assert json.loads(probed.stdout)["ready"] is False


def test_a_devbox_that_does_not_run_is_told_of_too(tmp_path: Path) -> None:
    missing = _flyte(tmp_path, "status", "devbox", "--json")
    assert missing.returncode == 1
    assert json.loads(missing.stdout) == {"running": False, "folder": str(tmp_path / "devbox")}
    told = _flyte(tmp_path, "get", "devbox", "--no-probes")
    assert (told.returncode, "hint: `flyte start devbox` starts it" in told.stdout) == (1, True)


def test_a_devbox_in_a_folder_from_its_start_to_its_end(tmp_path: Path) -> None:
    place = ("--folder", str(tmp_path / "own"), "-of", "json")
    of_containers = ("--image", "registry.example.org/devbox:1", "--dev", "--gpu", "--apple-silicon")
    started = _flyte(tmp_path, "start", "devbox", *place, "--port", "0", "--python", sys.executable, *of_containers)
    try:
        assert started.returncode == 0, started.stderr
        assert "note: `--image`, `--dev`, `--gpu`, `--apple-silicon` have no effect" in started.stderr
        known = json.loads(started.stdout)
        assert (known["running"], known["folder"]) == (True, str(tmp_path / "own"))
        command = Path("/proc", str(known["pid"]), "cmdline")
        if command.exists():
            assert f"--python\0{sys.executable}\0" in command.read_text()
        assert json.loads(_flyte(tmp_path, "status", "devbox", *place).stdout) == known
        assert (
            json.loads(_flyte(tmp_path, "status", "devbox", "--folder", str(tmp_path / "own"), "--json").stdout)
            == known
        )
        assert _flyte(tmp_path, "status", "devbox").returncode == 1
        assert json.loads(_flyte(tmp_path, "stop", "devbox", *place).stdout) == {"stopped": True}
    finally:
        stop_server(tmp_path / "own")
    assert (tmp_path / "own" / "state.db").exists()
    gone = _flyte(tmp_path, "delete", "devbox", *place, "--volume")
    assert json.loads(gone.stdout) == {"stopped": False, "deleted": str(tmp_path / "own")}
    assert not (tmp_path / "own").exists()


def test_a_devbox_without_a_token_is_used_as_it_is(tmp_path: Path) -> None:
    shutil.copy(CODE / "shapes.py", tmp_path)
    started = _flyte(tmp_path, "start", "devbox", "--port", "0", "--no-auth")
    try:
        assert started.returncode == 0, started.stderr
        done = _flyte(tmp_path, "run", "--devbox", "--follow", "shapes.py", "square", "--x", "3")
        assert done.returncode == 0, done.stderr
        assert "result    9" in done.stdout
        assert _flyte(tmp_path, "get", "run", "--devbox").returncode == 0
    finally:
        stop_server(tmp_path / "devbox")
