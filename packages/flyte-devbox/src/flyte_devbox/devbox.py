"""Puts a devbox together: state, scheduler, services, and the ASGI application in front of them."""

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from flyteidl2.artifact import artifact_pb2

from flyte_devbox.admission import Capacity
from flyte_devbox.caching import CacheTable
from flyte_devbox.channel import ChannelServer
from flyte_devbox.contents import find_content, restore_contents
from flyte_devbox.database import Database
from flyte_devbox.editors import password_of
from flyte_devbox.executors import Executor
from flyte_devbox.executors.container import CHOICE_VARIABLE, ContainerExecutor
from flyte_devbox.executors.reusable import ReusableExecutor
from flyte_devbox.executors.warm import WarmExecutor
from flyte_devbox.folder import StateFolder
from flyte_devbox.launching import ServerPlace, inheritable
from flyte_devbox.logs import DEFAULT_LOG_BYTES, LEAST_LOG_BYTES, LogFolder
from flyte_devbox.objects import ObjectFolder, UrlSigner
from flyte_devbox.policies import parse_quantity
from flyte_devbox.publishing import Publisher
from flyte_devbox.recovery import recover
from flyte_devbox.scheduler import Scheduler
from flyte_devbox.sealing import SecretTable
from flyte_devbox.starting import AttemptStarter
from flyte_devbox.submission import Submission
from flyte_devbox.triggering import TriggerClock
from flyte_devbox.watching import Hub

__all__ = ["Devbox", "machine_capacity"]

_GIGABYTE = 1024**3
LOG_VARIABLE = "FLYTE_DEVBOX_LOG_LIMIT"
"""Environment variable of the devbox: how much of an attempt's log is kept on disk."""


def machine_capacity() -> Capacity:
    """Return what this machine gives to actions: its cores, nine tenths of its memory, its NVIDIA devices."""
    cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    try:
        memory = os.sysconf("SC_PAGESIZE") * os.sysconf("SC_PHYS_PAGES") * 0.9
    except (ValueError, OSError):
        memory = 8.0 * _GIGABYTE
    devices = Path("/proc/driver/nvidia/gpus")
    return Capacity(cores, memory, float(len(list(devices.iterdir())) if devices.is_dir() else 0))


def log_limit(text: str) -> int:
    """Return how many bytes of a log are kept, from a setting such as `16Mi`; empty for the usual.

    Raises:
        ValueError: it is no amount, or too small.
    """
    if not text:
        return DEFAULT_LOG_BYTES
    number = parse_quantity(text)
    if number is None or number < LEAST_LOG_BYTES:
        raise ValueError(f"{LOG_VARIABLE} is `{text}`\nhint: give an amount of at least 1Mi, such as `64Mi`")
    return int(number)


class Devbox:
    """One devbox on one folder. Services get at everything through it.

    Args:
        folder: where everything is kept; the caller holds its lock.
        token: what callers have to bring; empty for none.
        executor: where attempts run; if not given, forks of a warm process of `python`, workers of reusable environments, or
            containers for tasks with an image.
        python: the interpreter whose `a0` runs the actions; this one if not given.
        capacity: what actions may occupy; the whole machine if not given.
        endpoint: what attempts call; the server's own address if not given.
    """

    def __init__(
        self,
        folder: StateFolder,
        *,
        token: str = "",
        executor: Executor | None = None,
        python: Path | None = None,
        capacity: Capacity | None = None,
        endpoint: str = "",
    ) -> None:
        folder.make()
        self.folder = folder
        self.token = token
        self._endpoint = endpoint
        self.started_at = time.time()
        self.database = Database(folder.database)
        key = folder.key()
        self.objects = ObjectFolder(folder.objects)
        self.objects.kept = partial(find_content, self.database)
        self.signer = UrlSigner(key)
        self.logs = LogFolder(folder.logs, limit=log_limit(os.environ.get(LOG_VARIABLE, "")))
        self.hub = Hub()
        self.cache = CacheTable(self.database)
        self.secrets = SecretTable(self.database, key)
        self.executor: Executor = executor if executor is not None else self._default_executor(python)
        self.starter = AttemptStarter(
            database=self.database,
            logs=self.logs,
            work=folder.work,
            executor=self.executor,
            secrets=self.secrets.variables,
            editor_password=password_of(key),
        )
        self.scheduler = Scheduler(
            database=self.database,
            starter=self.starter,
            hub=self.hub,
            capacity=capacity if capacity is not None else machine_capacity(),
            cache=self.cache,
            publish=Publisher(self.database, self._arrived).publish,
        )
        self.submission = Submission(
            database=self.database,
            objects=self.objects,
            starter=self.starter,
            scheduler=self.scheduler,
            hub=self.hub,
        )
        self.triggers = TriggerClock(self.database, self.objects, self.submission)
        self.port = 0

    def _default_executor(self, python: Path | None) -> Executor:
        return ContainerExecutor(
            ReusableExecutor(
                WarmExecutor(python, folder=self.folder.root, inherited=inheritable()),
                python,
                self.folder.root / "workers",
            ),
            folder=self.folder.root,
            mounts=(self.folder.objects, self.folder.root / "code"),
            choice=os.environ.get(CHOICE_VARIABLE) or "auto",
        )

    async def _arrived(self, artifact: artifact_pb2.Artifact) -> None:
        # Made later than what publishes.
        await self.triggers.on_artifact(artifact)

    @property
    def base_url(self) -> str:
        """Where this server is, for URLs that it hands out."""
        return f"http://localhost:{self.port}"

    @asynccontextmanager
    async def running(self, port: int) -> AsyncGenerator[None]:
        """Take up what an earlier server left and carry actions out, until the block ends."""
        self.port = port
        # Reads while nothing is served yet.
        channel = ChannelServer(self, self.folder.channel)
        # What is to call a proxy in front of this server goes there with everything.
        address = "" if self._endpoint else channel.address
        self.starter.server = ServerPlace(
            self._endpoint or f"localhost:{port}", self.token, str(self.folder.root), address
        )
        await self.cache.clear()
        is_same_boot = self.folder.is_same_boot()
        if not is_same_boot:
            restore_contents(self.database)
        recover(self.database, self.scheduler, self.starter, str(self.folder.root), trusts_files=is_same_boot)
        # After that: a warm parent that is there by then is another server's.
        self.executor.prepare()
        await channel.start()
        self.scheduler.start()
        clock = asyncio.create_task(self.triggers.run())
        try:
            yield
        finally:
            clock.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await clock
            await channel.close()
            await self.scheduler.stop()
            await self.executor.close()
            self.starter.close()
            self.logs.close()

    def close(self) -> None:
        """Make everything durable and close the state."""
        self.database.close()


def new_token() -> str:
    """Make a token up."""
    return secrets.token_urlsafe(32)
