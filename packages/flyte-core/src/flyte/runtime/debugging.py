"""Debug mode of an action: an editor beside its code, in which the task is tried by hand, until it is resumed and really runs.

As PyPI flyte's, for control planes that show the port 6060 of a container to whoever may: no password there. On a devbox the
editor listens on this machine alone, at a port of its own and with a password, since others may have accounts here.
"""

import asyncio
import contextlib
import http.client
import json
import math
import os
import re
import secrets
import signal
import sys
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from flyte.runtime.editor import EXTENSIONS_VARIABLE, cache_folder, fetched, find_editor
from flyte.runtime.invocation import Invocation
from flyte.runtime.loading import SHARED_CODE, code_bundle_of
from flyte.runtime.objects import read_object, write_object
from flyte.runtime.session_folders import session_folder
from flyte.runtime.workspace import RESUME_FILE, write_workspace
from flyte_models.debugging import DEBUG_PORT, DEBUG_VARIABLE, EDITOR_VARIABLE, SSH_VARIABLE, is_asked_for
from flyte_models.errors import NonRecoverableError

__all__ = ["IDLE_VARIABLE", "in_editor"]

IDLE_VARIABLE = "FLYTE_DEBUG_IDLE_SECONDS"
"""How long nobody may be connected before the session ends."""

_IDLE_SECONDS = 36_000.0
_READY_SECONDS = 180.0
_EXTENSION_SECONDS = 180.0
_LOOK_SECONDS = 0.5
_HEALTH_SECONDS = 15.0
_ANSWER_SECONDS = 10.0
_GRACE_SECONDS = 5.0
_PYTHON = "ms-python.python"
_MARK = "FLYTE_DEBUG_SESSION"
"""Carried by all that is started in the editor, its terminals too, by which their processes are found at the end."""
_USER_SETTINGS = {
    "files.exclude": {"**/.flyte-bundle*": True, "**/.flyte-editor.json*": True},
    # Code first, and no tour of the editor.
    "workbench.startupEditor": "none",
}
_LISTENING = re.compile(rb"HTTPS? server listening on https?://\S*:(\d+)")
_KEPT_OUTPUT = 4000


async def in_editor(invocation: Invocation) -> Invocation:
    """Start the editor in the current folder, with the code, and wait until the task is resumed; return what to run then.

    Raises:
        NonRecoverableError: There is no editor, it ended, or nobody used it for long; or a shell over SSH is asked for.
        CodeBundleError, flyte_storage.StorageError, OSError: The code or the inputs cannot be had.
        asyncio.CancelledError: The action was aborted. Nothing of the editor runs any more.
    """
    if is_asked_for(invocation.environment.get(SSH_VARIABLE)):
        raise NonRecoverableError(
            "this run asks for a shell over SSH, which is not built in this version\n"
            "hint: `flyte run --debug` gives an editor with terminals",
            "NotBuilt",
        )
    idle = _idle_seconds(invocation.environment)
    folder = Path.cwd()
    bundle = code_bundle_of(invocation)
    if bundle is not None:
        from flyte.bundling.downloading import download_bundle  # noqa: PLC0415 - a task whose code is in its image needs no storage

        await download_bundle(bundle)
    if invocation.given_inputs is not None:
        # A trial reads them as any action does.
        await write_object(invocation.inputs, invocation.given_inputs, sync=invocation.syncs)
    else:
        await read_object(invocation.inputs)
    write_workspace(folder, invocation)
    async with contextlib.AsyncExitStack() as stack:
        editor = await stack.enter_async_context(_running(invocation, folder))
        stack.enter_context(_announced(invocation.environment.get(EDITOR_VARIABLE), editor))
        _say(
            f"an editor waits at port {editor.port} of {'this machine' if editor.password else 'this container'}: run the "
            f"task there as often as you like, with `Interactive Debugging` or `.flyte/run-task`; `Resume Task` or "
            f"`.flyte/resume-task` ends the editor and lets the task run"
        )
        await _until_resumed(folder, editor, idle)
    _say("the task is resumed")
    # Its code is what was edited, and not the bundle again.
    environment = {name: text for name, text in invocation.environment.items() if name != SHARED_CODE}
    return replace(invocation, environment=environment)


