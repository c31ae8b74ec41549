"""What becomes of the file: permissions, damage, versions, full disks, and processes that share it or are killed."""

import asyncio
import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
from contextlib import closing
from pathlib import Path

import pytest

from flyte_engine.records import ActionRecord, AttemptRecord
from flyte_engine.sqlite import SQLiteStore
from flyte_engine.store import (
    ActionChange,
    RunChange,
    StoreCorruptError,
    StoreError,
    StoreVersionError,
    StoreWriteError,
)
from flyte_models.phases import ActionPhase

PREAMBLE = """
import asyncio, os, sys, time
from flyte_engine.records import ActionRecord, AttemptRecord
from flyte_engine.sqlite import SQLiteStore
from flyte_engine.store import ActionChange
from flyte_models.phases import ActionPhase

def change(run, name, data):
    record = ActionRecord(run, name, None, "t", "", None, ActionPhase.SUCCEEDED, 1, 1, 1.0)
    return ActionChange(record, AttemptRecord(1, ActionPhase.SUCCEEDED, 1.0), data, data)
"""


def change(name="a0", data=b"", run="r"):
    record = ActionRecord(run, name, None, "t", "", None, ActionPhase.SUCCEEDED, 1, 1, 1.0)
    return ActionChange(record, AttemptRecord(1, ActionPhase.SUCCEEDED, 1.0), data, data)


def start(program, *arguments, **options):
    source = PREAMBLE + textwrap.dedent(program)
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", source, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def finish(process):
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return output


def flush(store):
    asyncio.run(store.flush())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.db"


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_created_is_the_users_alone(tmp_path):
    old = os.umask(0)
    try:
        (tmp_path / "there").mkdir(mode=0o755)
        path = tmp_path / "there" / "new" / "newer" / "history.db"
        with closing(SQLiteStore(path)) as store:
            store.record(change())
            flush(store)
            assert {mode(file) for file in path.parent.iterdir()} == {0o600}
            assert len(list(path.parent.iterdir())) == 3
        assert mode(path.parent) == mode(path.parent.parent) == 0o700
        assert mode(tmp_path / "there") == 0o755
    finally:
        os.umask(old)


def test_a_name_that_means_memory_to_sqlite_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    SQLiteStore(":memory:").close()
    assert (tmp_path / ":memory:").is_file()


def test_records_are_there_after_reopening(path):
    with closing(SQLiteStore(path, synchronous="FULL")) as store:
        store.record(change(data=b"x"))
    with closing(SQLiteStore(path)) as store:
        assert store.action("r", "a0") == change().action
        assert store.outputs("r", "a0") == b"x"
        store.record(change("a1"))
        flush(store)
        assert [found.name for found in store.actions("r")] == ["a0", "a1"]


def test_changes_become_visible_to_others_without_a_flush(path):
    with closing(SQLiteStore(path)) as store, closing(SQLiteStore(path)) as other:
        store.record(change())
        waiting = threading.Event()
        while other.action("r", "a0") is None:
            waiting.wait(0.005)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot create the store .*/file/history.db"):
        SQLiteStore(tmp_path / "file" / "history.db")


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_database(path, content):
    path.write_bytes(content)
    with pytest.raises(StoreCorruptError, match="hint: move the file away"):
        SQLiteStore(path)
    assert path.read_bytes() == content


