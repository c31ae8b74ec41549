"""Runs attempts in containers of the images that their tasks name, through the command of Docker or Podman."""

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import shutil
import subprocess
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from pathlib import Path

from flyte_devbox.executors import Executor, Exit, Handle, Launch, LaunchError
from flyte_devbox.executors.loaded import LoadedHandle, has_ended, note_launch, noted_launch
from flyte_devbox.executors.process import open_log, show_inputs
from flyte_models.values import value

__all__ = ["ContainerEngine", "ContainerExecutor", "find_engine", "is_stand_in"]

_logger = logging.getLogger(__name__)

_Do = Callable[[Coroutine[object, object, None]], None]

CHOICE_VARIABLE = "FLYTE_DEVBOX_CONTAINERS"
"""Environment variable of the devbox: `auto`, the command of an engine, or `none`."""
FOLDER_LABEL = "flyte.devbox"
_ENGINES = ("podman", "docker")
_STAND_INS = ("", "auto", "none")
_DEFAULT_IMAGES = ("ghcr.io/flyteorg/flyte:",)
_TOLD_TO_THE_CLIENT = ("LD_", "PATH", "HOME", "TMPDIR", "XDG_", "DOCKER_", "CONTAINER", "GO", "SSL_", "HTTP", "http")
"""Variables that mean something to the engine's own command."""
_ANSWER_SECONDS = 60.0
_REPEATED_SECONDS = 15.0
"""The same for a question that is asked again."""
_PULL_SECONDS = 900.0
_POLL_SECONDS = 2.0
_MOST_SILENT = 30
"""After so many questions without an answer an engine counts as gone, and with it what it ran."""


@value
class ContainerEngine:
    """A Docker or Podman that answers."""

    program: str
    """Its command, a whole path."""

    @property
    def is_podman(self) -> bool:
        """Whether it is Podman."""
        return Path(self.program).name.startswith("podman")


def is_stand_in(image: str) -> bool:
    """Tell whether an image only stands for "as the devbox is": none at all, or the default one of an SDK."""
    return image in _STAND_INS or image.startswith(_DEFAULT_IMAGES)


async def find_engine(choice: str) -> ContainerEngine | None:
    """Return the engine that is wanted and answers, or `None`.

    Args:
        choice: `auto` for any, the command of one, or `none`.

    Raises:
        LaunchError: the engine that was named is not there or does not answer.
    """
    if choice == "none":
        return None
    for name in _ENGINES if choice == "auto" else (choice,):
        program = shutil.which(name)
        if program is None:
            continue
        with contextlib.suppress(LaunchError):
            # Docker's command is of no use without its daemon, which this asks.
            await _ask(program, "info", "--format", "{{json .}}")
            return ContainerEngine(program)
    if choice == "auto":
        return None
    raise LaunchError(
        f"the container engine `{choice}` is not there or does not answer\n"
        f"hint: start it, or set `{CHOICE_VARIABLE}` to `auto` or `none` and start the devbox anew"
    )