class _Editor:
    """A code-server that runs, with what it has said."""

    def __init__(self, process: asyncio.subprocess.Process, mark: str, password: str | None) -> None:
        self.process = process
        self.password = password
        self.port = 0
        self.said = bytearray()
        self._mark = mark
        self._listens = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    async def ready(self, port: int | None) -> None:
        """Wait until it answers.

        Raises:
            NonRecoverableError: It ends, or does not within the limit.
        """
        try:
            async with asyncio.timeout(_READY_SECONDS):
                if port is None:
                    # It says which one it was given, when it has it: nobody else can stand there.
                    while not self._listens.is_set():
                        self.check()
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(self._listens.wait(), _LOOK_SECONDS)
                else:
                    self.port = port
                while await self.last_used() is None:
                    self.check()
                    await asyncio.sleep(_LOOK_SECONDS)
                self.check()
        except TimeoutError:
            raise NonRecoverableError(
                f"the editor does not answer within {_READY_SECONDS:g} s; it said: {self._end_of_output()}",
                "EditorFailed",
            ) from None

    def check(self) -> None:
        """See that it runs.

        Raises:
            NonRecoverableError: It does not.
        """
        if self.process.returncode is not None:
            raise NonRecoverableError(
                f"the editor ended with code {self.process.returncode}; it said: {self._end_of_output()}\n"
                "hint: `.flyte/resume-task` in its terminal lets the task run",
                "EditorFailed",
            )

    async def last_used(self) -> float | None:
        """Return when somebody was connected last, in seconds of its own clock; None if it does not answer."""
        return await asyncio.to_thread(_health, self.port)

    async def end(self) -> None:
        """End it and all that it has started."""
        try:
            for number, patience in ((signal.SIGTERM, _GRACE_SECONDS), (signal.SIGKILL, _GRACE_SECONDS)):
                end = time.monotonic() + patience
                _send(self._mark, number)
                while _marked(self._mark) and time.monotonic() < end:  # noqa: ASYNC110 - no event tells of strangers' ends
                    await asyncio.sleep(0.05)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), _GRACE_SECONDS)
        finally:
            # Also when this is cancelled once more.
            _send(self._mark, signal.SIGKILL)
            self._reader.cancel()

    async def _read(self) -> None:
        """Hand on what it says to the log of the action, and look for the port in it."""
        stream = self.process.stdout
        assert stream is not None
        while piece := await stream.read(65536):
            self.said += piece
            if not self._listens.is_set() and (found := _LISTENING.search(self.said)):
                self.port = int(found[1])
                self._listens.set()
            del self.said[:-_KEPT_OUTPUT]
            sys.stdout.write(piece.decode(errors="replace"))
            sys.stdout.flush()

    def _end_of_output(self) -> str:
        return self.said.decode(errors="replace").strip()[-_KEPT_OUTPUT:] or "nothing"


@contextlib.asynccontextmanager
async def _running(invocation: Invocation, folder: Path) -> AsyncGenerator[_Editor]:
    """Run code-server until the context ends."""
    environment = invocation.environment
    program = await find_editor(environment)
    is_devbox = EDITOR_VARIABLE in environment
    password = _password(environment[EDITOR_VARIABLE]) if is_devbox else None
    mark = secrets.token_hex(16)
    with session_folder() as private:
        config = private / "config.yaml"
        _write_secret(config, "auth: none\n" if password is None else f"auth: password\npassword: {password}\n")
        user = private / "data" / "User"
        user.mkdir(parents=True)
        (user / "settings.json").write_text(json.dumps(_USER_SETTINGS), encoding="utf-8")
        ours = {
            name: text
            for name, text in environment.items()
            if name not in {DEBUG_VARIABLE, SHARED_CODE, EDITOR_VARIABLE}
        }
        ours[_MARK] = mark
        places = [
            *("--config", str(config), "--user-data-dir", str(private / "data")),
            *("--extensions-dir", str(_extensions_folder(environment))),
        ]
        await _install_extensions(program, places, environment, ours, private)
        process = await asyncio.create_subprocess_exec(
            program,
            *places,
            *("--bind-addr", "127.0.0.1:0" if is_devbox else f"0.0.0.0:{DEBUG_PORT}"),
            *("--disable-workspace-trust", "--disable-telemetry", "--disable-update-check"),
            str(folder),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=ours,
            start_new_session=True,
        )
        editor = _Editor(process, mark, password)
        try:
            await editor.ready(None if is_devbox else DEBUG_PORT)
            # It has read it, and nobody may find it should this process be killed.
            config.unlink()
            yield editor
        finally:
            await editor.end()


