"""Where attempts run: what an executor is given and gives back. The scheduler knows no more of it than what stands here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from flyte_models.values import value

__all__ = ["DataFolders", "Executor", "Exit", "Handle", "Launch", "LaunchError", "Reuse", "Surroundings"]


@value
class Reuse:
    """What an environment says about its workers."""

    name: str
    """Of the environment, or of the policy."""
    version: str
    """Workers of another version run other code."""
    min_replicas: int
    max_replicas: int
    concurrency: int
    idle_seconds: float | None
    scaledown_seconds: float | None
    is_per_run: bool = False
    """Whether each run has its own workers."""


@value
class DataFolders:
    """Where a container that knows nothing of Flyte finds its inputs and leaves its outputs, as files."""

    inputs: str
    """The path in the container."""
    outputs: str
    """Likewise."""
    copilot: tuple[str, ...]
    """Arguments of `flyte-copilot` but for the step."""


class Surroundings:
    """The environment that attempts have in common, such as those of one task in one run.

    Args:
        inherited: what they get of the devbox's own.
        variables: what is their own.
    """

    __slots__ = ("found", "inherited", "variables")

    def __init__(self, inherited: Mapping[str, str], variables: Mapping[str, str]) -> None:
        self.inherited = inherited
        self.variables = variables
        self.found: dict[str, Any] = {}
        """What an executor has found out about it, and need not find out for each attempt."""


@value
class Launch:
    """One attempt to run, as the container of a pod would be started."""

    run_name: str
    action_name: str
    attempt: int
    """Counted from 1."""
    argv: Sequence[str]
    """Command and arguments with every template filled in. The first may be the bare name of a console script (`a0`)."""
    surroundings: Surroundings
    own: Mapping[str, str]
    """Variables of this attempt alone."""
    work_dir: Path
    """Its current directory: exists, is empty and belongs to this attempt alone. A reusable environment's has none of its own."""
    log_path: Path
    """Standard output and standard error are appended here. Its folder need not exist."""
    output_prefix: str
    """Where it leaves `outputs.pb` or `error.pb`."""
    memory_bytes: int | None = None
    """More than this is an out-of-memory kill; `None` for no limit."""
    reuse: Reuse | None = None
    """Set when the environment's workers are reused."""
    image: str = ""
    """The image that the task names."""
    has_command: bool = True
    """Whether the first of `argv` is the program; otherwise all are arguments of the image's entry point, if it has one."""
    data: DataFolders | None = None
    """Set when inputs and outputs are files; `work_dir` has what `flyte-copilot` begins with."""
    input_path: str = ""
    inputs: bytes | None = None
    """Content of `input_path` if it is small; there may be no file then."""

    @property
    def variables(self) -> dict[str, str]:
        """What of the environment is the attempt's own, and not the devbox's."""
        return {**self.surroundings.variables, **self.own}

    @property
    def env(self) -> dict[str, str]:
        """The whole environment of a process of this machine."""
        return {**self.surroundings.inherited, **self.surroundings.variables, **self.own}


@value
class Exit:
    """How an attempt's process ended. What it computed it left under `Launch.output_prefix`, or hands over here."""

    code: int | None
    """Exit code; minus the number of the signal that ended it; `None` when it cannot be known (an adopted process)."""
    cpu_seconds: float | None = None
    max_rss_bytes: int | None = None
    is_out_of_memory: bool = False
    """Whether it was ended because it needed more than its own limit."""
    is_machine_out_of_memory: bool = False
    """Whether the kernel ended it because the machine had no memory left."""
    outputs: bytes | None = None
    """Content of `outputs.pb`, handed over instead of written; whoever has it writes it unless told `Handle.confirm`."""
    error: bytes | None = None
    """Content of `error.pb`, likewise."""


class LaunchError(Exception):
    """An attempt could not be started. It counts as a system failure; the message says why."""


class Handle(Protocol):
    """A started attempt."""

    @property
    def worker(self) -> str:
        """Who carries it out, in a form that `Executor.adopt` of a later server process understands."""
        ...

    async def wait(self) -> Exit:
        """Return when nothing of the attempt runs any more. Being cancelled does not end the attempt; it may be called again."""
        ...

    def confirm(self) -> None:
        """Say that what the attempt has handed over is on disk."""
        ...

    def terminate(self, grace_seconds: float) -> None:
        """Ask every process of the attempt to end (SIGTERM) and kill what is left after the grace period. Returns at once."""
        ...

    def kill(self) -> None:
        """End every process of the attempt now."""
        ...


class Executor(Protocol):
    """Starts attempts."""

    def prepare(self) -> None:
        """Begin what the first attempt would otherwise wait for. Returns at once; belongs to the running event loop."""
        ...

    async def start(self, launch: Launch) -> Handle:
        """Start one attempt.

        Raises:
            LaunchError: it could not be started; nothing of it runs.
        """
        ...

    def adopt(self, worker: str, launch_dir: Path, memory_bytes: int | None = None) -> Handle | None:
        """Find an attempt that an earlier server process started; `None` when it does not run any more.

        Args:
            worker: its `Handle.worker`.
            launch_dir: its `Launch.work_dir`.
            memory_bytes: its `Launch.memory_bytes`.
        """
        ...

    async def close(self) -> None:
        """Free what the executor holds. Attempts that run go on: the next server adopts them."""
        ...
