"""A disk that is full or cannot be written: what is said, that nothing is kept by halves, and that all goes on afterwards."""

import contextlib
import errno
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from flyteidl2.common import identifier_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2

from flyte_devbox.faults import explain_database, explain_system

from .serving import (
    DOMAIN,
    ORG,
    PROJECT,
    SUCCEED,
    CallError,
    Server,
    create_run,
    details,
    shell_task,
    start,
    until,
    until_exists,
    wait,
)

RUNNING, SUCCEEDED = 4, 5
SCOPE = identifier_pb2.ProjectIdentifier(organization=ORG, name=PROJECT, domain=DOMAIN)


def test_errors_of_the_system_say_what_to_do() -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    assert explain_system(full, "/box") == (
        "No space left on device\nhint: make room on the disk of `/box`; the devbox goes on by itself then"
    )
    read_only = explain_system(OSError(errno.EROFS, "Read-only file system"), "/box")
    assert read_only is not None
    assert "must be able to write to `/box`" in read_only
    assert explain_system(ConnectionResetError(errno.ECONNRESET, "reset"), "/box") is None
    assert explain_system(OSError("without a number"), "/box") is None


def test_errors_of_the_state_say_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("PRAGMA max_page_count=3")
        with pytest.raises(sqlite3.OperationalError) as full:
            connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
    assert "\nhint: make room on the disk of `/box`" in explain_database(full.value, "/box")
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        with pytest.raises(sqlite3.OperationalError) as read_only:
            connection.execute("INSERT INTO t VALUES (1)")
    assert "must be able to write to `/box`" in explain_database(read_only.value, "/box")
    assert "may be full, or fail" in explain_database(sqlite3.OperationalError("odd"), "/box")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(path: Path) -> None:
    """Leave not one page of the disk."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def refused(server: Server, *call: object) -> str:
    with pytest.raises(CallError) as error:
        server.call(*call)  # type: ignore[arg-type]
    assert error.value.code == "internal"
    return error.value.message


def test_a_full_disk_is_said_and_got_over(small_disk: Path, tmp_path: Path) -> None:
    server = start(small_disk / "devbox")
    try:
        gate = tmp_path / "gate"
        # It ends while nothing can be recorded.
        create_run(server, shell_task(f"{until_exists(gate)}; exit 3"), "waits")
        until(lambda: details(server, "waits").status.phase == RUNNING)
        fill(small_disk / "fill")
        hint = f"hint: make room on the disk of `{small_disk}/devbox`"
        with pytest.raises(CallError, match="the state cannot be written") as error:
            create_run(server, shell_task(f"{SUCCEED}; # {'y' * 50_000}"), "refused")
        assert hint in error.value.message
        inputs = dataproxy_service_pb2.UploadInputsRequest(project_id=SCOPE, task_spec=shell_task(SUCCEED))
        inputs.inputs.literals.add(name="x").value.scalar.primitive.string_value = "z" * 300_000
        said = refused(server, "DataProxyService", "UploadInputs", inputs)
        assert said.startswith("`UploadInputs` failed: No space left on device\nhint: ")
        place = dataproxy_service_pb2.CreateUploadLocationRequest(
            org=ORG, project=PROJECT, domain=DOMAIN, filename="f", filename_root="root", content_md5=b"0" * 16
        )
        url = server.call("DataProxyService", "CreateUploadLocation", place).signed_url
        status, _, body = server.post("/" + url.split("/", 3)[3], b"q" * 500_000, method="PUT")
        assert status == 500
        assert "No space left on device" in body.decode()
        # What only looks is answered all the same.
        assert server.post("/", b"", method="GET")[0] == 200
        gate.touch()
        assert details(server, "waits").status.phase == RUNNING
        (small_disk / "fill").unlink()
        ended = wait(server, "waits")
        assert ended.error_info.code == "NonZeroExitCode"
        with pytest.raises(CallError, match="there is no action"):
            details(server, "refused")
        assert list((small_disk / "devbox/objects/.uploads").iterdir()) == []
        assert not (small_disk / "devbox/objects/flytesnacks/development/uploads/root").exists()
        assert wait(server, create_run(server, shell_task(SUCCEED))).status.phase == SUCCEEDED
    finally:
        server.stop()
