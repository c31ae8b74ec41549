"""Runs in debug mode: a real code-server beside the code, trials in it, and the task that is resumed; nothing is left behind."""

import http.cookiejar
import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import flyte
from flyte.remote import ActionDetails, Run

from .running import LONGEST, command, connected_to, end, load, start, until, write_config

SERVICES = Path(os.environ.get("FLYTE_TEST_SERVICES") or Path.home() / ".cache" / "flyte-test-services")
PROGRAMS = SERVICES / "code-server-4.100.3" / "node_modules" / ".bin"
NO_EXTENSIONS = {"_F_CS_E": ","}
"""Nobody asks the network for some."""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A devbox that is started now finds code-server."""
    if not (PROGRAMS / "code-server").exists():
        pytest.skip("npm `code-server` is missing: run tests/storage/install_services.sh")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def devbox(programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """A devbox: its port and its folder."""
    folder = tmp_path_factory.mktemp("debug") / "devbox"
    server, port = start(folder)
    yield port, folder
    end(server)


@pytest.fixture
def place(devbox: tuple[int, Path], tmp_path: Path) -> Iterator[Path]:
    """This process knows the devbox; its folder."""
    with connected_to(devbox[0], tmp_path):
        yield devbox[1]


def begin(task: Any, /, env: dict[str, str] | None = None, **inputs: Any) -> Run:
    return flyte.with_runcontext("remote", debug=True, env_vars={**NO_EXTENSIONS, **(env or {})}).run(task, **inputs)


def work_of(folder: Path, run: Run) -> Path:
    """The working folder of the attempt that is debugged: the one whose context names the run."""
    for file in (folder / "work").glob("*/.flyte/run_context.json"):
        if json.loads(file.read_text())["run_name"] == run.name:
            return file.parents[1]
    raise AssertionError(f"run `{run.name}` has no editor")


def left_of(run: Run) -> list[str]:
    """What of a run's editor still runs on this machine."""
    found: list[str] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                variables = (entry / "environ").read_bytes().split(b"\0")
                if f"RUN_NAME={run.name}".encode() in variables:
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
    return found


def environment_of_editor(run: Run) -> dict[str, str]:
    """What a terminal of the editor has, from the editor's process."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                lines = (entry / "environ").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            variables = dict(line.split("=", 1) for line in lines if "=" in line)
            if variables.get("RUN_NAME") == run.name and "FLYTE_DEBUG_SESSION" in variables:
                return variables
    raise AssertionError("the editor does not run")


class KeepAddress(urllib.request.HTTPRedirectHandler):
    """Follows, and keeps the addresses."""

    def __init__(self) -> None:
        self.addresses: list[str] = []

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
        self.addresses.append(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def test_tried_edited_and_resumed(place: Path) -> None:
    run = begin(load("debugged").total, count=3)
    url = run.get_debug_url()
    assert url is not None
    assert url.endswith(f"/runs/{run.name}/editor?i=a0")
    work = work_of(place, run)
    # The browser is led on, and is known there then.
    keeper = KeepAddress()
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    with urllib.request.build_opener(keeper, cookies).open(url, timeout=LONGEST) as page:
        assert page.status == 200
        assert b"vscode" in page.read()
        editor = page.geturl()
    assert "/login" not in editor
    # Whoever does not know the password is not let in.
    with urllib.request.urlopen(keeper.addresses[0], timeout=LONGEST) as page:
        assert "/login" in page.geturl()
    source = (work / "debugged.py").read_text()
    (work / "debugged.py").write_text(source.replace("return sum(", "return 100 + sum("))
    launch = json.loads((work / ".vscode" / "launch.json").read_text())["configurations"]
    assert [each["name"] for each in launch] == ["Interactive Debugging", "Resume Task"]
    # As a terminal of the editor has it, and twice, since one tries more than once.
    for _ in range(2):
        done = subprocess.run(
            ["sh", work / ".flyte" / "run-task"],
            cwd=work,
            env=environment_of_editor(run),
            capture_output=True,
            text=True,
            timeout=LONGEST,
        )
        assert (done.returncode, done.stdout) == (0, "TOTAL\n"), done.stderr
    assert not run.done(), "a trial is not the outcome"
    assert url == run.get_debug_url()
    subprocess.run([work / ".flyte" / "resume-task"], check=True, timeout=LONGEST)
    run.wait(quiet=True)
    assert run.outputs()[0] == 106, "it was edited"
    assert "TOTAL" in "".join(run.get_logs())
    assert [log.name for each in ActionDetails.get(run.name + "/a0").pb2.attempts for log in each.log_info] == []
    until(lambda: not left_of(run), "all processes have ended")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(url, timeout=LONGEST)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(editor, timeout=LONGEST)


def test_the_cache_neither_keeps_it_from_the_editor_nor_gets_what_was_edited(place: Path) -> None:
    once = load("debugged").once
    before = flyte.with_runcontext("remote").run(once, count=5)
    before.wait(quiet=True)
    run = begin(once, count=5)
    assert run.get_debug_url() is not None
    work = work_of(place, run)
    source = (work / "debugged.py").read_text()
    (work / "debugged.py").write_text(source.replace("return count\n", "return count + 1\n"))
    subprocess.run([work / ".flyte" / "resume-task"], check=True, timeout=LONGEST)
    run.wait(quiet=True)
    after = flyte.with_runcontext("remote").run(once, count=5)
    after.wait(quiet=True)
    assert [each.outputs()[0] for each in (before, run, after)] == [5, 6, 5]


def test_two_at_once_and_an_abort(place: Path, devbox: tuple[int, Path], tmp_path: Path) -> None:
    task = load("debugged").total
    runs = [begin(task, count=1) for _ in range(2)]
    urls = [run.get_debug_url() for run in runs]
    assert None not in urls
    ports = {json.loads((work_of(place, run) / ".flyte-editor.json").read_text())["port"] for run in runs}
    assert len(ports) == 2
    config = write_config(tmp_path / "config.yaml", devbox[0])
    assert f"VS Code Debugger: {urls[0]}" in command(config, "get", "action", runs[0].name, "a0")
    # One browser has both: the cookie of the second is good for the first.
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    places: list[str] = []
    for url in urls:
        assert url is not None
        with opener.open(url, timeout=LONGEST) as page:
            places.append(page.geturl())
    for url in places:
        with opener.open(url, timeout=LONGEST) as page:
            assert "/login" not in page.geturl()
    for run in runs:
        run.abort()
        run.wait(quiet=True)
    for run in runs:
        assert run.phase is not None
        assert run.phase.value == "aborted"
        until(lambda run=run: not left_of(run), "all processes have ended")


def test_the_editor_outlives_the_devbox(programs: None, tmp_path: Path) -> None:
    folder = tmp_path / "devbox"
    server, port = start(folder)
    with connected_to(port, tmp_path):
        run = begin(load("debugged").total, count=2)
        url = run.get_debug_url()
        assert url is not None
        end(server, signal.SIGKILL)
        server, _ = start(folder, port)
        try:
            assert Run.get(run.name).get_debug_url() == url
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
            with opener.open(url, timeout=LONGEST) as page:
                assert "/login" not in page.geturl()
            subprocess.run([work_of(folder, run) / ".flyte" / "resume-task"], check=True, timeout=LONGEST)
            again = Run.get(run.name)
            again.wait(quiet=True)
            assert again.outputs()[0] == 2
            until(lambda: not left_of(run), "all processes have ended")
        finally:
            end(server)


def folder_of_editor(run: Run) -> tuple[int, Path]:
    """The process that has started the editor of a run, and the folder that they share."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if f"RUN_NAME={run.name}".encode() not in (entry / "environ").read_bytes().split(b"\0"):
                    continue
                words = (entry / "cmdline").read_bytes().decode().split("\0")
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if "--config" in words and str(PROGRAMS) not in Path(f"/proc/{parent}/cmdline").read_text():
                    return parent, Path(words[words.index("--config") + 1]).parent
    raise AssertionError("the editor does not run")


