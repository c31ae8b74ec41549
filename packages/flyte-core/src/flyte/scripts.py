"""Any Python script as a run of one action, recorded with what it prints: `flyte.run_python_script`."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO, cast

from flyte.initialization import settings
from flyte.running.options import RunOptions
from flyte.running.start import Runner, with_runcontext
from flyte.tasks.environment import TaskEnvironment
from flyte_models.resources import Resources
from flyte_models.values import value
from flyte_syncify import syncify
from flyte_types.dir import Dir

__all__ = [
    "ScriptContainer",
    "ScriptFailedError",
    "begin_script",
    "files_below",
    "run_python_script",
    "run_script",
    "run_script_for_output",
]

_GRACE_SECONDS = 5.0

env = TaskEnvironment("python_script")


class ScriptFailedError(Exception):
    """The script ended with another exit code than 0."""


@env.task
async def run_script(script: str, arguments: list[str]) -> None:
    """Run a script with the interpreter of this process."""
    await _run(script, arguments)


@env.task
async def run_script_for_output(script: str, arguments: list[str], output_dir: str) -> Dir[Any]:
    """Run a script and return the folder that it fills."""
    await _run(script, arguments)
    _check_made(output_dir, script)
    filled: Any = await Dir.from_local(output_dir)  # pyright: ignore[reportUnknownVariableType]
    return filled


def _check_made(output_dir: str, script: str) -> None:
    if not Path(output_dir).is_dir():
        raise ScriptFailedError(f"`{script}` did not make the folder `{output_dir}` that it was to fill")


async def _run(script: str, arguments: list[str]) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-u",
        _located(script),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        limit=1 << 20,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        await asyncio.gather(_pass_on(process.stdout, sys.stdout), _pass_on(process.stderr, sys.stderr))
        code = await process.wait()
    finally:
        if process.returncode is None:
            await _end(process)
    if code != 0:
        reason = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        raise ScriptFailedError(f"`{script}` ended with {reason}")


def _located(script: str) -> str:
    """Return where a script is: itself, or below a folder that modules are imported from, which a bundle is unpacked into."""
    if os.path.isabs(script) or os.path.exists(script):  # noqa: PTH117, PTH110 - a path as text
        return script
    found = (os.path.join(folder, script) for folder in sys.path)  # noqa: PTH118 - as above
    return next((path for path in found if os.path.isfile(path)), script)  # noqa: PTH113 - as above


async def _pass_on(source: asyncio.StreamReader, target: TextIO) -> None:
    """Print what comes, in pieces that end with a line where there is one, so that it is recorded with the action."""
    while piece := await source.read(1 << 16):
        while not piece.endswith(b"\n") and (more := await source.read(1 << 16)):
            piece += more
        target.write(piece.decode("utf-8", "replace"))
        target.flush()


async def _end(process: asyncio.subprocess.Process) -> None:
    # The script may have started others: they are of its session, and end with it.
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sent)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _GRACE_SECONDS)
            return


@syncify
async def run_python_script(
    script: Path | str,
    *,
    cpu: int = 4,
    memory: str = "16Gi",
    gpu: int = 0,
    gpu_type: str = "T4",
    image: Any = None,
    timeout: int = 3600,  # noqa: ASYNC109 - the public name
    extra_args: list[str] | None = None,
    queue: str | None = None,
    wait: bool = False,
    name: str | None = None,
    debug: bool = False,
    output_dir: str | None = None,
    include_files: list[str] | None = None,
    plugin_config: Any = None,
    clustered: bool = False,
    replicas: int | None = None,
    nproc_per_node: int | None = None,
    runtime: Any = None,
    failure_policy: Any = None,
    ttl_seconds_after_finished: int | None = None,
) -> Any:
    """Run a script as a run of one action: in a process of this machine, or with an endpoint on its control plane.

    Args:
        script: The script. A control plane gets this file, and those of `include_files`.
        cpu: This and the others that describe a container have no effect on this machine.
        memory: As `cpu`.
        gpu: As `cpu`.
        gpu_type: As `cpu`.
        image: As `cpu`; an image that has flyte.
        timeout: Seconds it may take; then it is ended, with all that it has started.
        extra_args: Its arguments.
        queue: As `cpu`.
        wait: Whether a run on a control plane is waited for. A local run is over when it is returned.
        name: The name of the run.
        debug: As `cpu`: an editor in the container, in which the script is run by hand.
        output_dir: A folder that the script fills, which becomes the output of the run.
        include_files: Further files and folders for a control plane, beside the script or below its folder.
        plugin_config: This and the rest ask for several machines.
        clustered: Run on several machines.
        replicas: How many machines.
        nproc_per_node: Processes on each machine.
        runtime: What starts them.
        failure_policy: What happens when one fails.
        ttl_seconds_after_finished: How long a cluster keeps them.

    Returns:
        The run.

    Raises:
        FileNotFoundError: There is no such script.
        NotImplementedError: Several machines are asked for.
        RuntimeUserError: The script failed, with `ScriptFailedError` as cause, or took too long.
    """
    several = (plugin_config, replicas, nproc_per_node, runtime, failure_policy, ttl_seconds_after_finished)
    if clustered or any(each is not None for each in several):
        raise NotImplementedError(
            "scripts are not run on several machines yet in this version\n"
            "hint: leave out `clustered`, `replicas`, `plugin_config` and the like"
        )
    path = _existing(script)
    if settings().endpoint:
        container = ScriptContainer(cpu, memory, gpu, gpu_type, image, timeout)
        options = RunOptions(name=name, queue=queue, debug=debug)
        files = files_below(Path(path).parent, include_files or ())
        run = await begin_script(Path(path), extra_args or (), container, options, output_dir=output_dir, files=files)
        if wait:
            await run.wait.aio(quiet=True)
        return run
    del cpu, memory, gpu, image, queue, debug  # of a container
    values: dict[str, Any] = {"script": path, "arguments": list(extra_args or ())}
    runner = with_runcontext("local", name=name)
    if output_dir is None:
        return await runner.run.aio(run_script.override(timeout=timeout), **values)
    values["output_dir"] = os.path.abspath(output_dir)  # noqa: ASYNC240, PTH100 - a path as text
    return await runner.run.aio(run_script_for_output.override(timeout=timeout), **values)


@value
class ScriptContainer:
    """What a control plane runs a script in."""

    cpu: int
    memory: str
    gpu: int
    gpu_type: str
    image: Any
    """None: the default image."""
    timeout: int
    """Seconds that the script may take."""

    def task_of(self, function: Callable[..., Any]) -> Any:
        """Return the task that runs a script in it."""
        device = f"{self.gpu_type}:{self.gpu}" if self.gpu else None
        resources = Resources(cpu=self.cpu, memory=self.memory, gpu=cast("Any", device))
        place = TaskEnvironment("python_script", image=self.image or "auto", resources=resources)
        return place.task(function).override(timeout=self.timeout)


async def begin_script(
    script: Path,
    arguments: Sequence[str],
    container: ScriptContainer,
    options: RunOptions,
    *,
    output_dir: str | None = None,
    files: Sequence[str] = (),
) -> Any:
    """Begin the run of a script on the control plane.

    Args:
        script: The script, as an absolute path; it travels.
        arguments: Its arguments.
        container: What it runs in.
        options: Those of the run; what travels is decided here.
        output_dir: A folder that the script fills, which becomes the output of the run.
        files: What travels too, as `files_below` names it.

    Returns:
        The run.
    """
    root, name = script.parent, script.name
    options = replace(options, mode="remote", copy_style="custom", copy_paths=(name, *files), root_dir=root)
    values: dict[str, Any] = {"script": name, "arguments": list(arguments)}
    if output_dir is not None:
        values["output_dir"] = output_dir
    task = container.task_of((run_script if output_dir is None else run_script_for_output).func)
    return await Runner(options).run.aio(task, **values)


def files_below(root: Path, files: Sequence[str]) -> tuple[str, ...]:
    """Return the names below a folder of files and folders that are given from the working directory or from that folder.

    Raises:
        FileNotFoundError: One of them is not there.
        ValueError: One is elsewhere.
    """
    return tuple(_below(root, file) for file in files)


def _below(root: Path, file: str) -> str:
    path = Path(file).absolute() if Path(file).exists() else root / file
    if not path.exists():
        raise FileNotFoundError(f"there is no file `{file}` to include")
    if not path.is_relative_to(root):
        raise ValueError(f"`{file}` is not below the folder of the script, `{root}`, which travels with it")
    return str(path.relative_to(root))


def _existing(script: Path | str) -> str:
    path = Path(script)
    if not path.is_file():
        raise FileNotFoundError(f"there is no script `{path}`\nhint: relative paths start at `{Path.cwd()}`")
    return str(path.absolute())
