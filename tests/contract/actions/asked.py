"""What the runtime of an interpreter asks of a control plane, as comparable data: a devbox behind a proxy that notes requests."""

import asyncio
import importlib.util
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flyteidl2.actions import actions_service_pb2
from flyteidl2.common import phase_pb2
from flyteidl2.core import execution_pb2
from flyteidl2.task import common_pb2
from flyteidl2.workflow import queue_service_pb2, run_service_pb2, state_service_pb2
from google.protobuf.json_format import MessageToDict
from tests.recording import NotingProxy

from flyte.bundling.request import BundleRequest
from flyte.bundling.uploading import FolderUploader, bundle_code
from flyte.controllers.conversion import codec_for
from flyte.registration import wire
from flyte_models.serialization import SerializationContext
from flyte_protocol.endpoints import Endpoint
from flyte_protocol.methods import methods_of
from flyte_protocol.transport import CallOptions, Transport

HERE = Path(__file__).resolve().parent
RUN = "the-run"
ANSWERS = {"sure": True, "many": 3, "much": 1.5, "what": "it"}
LONGEST = 120
RUNS = methods_of(run_service_pb2.DESCRIPTOR.services_by_name["RunService"])
NOTED = {
    method.path: (name, method.input_class)
    for file, service in (
        (actions_service_pb2, "ActionsService"),
        (queue_service_pb2, "QueueService"),
        (state_service_pb2, "StateService"),
    )
    for name, method in methods_of(file.DESCRIPTOR.services_by_name[service]).items()
}
SOON = CallOptions(timeout=120)


@contextmanager
def devbox(folder: Path, python: Path, port: int) -> Iterator[int]:
    """A devbox whose attempts run `a0` of an interpreter, and call a port; yields its own port."""
    record = folder / "devbox.json"
    command = [sys.executable, "-m", "flyte_devbox", "--folder", str(folder), "--port", "0", "--no-auth"]
    server = subprocess.Popen([*command, "--python", str(python), "--endpoint", f"localhost:{port}"])
    try:
        end = time.monotonic() + LONGEST
        while not record.exists():
            assert server.poll() is None, "the devbox ended at once"
            assert time.monotonic() < end, "the devbox does not start"
            time.sleep(0.02)
        yield json.loads(record.read_text())["port"]
    finally:
        server.terminate()
        try:
            server.wait(60)
        finally:
            server.kill()


