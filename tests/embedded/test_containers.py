"""Runs in containers: an image with our packages, `a0` in it as every action, children as containers of their own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .running import end, load, result, start

ROOT = Path(__file__).parents[2]
SERVICES = Path(os.environ.get("FLYTE_TEST_SERVICES") or Path.home() / ".cache" / "flyte-test-services")
IMAGE = f"localhost/flyte-test-a0-{os.getpid()}:1"
CONTAINERFILE = """
FROM {base}
COPY site /opt/site
ENV PYTHONPATH=/opt/site
RUN printf '#!/bin/sh\\nexec python3 /opt/site/bin/a0 "$@"\\n' > /usr/local/bin/a0 && chmod 755 /usr/local/bin/a0 && echo inside > /etc/boxed
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    base = SERVICES / "bookworm-python.tar"
    if shutil.which("podman") is None or shutil.which("runc") is None:
        pytest.skip("podman and runc are not installed")
    if not base.exists():
        pytest.skip(f"{base} is not there: tests/storage/install_services.sh makes it where mmdebstrap is installed")
    if sys.version_info[:2] != (3, 11):
        pytest.skip("the image has Python 3.11, and the packages that go into it are those of this interpreter")
    folder = tmp_path_factory.mktemp("image")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONTAINERS_CONF", str(ROOT / "tests" / "containers.conf"))
        _packages(folder)
        (folder / "Containerfile").write_text(CONTAINERFILE.format(base=f"{IMAGE}-base"))
        try:
            _run("podman", "import", str(base), f"{IMAGE}-base")
            _run("podman", "build", "--network", "host", "--tag", IMAGE, str(folder))
            yield IMAGE
        finally:
            subprocess.run(["podman", "rmi", "--force", IMAGE, f"{IMAGE}-base"], check=False, capture_output=True)


def test_an_action_and_its_children_run_in_their_image(
    image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOXED_IMAGE", image)
    program = load("boxed")
    devbox = tmp_path / "devbox"
    server, port = start(devbox)
    try:
        told = result(port, program.places, devbox / "objects" / "bundles", env={"BOXED_IMAGE": image}, count=2)
    finally:
        end(server)
    assert told == ["0: inside", "1: inside"]


def _packages(folder: Path) -> None:
    """Put our packages, as wheels, and what they need into a folder of the image."""
    uv = os.environ.get("UV") or shutil.which("uv") or ""
    _run(uv, "build", "-q", "--all-packages", "--wheel", "--out-dir", str(folder / "wheels"), str(ROOT))
    wheels = [str(path) for path in (folder / "wheels").glob("*.whl")]
    _run(uv, "pip", "install", "-q", "--python", sys.executable, "--target", str(folder / "site"), *wheels)


def _run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f"{' '.join(command[:3])}: {done.stderr[-2000:]}"
