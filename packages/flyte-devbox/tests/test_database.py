"""The file of the state: created, brought to the last schema, refused when it is not ours to write."""

import asyncio
import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from flyte_devbox import database as database_module
from flyte_devbox.database import Database, DatabaseError
from flyte_devbox.schema import MIGRATIONS


def schema_of(path: Path) -> list[tuple[str, str]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    return [(name, sql) for name, sql in found if sql is not None]


def version_of(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def write_earlier(path: Path, version: int) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        for script in MIGRATIONS[:version]:
            connection.executescript(script)
        connection.execute(f"PRAGMA user_version={version}")
        connection.execute("INSERT INTO projects VALUES ('kept', 'kept', '', x'', 0, 1.0)")
        connection.commit()


def projects_of(path: Path) -> list[str]:
    database = Database(path)
    try:
        return [row["id"] for row in database.read("SELECT id FROM projects")]
    finally:
        database.close()


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_every_earlier_schema_becomes_the_last_one(tmp_path: Path, version: int) -> None:
    write_earlier(tmp_path / "earlier.db", version)

    assert projects_of(tmp_path / "earlier.db") == ["kept"]

    Database(tmp_path / "new.db").close()
    assert schema_of(tmp_path / "earlier.db") == schema_of(tmp_path / "new.db")
    assert version_of(tmp_path / "earlier.db") == len(MIGRATIONS)


def test_a_migration_that_fails_leaves_the_file_at_the_schema_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.db"
    write_earlier(path, 1)
    before = schema_of(path)
    broken = (*MIGRATIONS, "CREATE TABLE more (id INTEGER);\nINSERT INTO nowhere VALUES ('a; b');")
    monkeypatch.setattr(database_module, "MIGRATIONS", broken)

    with pytest.raises(DatabaseError, match="nowhere"):
        Database(path)

    assert schema_of(path) == before
    assert version_of(path) == 1
    monkeypatch.undo()
    assert projects_of(path) == ["kept"]


@pytest.mark.parametrize("has_journal", [False, True])
def test_the_state_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path, has_journal: bool) -> None:
    path = tmp_path / "state.db"
    newer = len(MIGRATIONS) + 1
    program = (
        "import sqlite3, sys, os, signal; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        f"c.execute('PRAGMA journal_mode={'WAL' if has_journal else 'DELETE'}');"
        f"c.execute('CREATE TABLE later (id)'); c.execute('PRAGMA user_version={newer}');"
        "c.execute('INSERT INTO later VALUES (1)'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    # Ended in the middle, so that the journal stays.
    ended = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (tmp_path / "state.db-wal").exists() is has_journal
    before = path.read_bytes()

    with pytest.raises(
        DatabaseError, match=rf"newer version \(its schema is {newer}, known are {len(MIGRATIONS)}\)\nhint"
    ):
        Database(path)

    assert path.read_bytes() == before
    kept = tmp_path / "kept.db"
    shutil.copy(path, kept)
    if has_journal:
        shutil.copy(tmp_path / "state.db-wal", tmp_path / "kept.db-wal")
    with contextlib.closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("SELECT id FROM later").fetchall() == [(1,)]


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (id)")
        connection.commit()
    before = path.read_bytes()

    with pytest.raises(DatabaseError, match="another program"):
        Database(path)

    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(os.urandom(4096))

    with pytest.raises(DatabaseError, match="cannot be opened"):
        Database(path)


def test_a_name_with_signs_of_addresses_is_a_name(tmp_path: Path) -> None:
    folder = tmp_path / "50% of? #1"
    folder.mkdir()
    write_earlier(folder / "state.db", 1)

    async def add() -> None:
        database = Database(folder / "state.db")
        try:
            await database.write(lambda connection: connection.execute("UPDATE projects SET name = 'changed'").rowcount)
        finally:
            database.close()

    asyncio.run(add())
    assert projects_of(folder / "state.db") == ["kept"]
