"""Runs a devbox in this process until it is told to end. `python -m flyte_devbox` does."""

import asyncio
import contextlib
import logging
import logging.handlers
import os
import signal
import socket
import sys
from collections.abc import Generator
from pathlib import Path

import uvicorn

from flyte_devbox.application import Application
from flyte_devbox.devbox import Devbox, new_token
from flyte_devbox.folder import ServerRecord, StateFolder
from flyte_models.values import value
from flyte_models.version import __version__

__all__ = ["DEFAULT_PORT", "ServeOptions", "listen", "serve"]

DEFAULT_PORT = 30080
_MOST_FILES = 65536
_logger = logging.getLogger(__name__)


@value
class ServeOptions:
    """How a devbox is to be served."""

    folder: Path
    port: int | None = None
    """`None` for the port that it had before, else the usual one, else a free one; 0 for a free one."""
    needs_token: bool = True
    python: Path | None = None
    """The interpreter whose `a0` runs the actions; this one if `None`."""
    endpoint: str = ""
    """What attempts call instead of this server's own address: a proxy in front of it."""


def serve(options: ServeOptions) -> None:
    """Serve a devbox until SIGTERM or SIGINT.

    Raises:
        FolderInUseError: a devbox runs on the folder.
        OSError: the port is taken.
        flyte_devbox.database.DatabaseError: the state cannot be used.
    """
    folder = StateFolder(options.folder)
    folder.lock()
    _log_to(folder)
    known = folder.read_record()
    listener = listen(options.port, known)
    # A token that stays makes the links and environments of before work on.
    token = (known.token if known is not None and known.token else new_token()) if options.needs_token else ""
    devbox = Devbox(folder, token=token, python=options.python, endpoint=options.endpoint)
    port = int(listener.getsockname()[1])
    record = ServerRecord(os.getpid(), port, token, __version__, "" if options.python is None else str(options.python))
    try:
        asyncio.run(_serve(devbox, listener, record))
    finally:
        devbox.close()
        folder.unlock()


async def _serve(devbox: Devbox, listener: socket.socket, record: ServerRecord) -> None:
    from flyte_devbox.services.project import add_first_project  # noqa: PLC0415 - loads protobuf, like all services

    await devbox.database.write(add_first_project)
    application = Application(devbox)
    config = uvicorn.Config(
        application,
        http="httptools",
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=120,
        timeout_graceful_shutdown=3,
    )
    server = _Server(config)
    loop = asyncio.get_running_loop()

    def end() -> None:
        application.end_streams()
        server.end()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    async with devbox.running(record.port):
        devbox.folder.write_record(record)
        _logger.info("the devbox listens on port %d", record.port)
        await server.serve(sockets=[listener])


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which end the process before the state is closed."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ended = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave the signals to us."""
        yield

    async def main_loop(self) -> None:
        """Wait for the end, without looking for it ten times a second as uvicorn does."""
        await self.on_tick(0)
        await self._ended.wait()

    def end(self) -> None:
        """Take no more requests, and return from `serve`; streams are cut."""
        self.should_exit = True
        self._ended.set()


def listen(port: int | None, known: ServerRecord | None) -> socket.socket:
    """Listen on loopback: on a port, or if none is given on that of before, the usual one, or one that is free.

    Raises:
        OSError: it is taken, or none is free.
    """
    if port is not None:
        return _bind(port)
    for candidate in (known.port if known is not None else None, DEFAULT_PORT, 0):
        if candidate is None:
            continue
        try:
            return _bind(candidate)
        except OSError:
            continue
    raise OSError("no port of this machine is free")


def _bind(port: int) -> socket.socket:
    # With the protocol: asyncio sends at once what is written to sockets that are said to be TCP, and these are not without.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(2048)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise OSError(
            error.errno, f"port {port} cannot be used: {error.strerror}\nhint: choose another one with `--port`"
        ) from None
    return listener


def _log_to(folder: StateFolder) -> None:
    handler = logging.handlers.RotatingFileHandler(folder.server_log, maxBytes=8 * 1024 * 1024, backupCount=2)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


def _limit_resources() -> None:
    """Allow this process and all that it starts many files, and no core files, which only fill the disk."""
    import resource  # noqa: PLC0415 - not on every system

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    changes = [(resource.RLIMIT_CORE, 0)]
    if soft != resource.RLIM_INFINITY and soft < wanted:
        changes.append((resource.RLIMIT_NOFILE, wanted))
    for which, number in changes:
        with contextlib.suppress(OSError, ValueError):
            # The hard limit stays, so that a task may have it otherwise.
            resource.setrlimit(which, (number, resource.getrlimit(which)[1]))


def _ignore_hangup() -> None:
    # It goes on when the terminal that started it is closed.
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def main(arguments: list[str]) -> int:
    """Serve with options from a command line; return the exit code."""
    import argparse  # noqa: PLC0415 - a server that is started by our command needs nothing else of it

    parser = argparse.ArgumentParser(prog="python -m flyte_devbox", description="Serve a devbox.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int)
    parser.add_argument("--no-auth", action="store_true")
    parser.add_argument("--python", type=Path)
    parser.add_argument("--endpoint", default="", help="what attempts call: a proxy in front of the devbox")
    parsed = parser.parse_args(arguments)
    _ignore_hangup()
    _limit_resources()
    try:
        serve(ServeOptions(parsed.folder, parsed.port, not parsed.no_auth, parsed.python, parsed.endpoint))
    except Exception as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0
