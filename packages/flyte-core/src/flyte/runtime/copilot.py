"""The console script `flyte-copilot`: what a container that knows nothing of Flyte needs before it starts and after its end.

A control plane runs `in` before it starts the container of a task with a `DataLoadingConfig`, and `out` when the container has
ended with 0. Both work in one folder:

- `task.pb`: the `TaskTemplate`; `argv.json`: the command and its arguments. They are there before.
- `inputs/` and `outputs/`: what the container sees as the two folders of the `DataLoadingConfig`. `in` fills and makes them.
- `filled.json`: the arguments with every `{{.inputs.name}}` filled in; `in` writes it.

`out` writes `outputs.pb`. What goes wrong in either is in `error.pb`, and the exit code is 1; 2 if the arguments are no good.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from flyteidl2.core import tasks_pb2

from flyte.extras.container_files import MetadataFormat, collect_outputs, fill_inputs, place_inputs
from flyte.runtime.error_documents import error_document, traceback_of
from flyte.runtime.objects import read_object, write_object
from flyte_models.context import task_scope
from flyte_models.ids import ActionID
from flyte_models.paths import RawDataPath
from flyte_models.task_context import TaskContext
from flyte_types.codec import InterfaceCodec
from flyte_types.dir import Dir
from flyte_types.file import File
from flyte_types.reverse import guess_interface

__all__ = ["main"]

_Loading = tasks_pb2.DataLoadingConfig
_FORMATS: dict[int, MetadataFormat] = {_Loading.JSON: "JSON", _Loading.YAML: "YAML", _Loading.PROTO: "PROTO"}


def main(argv: Sequence[str] | None = None) -> int:
    """Do one of the two steps; return the exit code."""
    parser = argparse.ArgumentParser("flyte-copilot", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("step", choices=("in", "out"))
    parser.add_argument("--folder", type=Path, required=True, help="where the two steps and the container meet")
    parser.add_argument("--inputs", required=True, help="URI of the Inputs")
    parser.add_argument("--outputs-path", required=True, help="URI of the folder that takes outputs.pb or error.pb")
    parser.add_argument("--raw-data-path", required=True, help="URI of the folder that takes files and folders")
    given = parser.parse_args(argv)
    return asyncio.run(_step(given.step, given.folder, given.inputs, given.outputs_path, given.raw_data_path))


async def _step(step: str, folder: Path, inputs: str, outputs_path: str, raw_data_path: str) -> int:
    try:
        template = tasks_pb2.TaskTemplate.FromString((folder / "task.pb").read_bytes())
        interface = guess_interface(template.interface)
        codec = InterfaceCodec(interface.inputs, interface.outputs, task_name=template.id.name)
        with task_scope(_context(inputs, outputs_path, raw_data_path)):
            if step == "in":
                await _bring_in(folder, template, codec, await read_object(inputs))
            else:
                found = collect_outputs(interface, folder / "outputs")
                outputs = await codec.encode_outputs_async(await _kept(found))
                await write_object(f"{outputs_path}/outputs.pb", outputs)
    except Exception as error:
        # Whatever it was, the control plane is to hear it.
        print("".join(traceback_of(error)), file=sys.stderr, end="")  # noqa: T201 - the log of the attempt
        await write_object(f"{outputs_path}/error.pb", error_document(error))
        return 1
    return 0


async def _bring_in(folder: Path, template: tasks_pb2.TaskTemplate, codec: InterfaceCodec, message: bytes) -> None:
    loading = template.container.data_config
    values, _ = await codec.decode_inputs_and_context_async(message)
    texts = await place_inputs(
        values,
        folder / "inputs",
        loading.input_path,
        has_named_folders=loading.file_input_layout == _Loading.NAMED_DIR,
        metadata_format=_FORMATS[loading.format],
        message=message,
    )
    (folder / "outputs").mkdir(exist_ok=True)
    argv = json.loads((folder / "argv.json").read_text())
    (folder / "filled.json").write_text(json.dumps(fill_inputs(argv, texts)))


async def _kept(item: Any) -> Any:
    """Bring a file or folder to where it stays: the attempt's own folder is removed."""
    if isinstance(item, tuple):
        return tuple([await _kept(each) for each in cast("tuple[Any, ...]", item)])
    if isinstance(item, File):
        return await File[Any].from_local(cast("File[Any]", item).path)
    if isinstance(item, Dir):
        return await Dir[Any].from_local(cast("Dir[Any]", item).path)
    return item


def _context(inputs: str, outputs_path: str, raw_data_path: str) -> TaskContext:
    return TaskContext(
        action=ActionID(name="copilot"),
        version="",
        raw_data_path=RawDataPath(path=raw_data_path),
        input_path=inputs,
        output_path=outputs_path,
        run_base_dir="",
        report=None,
        mode="remote",
    )


def run() -> None:
    """Leave the process with the exit code of `main`."""
    sys.exit(main())
