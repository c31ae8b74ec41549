"""A local S3 server for a case: versitygw where tests/storage has it, else moto."""

import os
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["S3Server", "s3_server"]

BUCKET = "bench"
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class S3Server:
    """A server that runs, with the bucket `bench`; its keys are `bench` and `bench-secret`."""

    name: str
    endpoint: str
    bucket: str = BUCKET


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run a server on loopback for a `with` block; its data is in a temporary folder.

    Raises:
        LookupError: Neither server is installed, or it does not start.
    """
    cache = Path(os.environ.get("FLYTE_TEST_SERVICES", Path.home() / ".cache" / "flyte-test-services"))
    gateway, moto = cache / "bin" / "versitygw", cache / "moto" / "bin" / "moto_server"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="flyte-bench-s3-", ignore_cleanup_errors=True) as folder:
        keys = {"ROOT_ACCESS_KEY": "bench", "ROOT_SECRET_KEY": "bench-secret"}
        if gateway.exists():
            Path(folder, BUCKET).mkdir()
            with _running([str(gateway), "--port", f"127.0.0.1:{port}", "posix", folder], port, keys):
                yield S3Server("versitygw", f"http://127.0.0.1:{port}")
        elif moto.exists():
            with _running([str(moto), "-H", "127.0.0.1", "-p", str(port)], port, {}):
                endpoint = f"http://127.0.0.1:{port}"
                opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
                opener.open(urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT"), timeout=30).close()
                yield S3Server("moto", endpoint)
        else:
            raise LookupError(
                "there is no S3 server\nhint: run tests/storage/install_services.sh, with --go for versitygw"
            )


@contextmanager
def _running(command: list[str], port: int, extra: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(
        command,
        env=os.environ | extra,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise LookupError(f"`{command[0]}` did not start (exit code {process.poll()})")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False
