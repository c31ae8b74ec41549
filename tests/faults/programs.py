"""The program of these tests as a bundle, and calls of a devbox that may be away for a moment."""

import asyncio
import importlib.util
import sys
from pathlib import Path
from typing import Any

from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.task import common_pb2
from flyteidl2.workflow import run_service_pb2

from flyte.bundling.request import BundleRequest
from flyte.bundling.uploading import FolderUploader, bundle_code
from flyte.controllers.conversion import codec_for
from flyte.registration import wire
from flyte_models.serialization import SerializationContext
from flyte_protocol.codes import Code
from flyte_protocol.endpoints import Endpoint
from flyte_protocol.methods import methods_of
from flyte_protocol.rpc_errors import RpcError
from flyte_protocol.transport import Transport

CODE = Path(__file__).parent / "code"
RUNS = methods_of(run_service_pb2.DESCRIPTOR.services_by_name["RunService"])
DATA = methods_of(dataproxy_service_pb2.DESCRIPTOR.services_by_name["DataProxyService"])


def load(name: str) -> Any:
    specification = importlib.util.spec_from_file_location(name, CODE / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


def on(port: int, work: Any) -> Any:
    async def go() -> Any:
        async with Transport(Endpoint.of(f"http://127.0.0.1:{port}")) as transport:
            async with asyncio.timeout(60):
                return await work(transport)

    return asyncio.run(go())


async def create(transport: Transport, task: Any, folder: Path, name: str, **inputs: Any) -> None:
    bundle = await bundle_code(BundleRequest(root=CODE, copy_style="all"), FolderUploader(folder))
    context = SerializationContext(version=bundle.computed_version, code_bundle=bundle, root_dir=CODE)
    request = run_service_pb2.CreateRunRequest(task_spec=wire.task_spec(task, context))
    request.run_id.org, request.run_id.project, request.run_id.domain = "local", "flytesnacks", "development"
    request.run_id.name = name
    request.inputs.ParseFromString(codec_for(task).encode_inputs(inputs))
    try:
        await transport.call(RUNS["CreateRun"], request)
    except RpcError as error:
        if error.status is not Code.ALREADY_EXISTS:
            raise


def outputs_of(port: int, task: Any, name: str) -> Any:
    async def go(transport: Transport) -> Any:
        request = dataproxy_service_pb2.GetActionDataRequest()
        run = request.action_id.run
        run.org, run.project, run.domain, run.name = "local", "flytesnacks", "development", name
        request.action_id.name = "a0"
        outputs: common_pb2.Outputs = (await transport.call(DATA["GetActionData"], request)).outputs
        return codec_for(task).decode_outputs(outputs.SerializeToString())

    return on(port, go)