async def _install_extensions(
    program: str, places: list[str], environment: Mapping[str, str], ours: Mapping[str, str], private: Path
) -> None:
    """Install what debugs Python, or the extensions that are named. Without them there is an editor all the same."""
    named = [each.strip() for each in environment.get(EXTENSIONS_VARIABLE, _PYTHON).split(",") if each.strip()]
    if not named:
        return
    try:
        async with asyncio.timeout(_EXTENSION_SECONDS):
            present = (await _output(program, *places, "--list-extensions", env=ours)).split()
            words: list[str] = []
            for number, each in enumerate(named):
                if "/" in each:
                    words += ["--install-extension", str(await fetched(each, private / f"{number}.vsix"))]
                elif each.lower() not in {one.lower() for one in present}:
                    words += ["--install-extension", each]
            if words:
                await _output(program, *places, *words, env=ours)
    except TimeoutError:
        _say(
            f"extensions are not installed within {_EXTENSION_SECONDS:g} s: {', '.join(named)}; the editor starts without"
        )
    except (OSError, ValueError) as error:
        _say(f"extensions cannot be installed, the editor starts without: {', '.join(named)}: {error}")


async def _output(*argv: str, env: Mapping[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=env,
        start_new_session=True,
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode != 0:
        raise OSError(f"code {process.returncode}: {said.decode(errors='replace').strip()[-500:]}")
    return said.decode(errors="replace")


def _extensions_folder(environment: Mapping[str, str]) -> Path:
    """Where an image has extensions, or where those are kept that were installed before."""
    data = environment.get("XDG_DATA_HOME") or f"{environment.get('HOME', '')}/.local/share"
    folder = Path(data, "code-server", "extensions")
    return folder if folder.is_dir() and os.access(folder, os.W_OK) else cache_folder(environment) / "extensions"


async def _until_resumed(folder: Path, editor: _Editor, idle_seconds: float) -> None:
    """Return when the task is resumed.

    Raises:
        NonRecoverableError: The editor ended, or nobody was connected for too long.
    """
    used, seen, asked = time.monotonic(), 0.0, -math.inf
    while not (folder / RESUME_FILE).exists():
        editor.check()
        now = time.monotonic()
        if now - asked >= min(_HEALTH_SECONDS, idle_seconds / 4):
            asked = now
            last = await editor.last_used()
            if last is not None and last > seen:
                seen, used = last, now
        if now - used > idle_seconds:
            raise NonRecoverableError(
                f"nobody was connected to the editor for {idle_seconds:g} s, so it is ended and the task was not run\n"
                "hint: run it again; `Resume Task` in the editor lets the task run",
                "EditorIdle",
            )
        await asyncio.sleep(_LOOK_SECONDS)
    (folder / RESUME_FILE).unlink(missing_ok=True)


def _health(port: int) -> float | None:
    """Ask code-server when somebody was connected last."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        said = json.loads(answer.read(65536)) if answer.status == http.HTTPStatus.OK else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    try:
        return float(cast("dict[str, Any]", said)["lastHeartbeat"]) / 1000
    except (TypeError, KeyError, ValueError):
        return None


@contextlib.contextmanager
def _announced(path: str | None, editor: _Editor) -> Generator[None]:
    """Tell the devbox, and nobody else, where the editor is until the context ends."""
    if not path:
        yield
        return
    temporary = Path(f"{path}.part")
    _write_secret(temporary, json.dumps({"port": editor.port, "password": editor.password}))
    temporary.replace(path)
    try:
        yield
    finally:
        Path(path).unlink(missing_ok=True)


def _password(path: str) -> str:
    """Take the password that the devbox wants, or make one up."""
    file = Path(f"{path}.password")
    try:
        given = file.read_text(encoding="utf-8")
    except OSError:
        given = ""
    file.unlink(missing_ok=True)
    return given or secrets.token_urlsafe(24)


def _write_secret(path: Path, text: str) -> None:
    path.touch(0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="utf-8")


def _idle_seconds(environment: Mapping[str, str]) -> float:
    text = environment.get(IDLE_VARIABLE, "")
    try:
        seconds = float(text or _IDLE_SECONDS)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise NonRecoverableError(f"`{IDLE_VARIABLE}` must be a number of seconds, got `{text}`", "ValueError")
    return seconds


def _marked(mark: str) -> list[int]:
    """Return the processes that carry the mark of a session: those of its terminals have sessions of their own."""
    wanted = f"{_MARK}={mark}".encode()
    found: list[int] = []
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():  # noqa: PTH112, PTH208
        if name.isdigit():
            try:
                content = Path("/proc", name, "environ").read_bytes()
            except OSError:
                continue
            if wanted in content.split(b"\0"):
                found.append(int(name))
    return found


def _send(mark: str, number: signal.Signals) -> None:
    for pid in _marked(mark):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _say(text: str) -> None:
    print(f"flyte: {text}", flush=True)  # noqa: T201 - the log of the container
