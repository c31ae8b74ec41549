"""Object store servers on loopback, started for the tests and stopped by them, and where they are installed."""

import contextlib
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.ports import free_port

from .gcs_shim import gcs_shim

CACHE = Path(os.environ.get("FLYTE_TEST_SERVICES", Path.home() / ".cache" / "flyte-test-services"))
INSTALL = "run tests/storage/install_services.sh"
CLEARED = ("AWS_", "AZURE_", "GOOGLE_", "FLYTE_", "STORAGE_EMULATOR_HOST")
AZURITE_ACCOUNT = "devstoreaccount1"
# The key that azurite documents and that everybody knows.
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass(frozen=True)
class Server:
    """A running server, and the environment with which clients reach it."""

    kind: str
    endpoint: str
    bucket: str
    environment: dict[str, str]

    @property
    def root(self) -> str:
        return f"{ {'azurite': 'abfs', 'fake-gcs': 'gs'}.get(self.kind, 's3') }://{self.bucket}"


def clean_environment() -> dict[str, str]:
    """Return the environment without credentials, and with nothing that leaves loopback."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(CLEARED)}
    return kept | {
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1,localhost",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nonexistent/config",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials",
    }


@contextlib.contextmanager
def running(command: list[str], port: int, environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{command[0]} did not start (exit code {process.poll()})")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def moto() -> Iterator[Server]:
    program = CACHE / "moto" / "bin" / "moto_server"
    if not program.exists():
        pytest.skip(f"`{program}` is missing (PyPI `moto[server]`): {INSTALL}")
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    with running([str(program), "-H", "127.0.0.1", "-p", str(port)], port, clean_environment()):
        _send(f"{endpoint}/flyte-tests", "PUT")
        yield Server("moto", endpoint, "flyte-tests", _aws(endpoint, "test", "test-secret"))


@contextlib.contextmanager
def versitygw(folder: Path) -> Iterator[Server]:
    program = CACHE / "bin" / "versitygw"
    if not program.exists():
        pytest.skip(f"`{program}` is missing (Go module github.com/versity/versitygw/cmd/versitygw): {INSTALL} --go")
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    (folder / "flyte-tests").mkdir(parents=True)
    keys = {"ROOT_ACCESS_KEY": "test", "ROOT_SECRET_KEY": "test-secret"}
    with running([str(program), "--port", f"127.0.0.1:{port}", "posix", str(folder)], port, clean_environment() | keys):
        yield Server("versitygw", endpoint, "flyte-tests", _aws(endpoint, "test", "test-secret"))


@contextlib.contextmanager
def azurite(folder: Path) -> Iterator[Server]:
    program = CACHE / "node_modules" / ".bin" / "azurite-blob"
    if not program.exists():
        pytest.skip(f"`{program}` is missing (npm `azurite`): {INSTALL}")
    port = free_port()
    options = ["--disableTelemetry", "--silent", "--skipApiVersionCheck", "--location", str(folder)]
    command = [str(program), *options, "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    with running(command, port, clean_environment()):
        endpoint = f"http://127.0.0.1:{port}/{AZURITE_ACCOUNT}"
        _make_container(endpoint, "flyte-tests")
        yield Server(
            "azurite",
            endpoint,
            "flyte-tests",
            {
                "AZURE_STORAGE_ACCOUNT_NAME": AZURITE_ACCOUNT,
                "AZURE_STORAGE_ACCOUNT_KEY": AZURITE_KEY,
                "AZURE_STORAGE_ENDPOINT": endpoint,
            },
        )


@contextlib.contextmanager
def fake_gcs() -> Iterator[Server]:
    program = CACHE / "bin" / "fake-gcs-server"
    if not program.exists():
        pytest.skip(f"`{program}` is missing (Go module github.com/fsouza/fake-gcs-server): {INSTALL} --go")
    port = free_port()
    address = f"127.0.0.1:{port}"
    options = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
    command = [str(program), *options, "-public-host", address, "-external-url", f"http://{address}"]
    with running(command, port, clean_environment()), gcs_shim(port) as endpoint:
        _send(
            f"{endpoint}/storage/v1/b?project=p",
            "POST",
            {"Content-Type": "application/json"},
            b'{"name": "flyte-tests"}',
        )
        yield Server("fake-gcs", endpoint, "flyte-tests", {"STORAGE_EMULATOR_HOST": endpoint})


def _aws(endpoint: str, key: str, secret: str) -> dict[str, str]:
    return {
        "FLYTE_AWS_ENDPOINT": endpoint,
        "FLYTE_AWS_ACCESS_KEY_ID": key,
        "FLYTE_AWS_SECRET_ACCESS_KEY": secret,
        "AWS_REGION": "us-east-1",
    }


def _make_container(endpoint: str, name: str) -> None:
    """Create a container with a request signed by the account key (Shared Key, the rules of the Blob service)."""
    import base64
    import hashlib
    import hmac
    from email.utils import formatdate

    date, version = formatdate(usegmt=True), "2021-08-06"
    resource = f"/{AZURITE_ACCOUNT}/{AZURITE_ACCOUNT}/{name}\nrestype:container"
    text = "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:{version}\n{resource}"
    digest = hmac.new(base64.b64decode(AZURITE_KEY), text.encode(), hashlib.sha256).digest()
    headers = {
        "x-ms-date": date,
        "x-ms-version": version,
        "Authorization": f"SharedKey {AZURITE_ACCOUNT}:{base64.b64encode(digest).decode()}",
    }
    _send(f"{endpoint}/{name}?restype=container", "PUT", headers)


def _send(url: str, method: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, body, method=method, headers=headers or {})
    with opener.open(request, timeout=30) as response:
        assert response.status < 300