def test_a_database_of_somebody_else(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (x)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(StoreCorruptError, match="database of another program"):
        SQLiteStore(path)
    assert path.read_bytes() == before


def test_a_file_of_a_newer_version(path):
    SQLiteStore(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreVersionError, match=r"schema version 99; .*\nhint: upgrade flyte"):
        SQLiteStore(path)


def test_damage_in_the_middle_is_reported_by_reads_and_writes(path):
    with closing(SQLiteStore(path)) as store:
        for number in range(500):
            store.record(change(f"a{number}", bytes(500)))
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xaa" * (size - 4096))
    with closing(SQLiteStore(path)) as store:
        with pytest.raises(StoreCorruptError, match="is damaged"):
            store.actions("r")
        store.record(change("new"))
        with pytest.raises(StoreCorruptError, match="is damaged"):
            flush(store)


def test_a_full_store_gives_one_clear_error_and_keeps_what_was_durable(path):
    with closing(SQLiteStore(path, max_bytes=200 * 1024)) as store:
        store.record(change("kept", b"small"))
        flush(store)

        async def overflow():
            store.record(change("lost", bytes(10**6)))
            return await asyncio.gather(*(store.flush() for _ in range(5)), return_exceptions=True)

        errors = asyncio.run(overflow())
        assert {type(error) for error in errors} == {StoreWriteError}
        assert "there is no room to write" in str(errors[0])
        assert len({id(error) for error in errors}) == 5
        with pytest.raises(StoreWriteError, match="hint: free space on the disk"):
            store.record(change("more"))
        with pytest.raises(StoreWriteError):
            flush(store)
        assert [found.name for found in store.actions("r")] == ["kept"]
    with closing(SQLiteStore(path)) as store:
        assert [found.name for found in store.actions("r")] == ["kept"]
        assert store.attempts("r", "lost") == []


def test_close_complains_about_losses_that_nobody_heard_of(path):
    store = SQLiteStore(path, max_bytes=200 * 1024)
    store.record(change("lost", bytes(10**6)))
    with pytest.raises(StoreWriteError, match="no room"):
        store.close()
    store.close()


def test_a_text_that_cannot_be_stored_fails_loudly(path):
    store = SQLiteStore(path)
    store.record(change("\udc80"))
    with pytest.raises(StoreWriteError, match="failed: .*surrogates not allowed"):
        flush(store)
    store.close()


def test_a_limit_on_file_sizes_is_no_hang(path):
    """The nearest thing to a full disk that needs no privileges: the kernel refuses the write."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    program = """
    store = SQLiteStore(sys.argv[1])
    store.record(change("r", "kept", b""))
    asyncio.run(store.flush())
    store.record(change("r", "lost", bytes(10**6)))
    try:
        asyncio.run(store.flush())
    except Exception as error:
        print(type(error).__name__, str(error).count("hint:"))
    store.close()
    """
    assert finish(start(program, path, preexec_fn=limit)) == "StoreWriteError 1\n"
    with closing(SQLiteStore(path)) as store:
        assert [found.name for found in store.actions("r")] == ["kept"]


@pytest.mark.parametrize("killed_after", [1, 40, 200])
def test_a_killed_process_leaves_what_was_durable_and_nothing_by_halves(path, killed_after):
    program = """
    store = SQLiteStore(sys.argv[1])
    async def work():
        for number in range(100_000):
            # Two large values per change: a torn change would miss one of them.
            store.record(change("r", f"a{number}", bytes(20_000)))
            await store.flush()
            print(number, flush=True)
    asyncio.run(work())
    """
    process = start(program, path)
    durable = 0
    for line in process.stdout:
        durable = int(line) + 1
        if durable == killed_after:
            process.kill()
            break
    rest, _ = process.communicate(timeout=60)
    durable += rest.count("\n")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with closing(SQLiteStore(path)) as store:
        names = [found.name for found in store.actions("r")]
        assert len(names) >= durable >= killed_after
        assert names == [f"a{number}" for number in range(len(names))]
        for name in names:
            assert len(store.inputs("r", name)) == len(store.outputs("r", name)) == 20_000
            assert len(store.attempts("r", name)) == 1


def test_processes_share_one_file(path):
    program = """
    store = SQLiteStore(sys.argv[1])
    async def work():
        for number in range(100):
            store.record(change(sys.argv[2], f"a{number}", b"x" * 100))
            await store.flush()
            assert len(store.actions(sys.argv[2])) == number + 1
    asyncio.run(work())
    store.close()
    """
    # Neither file nor schema exists: they also race to create both.
    processes = [start(program, path, run) for run in ("r1", "r2", "r3")]
    for process in processes:
        finish(process)
    with closing(SQLiteStore(path)) as store:
        assert [len(store.actions(run)) for run in ("r1", "r2", "r3")] == [100] * 3


def test_a_lock_that_never_comes_free_is_an_error_and_not_a_hang(path):
    store = SQLiteStore(path, busy_seconds=0.1)
    with closing(sqlite3.connect(path, isolation_level=None)) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        store.record(change())
        with pytest.raises(StoreWriteError, match="another process keeps"):
            flush(store)
        blocker.execute("ROLLBACK")
    store.close()


def test_a_lock_of_another_process_does_not_stop_the_loop(path):
    async def record_while_locked(blocker):
        store.record(change("a1"))
        waiting = asyncio.ensure_future(store.flush())
        await asyncio.sleep(0.05)
        # The loop goes on, which it could not if it waited for the lock itself.
        assert not waiting.done()
        store.record(change("a2"))
        blocker.execute("ROLLBACK")
        await asyncio.gather(waiting, store.flush())

    with closing(SQLiteStore(path)) as store, closing(sqlite3.connect(path, isolation_level=None)) as blocker:
        store.record(change())
        flush(store)
        blocker.execute("BEGIN IMMEDIATE")
        asyncio.run(record_while_locked(blocker))
        assert [action.name for action in store.actions("r")] == ["a0", "a1", "a2"]


def test_changes_of_one_action_keep_their_order_whoever_writes_them(path):
    # Batches of every size, so that the loop writes some and the thread others, from two loops at once.
    async def write(name, sizes):
        for size in sizes:
            for number in range(size):
                store.record(change(name, f"{size}-{number}".encode()))
            await store.flush()
            assert store.outputs("r", name) == f"{size}-{size - 1}".encode()

    sizes = [1, 2, 1, 200, 1, 500, 3, 1, 129, 128, 1] * 5
    with closing(SQLiteStore(path)) as store:
        threads = [
            threading.Thread(target=lambda name=name: asyncio.run(write(name, sizes))) for name in ("a1", "a2", "a3")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(300)
        assert {store.outputs("r", name) for name in ("a1", "a2", "a3")} == {b"1-0"}


def test_an_interpreter_that_forgets_to_close_exits_and_loses_nothing(path):
    program = """
    store = SQLiteStore(sys.argv[1])
    store.record(change("r", "a0", b"x"))
    """
    finish(start(program, path))
    with closing(SQLiteStore(path)) as store:
        assert store.outputs("r", "a0") == b"x"


def test_a_store_that_is_collected_ends_its_thread_and_keeps_its_changes(path):
    # The fixture `no_leaked_threads` sees to the thread.
    SQLiteStore(path).record(change(data=b"x"))
    with closing(SQLiteStore(path)) as store:
        assert store.outputs("r", "a0") == b"x"


def test_reading_starts_no_thread(path):
    with closing(SQLiteStore(path)) as store:
        flush(store)
        assert store.runs() == []
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("flyte-store")]


def test_a_forked_child_is_told_to_open_its_own(path):
    program = """
    store = SQLiteStore(sys.argv[1])
    store.record(change("r", "a0", b""))
    asyncio.run(store.flush())
    child = os.fork()
    if not child:
        try:
            store.record(change("r", "a1", b""))
        except Exception as error:
            print(error, flush=True)
        store.close()
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
    store.record(change("r", "a2", b""))
    asyncio.run(store.flush())
    print(len(store.actions("r")))
    """
    output = finish(start(program, path))
    assert "hint: open a store of its own in the child process" in output
    assert output.endswith("2\n")


def test_a_run_with_everything_in_it_is_one_row(path, make_run):
    """Errors and labels are JSON, so that they grow without a migration."""
    with closing(SQLiteStore(path)) as store:
        store.record(RunChange(make_run(labels={"a": "b"})))
        flush(store)
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT json_extract(details, '$.labels.a') FROM runs").fetchall() == [("b",)]


@pytest.mark.parametrize("number", range(20))
def test_several_stores_migrate_one_empty_file_at_once(tmp_path, number):
    """Several tries: a store that looked between two statements of another's migration took the file for a foreign one."""
    path = tmp_path / f"history-{number}.db"
    errors = []

    def open_store():
        try:
            SQLiteStore(path).close()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=open_store) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert Path(path).exists()


