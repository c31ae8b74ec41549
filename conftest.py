"""What all tests share: settings of properties, and a container image where an engine starts."""

import shutil
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Properties have no time limit per example, since the machine may be busy with something else.
settings.register_profile("flyte", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("flyte")

_CONF = Path(__file__).parent / "tests" / "containers.conf"
_COMMANDS = ("sh", *"cat echo env head id ls mkdir pwd seq sleep sort test touch tr true wc".split())


@pytest.fixture(autouse=True, scope="module")
def settings_of_one_file() -> Iterator[None]:
    """What the tests of a file set up by `flyte.init` is not for those of the next, which may run in the same process."""
    yield
    initialization = sys.modules.get("flyte.initialization")
    if initialization is not None:
        initialization._settings = None  # noqa: SLF001 - as in a new process


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
    return subprocess.run(["podman", *arguments], capture_output=True, text=True, timeout=60, check=False)
