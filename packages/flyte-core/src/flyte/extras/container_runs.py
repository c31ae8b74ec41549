"""Running a container on this machine: inputs as arguments and files, outputs as files, docker or podman as the engine."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from flyte.extras.container_files import MetadataFormat, collect_outputs, fill_inputs, place_inputs
from flyte_models.context import current_context
from flyte_models.errors import RuntimeUserError
from flyte_models.interface import NativeInterface

__all__ = ["ContainerEngineError", "ContainerFailedError", "run_container"]

_ENGINES = ("docker", "podman")
_ENGINE_FAILED = 125
"""What `docker run` ends with when not the container failed, but the engine."""
_SHOWN_LINES = 20
_KILL_SECONDS = 10
_ANSWER_SECONDS = 60
_answering: set[str] = set()
"""Engines that have answered in this process."""


class ContainerEngineError(RuntimeUserError):
    """There is no container engine on this machine, or it cannot be used."""


class ContainerFailedError(RuntimeUserError):
    """A container ended with an error."""


async def run_container(
    given: Mapping[str, Any],
    interface: NativeInterface,
    *,
    image: str,
    arguments: Sequence[str],
    env_vars: Mapping[str, str],
    input_data_dir: str,
    output_data_dir: str,
    has_named_folders: bool,
    metadata_format: MetadataFormat,
    prints_logs: bool,
) -> Any:
    """Run a container to its end and return its outputs: one by itself, several as a tuple in the order of the interface.

    Args:
        given: The inputs by name.
        interface: The types of inputs and outputs.
        image: URI of the image.
        arguments: Command and arguments, with `{{.inputs.name}}` for inputs.
        env_vars: Environment variables.
        input_data_dir: Where the container finds files.
        output_data_dir: Where it leaves outputs, a file or folder for each.
        has_named_folders: Whether a file keeps its own name, in a folder with the input's name.
        metadata_format: How the inputs are written once more, as one file, see `place_inputs`.
        prints_logs: Whether what it prints is printed here.

    Raises:
        ContainerEngineError: There is no engine, or it cannot be used.
        ContainerFailedError: The container ended with an error.
        FileNotFoundError: It did not write an output.
        ValueError: An argument names an input that is not there, or an output is no value of its type.
    """
    engine = await _engine()
    folder = _folder()
    inputs, outputs = folder / "inputs", folder / "outputs"
    outputs.mkdir(parents=True)
    texts = await place_inputs(
        given, inputs, input_data_dir, has_named_folders=has_named_folders, metadata_format=metadata_format
    )
    name = f"flyte-{uuid4().hex[:12]}"
    command = [engine, "run", "--rm", "--name", name]
    command += ["--volume", f"{inputs}:{input_data_dir}:ro", "--volume", f"{outputs}:{output_data_dir}"]
    for key in env_vars:
        # By name alone: the engine takes the values from its own environment, where no process list shows them.
        command += ["--env", key]
    command += [image, *fill_inputs(arguments, texts)]
    await _run(command, env={**os.environ, **env_vars}, engine=engine, name=name, image=image, prints_logs=prints_logs)
    return collect_outputs(interface, outputs)


async def _engine() -> str:
    """Return the command of an engine that answers; of Docker's the daemon may not run where Podman does."""
    found = [program for name in _ENGINES if (program := shutil.which(name)) is not None]
    for program in found:
        if program in _answering or await _answers(program):
            _answering.add(program)
            return program
    if found:
        raise ContainerEngineError(
            "NoContainerEngine",
            f"a container task needs a container engine, and `{'` and `'.join(found)}` did not answer in {_ANSWER_SECONDS} s\n"
            f"hint: does `{found[0]} info` work in a shell?",
        )
    raise ContainerEngineError(
        "NoContainerEngine",
        "a container task needs docker or podman on this machine, and neither is on the `PATH`\n"
        "hint: install one of them, or run the task on a cluster",
    )


async def _answers(program: str) -> bool:
    process = await asyncio.create_subprocess_exec(
        program,
        "info",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        return await asyncio.wait_for(process.wait(), _ANSWER_SECONDS) == 0
    except TimeoutError:
        return False
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _folder() -> Path:
    context = current_context()
    raw = context.raw_data_path.path if context else ""
    if raw and "://" not in raw:
        return Path(raw).absolute() / f"container-{uuid4().hex[:12]}"
    return Path(tempfile.mkdtemp(prefix="flyte-container-")) / "data"


async def _run(
    command: list[str], *, env: Mapping[str, str], engine: str, name: str, image: str, prints_logs: bool
) -> None:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=env,
    )
    assert process.stdout is not None
    last: list[str] = []
    try:
        async for line in process.stdout:
            text = line.decode(errors="replace").rstrip("\n")
            last = [*last[-_SHOWN_LINES:], text]
            if prints_logs:
                print(text, file=sys.stdout, flush=True)  # noqa: T201 - the container's own output
        code = await process.wait()
    except asyncio.CancelledError:
        await _kill(engine, name, process)
        raise
    shown = "".join(f"\n  {text}" for text in last)
    if code == _ENGINE_FAILED:
        raise ContainerEngineError(
            "ContainerEngineFailed",
            f"`{engine}` could not run a container of `{image}`:{shown}\nhint: does `{engine} run --rm {image}` work in a shell?",
        )
    if code != 0:
        raise ContainerFailedError(
            "ContainerFailed",
            f"the container of `{image}` ended with exit code {code}; the last it printed:{shown or ' nothing'}",
        )


async def _kill(engine: str, name: str, process: asyncio.subprocess.Process) -> None:
    """End the container, and then the client that waits for it, which does not end it by itself."""
    killer = await asyncio.create_subprocess_exec(
        engine, "kill", name, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        await asyncio.wait_for(killer.wait(), _KILL_SECONDS)
        await asyncio.wait_for(process.wait(), _KILL_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