def test_what_a_killed_session_leaves_goes_with_the_next(place: Path) -> None:
    task = load("debugged").total
    killed, other = begin(task, count=1), begin(task, count=1)
    assert None not in (killed.get_debug_url(), other.get_debug_url())
    parent, left = folder_of_editor(killed)
    _, kept = folder_of_editor(other)
    assert left.is_dir()
    os.kill(parent, signal.SIGKILL)
    # It may have ended by itself, or wait for another attempt.
    with suppress(flyte.errors.UnionRpcError):
        killed.abort()
    killed.wait(quiet=True)
    until(lambda: not left_of(killed), "all processes have ended")
    following = begin(task, count=1)
    assert following.get_debug_url() is not None
    assert not left.exists()
    assert (kept / "data").is_dir(), "that of a session that goes on stays"
    assert other.get_debug_url() is not None
    following.abort()
    following.wait(quiet=True)
    subprocess.run([work_of(place, other) / ".flyte" / "resume-task"], check=True, timeout=LONGEST)
    other.wait(quiet=True)
    assert other.outputs()[0] == 0
    until(lambda: not kept.exists(), "the folder goes with its session")


def test_an_editor_that_nobody_uses(place: Path) -> None:
    run = begin(load("debugged").total, {"FLYTE_DEBUG_IDLE_SECONDS": "1"}, count=1)
    run.wait(quiet=True)
    failure = run.details().action_details.error_info
    assert failure is not None
    assert "nobody was connected to the editor for 1 s" in failure.message
    until(lambda: not left_of(run), "all processes have ended")


def test_an_editor_that_cannot_be_had(place: Path, tmp_path: Path) -> None:
    (tmp_path / "release.tar.gz").write_bytes(b"no archive")
    without = {"PATH": "/usr/bin:/bin", "_F_CS_RP": str(tmp_path / "release.tar.gz")}
    run = begin(load("debugged").total, without, count=1)
    run.wait(quiet=True)
    assert run.get_debug_url() is None
    failure = run.details().action_details.error_info
    assert failure is not None
    assert "there is no `code-server` in the image" in failure.message
    assert "release.tar.gz" in failure.message


def test_a_release_is_fetched(place: Path, tmp_path: Path) -> None:
    folder = tmp_path / "code-server-1-linux" / "bin"
    folder.mkdir(parents=True)
    (folder / "code-server").write_text(f'#!/bin/sh\nexec "{PROGRAMS}/code-server" "$@"\n')
    (folder / "code-server").chmod(0o755)
    archive = tmp_path / "release.tar.gz"
    subprocess.run(["tar", "czf", archive, "-C", tmp_path, "code-server-1-linux"], check=True)
    run = begin(load("debugged").total, {"PATH": "/usr/bin:/bin", "_F_CS_RP": str(archive)}, count=1)
    assert run.get_debug_url() is not None
    run.abort()


def test_what_cannot_be_debugged_runs(place: Path) -> None:
    run = begin(load("debugged").kept, count=3)
    run.wait(quiet=True)
    assert run.get_debug_url() is None
    assert run.outputs()[0] == 3
