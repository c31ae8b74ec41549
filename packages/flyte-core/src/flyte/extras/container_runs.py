"""Running a container on this machine: inputs as arguments and files, outputs as files, docker or podman as the engine."""

import asyncio
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from flyte_models.context import current_context
from flyte_models.errors import RuntimeUserError
from flyte_models.interface import NativeInterface
from flyte_types.dir import Dir
from flyte_types.file import File
from flyte_types.text import parse_text

__all__ = ["ContainerEngineError", "ContainerFailedError", "run_container"]

_ENGINES = ("docker", "podman")
_INPUT = re.compile(r"\{\{\s*\.inputs\.(\w+)\s*\}\}")
_ENGINE_FAILED = 125
"""What `docker run` ends with when not the container failed, but the engine."""
_SHOWN_LINES = 20
_KILL_SECONDS = 10


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
        prints_logs: Whether what it prints is printed here.

    Raises:
        ContainerEngineError: There is no engine, or it cannot be used.
        ContainerFailedError: The container ended with an error.
        FileNotFoundError: It did not write an output.
        ValueError: An argument names an input that is not there, or an output is no value of its type.
    """
    engine = _engine()
    folder = _folder()
    inputs, outputs = folder / "inputs", folder / "outputs"
    inputs.mkdir(parents=True)
    outputs.mkdir()
    texts = {
        name: await _placed(name, item, inputs, input_data_dir, has_named_folders=has_named_folders)
        for name, item in given.items()
    }
    name = f"flyte-{uuid4().hex[:12]}"
    command = [engine, "run", "--rm", "--name", name]
    command += ["--volume", f"{inputs}:{input_data_dir}:ro", "--volume", f"{outputs}:{output_data_dir}"]
    for key, item in env_vars.items():
        command += ["--env", f"{key}={item}"]
    command += [image, *(_filled(argument, texts) for argument in arguments)]
    await _run(command, engine=engine, name=name, image=image, prints_logs=prints_logs)
    results = [_output(key, kind, outputs / key) for key, kind in interface.outputs.items()]
    if not results:
        return None
    return results[0] if len(results) == 1 else tuple(results)


def _engine() -> str:
    for name in _ENGINES:
        found = shutil.which(name)
        if found:
            return found
    raise ContainerEngineError(
        "NoContainerEngine",
        "a container task needs docker or podman on this machine, and neither is on the `PATH`\n"
        "hint: install one of them, or run the task on a cluster",
    )


def _folder() -> Path:
    context = current_context()
    raw = context.raw_data_path.path if context else ""
    if raw and "://" not in raw:
        return Path(raw).absolute() / f"container-{uuid4().hex[:12]}"
    return Path(tempfile.mkdtemp(prefix="flyte-container-")) / "data"


async def _placed(name: str, item: Any, inputs: Path, inside: str, *, has_named_folders: bool) -> str:
    """Put a file or folder where the container finds it, and give its path there; of other values give the text."""
    if isinstance(item, bool):
        return "true" if item else "false"
    target = inputs / name
    where = f"{inside.rstrip('/')}/{name}"
    several = cast("list[Any]", item) if isinstance(item, list) else []
    if several and all(isinstance(each, File) for each in several):
        target.mkdir()
        for number, file in enumerate(several):
            # Two files of one name must not become one.
            own = target / file.path.rstrip("/").rpartition("/")[2]
            await file.download(str(own if not own.exists() else own.with_name(f"{number}-{own.name}")))
        return where
    if not isinstance(item, File | Dir):
        return "" if item is None else str(cast("object", item))
    if isinstance(item, File) and has_named_folders:
        target.mkdir()
        file_name = item.path.rstrip("/").rpartition("/")[2]
        target /= file_name
        where = f"{where}/{file_name}"
    await item.download(str(target))
    return where


def _filled(argument: str, texts: Mapping[str, str]) -> str:
    def text_of(found: re.Match[str]) -> str:
        if found[1] not in texts:
            known = ", ".join(f"`{name}`" for name in texts) or "none"
            raise ValueError(f"the argument {argument!r} names the input `{found[1]}`; the inputs are {known}")
        return texts[found[1]]

    return _INPUT.sub(text_of, argument)


async def _run(command: list[str], *, engine: str, name: str, image: str, prints_logs: bool) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
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


def _output(name: str, kind: Any, path: Path) -> Any:
    if not path.exists():
        raise FileNotFoundError(
            f"the container did not write its output `{name}`\nhint: it must write `<output_data_dir>/{name}`"
        )
    origin = getattr(kind, "__origin__", kind)
    if isinstance(origin, type) and issubclass(origin, File):
        return File[Any](path=str(path))
    if isinstance(origin, type) and issubclass(origin, Dir):
        return Dir[Any](path=str(path))
    text = path.read_text()
    # A trailing line break is what `echo` adds.
    return text if kind is str else parse_text(text.removesuffix("\n"), kind)
