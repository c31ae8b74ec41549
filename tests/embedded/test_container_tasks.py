"""Commands in images that know nothing of Flyte, in a real container: here, and on a devbox."""

import subprocess
from contextlib import ExitStack

import pytest

import flyte
from flyte_models.phases import ActionPhase

from .running import connected_to, end, load, start, until


@pytest.fixture(scope="module")
def boxes(shell_image):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOXES_IMAGE", shell_image)
        yield load("boxes")


@pytest.fixture(scope="module")
def devbox(boxes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("boxes") / "devbox"
    server, port = start(folder)
    yield folder, port
    end(server)


@pytest.fixture(params=["local", "remote"])
def runner(request, tmp_path, monkeypatch):
    """Runs a task here or there."""
    monkeypatch.chdir(tmp_path)
    port = None if request.param == "local" else request.getfixturevalue("devbox")[1]
    with connected_to(port, tmp_path):
        yield flyte.with_runcontext(mode=request.param)


def test_inputs_are_arguments_and_files_and_outputs_are_files(runner, boxes) -> None:
    run = runner.run(boxes.greeted, word="hey")
    run.wait(quiet=True)
    assert run.outputs()[0] == ["hey 3 hello", "HEY", '{"count": 3, "word": "hey"}']


def test_files_and_folders_go_in_and_come_out(runner, boxes) -> None:
    run = runner.run(boxes.counted, text="b\na\nc\n")
    run.wait(quiet=True)
    if hasattr(run, "raise_for_status"):
        run.raise_for_status()
    assert tuple(run.outputs()) == (3, ["all"], "a\nb\nc\n", "c\nb\na\n")


@pytest.mark.parametrize(("task", "words"), [("failed", ["3"]), ("forgotten", ["did not write its output `never`"])])
def test_a_failure_says_what_the_container_did(runner, boxes, task, words) -> None:
    with pytest.raises(Exception) as caught:
        run = runner.run(getattr(boxes, task))
        run.wait(quiet=True)
        run.raise_for_status()
    for word in words:
        assert word in str(caught.value)


def test_an_abort_ends_the_container(devbox, boxes, tmp_path) -> None:
    folder, port = devbox
    with connected_to(port, tmp_path):
        run = flyte.run(boxes.waiting)
        until(lambda: containers(folder, running=True), "it runs")
        run.abort("enough")
        run.wait(quiet=True)
        assert run.phase is ActionPhase.ABORTED
        until(lambda: not containers(folder), "nothing is left")


def test_the_container_goes_on_while_the_server_is_away(boxes, tmp_path) -> None:
    folder = tmp_path / "devbox"
    gate = folder / "work"
    server, port = start(folder)
    with ExitStack() as stack:
        stack.callback(lambda: end(server))
        stack.enter_context(connected_to(port, tmp_path))
        run = flyte.run(boxes.gated)
        until(lambda: containers(folder, running=True), "it runs")
        # One that nobody has written down is ended by the next server, and begun anew.
        phases = [ActionPhase.RUNNING] * 2
        until(lambda: [each.phase for each in flyte.remote.Action.listall(run.name)] == phases, "that is recorded")
        server.kill()
        server.wait()
        server, port = start(folder, port)
        for outputs in gate.glob("*/outputs"):
            (outputs / "go").touch()
        run.wait(quiet=True)
        assert run.outputs()[0] == "gone on"
        names = [each.name for each in flyte.remote.Action.listall(run.name)]
        attempts = {name: flyte.remote.ActionDetails.get(run_name=run.name, name=name).attempts for name in names}
        assert set(attempts.values()) == {1}
        until(lambda: not containers(folder), "nothing is left")


def containers(folder, *, running: bool = False) -> list[str]:
    command = ["podman", "ps", "--filter", f"label=flyte.devbox={folder}", "--format", "{{.Names}}"]
    listed = subprocess.run(command if running else [*command, "--all"], capture_output=True, text=True, timeout=300)
    return listed.stdout.split()