class ContainerExecutor:
    """Runs what names an image of its own in a container, and gives the rest to another executor.

    A container shares the network of this machine, sees the objects and its own work folder at the same paths, and writes as
    the user of the devbox. Where there is no engine the other executor runs everything, and the attempt's log says so.

    Args:
        inner: runs what names no image of its own.
        folder: the state folder; containers carry it as a label.
        mounts: folders that every container sees.
        choice: which engine, see `find_engine`.
    """

    def __init__(
        self,
        inner: Executor,
        *,
        folder: Path,
        mounts: tuple[Path, ...],
        choice: str = "auto",
    ) -> None:
        self._inner = inner
        self._folder = str(folder)
        self._mounts = mounts
        self._choice = choice
        self._engine: asyncio.Task[ContainerEngine | None] | None = None
        self._adopted: set[str] = set()
        self._has_containers = False
        self._chores: set[asyncio.Task[None]] = set()

    def prepare(self) -> None:
        """Begin what the first attempt would wait for, and remove the containers that nobody adopted."""
        self._inner.prepare()
        if self._marker.exists():
            self._do(self._remove_strays())

    async def start(self, launch: Launch) -> Handle:
        """Start one attempt; see `Executor.start`."""
        if launch.data is not None:
            return await self._start_loaded(launch)
        if is_stand_in(launch.image):
            return await self._inner.start(launch)
        engine = await self._found()
        if engine is None:
            with open_log(launch) as log:
                log.write(f"devbox: there is no container engine, so image {launch.image} is not used\n".encode())
            return await self._inner.start(launch)
        if not launch.argv:
            raise LaunchError("the task's container has neither a command nor arguments, so there is nothing to run")
        return await self._begin(engine, launch)

    async def _start_loaded(self, launch: Launch) -> Handle:
        """Start an attempt whose inputs and outputs are files."""
        engine = await self._found()
        if engine is None:
            raise LaunchError(
                f"image `{launch.image}` does not know Flyte, so its command needs a container, and there is no engine for one\n"
                "hint: install podman or docker and start the devbox anew"
            )
        if is_stand_in(launch.image):
            raise LaunchError('the task names no image\nhint: `ContainerTask(image="alpine:3", ...)`')
        if not launch.argv:
            raise LaunchError("the task's container has neither a command nor arguments, so there is nothing to run")

        async def begin() -> Handle:
            argv: list[str] = json.loads((launch.work_dir / "filled.json").read_text())
            return await self._begin(engine, replace(launch, argv=argv))

        show_inputs(launch)
        note_launch(launch)
        copilot = noted_launch(launch.work_dir)
        assert copilot is not None
        worker = _worker(_name_of(launch), engine.program)
        return LoadedHandle(worker, copilot=copilot, start=self._inner.start, begin=begin)

    async def _begin(self, engine: ContainerEngine, launch: Launch) -> Handle:
        """Make the container and start it."""
        # From now on a server that starts has to look for strays.
        self._marker.touch()
        show_inputs(launch)
        name = _name_of(launch)
        await self._create(engine, name, launch)
        try:
            with open_log(launch) as log:
                client = await asyncio.create_subprocess_exec(
                    engine.program,
                    "start",
                    "--attach",
                    name,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    # So that it goes on writing the log when this server ends.
                    start_new_session=True,
                )
        except OSError as error:
            raise LaunchError(f"`{engine.program}` cannot be started: {error}") from error
        return _ContainerHandle(engine.program, name, client, self._do)

    def adopt(self, worker: str, launch_dir: Path, memory_bytes: int | None = None) -> Handle | None:
        """Find the container of an earlier server, running or ended; see `Executor.adopt`."""
        kind, _, rest = worker.partition(":")
        if kind != "container":
            return self._inner.adopt(worker, launch_dir, memory_bytes)
        name, _, program = rest.partition(":")
        copilot = noted_launch(launch_dir)
        if copilot is not None and has_ended(launch_dir):
            return LoadedHandle(worker, copilot=copilot, start=self._inner.start)
        container = self._find(name, program)
        if container is None or copilot is None:
            return container
        return LoadedHandle(worker, copilot=copilot, start=self._inner.start, container=container)

    def _find(self, name: str, program: str) -> Handle | None:
        try:
            found = subprocess.run(  # noqa: S603 - before anything is served
                [program, "inspect", "--type", "container", name],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_ANSWER_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        if found.returncode != 0:
            return None
        self._adopted.add(name)
        return _ContainerHandle(program, name, None, self._do)

    async def close(self) -> None:
        """End what is being asked of the engine; containers go on."""
        if self._engine is not None:
            self._engine.cancel()
        for chore in list(self._chores):
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        await self._inner.close()

    @property
    def _marker(self) -> Path:
        return Path(self._folder, "containers")

    async def _found(self) -> ContainerEngine | None:
        if self._engine is None or (self._engine.done() and self._engine.exception() is not None):
            self._engine = asyncio.create_task(find_engine(self._choice))
        return await asyncio.shield(self._engine)

    async def _create(self, engine: ContainerEngine, name: str, launch: Launch) -> None:
        arguments = [
            "create",
            "--name",
            name,
            "--label",
            f"{FOLDER_LABEL}={self._folder}",
            "--init",
            "--network",
            "host",
        ]
        if launch.data is not None:
            arguments += ["--volume", f"{launch.work_dir}/inputs:{launch.data.inputs}:ro"]
            arguments += ["--volume", f"{launch.work_dir}/outputs:{launch.data.outputs}"]
        else:
            for folder in (*self._mounts, launch.work_dir):
                folder.mkdir(parents=True, mode=0o700, exist_ok=True)
                arguments += ["--volume", f"{folder}:{folder}"]
            arguments += ["--workdir", str(launch.work_dir)]
        arguments += ["--user", f"{os.getuid()}:{os.getgid()}"]
        if engine.is_podman and os.getuid() != 0:
            arguments += ["--userns", "keep-id"]
        if launch.memory_bytes is not None:
            arguments += ["--memory", str(launch.memory_bytes)]
        # By name alone: the command takes the values from its own environment, where no process list shows them.
        env = dict(os.environ)
        for variable, text in launch.variables.items():
            if variable.startswith(_TOLD_TO_THE_CLIENT):
                arguments += ["--env", f"{variable}={text}"]
            else:
                arguments += ["--env", variable]
                env[variable] = text
        if launch.has_command:
            arguments += ["--entrypoint", ""]
        arguments += [launch.image, *launch.argv]
        try:
            await _ask(engine.program, *arguments, env=env, seconds=_PULL_SECONDS)
        except LaunchError as error:
            if not await _exists(engine.program, name):
                raise LaunchError(f"no container of image `{launch.image}` could be made: {error}") from error
            # Of an earlier server, which ended before it wrote down that there is one.
            await _ask(engine.program, "rm", "--force", name)
            await _ask(engine.program, *arguments, env=env, seconds=_PULL_SECONDS)

    async def _remove_strays(self) -> None:
        try:
            engine = await self._found()
            if engine is None:
                return
            listed = await _ask(
                engine.program,
                "ps",
                "--all",
                "--filter",
                f"label={FOLDER_LABEL}={self._folder}",
                "--format",
                "{{.Names}}",
            )
            if strays := set(listed.split()) - self._adopted:
                await _ask(engine.program, "rm", "--force", *sorted(strays))
        except LaunchError as error:
            _logger.warning("containers of an earlier devbox may be left: %s", error)

    def _do(self, work: Coroutine[object, object, None]) -> None:
        chore = asyncio.create_task(work)
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)


