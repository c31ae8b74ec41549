"""Start a devbox, run no-op children on it, print what it took as JSON. Arguments: children per burst, rounds."""

import asyncio
import importlib.util
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.workflow import run_service_pb2

from flyte.bundling.request import BundleRequest
from flyte.bundling.uploading import FolderUploader, bundle_code
from flyte.controllers.conversion import codec_for
from flyte.registration import wire
from flyte_devbox.process import start_server, stop_server
from flyte_models.serialization import SerializationContext
from flyte_protocol.endpoints import Endpoint
from flyte_protocol.methods import methods_of
from flyte_protocol.transport import Transport

CODE = Path(__file__).parent / "dispatch"
RUNS = methods_of(run_service_pb2.DESCRIPTOR.services_by_name["RunService"])
DATA = methods_of(dataproxy_service_pb2.DESCRIPTOR.services_by_name["DataProxyService"])
LONGEST = 300.0
IDLE_SECONDS = 5.0


def load() -> Any:
    specification = importlib.util.spec_from_file_location("tasks", CODE / "tasks.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["tasks"] = module
    specification.loader.exec_module(module)
    return module


def proportional_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cpu_seconds(pid: int) -> float:
    times = (task / "schedstat" for task in Path(f"/proc/{pid}/task").iterdir())
    return sum(int(time.read_text().split()[0]) for time in times) / 1e9


def idle_share(pid: int) -> float:
    """Seconds of CPU that a server without anything to do takes each second."""
    before, began = cpu_seconds(pid), time.monotonic()
    time.sleep(IDLE_SECONDS)
    return (cpu_seconds(pid) - before) / (time.monotonic() - began)


async def run(transport: Transport, task: Any, folder: Path, **inputs: Any) -> Any:
    bundle = await bundle_code(BundleRequest(root=CODE, copy_style="all"), FolderUploader(folder))
    context = SerializationContext(version=bundle.computed_version, code_bundle=bundle, root_dir=CODE)
    request = run_service_pb2.CreateRunRequest(task_spec=wire.task_spec(task, context))
    project = request.project_id
    project.organization, project.name, project.domain = "local", "flytesnacks", "development"
    request.inputs.ParseFromString(codec_for(task).encode_inputs(inputs))
    name = (await transport.call(RUNS["CreateRun"], request)).run.action.id.run
    details = run_service_pb2.GetRunDetailsRequest(run_id=name)
    deadline = time.monotonic() + LONGEST
    while True:
        action = (await transport.call(RUNS["GetRunDetails"], details)).details.action
        if action.status.phase >= 5:
            break
        if time.monotonic() > deadline:
            raise TimeoutError(f"the run is in phase {action.status.phase}")
        await asyncio.sleep(0.05)
    if action.status.phase != 5:
        raise RuntimeError(action.error_info.message)
    wanted = dataproxy_service_pb2.GetActionDataRequest()
    wanted.action_id.run.CopyFrom(name)
    wanted.action_id.name = "a0"
    outputs = (await transport.call(DATA["GetActionData"], wanted)).outputs
    return codec_for(task).decode_outputs(outputs.SerializeToString())


async def measure(port: int, count: int, rounds: int, folder: Path) -> dict[str, Any]:
    tasks = load()
    found: dict[str, Any] = {"fresh": [], "kept": []}
    async with Transport(Endpoint.of(f"http://127.0.0.1:{port}")) as transport:
        for number in range(rounds):
            base = 10_000_000 * (number + 1)
            found["kept"].append(await run(transport, tasks.measure_kept, folder, n=count, base=base))
            found["fresh"].append(await run(transport, tasks.measure_fresh, folder, n=count // 4, base=base))
    return found


def main(count: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="flyte-bench-devbox-") as root:
        folder = Path(root, "devbox")
        began = time.perf_counter()
        started = start_server(folder, port=0, needs_token=False)
        seconds = time.perf_counter() - began
        try:
            time.sleep(2.0)
            pid = started.record.pid
            memory = {"server": proportional_bytes(pid), "warm": sum(map(proportional_bytes, children_of(pid)))}
            idle = idle_share(pid)
            found = asyncio.run(measure(started.record.port, count, rounds, Path(root, "bundles")))
        finally:
            stop_server(folder)
    print(json.dumps({"start": seconds, "memory": memory, "idle": idle, **found}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
