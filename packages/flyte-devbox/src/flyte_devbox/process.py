"""Starts, finds and stops the server of a folder, from other processes. Loads nothing of the server."""

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from flyte_devbox.folder import ServerRecord, StateFolder
from flyte_models.values import value

__all__ = ["DevboxError", "Started", "answers", "find_server", "start_server", "stop_server"]

_START_SECONDS = 60.0
_STOP_SECONDS = 60.0
_END_SECONDS = 5.0
_PAUSE = 0.02


class DevboxError(Exception):
    """The devbox cannot be started or stopped; the message says why and what to do."""


@value
class Started:
    """A devbox that answers."""

    record: ServerRecord
    is_new: bool
    """Whether it was started by this call."""
    seconds: float
    """How long it took."""


def find_server(folder: Path) -> ServerRecord | None:
    """Return the server that runs on a folder, or `None`. The folder is not made."""
    if not folder.is_dir():
        return None
    state = StateFolder(folder)
    record = state.read_record()
    return record if record is not None and state.is_locked() else None


def start_server(
    folder: Path, *, port: int | None = None, needs_token: bool = True, python: Path | None = None
) -> Started:
    """Start a devbox that outlives this process, unless one runs on the folder; return when it answers.

    Args:
        folder: where it keeps everything.
        port: see `ServeOptions.port`.
        needs_token: ask callers for the token.
        python: the interpreter whose `a0` runs the actions.

    Raises:
        DevboxError: it does not come up, or the one that runs is another one than asked for.
    """
    began = time.monotonic()
    running = find_server(folder)
    if running is not None:
        if port not in {None, 0, running.port}:
            raise DevboxError(
                f"a devbox runs on `{folder}` at port {running.port} already\nhint: `flyte stop devbox` ends it"
            )
        if needs_token is not bool(running.token):
            way = "with" if running.token else "without"
            raise DevboxError(f"a devbox runs on `{folder}` {way} a token already\nhint: `flyte stop devbox` ends it")
        return Started(running, False, time.monotonic() - began)
    state = StateFolder(folder)
    command = [sys.executable, "-m", "flyte_devbox", "--folder", str(folder)]
    command += ["--port", str(port)] if port is not None else []
    command += [] if needs_token else ["--no-auth"]
    command += ["--python", str(python)] if python is not None else []
    output = state.root / "start.log"
    process: subprocess.Popen[bytes] | None = None
    try:
        with output.open("wb") as log, _interrupt_later():
            process = subprocess.Popen(  # noqa: S603 - our own server
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=state.root
            )
        return _started(process, state, output, began)
    except BaseException:
        # Whoever gives up waiting, with ctrl-c or because it takes too long, does not leave a server behind.
        if process is not None:
            _end(process)
        raise


@contextmanager
def _interrupt_later() -> Generator[None]:
    """Let ctrl-c wait until the block is over: a process that is just being started nobody could end yet."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before in {None, signal.SIG_IGN}:
        yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        signal.raise_signal(signal.SIGINT)


def _started(process: "subprocess.Popen[bytes]", state: StateFolder, output: Path, began: float) -> Started:
    while time.monotonic() - began < _START_SECONDS:
        record = state.read_record()
        if record is not None and record.pid == process.pid and answers(record):
            # It is not ours to wait for any more.
            process.returncode = 0
            return Started(record, True, time.monotonic() - began)
        if process.poll() is not None:
            said = output.read_text(errors="replace").strip()
            raise DevboxError(
                said or f"the devbox ended with code {process.returncode}\nhint: see `{state.server_log}`"
            )
        time.sleep(_PAUSE)
    raise DevboxError(f"the devbox did not answer within {_START_SECONDS:g} s\nhint: see `{state.server_log}`")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a server that has not come up: in order, if it does so soon."""
    process.terminate()
    try:
        process.wait(timeout=_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def stop_server(folder: Path) -> ServerRecord | None:
    """Stop the devbox of a folder and return which it was, `None` if none ran. What it ran goes on at the next start.

    Raises:
        DevboxError: it does not end.
    """
    record = find_server(folder)
    if record is None:
        return None
    state = StateFolder(folder)
    try:
        os.kill(record.pid, signal.SIGTERM)
    except ProcessLookupError:
        return record
    began = time.monotonic()
    while time.monotonic() - began < _STOP_SECONDS:
        if not state.is_locked():
            return record
        time.sleep(_PAUSE)
    raise DevboxError(
        f"the devbox (process {record.pid}) does not end\nhint: `kill -9 {record.pid}`; the next start goes on"
    )


def answers(record: ServerRecord) -> bool:
    """Tell whether a server answers, within two seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", record.port, timeout=2)
    try:
        connection.request("GET", "/healthz", headers={"host": record.endpoint})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