def test_a_killed_engine_keeps_every_outcome_that_a_caller_saw(path):
    program = """
    from flyte_engine.engine import ActionRequest, Completed, Engine
    from flyte_engine.records import RunRecord
    from flyte_models.ids import ActionID

    engine = Engine(SQLiteStore(sys.argv[1]))
    engine.start_run(RunRecord("r", "t", "p", "d", "o", 0.0))

    async def child(attempt):
        return Completed(outputs=attempt.action_id.name.encode())

    def request(name, body, parent):
        return ActionRequest(action_id=ActionID(name=name, run_name="r"), task_name="t", body=body, parent_name=parent)

    async def work(attempt):
        async def chain(number):
            for step in range(10_000):
                outcome = await engine.run_action(request(f"c{number}-{step}", child, "a0"))
                print(outcome.record.name, flush=True)
        await asyncio.gather(*(chain(number) for number in range(5)))

    asyncio.run(engine.run_action(request("a0", work, None)))
    """
    process = start(program, path)
    seen = [process.stdout.readline().strip() for _ in range(150)]
    process.kill()
    rest, _ = process.communicate(timeout=60)
    # The last line may have been cut.
    seen += rest.split("\n")[:-1]
    with closing(SQLiteStore(path)) as store:
        actions = {found.name: found for found in store.actions("r")}
        assert {actions[name].phase for name in seen} == {ActionPhase.SUCCEEDED}
        assert all(store.outputs("r", name) == name.encode() for name in seen)
        assert store.run("r").phase is ActionPhase.RUNNING
