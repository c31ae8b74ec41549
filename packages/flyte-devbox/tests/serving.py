"""A devbox in a process of its own, and a client that speaks the protocol's bytes itself."""

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flyteidl2.actions import actions_service_pb2
from flyteidl2.common import identifier_pb2
from flyteidl2.core import tasks_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.task import run_pb2, task_definition_pb2
from flyteidl2.workflow import run_definition_pb2, run_service_pb2
from google.protobuf.descriptor import ServiceDescriptor

from flyte_devbox.folder import ServerRecord, StateFolder
from flyte_devbox.services import SERVICES
from flyte_protocol.methods import Method, methods_of

ORG, PROJECT, DOMAIN = "testorg", "flytesnacks", "development"
LONGEST = 120.0
"""Seconds in which everything comes to hold, on a machine that stands still now and then too."""


class CallError(Exception):
    """An error of the Connect protocol."""

    def __init__(self, status: int, body: bytes) -> None:
        try:
            fields = json.loads(body)
        except ValueError:
            fields = {"code": "", "message": body.decode(errors="replace")}
        super().__init__(f"{status} {fields}")
        self.status = status
        self.code: str = fields.get("code", "")
        self.message: str = fields.get("message", "")


def service(name: str) -> dict[str, Method]:
    import importlib

    full = next(one for one in SERVICES if one.rpartition(".")[2] == name)
    file = importlib.import_module(SERVICES[full][0]).DESCRIPTOR
    descriptor: ServiceDescriptor = file.services_by_name[name]
    return methods_of(descriptor)


