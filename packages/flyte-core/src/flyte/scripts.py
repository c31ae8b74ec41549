"""Any Python script as a run of one action, recorded with what it prints: `flyte.run_python_script`."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Any, TextIO

from flyte.initialization import settings
from flyte.running.start import with_runcontext
from flyte.tasks.environment import TaskEnvironment
from flyte_syncify import syncify
from flyte_types.dir import Dir

__all__ = ["ScriptFailedError", "run_python_script", "run_script", "run_script_for_output"]

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
        script,
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
    """Run a script with the interpreter of this process, as a run of one action.

    Args:
        script: The script.
        cpu: This and the others that describe a container have no effect here: the script runs on this machine.
        memory: As `cpu`.
        gpu: As `cpu`.
        gpu_type: As `cpu`.
        image: As `cpu`.
        timeout: Seconds it may take; then it is ended, with all that it has started.
        extra_args: Its arguments.
        queue: As `cpu`.
        wait: A local run is over when it is returned.
        name: The name of the run.
        debug: As `cpu`.
        output_dir: A folder that the script fills, which becomes the output of the run.
        include_files: As `cpu`: all files are here.
        plugin_config: Needs a control plane, like the rest.
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
        NotImplementedError: A control plane is configured, or several machines are asked for.
        RuntimeUserError: The script failed, with `ScriptFailedError` as cause, or took too long.
    """
    del cpu, memory, gpu, gpu_type, image, queue, wait, debug, include_files  # of a container, or of waiting for one
    several = (plugin_config, replicas, nproc_per_node, runtime, failure_policy, ttl_seconds_after_finished)
    if clustered or any(each is not None for each in several):
        raise NotImplementedError(
            "a script on several machines needs a control plane, and scripts are not run there yet in this version\n"
            "hint: leave out `clustered`, `replicas`, `plugin_config` and the like to run it on this machine"
        )
    if settings().endpoint:
        raise NotImplementedError(
            f"scripts are not run on a control plane (`{settings().endpoint}`) yet in this version\n"
            "hint: call `flyte.init()` without an endpoint to run it on this machine, or make it a task"
        )
    values: dict[str, Any] = {"script": _existing(script), "arguments": list(extra_args or ())}
    runner = with_runcontext("local", name=name)
    if output_dir is None:
        return await runner.run.aio(run_script.override(timeout=timeout), **values)
    values["output_dir"] = os.path.abspath(output_dir)  # noqa: ASYNC240, PTH100 - a path as text
    return await runner.run.aio(run_script_for_output.override(timeout=timeout), **values)


def _existing(script: Path | str) -> str:
    path = Path(script)
    if not path.is_file():
        raise FileNotFoundError(f"there is no script `{path}`\nhint: relative paths start at `{Path.cwd()}`")
    return str(path.absolute())
