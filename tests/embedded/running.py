"""A devbox in a process of its own, and runs of the programs in `code` on it."""

import asyncio
import importlib.util
import json
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from flyteidl2.actions import actions_service_pb2
from flyteidl2.common import phase_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.project import project_service_pb2
from flyteidl2.task import common_pb2
from flyteidl2.workflow import run_service_pb2

import flyte
from flyte import initialization
from flyte.bundling.request import BundleRequest
from flyte.bundling.uploading import FolderUploader, bundle_code
from flyte.controllers.conversion import codec_for
from flyte.registration import wire
from flyte_models.serialization import SerializationContext
from flyte_protocol.endpoints import Endpoint
from flyte_protocol.methods import methods_of
from flyte_protocol.transport import CallOptions, Transport

ACTIONS = methods_of(actions_service_pb2.DESCRIPTOR.services_by_name["ActionsService"])
CODE = Path(__file__).parent / "code"
RUNS = methods_of(run_service_pb2.DESCRIPTOR.services_by_name["RunService"])
DATA = methods_of(dataproxy_service_pb2.DESCRIPTOR.services_by_name["DataProxyService"])
PROJECTS = methods_of(project_service_pb2.DESCRIPTOR.services_by_name["ProjectService"])
SOON = CallOptions(timeout=120)
LONGEST = 120
T = TypeVar("T")


def start(folder: Path, port: int = 0, *, endpoint: str = "") -> tuple[subprocess.Popen[bytes], int]:
    """Start a devbox and return it and its port. With an endpoint, its attempts call that one, and have no channel."""
    record = folder / "devbox.json"
    record.unlink(missing_ok=True)
    command = [sys.executable, "-m", "flyte_devbox", "--folder", str(folder), "--port", str(port), "--no-auth"]
    if endpoint:
        command += ["--endpoint", endpoint]
    server = subprocess.Popen(command)
    last = time.monotonic() + LONGEST
    try:
        while not record.exists():
            assert server.poll() is None, "the devbox ended at once"
            assert time.monotonic() < last, "the devbox does not start"
            time.sleep(0.02)
        return server, json.loads(record.read_text())["port"]
    except BaseException:
        # Nobody else knows of it yet.
        server.kill()
        server.wait()
        raise


@contextmanager
def running(folder: Path) -> Iterator[int]:
    """Let a devbox run, and yield its port. It is ended whatever happens, also while a test is only set up."""
    server, port = start(folder)
    try:
        yield port
    finally:
        end(server)


