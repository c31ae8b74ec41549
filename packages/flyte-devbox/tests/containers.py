"""A container engine that starts on this machine, with an image of nothing but busybox."""

import shutil
import subprocess
import tarfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_CONF = Path(__file__).parents[3] / "tests" / "containers.conf"
_COMMANDS = (
    "sh",
    "cat",
    "echo",
    "env",
    "id",
    "ls",
    "mkdir",
    "pwd",
    "seq",
    "sleep",
    "test",
    "touch",
    "true",
    "head",
    "tr",
)


@contextmanager
def busybox_image(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the name of an image with a shell, which is there as long as the block; skip where none can be had."""
    podman, busybox = shutil.which("podman"), shutil.which("busybox")
    if podman is None or shutil.which("runc") is None:
        pytest.skip("podman and runc are not installed")
    if busybox is None:
        pytest.skip("busybox-static is not installed")
    monkeypatch.setenv("CONTAINERS_CONF", str(_CONF))
    archive = folder / "busybox.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(busybox, "bin/busybox")
        for folder_name in ("tmp", "root"):
            entry = tarfile.TarInfo(folder_name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
            tar.addfile(entry)
        for command in _COMMANDS:
            link = tarfile.TarInfo(f"bin/{command}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    image = f"localhost/flyte-test-{uuid.uuid4().hex[:12]}:1"
    made = _podman("import", "--change", "ENV PATH=/bin", str(archive), image)
    assert made.returncode == 0, made.stderr
    try:
        tried = _podman("run", "--rm", "--init", "--network", "host", image, "true")
        if tried.returncode:
            pytest.skip(f"podman cannot run a container here: {tried.stderr.strip()[-200:]}")
        yield image
    finally:
        _podman("rmi", "--force", image)


def containers_of(folder: Path) -> list[str]:
    """The containers of a devbox that are there, running or not."""
    listed = _podman("ps", "--all", "--filter", f"label=flyte.devbox={folder}", "--format", "{{.Names}}")
    return listed.stdout.split()


def _podman(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["podman", *arguments], capture_output=True, text=True, timeout=60)