@dataclass
class Server:
    """A running devbox."""

    folder: Path
    process: subprocess.Popen[bytes]
    record: ServerRecord
    headers: dict[str, str] = field(default_factory=dict)

    def post(self, path: str, body: bytes, headers: dict[str, str] | None = None, method: str = "POST") -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.record.port, timeout=LONGEST)
        try:
            connection.request(method, path, body, {"host": self.record.endpoint, **self.headers, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def call(self, service_name: str, method_name: str, request: Any, **headers: str) -> Any:
        method = service(service_name)[method_name]
        status, _, body = self.post(
            method.path, request.SerializeToString(), {"content-type": "application/proto", **headers}
        )
        if status != 200:
            raise CallError(status, body)
        return method.output_class.FromString(body)

    def stream(self, service_name: str, method_name: str, request: Any, timeout: float = LONGEST) -> Iterator[Any]:
        """Yield the messages of a stream; close the iterator to hang up."""
        method = service(service_name)[method_name]
        connection = http.client.HTTPConnection("127.0.0.1", self.record.port, timeout=timeout)
        data = request.SerializeToString()
        headers = {"content-type": "application/connect+proto", "host": self.record.endpoint, **self.headers}
        try:
            connection.request("POST", method.path, b"\0" + len(data).to_bytes(4, "big") + data, headers)
            answer = connection.getresponse()
            while True:
                head = answer.read(5)
                if len(head) < 5:
                    raise CallError(answer.status, b'{"code": "cut", "message": "the stream was cut"}')
                content = answer.read(int.from_bytes(head[1:], "big"))
                if head[0] & 2:
                    end = json.loads(content or b"{}")
                    if "error" in end:
                        raise CallError(200, json.dumps(end["error"]).encode())
                    return
                yield method.output_class.FromString(content)
        finally:
            connection.close()

    def kill(self) -> None:
        """As a crash does: nothing is cleaned up."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def start(
    folder: Path,
    *arguments: str,
    needs_token: bool = False,
    wait: float = LONGEST,
    variables: dict[str, str] | None = None,
) -> Server:
    """Start a devbox on a folder, with variables of its environment, and wait until it answers."""
    options = list(arguments) if needs_token else ["--no-auth", *arguments]
    env = {name: text for name, text in os.environ.items() if not name.startswith(("FLYTE_", "COV_"))}
    env |= variables or {}
    port = [] if "--port" in arguments or (folder / "devbox.json").exists() else ["--port", "0"]
    (folder / "devbox.json").unlink(missing_ok=True) if port else None
    before = StateFolder(folder).read_record()
    process = subprocess.Popen(
        [sys.executable, "-m", "flyte_devbox", "--folder", str(folder), *port, *options],
        env=env,
        stderr=subprocess.PIPE,
    )
    state = StateFolder(folder)
    deadline = time.monotonic() + wait
    while time.monotonic() < deadline:
        record = state.read_record()
        if record is not None and record.pid == process.pid and record != before:
            if process.stderr is not None:
                process.stderr.close()
            headers = {"authorization": f"Bearer {record.token}"} if record.token else {}
            return Server(folder, process, record, headers)
        if process.poll() is not None:
            assert process.stderr is not None
            raise AssertionError(f"the devbox ended: {process.stderr.read().decode()}")
        time.sleep(0.02)
    process.kill()
    process.wait()
    raise AssertionError("the devbox did not start")


def run_id(name: str) -> identifier_pb2.RunIdentifier:
    return identifier_pb2.RunIdentifier(org=ORG, project=PROJECT, domain=DOMAIN, name=name)


def action_id(run: str, name: str = "a0") -> identifier_pb2.ActionIdentifier:
    return identifier_pb2.ActionIdentifier(run=run_id(run), name=name)


def shell_task(script: str, *, name: str = "shell.main", version: str = "v1", **policies: Any) -> Any:
    """A task that runs a shell script; `$OUT` is where its outputs go."""
    spec = task_definition_pb2.TaskSpec(short_name=name.rpartition(".")[2])
    spec.environment.name = name.partition(".")[0]
    template = spec.task_template
    template.id.name, template.id.version = name, version
    template.id.project, template.id.domain = PROJECT, DOMAIN
    template.type = "python"
    template.container.image = "none"
    template.container.args.extend(["sh", "-c", f"OUT={{{{.outputPrefix}}}}; IN={{{{.input}}}}; {script}"])
    metadata = template.metadata
    if "retries" in policies:
        metadata.retries.retries = policies["retries"]
    if "backoff" in policies:
        metadata.retries.backoff.base.FromMilliseconds(int(policies["backoff"] * 1000))
        metadata.retries.backoff.factor = 1.0
    if "timeout" in policies:
        metadata.timeout.FromMilliseconds(int(policies["timeout"] * 1000))
    if "queued" in policies:
        metadata.timeouts.queued_timeout.FromMilliseconds(int(policies["queued"] * 1000))
    if "deadline" in policies:
        metadata.timeouts.deadline.FromMilliseconds(int(policies["deadline"] * 1000))
    if "cpu" in policies:
        template.container.resources.requests.add(name=tasks_pb2.Resources.CPU, value=policies["cpu"])
    if "memory_limit" in policies:
        template.container.resources.limits.add(name=tasks_pb2.Resources.MEMORY, value=policies["memory_limit"])
    if policies.get("cache"):
        metadata.discoverable = True
        metadata.discovery_version = "1"
        metadata.cache_serializable = bool(policies.get("serialize"))
    return spec


SUCCEED = ": > $OUT/outputs.pb"


def until_exists(path: Path) -> str:
    """A script that waits for a file of the test, and not for ever."""
    return f"for i in $(seq 3000); do if [ -e {path} ]; then break; fi; sleep 0.1; done"


def create_run(server: Server, spec: Any, name: str = "", **run_spec: Any) -> str:
    request = run_service_pb2.CreateRunRequest(task_spec=spec, run_spec=run_pb2.RunSpec(**run_spec))
    if name:
        request.run_id.CopyFrom(run_id(name))
    else:
        request.project_id.CopyFrom(identifier_pb2.ProjectIdentifier(organization=ORG, name=PROJECT, domain=DOMAIN))
    return server.call("RunService", "CreateRun", request).run.action.id.run.name


def start_with(server: Server, spec: Any, inputs: dict[str, Any]) -> str:
    """Create a run with inputs, literals by their names, and return its name."""
    request = run_service_pb2.CreateRunRequest(
        project_id=identifier_pb2.ProjectIdentifier(organization=ORG, name=PROJECT, domain=DOMAIN), task_spec=spec
    )
    for name, literal in inputs.items():
        request.inputs.literals.add(name=name, value=literal)
    return server.call("RunService", "CreateRun", request).run.action.id.run.name


def enqueue(
    server: Server, run: str, name: str, spec=None, *, parent: str = "a0", cache_key: str = "", **extra
) -> None:
    base = details_base(server)
    action = actions_service_pb2.Action(
        action_id=action_id(run, name),
        parent_action_name=parent,
        input_uri=f"{base}/{run}/{name}/inputs.pb",
        run_output_base=f"{base}/{run}",
        **extra,
    )
    if spec is not None:
        action.task.spec.CopyFrom(spec)
        if cache_key:
            action.task.cache_key.value = cache_key
    server.call("ActionsService", "Enqueue", actions_service_pb2.EnqueueRequest(action=action))


def details_base(server: Server) -> str:
    return f"{server.folder}/objects/flytesnacks/development"


def details(server: Server, run: str, action: str = "a0") -> run_definition_pb2.ActionDetails:
    request = run_service_pb2.GetActionDetailsRequest(action_id=action_id(run, action))
    return server.call("RunService", "GetActionDetails", request).details


def wait(server: Server, run: str, action: str = "a0") -> run_definition_pb2.ActionDetails:
    """Watch an action to its end."""
    request = run_service_pb2.WatchActionDetailsRequest(action_id=action_id(run, action))
    last = None
    for message in server.stream("RunService", "WatchActionDetails", request):
        last = message.details
    assert last is not None
    return last


def abort(server: Server, run: str, reason: str = "enough") -> None:
    server.call("RunService", "AbortRun", run_service_pb2.AbortRunRequest(run_id=run_id(run), reason=reason))


def logs(server: Server, run: str, action: str = "a0", attempt: int = 1) -> list[str]:
    request = dataproxy_service_pb2.TailLogsRequest(action_id=action_id(run, action), attempt=attempt)
    return [
        line.message.removesuffix("\n")
        for message in server.stream("DataProxyService", "TailLogs", request)
        for batch in message.logs
        for line in batch.lines
    ]


def until(condition: Any, seconds: float = LONGEST) -> Any:
    """Wait until something holds, and give it back."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.03)
    raise AssertionError("it did not come to hold")


def aio(coroutine: Any) -> Any:
    return asyncio.run(coroutine)