def _name_of(launch: Launch) -> str:
    return "flyte-" + hashlib.sha256(launch.output_prefix.encode()).hexdigest()[:32]


def _worker(name: str, program: str) -> str:
    return f"container:{name}:{program}"


class _SilentError(LaunchError):
    """The engine gave no answer in time: of what it was asked nothing is known."""


class _ContainerHandle:
    """A container that was started.

    Args:
        program: the engine's command.
        name: of the container.
        client: the attached command that writes its log; `None` when an earlier server started it.
        do: takes what nobody waits for.
    """

    def __init__(self, program: str, name: str, client: asyncio.subprocess.Process | None, do: _Do) -> None:
        self._program = program
        self._name = name
        self._client = client
        self._do = do
        self._is_over = False
        self._waiter: asyncio.Task[Exit] | None = None

    @property
    def worker(self) -> str:
        """See `Handle.worker`."""
        return _worker(self._name, self._program)

    async def wait(self) -> Exit:
        """Return how the container ended; see `Handle.wait`."""
        if self._waiter is None:
            self._waiter = asyncio.create_task(self._wait())
        return await asyncio.shield(self._waiter)

    def confirm(self) -> None:
        """Do nothing: what it has is in files."""

    def terminate(self, grace_seconds: float) -> None:
        """Ask it to end; see `Handle.terminate`."""
        if not self._is_over:
            self._do(self._stop(grace_seconds))

    def kill(self) -> None:
        """End it now; see `Handle.kill`."""
        if not self._is_over:
            self._do(self._stop(0))

    async def _wait(self) -> Exit:
        if self._client is not None:
            await self._client.wait()
        ended = await self._state()
        self._is_over = True
        with contextlib.suppress(LaunchError):
            await _ask(self._program, "rm", "--force", self._name)
        return ended

    async def _state(self) -> Exit:
        """Ask until it runs no more: the attached command may be gone before it, or never was."""
        silent = 0
        while True:
            try:
                told = await _ask(
                    self._program,
                    "inspect",
                    "--type",
                    "container",
                    "--format",
                    "{{.State.Running}} {{.State.ExitCode}} {{.State.OOMKilled}}",
                    self._name,
                    seconds=_REPEATED_SECONDS,
                )
            except LaunchError as error:
                silent += 1
                # An engine that answers does not know it any more; one that does not may be restarting, or have much to do.
                has_answered = not isinstance(error, _SilentError) and await _answers(self._program)
                if silent >= _MOST_SILENT or has_answered:
                    return Exit(None)
            else:
                running, code, is_out_of_memory = told.split()
                if running != "true":
                    return Exit(int(code), is_out_of_memory=is_out_of_memory == "true")
            await asyncio.sleep(_POLL_SECONDS if self._client is None or silent else _POLL_SECONDS / 10)

    async def _stop(self, grace_seconds: float) -> None:
        try:
            seconds = max(0, round(grace_seconds))
            await _ask(self._program, "stop", "-t", str(seconds), self._name, seconds=grace_seconds + _ANSWER_SECONDS)
        except LaunchError as error:
            if not self._is_over:
                _logger.warning("container `%s` could not be stopped: %s", self._name, error)


async def _exists(program: str, name: str) -> bool:
    try:
        await _ask(program, "inspect", "--type", "container", name)
    except LaunchError:
        return False
    return True


async def _answers(program: str) -> bool:
    """Tell whether the engine is there, so that a container it does not know is gone."""
    try:
        await _ask(program, "ps", "--quiet", seconds=_REPEATED_SECONDS)
    except LaunchError:
        return False
    return True


async def _ask(
    program: str, *arguments: str, env: Mapping[str, str] | None = None, seconds: float = _ANSWER_SECONDS
) -> str:
    """Run a command of the engine and return what it prints.

    Raises:
        LaunchError: it failed, with what it said.
        _SilentError: it did not end in time.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
        )
    except OSError as error:
        raise LaunchError(f"`{program}` cannot be started: {error}") from error
    try:
        output, said = await asyncio.wait_for(process.communicate(), seconds)
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if isinstance(error, TimeoutError):
            raise _SilentError(
                f"`{Path(program).name} {arguments[0]}` gave no answer within {seconds:.0f} s"
            ) from error
        raise
    if process.returncode != 0:
        lines = said.decode(errors="replace").strip().splitlines() or [f"exit code {process.returncode}"]
        raise LaunchError(f"`{Path(program).name} {arguments[0]}` failed: {lines[-1]}")
    return output.decode(errors="replace")
