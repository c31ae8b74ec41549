"""Tasks that name an image run in a container of it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from flyte_devbox.executors.container import is_stand_in

from .containers import containers_of
from .serving import SUCCEED, Server, abort, create_run, logs, shell_task, start, until, until_exists, wait

SUCCEEDED, ABORTED, FAILED = 5, 7, 6


@pytest.fixture
def image(shell_image: str) -> str:
    return shell_image


@pytest.fixture
def devbox(image: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:  # noqa: ARG001 - the image first
    monkeypatch.setenv("USER_SAID", "and more")
    monkeypatch.setenv("LANG_OF_DEVBOX", "not for containers")
    running = start(folder)
    yield running
    running.stop()


def task(image: str, script: str, **policies):
    spec = shell_task(script, **policies)
    spec.task_template.container.image = image
    return spec


@pytest.mark.parametrize("name", ["", "auto", "none", "ghcr.io/flyteorg/flyte:py3.11-v2.12.1"])
def test_images_that_only_stand_for_the_devbox(name: str) -> None:
    assert is_stand_in(name)
    assert not is_stand_in("registry.example/own:1")


def test_it_runs_in_the_image_with_its_variables_and_leaves_nothing(devbox: Server, image: str) -> None:
    spec = task(image, f"ls /; echo run=$RUN_NAME said=$SAID $USER_SAID lang=$LANG_OF_DEVBOX; pwd; {SUCCEED}")
    spec.task_template.container.env.add(key="SAID", value="two words\nand a line")
    # As the devbox has it, which is no reason to leave it out.
    spec.task_template.container.env.add(key="USER_SAID", value=os.environ["USER_SAID"])
    run = create_run(devbox, spec)
    assert wait(devbox, run).status.phase == SUCCEEDED
    lines = logs(devbox, run)
    assert {"bin", "tmp"} <= set(lines)
    assert "usr" not in lines
    assert f"run={run} said=two words and a line and more lang=" in " ".join(lines)
    until(lambda: not containers_of(devbox.folder))


def test_a_failure_has_its_exit_code(devbox: Server, image: str) -> None:
    run = create_run(devbox, task(image, "echo before; exit 3"))
    ended = wait(devbox, run)
    assert ended.status.phase == FAILED
    assert "3" in ended.error_info.message
    assert logs(devbox, run)[-1] == "before"


def test_an_image_that_is_nowhere_fails_with_its_name(devbox: Server) -> None:
    run = create_run(devbox, task("localhost/flyte-test-none-such:1", SUCCEED))
    ended = wait(devbox, run)
    assert ended.status.phase == FAILED
    assert "localhost/flyte-test-none-such:1" in ended.error_info.message


def test_an_abort_lets_it_clean_up(devbox: Server, image: str) -> None:
    ready = devbox.folder / "objects" / "ready"
    run = create_run(devbox, task(image, f"trap 'echo cleaned up; exit 1' TERM; touch {ready}; sleep 600 & wait"))
    until(ready.exists)
    abort(devbox, run, "enough")
    assert wait(devbox, run).status.phase == ABORTED
    until(lambda: not containers_of(devbox.folder))
    assert logs(devbox, run)[-1] == "cleaned up"


def test_it_goes_on_while_the_server_is_away(image: str, folder: Path) -> None:
    server = start(folder)
    try:
        begun, gate = folder / "objects" / "begun", folder / "objects" / "gate"
        run = create_run(server, task(image, f"echo begun; touch {begun}; {until_exists(gate)}; echo ended; {SUCCEED}"))
        until(begun.exists)
        server.kill()
        server = start(folder)
        gate.touch()
        ended = wait(server, run)
        assert (ended.status.phase, ended.status.attempts) == (SUCCEEDED, 1)
        assert logs(server, run) == ["begun", "ended"]
        until(lambda: not containers_of(folder))
    finally:
        server.stop()


HANGS_ONCE = """#!/bin/sh
case "$*" in *State.Running*) if mkdir {hung} 2>/dev/null; then exec sleep 600; else touch {asked}; fi;; esac
exec {engine} "$@"
"""


def test_an_engine_that_does_not_answer_is_asked_again(
    image: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question without an answer does not say that the container is gone."""
    hung, asked, program = tmp_path / "hung", tmp_path / "asked", tmp_path / "bin" / "podman"
    program.parent.mkdir()
    program.write_text(HANGS_ONCE.format(hung=hung, asked=asked, engine=shutil.which("podman")))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    server = start(folder)
    try:
        begun, gate = folder / "objects" / "begun", folder / "objects" / "gate"
        run = create_run(server, task(image, f"touch {begun}; {until_exists(gate)}; {SUCCEED}"))
        until(begun.exists)
        server.kill()
        server = start(folder)
        until(asked.exists)
        gate.touch()
        ended = wait(server, run)
        assert (ended.status.phase, ended.status.attempts) == (SUCCEEDED, 1)
    finally:
        server.stop()


def test_without_an_engine_it_runs_as_a_process_and_says_so(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_a_shell = tmp_path / "bin"
    only_a_shell.mkdir()
    (only_a_shell / "sh").symlink_to("/bin/sh")
    monkeypatch.setenv("PATH", str(only_a_shell))
    server = start(folder)
    try:
        run = create_run(server, task("registry.example/own:1", f"echo here; {SUCCEED}"))
        assert wait(server, run).status.phase == SUCCEEDED
        assert logs(server, run) == [
            "devbox: there is no container engine, so image registry.example/own:1 is not used",
            "here",
        ]
    finally:
        server.stop()