def end(server: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> None:
    server.send_signal(how)
    try:
        server.wait(60)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
        raise


@contextmanager
def connected_to(port: int | None, home: Path, **further: Any) -> Iterator[None]:
    """Let this process have a home of its own, and be told by `flyte.init` where the control plane is, or that there is none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(initialization, "_settings", None)
        patch.setenv("HOME", str(home))
        patch.syspath_prepend(str(CODE))
        init(port, **further)
        yield


def init(port: int | None, **further: Any) -> None:
    """Tell this process of a devbox."""
    place: dict[str, Any] = {"root_dir": CODE}
    if port is not None:
        place |= {"endpoint": f"localhost:{port}", "insecure": True, "project": "flytesnacks", "domain": "development"}
    flyte.init(**(place | further))


def write_config(file: Path, port: int) -> Path:
    """Write a configuration that knows a devbox, and return where."""
    file.write_text(
        f"admin:\n  endpoint: dns:///localhost:{port}\n  insecure: true\n"
        "task:\n  project: flytesnacks\n  domain: development\n"
    )
    return file


def command(config: Path, *words: str, code: int = 0) -> str:
    """Run a command with a configuration; return what it prints, or writes as an error where `code` is none of 0."""
    done = subprocess.run(
        [sys.executable, "-m", "flyte_cli.main", "--config", str(config), *words],
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout


def until(find: Callable[[], T], what: str) -> T:
    """Wait until there is what is looked for, and return it."""
    deadline = time.monotonic() + LONGEST
    while not (found := find()):
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)
    return found


def load(name: str) -> Any:
    """Import a program of `code`."""
    specification = importlib.util.spec_from_file_location(name, CODE / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


def on(port: int, work: Callable[[Transport], Awaitable[Any]]) -> Any:
    """Do something with a connection to a devbox."""

    async def go() -> Any:
        async with Transport(Endpoint.of(f"http://127.0.0.1:{port}")) as transport:
            return await work(transport)

    return asyncio.run(go())


async def create(
    transport: Transport, task: Any, folder: Path, *, env: dict[str, str] | None = None, **inputs: Any
) -> Any:
    """Create a run of a task of `code` and return its identifier."""
    bundle = await bundle_code(BundleRequest(root=CODE, copy_style="all"), FolderUploader(folder))
    context = SerializationContext(version=bundle.computed_version, code_bundle=bundle, root_dir=CODE)
    return await submit(transport, wire.task_spec(task, context), codec_for(task).encode_inputs(inputs), env=env)


async def submit(transport: Transport, spec: Any, inputs: bytes, *, env: dict[str, str] | None = None) -> Any:
    """Create a run from a `TaskSpec` and the bytes of `Inputs`, and return its identifier."""
    request = run_service_pb2.CreateRunRequest(task_spec=spec)
    request.project_id.organization = "local"
    request.project_id.name = "flytesnacks"
    request.project_id.domain = "development"
    for name, text in (env or {}).items():
        request.run_spec.envs.values.add(key=name, value=text)
    request.inputs.ParseFromString(inputs)
    answer = await transport.call(RUNS["CreateRun"], request, SOON)
    return answer.run.action.id.run


def ask(port: int, run: Any, action: str, condition: str, kind: int) -> None:
    """Give a run a child that waits for an answer of a simple type, as another SDK does, whose inputs are nowhere."""
    request = actions_service_pb2.EnqueueRequest()
    request.action.action_id.run.CopyFrom(run)
    request.action.action_id.name = action
    request.action.parent_action_name = "a0"
    request.action.input_uri = request.action.run_output_base = "/nowhere"
    request.action.condition.name = condition
    request.action.condition.type.simple = kind
    on(port, lambda transport: transport.call(ACTIONS["Enqueue"], request, SOON))


async def details(transport: Transport, run: Any) -> Any:
    answer = await transport.call(RUNS["GetRunDetails"], run_service_pb2.GetRunDetailsRequest(run_id=run), SOON)
    return answer.details.action


async def until_over(transport: Transport, run: Any, longest: float = LONGEST) -> Any:
    """Return the root action of a run when it is over."""
    deadline = time.monotonic() + longest
    while time.monotonic() < deadline:
        action = await details(transport, run)
        if action.status.phase >= phase_pb2.ACTION_PHASE_SUCCEEDED:
            return action
        await asyncio.sleep(0.1)
    pytest.fail(f"run `{run.name}` is still in phase {action.status.phase}")


async def data(transport: Transport, run: Any) -> Any:
    """Return inputs and outputs of the root action."""
    request = dataproxy_service_pb2.GetActionDataRequest()
    request.action_id.run.CopyFrom(run)
    request.action_id.name = "a0"
    return await transport.call(DATA["GetActionData"], request, SOON)


def result(port: int, task: Any, folder: Path, *, env: dict[str, str] | None = None, **inputs: Any) -> Any:
    """Run a task to its end and return what it returned."""

    async def go(transport: Transport) -> Any:
        run = await create(transport, task, folder, env=env, **inputs)
        action = await until_over(transport, run)
        assert action.status.phase == phase_pb2.ACTION_PHASE_SUCCEEDED, action.error_info.message
        outputs: common_pb2.Outputs = (await data(transport, run)).outputs
        return codec_for(task).decode_outputs(outputs.SerializeToString())

    return on(port, go)
