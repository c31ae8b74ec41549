"""Whole runs on a devbox in a process of its own: requests over Connect, `a0`, children, outputs, errors, logs, restart."""

import os
import signal
import subprocess
import sys

import pytest
from flyteidl2.common import phase_pb2
from flyteidl2.project import project_service_pb2
from flyteidl2.task import task_definition_pb2
from flyteidl2.workflow import run_service_pb2

from flyte_protocol.rpc_errors import RpcError

from .running import CODE, PROJECTS, RUNS, SOON, create, data, details, end, load, on, result, start, submit, until_over


@pytest.fixture
def devbox(tmp_path):
    server, port = start(tmp_path / "devbox")
    yield port
    end(server)


@pytest.fixture(scope="module")
def program():
    return load("sums")


def test_a_run_with_children(devbox, program, tmp_path) -> None:
    async def go(transport):
        run = await create(transport, program.total, tmp_path / "bundles", n=4)
        action = await until_over(transport, run)
        listed = await transport.call(RUNS["ListActions"], run_service_pb2.ListActionsRequest(run_id=run), SOON)
        return action, listed.actions, await data(transport, run)

    action, actions, found = on(devbox, go)
    assert action.status.phase == phase_pb2.ACTION_PHASE_SUCCEEDED
    assert len(actions) == 5
    assert {found.status.phase for found in actions} == {phase_pb2.ACTION_PHASE_SUCCEEDED}
    assert found.outputs.literals[0].value.scalar.primitive.integer == 14
    assert found.inputs.literals[0].value.scalar.primitive.integer == 4


def test_a_pickled_task_runs_with_pickled_children(devbox, tmp_path) -> None:
    """Tasks of a notebook are in no file: each action gets a pickle of its own task, that of a child from its parent."""
    folder = tmp_path / "submitted"
    folder.mkdir()
    subprocess.run([sys.executable, CODE / "notebook.py", folder], check=True)
    spec = task_definition_pb2.TaskSpec.FromString((folder / "spec.pb").read_bytes())

    async def go(transport):
        run = await submit(transport, spec, (folder / "inputs.pb").read_bytes())
        action = await until_over(transport, run)
        listed = await transport.call(RUNS["ListActions"], run_service_pb2.ListActionsRequest(run_id=run), SOON)
        return action, listed.actions, await data(transport, run)

    action, actions, found = on(devbox, go)
    assert action.status.phase == phase_pb2.ACTION_PHASE_SUCCEEDED, action.error_info.message
    assert found.outputs.literals[0].value.scalar.primitive.integer == (100 + 101 + 104) + 6
    assert sorted(each.metadata.task.id.name for each in actions) == [
        "notebook.double",
        *["notebook.square"] * 3,
        "notebook.total",
    ]


def test_a_run_that_fails_says_why(devbox, program, tmp_path) -> None:
    async def go(transport):
        run = await create(transport, program.broken, tmp_path / "bundles", n=3)
        return await until_over(transport, run)

    action = on(devbox, go)
    assert action.status.phase == phase_pb2.ACTION_PHASE_FAILED
    assert "3 is no good" in action.error_info.message


def test_a_child_that_failed_runs_again_for_the_next_attempt_of_its_parent(devbox, program, tmp_path) -> None:
    marker = tmp_path / "failed"
    assert result(devbox, program.tries_again, tmp_path / "bundles", path=str(marker)) == 1


def test_what_was_run_is_there_after_kill_9(program, tmp_path) -> None:
    server, port = start(tmp_path / "devbox")

    async def make(transport):
        run = await create(transport, program.total, tmp_path / "bundles", n=2)
        await until_over(transport, run)
        return run

    try:
        run = on(port, make)
    finally:
        end(server, signal.SIGKILL)
    server, port = start(tmp_path / "devbox")

    async def look(transport):
        return await details(transport, run), await data(transport, run)

    try:
        action, found = on(port, look)
    finally:
        end(server)
    assert action.status.phase == phase_pb2.ACTION_PHASE_SUCCEEDED
    assert found.outputs.literals[0].value.scalar.primitive.integer == 1


def test_an_empty_request_is_refused_and_the_server_lives(devbox) -> None:
    async def go(transport):
        with pytest.raises(RpcError, match="not valid"):
            await transport.call(RUNS["CreateRun"], run_service_pb2.CreateRunRequest(), SOON)
        return await transport.call(PROJECTS["ListProjects"], project_service_pb2.ListProjectsRequest(), SOON)

    assert [project.id for project in on(devbox, go).projects.projects] == ["flytesnacks"]


def test_only_its_user_reads_the_state(tmp_path) -> None:
    server, _ = start(tmp_path / "devbox")
    try:
        mode = os.stat(tmp_path / "devbox" / "devbox.json").st_mode
    finally:
        end(server)
    assert mode & 0o077 == 0
