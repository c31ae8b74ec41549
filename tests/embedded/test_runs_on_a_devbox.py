"""Whole runs on a devbox in a process of its own: requests over Connect, `a0`, children, outputs, errors, logs, restart."""

import asyncio
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from flyteidl2.common import phase_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.project import project_service_pb2
from flyteidl2.workflow import run_service_pb2

from flyte.bundling.request import BundleRequest
from flyte.bundling.uploading import FolderUploader, bundle_code
from flyte.controllers.conversion import codec_for
from flyte.registration import wire
from flyte_models.serialization import SerializationContext
from flyte_protocol.endpoints import Endpoint
from flyte_protocol.methods import methods_of
from flyte_protocol.rpc_errors import RpcError
from flyte_protocol.transport import CallOptions, Transport

CODE = Path(__file__).parent / "code"
RUNS = methods_of(run_service_pb2.DESCRIPTOR.services_by_name["RunService"])
DATA = methods_of(dataproxy_service_pb2.DESCRIPTOR.services_by_name["DataProxyService"])
PROJECTS = methods_of(project_service_pb2.DESCRIPTOR.services_by_name["ProjectService"])
SOON = CallOptions(timeout=20)
LONGEST = 60


def _start(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    record = folder / "devbox.json"
    record.unlink(missing_ok=True)
    command = [sys.executable, "-m", "flyte_devbox", "--folder", str(folder), "--port", "0", "--no-auth"]
    server = subprocess.Popen(command)
    end = time.monotonic() + LONGEST
    while not record.exists():
        assert server.poll() is None, "the devbox ended at once"
        assert time.monotonic() < end, "the devbox does not start"
        time.sleep(0.02)
    return server, json.loads(record.read_text())["port"]


def _end(server: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> None:
    server.send_signal(how)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
        raise


@pytest.fixture
def devbox(tmp_path):
    server, port = _start(tmp_path / "devbox")
    yield port
    _end(server)


@pytest.fixture(scope="module")
def program():
    specification = importlib.util.spec_from_file_location("sums", CODE / "sums.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules["sums"] = module
    specification.loader.exec_module(module)
    yield module
    del sys.modules["sums"]


async def _create(transport: Transport, task, folder: Path, **inputs):
    bundle = await bundle_code(BundleRequest(root=CODE, copy_style="all"), FolderUploader(folder))
    context = SerializationContext(version=bundle.computed_version, code_bundle=bundle, root_dir=CODE)
    request = run_service_pb2.CreateRunRequest(task_spec=wire.task_spec(task, context))
    request.project_id.organization = "local"
    request.project_id.name = "flytesnacks"
    request.project_id.domain = "development"
    request.inputs.ParseFromString(codec_for(task).encode_inputs(inputs))
    answer = await transport.call(RUNS["CreateRun"], request, SOON)
    return answer.run.action.id.run


async def _details(transport: Transport, run):
    answer = await transport.call(RUNS["GetRunDetails"], run_service_pb2.GetRunDetailsRequest(run_id=run), SOON)
    return answer.details.action


async def _until_over(transport: Transport, run):
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        action = await _details(transport, run)
        if action.status.phase >= phase_pb2.ACTION_PHASE_SUCCEEDED:
            return action
        await asyncio.sleep(0.1)
    pytest.fail(f"run `{run.name}` is still in phase {action.status.phase}")


async def _data(transport: Transport, run):
    request = dataproxy_service_pb2.GetActionDataRequest()
    request.action_id.run.CopyFrom(run)
    request.action_id.name = "a0"
    return await transport.call(DATA["GetActionData"], request, SOON)


def test_a_run_with_children(devbox, program, tmp_path) -> None:
    async def go():
        async with Transport(Endpoint.of(f"http://127.0.0.1:{devbox}")) as transport:
            run = await _create(transport, program.total, tmp_path / "bundles", n=4)
            action = await _until_over(transport, run)
            listed = await transport.call(RUNS["ListActions"], run_service_pb2.ListActionsRequest(run_id=run), SOON)
            return action, listed.actions, await _data(transport, run)

    action, actions, data = asyncio.run(go())
    assert action.status.phase == phase_pb2.ACTION_PHASE_SUCCEEDED
    assert len(actions) == 5
    assert {found.status.phase for found in actions} == {phase_pb2.ACTION_PHASE_SUCCEEDED}
    assert data.outputs.literals[0].value.scalar.primitive.integer == 14
    assert data.inputs.literals[0].value.scalar.primitive.integer == 4


def test_a_run_that_fails_says_why(devbox, program, tmp_path) -> None:
    async def go():
        async with Transport(Endpoint.of(f"http://127.0.0.1:{devbox}")) as transport:
            run = await _create(transport, program.broken, tmp_path / "bundles", n=3)
            return await _until_over(transport, run)

    action = asyncio.run(go())
    assert action.status.phase == phase_pb2.ACTION_PHASE_FAILED
    assert "3 is no good" in action.error_info.message


def test_what_was_run_is_there_after_kill_9(program, tmp_path) -> None:
    server, port = _start(tmp_path / "devbox")

    async def make():
        async with Transport(Endpoint.of(f"http://127.0.0.1:{port}")) as transport:
            run = await _create(transport, program.total, tmp_path / "bundles", n=2)
            await _until_over(transport, run)
            return run

    try:
        run = asyncio.run(make())
    finally:
        _end(server, signal.SIGKILL)
    server, port = _start(tmp_path / "devbox")

    async def look():
        async with Transport(Endpoint.of(f"http://127.0.0.1:{port}")) as transport:
            return await _details(transport, run), await _data(transport, run)

    try:
        action, data = asyncio.run(look())
    finally:
        _end(server)
    assert action.status.phase == phase_pb2.ACTION_PHASE_SUCCEEDED
    assert data.outputs.literals[0].value.scalar.primitive.integer == 1


def test_an_empty_request_is_refused_and_the_server_lives(devbox) -> None:
    async def go():
        async with Transport(Endpoint.of(f"http://127.0.0.1:{devbox}")) as transport:
            with pytest.raises(RpcError, match="not valid"):
                await transport.call(RUNS["CreateRun"], run_service_pb2.CreateRunRequest(), SOON)
            return await transport.call(PROJECTS["ListProjects"], project_service_pb2.ListProjectsRequest(), SOON)

    assert [project.id for project in asyncio.run(go()).projects.projects] == ["flytesnacks"]


def test_only_its_user_reads_the_state(tmp_path) -> None:
    server, _ = _start(tmp_path / "devbox")
    try:
        mode = os.stat(tmp_path / "devbox" / "devbox.json").st_mode
    finally:
        _end(server)
    assert mode & 0o077 == 0