def program() -> Any:
    spec = importlib.util.spec_from_file_location("program", HERE / "program.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["program"] = module
    spec.loader.exec_module(module)
    return module


class Recorder:
    """Runs tasks of the program with the runtime of an interpreter and tells what it asked.

    Args:
        root: An empty folder.
        python: The interpreter.
        env: Variables of the runs.
    """

    def __init__(self, root: Path, python: Path, env: dict[str, str] | None = None) -> None:
        self._root = root
        self._python = python
        self._env = env or {}

    @contextmanager
    def running(self) -> Iterator["Recorder"]:
        with NotingProxy(NOTED) as self._proxy, devbox(self._root / "devbox", self._python, self._proxy.port) as port:
            self._proxy.target = self._port = port
            yield self

    def record(self, name: str) -> dict[str, Any]:
        """Run a task to its end; return its requests and the objects that came of it."""
        del self._proxy.noted[:]
        run, action = asyncio.run(self._run(name))
        assert action.status.phase == phase_pb2.ACTION_PHASE_SUCCEEDED, action.error_info.message
        return comparable(self._proxy.noted, run.name)

    async def _run(self, name: str) -> Any:
        code = self._root / "code"
        code.mkdir(exist_ok=True)
        (code / "program.py").write_bytes((HERE / "program.py").read_bytes())
        bundle = await bundle_code(BundleRequest(root=code, copy_style="all"), FolderUploader(self._root / "bundles"))
        context = SerializationContext(version="v1", code_bundle=bundle, root_dir=HERE)
        task = getattr(program(), name)
        request = run_service_pb2.CreateRunRequest(task_spec=wire.task_spec(task, context))
        request.run_id.org, request.run_id.name = "local", f"{RUN}-{name}"
        request.run_id.project, request.run_id.domain = "flytesnacks", "development"
        for variable, text in self._env.items():
            request.run_spec.envs.values.add(key=variable, value=text)
        request.inputs.ParseFromString(codec_for(task).encode_inputs({}))
        async with Transport(Endpoint.of(f"http://127.0.0.1:{self._port}")) as transport:
            answer = await transport.call(RUNS["CreateRun"], request, SOON)
            run = answer.run.action.id.run
            end = time.monotonic() + LONGEST
            while time.monotonic() < end:
                told = await transport.call(
                    RUNS["GetRunDetails"], run_service_pb2.GetRunDetailsRequest(run_id=run), SOON
                )
                if told.details.action.status.phase >= phase_pb2.ACTION_PHASE_SUCCEEDED:
                    if told.details.action.status.phase != phase_pb2.ACTION_PHASE_PAUSED:
                        return run, told.details.action
                await self._answer(transport, run)
                await asyncio.sleep(0.1)
        raise AssertionError(f"run `{run.name}` does not end")

    async def _answer(self, transport: Transport, run: Any) -> None:
        listed = await transport.call(RUNS["ListActions"], run_service_pb2.ListActionsRequest(run_id=run), SOON)
        for action in listed.actions:
            if action.status.phase != phase_pb2.ACTION_PHASE_PAUSED:
                continue
            given = ANSWERS[action.metadata.condition.name]
            signal = run_service_pb2.SignalEventRequest(action_id=action.id, parent_action_name="a0")
            field = {bool: "bool_value", int: "int_value", float: "float_value", str: "string_value"}[type(given)]
            setattr(signal.payload, field, given)
            await transport.call(RUNS["SignalEvent"], signal, SOON)


def comparable(noted: list[tuple[str, dict[str, str], Any]], run: str) -> dict[str, Any]:
    """Give the requests by action, in the order of the first ones, and the objects beside them, without what differs by run."""
    requests: dict[str, list[Any]] = {}
    objects: dict[str, Any] = {}
    specs: dict[str, Any] = {}
    own: dict[str, str] = {}
    for name, headers, message in noted:
        action = message.action if name == "Enqueue" else message if name == "EnqueueAction" else None
        shown = MessageToDict(message, preserving_proto_field_name=True)
        who = "" if action is None else action.action_id.name
        if action is not None:
            folder = Path(action.input_uri).parent
            for file, kind in OBJECTS.items():
                if (folder / file).is_file():
                    content = kind.FromString((folder / file).read_bytes())
                    objects[f"{who}/{file}"] = MessageToDict(content, preserving_proto_field_name=True)
            if action.trace.name in OF_SDK and who not in own:
                own[who] = f"<{action.trace.name} {len(own) + 1}>"
            inner = shown["action"] if name == "Enqueue" else shown
            if action.HasField("task"):
                inner["task"]["spec"] = _noted_spec(specs, inner["task"]["spec"])
        one = {"method": name, **shown, **({"headers": headers} if headers else {})}
        base = action.run_output_base if action is not None else ""
        one = _neutral(one, {base: "<base>", run: "<run>"})
        of_action = requests.setdefault(who or "watch", [])
        # How often a stream is opened is the runtime's own business: each tells all.
        if who or one not in of_action:
            of_action.append(one)
    found = {"requests": requests, "specs": dict(sorted(specs.items())), "objects": dict(sorted(objects.items()))}
    found = _neutral(found, own)
    for key, content in found["objects"].items():
        if key.startswith("<") and key.endswith("outputs.pb"):
            # The type of a time is what counts.
            primitive = content["literals"][0]["value"]["scalar"]["primitive"]
            primitive.update(dict.fromkeys(primitive, "<time>"))
    return found


def _noted_spec(specs: dict[str, Any], spec: dict[str, Any]) -> str:
    """Keep the specification once, and return its name."""
    name = f"{spec['task_template']['id']['name']} as {spec['short_name']}"
    known = specs.setdefault(name, spec)
    assert known == spec
    return name


def _neutral(item: Any, names: dict[str, str]) -> Any:
    text = json.dumps(item)
    for found, stands_for in names.items():
        if found:
            text = text.replace(found, stands_for)
    for pattern, stands_for in _DIFFERING.items():
        text = re.sub(pattern, stands_for, text)
    return json.loads(text)


_DIFFERING = {
    r'("(?:start|end)_time": )"[^"]*"': r'\1"<time>"',
    r"file://[^\"]*/fast[0-9a-f]+\.tar\.gz": "<bundle>",
    r"flyte:py3\.\d+-v": "flyte:<python>-v",
}
OF_SDK = ("durable_time", "durable_now", "sleep_start")
"""Traced functions of an SDK: the names of their calls follow from its own source."""
OBJECTS = {
    "inputs.pb": common_pb2.Inputs,
    "outputs.pb": common_pb2.Outputs,
    "error.pb": execution_pb2.ErrorDocument,
}


SERVICES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "actions": ({}, ("tasks", "calls", "asking", "again")),
    # Conditions are for the Actions service only.
    "queue": ({"_U_USE_ACTIONS": ""}, ("tasks", "calls", "again")),
}
"""Of each way to make children: the variables that choose it, and the tasks of the program that are run."""


def record_all(root: Path, python: Path) -> dict[str, Any]:
    """Record the program with the runtime of an interpreter, by service and task."""
    recorded: dict[str, Any] = {}
    for service, (env, names) in SERVICES.items():
        folder = root / service
        folder.mkdir(parents=True)
        with Recorder(folder, python, env).running() as recorder:
            recorded[service] = {name: recorder.record(name) for name in names}
    for found in recorded["queue"].values():
        # Made by the same code whichever service is asked.
        del found["objects"], found["specs"]
    return recorded
