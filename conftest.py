"""What all tests share: settings of properties, that nothing is left behind, and a container image where an engine starts."""

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Properties have no time limit per example, since the machine may be busy with something else.
settings.register_profile("flyte", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("flyte")

_CONF = Path(__file__).parent / "tests" / "containers.conf"
_GRACE = 60
"""Seconds in which what was told to end ends on a slow machine."""
_COMMANDS = ("sh", *"cat echo env head id ls mkdir pwd seq sleep sort test touch tr true wc".split())


@pytest.fixture(autouse=True, scope="session")
def processes_end(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, str]]:
    """No process that works in the folders of the tests is left at the end; gives the file after which each was first seen."""
    seen: dict[int, str] = {}
    names = _names_in(pytestconfig.rootpath)
    yield seen
    deadline = time.monotonic() + _GRACE
    while (left := _processes_below(tmp_path_factory.getbasetemp())) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    made = _names_in(pytestconfig.rootpath) - names
    assert not made, f"tests have made files in the checkout: {', '.join(sorted(made))}"
    said = [f"{seen.get(pid, 'the last file')}: process {pid}: {command}" for pid, command in left.items()]
    assert not said, "tests have left processes behind (killed now):\n" + "\n".join(said)


@pytest.fixture(autouse=True, scope="module")
def nothing_is_left(
    request: pytest.FixtureRequest, processes_end: dict[int, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """What the tests of a file set up is not for those of the next, which may run in the same process."""
    variables, folder, path, threads = _variables(), Path.cwd(), list(sys.path), set(threading.enumerate())
    yield
    initialization = sys.modules.get("flyte.initialization")
    if initialization is not None:
        initialization._settings = None  # noqa: SLF001 - as in a new process
    sys.path[:] = path  # `flyte.init` adds the root folder
    for pid in _processes_below(tmp_path_factory.getbasetemp()):
        processes_end.setdefault(pid, request.node.nodeid)
    now = _variables()
    changed = {name for name in variables.keys() | now.keys() if variables.get(name) != now.get(name)}
    assert not changed, f"the tests of {request.node.nodeid} have left variables changed: {', '.join(sorted(changed))}"
    assert Path.cwd() == folder, f"the tests of {request.node.nodeid} have left the process in {Path.cwd()}"
    # Of daemons there are some that are for the whole process, such as the loop of sync code.
    new = [thread for thread in threading.enumerate() if thread not in threads and not thread.daemon]
    deadline = time.monotonic() + _GRACE
    for thread in new:
        thread.join(max(0.0, deadline - time.monotonic()))
    left = [thread.name for thread in new if thread.is_alive()]
    assert not left, f"the tests of {request.node.nodeid} have left threads: {', '.join(left)}"


def _variables() -> dict[str, str]:
    """Return those that tests may set; the other ones are pytest's, and what Polars tells its allocator when it is loaded."""
    return {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST_", "_RJEM_"))}


def _names_in(folder: Path) -> set[str]:
    """Return the names in the checkout that tests may not add to; caches have a dot or an underscore before them."""
    return {path.name for path in folder.iterdir() if not path.name.startswith((".", "_"))}


def _processes_below(folder: Path) -> dict[int, str]:
    """Return the processes that name or are in a folder, with their commands; none where the system does not tell."""
    found: dict[int, str] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            place = f"{(entry / 'cwd').readlink()}/"
        except OSError:
            continue
        if int(entry.name) != os.getpid() and (f"{folder}/" in command or f"{folder}/" in place):
            found[int(entry.name)] = command[:300]
    return found


@pytest.fixture(autouse=True, scope="session")
def commands_are_noted(pytestconfig: pytest.Config) -> Iterator[None]:
    """With FLYTE_TEST_DRIVEN every `flyte` that a test starts notes in that folder what it runs: see `tests/driven`."""
    # Tests do not see the variable, only the commands that they start.
    folder, plain = os.environ.pop("FLYTE_TEST_DRIVEN", None), subprocess.Popen.__init__
    if folder is None:
        yield
        return
    command = str(Path(sys.executable).with_name("flyte"))
    recorder = str(pytestconfig.rootpath / "tests" / "driven" / "recorder")

    def begin(self: Any, args: Any, *rest: Any, **named: Any) -> None:
        words = [os.fsdecode(each) for each in args] if isinstance(args, (list, tuple)) else []
        if command in words or words[:3] == [sys.executable, "-m", "flyte_cli.main"]:
            variables = dict(os.environ if named.get("env") is None else named["env"])
            path = [recorder, *filter(None, [variables.get("PYTHONPATH")])]
            named["env"] = variables | {"FLYTE_TEST_DRIVEN": folder, "PYTHONPATH": os.pathsep.join(path)}
        plain(self, args, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "__init__", begin)
        yield


@pytest.fixture(scope="module")
def shell_image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image of nothing but busybox and bash, for the engine that `CONTAINERS_CONF` then fits to this machine."""
    podman, busybox = shutil.which("podman"), shutil.which("busybox")
    if podman is None or shutil.which("runc") is None:
        pytest.skip("podman and runc are not installed")
    if busybox is None:
        pytest.skip("busybox-static is not installed")
    archive = tmp_path_factory.mktemp("image") / "busybox.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(busybox, "bin/busybox")
        for file in _bash():
            tar.add(file.resolve(), str(file))
        for folder_name in ("tmp", "root"):
            entry = tarfile.TarInfo(folder_name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
            tar.addfile(entry)
        for command in _COMMANDS:
            link = tarfile.TarInfo(f"bin/{command}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    image = f"localhost/flyte-test-{uuid.uuid4().hex[:12]}:1"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONTAINERS_CONF", str(_CONF))
        made = _podman("import", "--change", "ENV PATH=/bin", str(archive), image)
        assert made.returncode == 0, made.stderr
        try:
            tried = _podman("run", "--rm", "--init", "--network", "host", image, "true")
            if tried.returncode:
                pytest.skip(f"podman cannot run a container here: {tried.stderr.strip()[-200:]}")
            yield image
        finally:
            _podman("rmi", "--force", image)


def _bash() -> list[Path]:
    """Return this machine's bash with all it loads."""
    loaded = subprocess.run(["ldd", "/bin/bash"], capture_output=True, text=True, timeout=60, check=True).stdout
    return [Path("/bin/bash"), *(Path(word) for word in loaded.split() if word.startswith("/"))]


def _podman(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["podman", *arguments], capture_output=True, text=True, timeout=300, check=False)
