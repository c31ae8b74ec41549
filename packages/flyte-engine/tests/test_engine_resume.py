"""Going on after a crash: processes killed with -9 at random points, and what a second process makes of their records."""

import asyncio
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from flyte_engine.engine import Completed, Engine
from flyte_engine.memory import MemoryStore
from flyte_engine.processes import current_process, is_alive
from flyte_engine.records import ActionRecord, AttemptRecord, ErrorRecord, ProcessRecord, TraceRecord
from flyte_engine.sqlite import SQLiteStore
from flyte_engine.sqlite._database import SCHEMA_VERSION
from flyte_engine.store import ActionChange, RunChange, RunOwnedError, StoreClosedError
from flyte_models.phases import ActionPhase

WORKFLOW = """
import asyncio, os, sys, time
from flyte_engine.engine import *
from flyte_engine.records import RunRecord
from flyte_engine.sqlite import SQLiteStore
from flyte_models.ids import ActionID

path, log, mode, pause = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
out = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

def note(word, name):
    os.write(out, f"{word} {name}\\n".encode())

async def restore(outputs):
    return int(outputs)

def request(name, parent, body):
    return ActionRequest(ActionID(name=name, run_name="r"), "t", body, parent_name=parent, inputs=b"", restore=restore)

async def main():
    store = SQLiteStore(path)
    engine = Engine(store)
    if mode == "start":
        engine.start_run(RunRecord("r", "t", "p", "d", "o", time.time()))
    else:
        engine.resume_run("r")

    def leaf(number):
        async def body(attempt):
            note("begin", attempt.action_id.name)
            await asyncio.sleep(pause)
            return Completed(number, str(number).encode())
        return body

    def branch(name, width):
        async def body(attempt):
            note("begin", name)
            calls = (engine.run_action(request(f"{name}.{i}", name, leaf(i))) for i in range(width))
            outcomes = await asyncio.gather(*calls)
            for i, outcome in enumerate(outcomes):
                note("seen", f"{name}.{i}")
            total = sum(outcome.value for outcome in outcomes)
            return Completed(total, str(total).encode())
        return body

    async def root(attempt):
        note("begin", "a0")
        total = 0
        for i in range(6):
            outcome = await engine.run_action(request(f"b{i}", "a0", branch(f"b{i}", i + 1)))
            note("seen", f"b{i}")
            total += outcome.value
        return Completed(total, str(total).encode())

    outcome = await engine.run_action(request("a0", None, root))
    run = await engine.finish_run("r")
    store.close()
    print(outcome.value, run.phase.value)

asyncio.run(main())
"""
TOTAL = sum(sum(range(width + 1)) for width in range(6))


def start(path, log, mode, pause=0.01):
    command = [sys.executable, "-W", "error", "-c", WORKFLOW, path, log, mode, pause]
    return subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)


def lines(log):
    return log.read_text().split("\n")[:-1] if log.exists() else []


@pytest.mark.parametrize("seed", range(8))
def test_a_killed_run_is_continued(tmp_path, seed):
    """Whatever is killed when: nothing that finished runs again, and the outputs are those of a run without faults."""
    rng = random.Random(seed)
    path, log = tmp_path / "history.db", tmp_path / "log"
    mode, finished = "start", Counter()
    for _ in range(rng.randint(1, 3)):
        process = start(path, log, mode)
        until = len(lines(log)) + rng.randint(1, 25)
        while len(lines(log)) < until and process.poll() is None:
            time.sleep(0.002)
        process.kill()
        process.communicate()
        mode = "resume" if lines(log) else "start"
        if mode == "start":
            shutil.rmtree(tmp_path)
            tmp_path.mkdir()
            continue
        with closing(SQLiteStore(path)) as store:
            done = {found.name for found in store.actions("r") if found.phase is ActionPhase.SUCCEEDED}
        begun = Counter(line for line in lines(log) if line.startswith("begin"))
        for name, count in finished.items():
            assert begun[f"begin {name}"] == count
        # What a parent has seen is recorded.
        assert {line.split()[1] for line in lines(log) if line.startswith("seen")} <= done
        finished = Counter({name: begun[f"begin {name}"] for name in done})
    process = start(path, log, mode)
    output, _ = process.communicate(timeout=60)
    assert output == f"{TOTAL} succeeded\n"
    begun = Counter(line for line in lines(log) if line.startswith("begin"))
    for name, count in finished.items():
        assert begun[f"begin {name}"] == count
    with closing(SQLiteStore(path)) as store:
        assert {found.phase for found in store.actions("r")} == {ActionPhase.SUCCEEDED}
        assert store.outputs("r", "a0") == str(TOTAL).encode()
        for found in store.actions("r"):
            attempts = store.attempts("r", found.name)
            assert [attempt.number for attempt in attempts] == list(range(1, found.attempt + 1))
            assert attempts[-1].phase is ActionPhase.SUCCEEDED
            assert all(attempt.error.code == "ProcessLost" for attempt in attempts[:-1])
        assert store.run("r").phase is ActionPhase.SUCCEEDED


def test_a_run_is_refused_while_its_process_lives(tmp_path, make_run):
    path, log = tmp_path / "history.db", tmp_path / "log"
    process = start(path, log, "start", pause=30)
    while not any(line.startswith("begin b0") for line in lines(log)):
        time.sleep(0.01)
    with closing(SQLiteStore(path)) as store:
        engine = Engine(store)
        while store.owner("r") is None:
            time.sleep(0.01)
        assert store.owner("r").pid == process.pid
        with pytest.raises(RunOwnedError, match=f"carried out by process {process.pid}\nhint: ") as caught:
            engine.resume_run("r")
        assert caught.value.owner == store.owner("r")
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert engine.resume_run("r").phase is ActionPhase.QUEUED
        assert store.owner("r") == current_process()
        with pytest.raises(RunOwnedError):
            Engine(store).resume_run("r")
        with pytest.raises(ValueError, match="being carried out by this engine"):
            engine.resume_run("r")
        engine.close()


def test_of_several_that_take_over_one_succeeds(store, make_run):
    store.record(RunChange(make_run(), ProcessRecord(1, "0", "gone/boot/ns")))
    asyncio.run(store.flush())
    known = store.owner("r")
    me, other = current_process(), ProcessRecord(2, "0", "x/y/z")
    assert store.take_over("r", me, known)
    assert not store.take_over("r", other, known)
    assert store.owner("r") == me
    assert store.take_over("s", other, None)


def test_a_run_of_another_machine_needs_force(store, make_run):
    store.record(RunChange(make_run(), ProcessRecord(1, "0", "elsewhere/boot/ns")))
    asyncio.run(store.flush())
    engine = Engine(store)
    with pytest.raises(RunOwnedError, match="on `elsewhere`, which may still live\nhint: .* with `force`"):
        engine.resume_run("r")
    assert engine.resume_run("r", force=True).run_name == "r"
    engine.close()


def test_an_unknown_run_is_not_resumed(store):
    with pytest.raises(ValueError, match="there is no run `r` to resume\nhint: "):
        Engine(store).resume_run("r")


def test_a_process_is_told_from_a_later_one_of_its_number():
    me = current_process()
    assert is_alive(me) is True
    assert me.pid == os.getpid()
    assert is_alive(ProcessRecord(me.pid, "1", me.host)) is False
    name, boot, namespace = me.host.split("/")
    assert is_alive(ProcessRecord(me.pid, me.started, f"{name}/before/{namespace}")) is False
    assert is_alive(ProcessRecord(me.pid, me.started, f"other/{boot}/{namespace}")) is None
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    # A zombie still has its number.
    stat = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
    assert is_alive(ProcessRecord(child.pid, stat[19], me.host)) is False
    child.wait()


async def restore(outputs):
    return outputs.decode()


def test_a_failed_run_goes_on_from_what_had_finished(store, make_run, make_request):
    ran = []

    def root(fails, engine):
        async def good(attempt):
            ran.append(("good", attempt.number))
            return Completed("1", b"1")

        async def bad(attempt):
            ran.append(("bad", attempt.number))
            if fails:
                raise ValueError("not yet")
            return Completed("2", b"2")

        async def body(attempt):
            first = await engine.run_action(make_request("good", good, restore=restore))
            second = await engine.run_action(make_request("bad", bad, restore=restore))
            if second.exception is not None:
                raise second.exception
            return Completed(first.value + second.value, b"12")

        return body

    async def carry_out(engine, fails):
        outcome = await engine.run_action(make_request("a0", root(fails, engine), inputs=b"in", restore=restore))
        return outcome, await engine.finish_run("r")

    first = Engine(store)
    first.start_run(make_run())
    outcome, run = asyncio.run(carry_out(first, fails=True))
    assert run.phase is ActionPhase.FAILED
    second = Engine(store)
    events = []
    second.subscribe(lambda event: events.append((event.record.name, event.previous, event.record.phase)))
    second.resume_run("r")
    outcome, run = asyncio.run(carry_out(second, fails=False))
    assert (outcome.value, outcome.is_replayed, run.phase) == ("12", False, ActionPhase.SUCCEEDED)
    assert ran == [("good", 1), ("bad", 1), ("bad", 2)]
    assert [event for event in events if event[0] == "good"] == [
        ("good", None, ActionPhase.QUEUED),
        ("good", ActionPhase.QUEUED, ActionPhase.SUCCEEDED),
    ]
    third = Engine(store)
    third.resume_run("r")
    outcome, run = asyncio.run(carry_out(third, fails=True))
    assert (outcome.value, outcome.outputs, outcome.is_replayed) == ("12", b"12", True)
    assert run.phase is ActionPhase.SUCCEEDED
    assert run == store.run("r")
    fourth = Engine(store)
    fourth.resume_run("r")
    with pytest.raises(ValueError, match="made with other inputs"):
        asyncio.run(fourth.run_action(make_request("a0", root(True, fourth), inputs=b"other")))


def test_what_a_resumed_run_does_not_ask_for_is_aborted(store, make_run, make_request):
    record = ActionRecord("r", "lost", "a0", "t", "", None, ActionPhase.RUNNING, 1, 1, 1.0, 1.0)
    store.record(RunChange(make_run(phase=ActionPhase.RUNNING)))
    store.record(ActionChange(record, AttemptRecord(1, ActionPhase.RUNNING, 1.0)))
    asyncio.run(store.flush())
    engine = Engine(store)
    engine.resume_run("r")

    async def scenario():
        await engine.run_action(make_request("a0"))
        return await engine.finish_run("r")

    assert asyncio.run(scenario()).phase is ActionPhase.SUCCEEDED
    assert store.action("r", "lost").phase is ActionPhase.ABORTED
    (attempt,) = store.attempts("r", "lost")
    assert (attempt.phase, attempt.error.code) == (ActionPhase.FAILED, "ProcessLost")


def test_a_later_attempt_of_a_parent_finds_its_children(store, make_run, make_request):
    """The names are the same: what finished is not run again, what did not is."""
    ran = []
    engine = Engine(store)
    engine.start_run(make_run())

    async def good(attempt):
        ran.append("good")
        return Completed("fresh", b"recorded")

    async def stuck(attempt):
        ran.append(("stuck", attempt.number))
        if attempt.number == 1:
            await asyncio.Event().wait()
        return Completed("went on", b"")

    async def root(attempt):
        first = await engine.run_action(make_request("good", good, restore=restore))
        left = asyncio.create_task(engine.run_action(make_request("stuck", stuck, restore=restore)))
        await asyncio.sleep(0)
        if attempt.number == 1:
            raise ValueError("once")
        return Completed([first.value, (await left).value])

    async def scenario():
        outcome = await engine.run_action(make_request("a0", root, retries=1))
        await engine.finish_run("r")
        return outcome

    assert asyncio.run(scenario()).value == ["recorded", "went on"]
    assert ran == ["good", ("stuck", 1), ("stuck", 2)]
    assert [found.phase for found in store.attempts("r", "stuck")] == [ActionPhase.ABORTED, ActionPhase.SUCCEEDED]


def test_outputs_are_taken_over_from_another_run(store, make_run, make_request):
    ran = []

    async def child(attempt):
        ran.append((attempt.action_id.run_name, attempt.action_id.name))
        return Completed("fresh", b"recorded")

    async def carry_out(engine, run_name):
        def request(name, body):
            made = make_request(name, body, restore=restore)
            return make_request(
                name, body, restore=restore, action_id=type(made.action_id)(name=name, run_name=run_name)
            )

        async def root(attempt):
            outcomes = [await engine.run_action(request(name, child)) for name in ("c1", "c2")]
            return Completed([outcome.value for outcome in outcomes])

        outcome = await engine.run_action(request("a0", root))
        await engine.finish_run(run_name)
        return outcome

    engine = Engine(store)
    engine.start_run(make_run())
    asyncio.run(carry_out(engine, "r"))
    with pytest.raises(ValueError, match="no run `x` to recover from"):
        engine.start_run(make_run("s"), recover_from="x")
    engine.start_run(make_run("s"), recover_from="r", force_rerun=["c2", "a0"])
    outcome = asyncio.run(carry_out(engine, "s"))
    assert outcome.value == ["recorded", "fresh"]
    assert ran == [("r", "c1"), ("r", "c2"), ("s", "c2")]
    phases = {found.name: found.phase for found in store.actions("s")}
    assert phases == {
        "a0": ActionPhase.SUCCEEDED,
        "c1": ActionPhase.RECOVERED,
        "c2": ActionPhase.SUCCEEDED,
    }
    assert store.outputs("s", "c1") == b"recorded"


def test_five_thousand_finished_actions_are_not_run_again(tmp_path, make_run, make_request):
    count = 5000
    ran = []

    async def child(attempt):
        ran.append(attempt.action_id.name)
        return Completed(None, b"1")

    async def carry_out(engine, fails):
        async def root(attempt):
            calls = (engine.run_action(make_request(f"c{i}", child, restore=restore)) for i in range(count))
            outcomes = await asyncio.gather(*calls)
            if fails:
                raise ValueError("now")
            return Completed(Counter(outcome.value for outcome in outcomes))

        outcome = await engine.run_action(make_request("a0", root))
        await engine.finish_run("r")
        return outcome

    with closing(SQLiteStore(tmp_path / "history.db")) as store:
        engine = Engine(store)
        engine.start_run(make_run())
        asyncio.run(carry_out(engine, fails=True))
    assert len(ran) == count
    with closing(SQLiteStore(tmp_path / "history.db")) as store:
        engine = Engine(store)
        engine.resume_run("r")
        started = time.perf_counter()
        outcome = asyncio.run(carry_out(engine, fails=False))
        print(f"resume of {count}: {time.perf_counter() - started:.2f} s")
    assert outcome.value == Counter({"1": count})
    assert len(ran) == count


def test_traces_are_kept_for_the_action(store):
    error = ErrorRecord("ValueError", "no")
    first = TraceRecord("r", "a0", "call-1", "hash", 1.0, 2.0, b"out")
    second = TraceRecord("r", "a0", "call-0", "hash", 2.0, 3.0, None, error)
    for trace in (first, second, TraceRecord("r", "b", "call-1", "other", 1.0, 1.5, b"")):
        store.record_trace(trace)
    asyncio.run(store.flush())
    assert store.trace("r", "a0", "call-1") == first
    assert store.trace("r", "a0", "call-0") == second
    assert store.trace("r", "a0", "call-2") is None
    assert store.traces("r", "a0") == [first, second]
    replaced = TraceRecord("r", "a0", "call-1", "hash2", 5.0, 6.0, b"new")
    store.record_trace(replaced)
    asyncio.run(store.flush())
    assert store.traces("r", "a0") == [replaced, second]
    store.close()
    with pytest.raises(StoreClosedError):
        store.record_trace(first)


def test_a_file_of_the_first_schema_is_migrated_and_its_run_resumed(tmp_path, make_request):
    path = tmp_path / "history.db"
    shutil.copy(Path(__file__).parent / "files" / "history-v1.db", path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    with closing(SQLiteStore(path)) as store:
        records = {found.name: found for found in store.actions("old")}
        assert [(name, found.phase.value, found.cache_status) for name, found in records.items()] == [
            ("a0", "running", "disabled"),
            ("c1", "succeeded", "disabled"),
            ("c2", "failed", "disabled"),
            ("c3", "running", "disabled"),
        ]
        assert store.outputs("old", "c1") == b"out1"
        assert store.run("old").labels == {"k": "v"}
        assert (store.owner("old"), store.traces("old", "a0")) == (None, [])
        engine = Engine(store)
        engine.resume_run("old")

        async def child(attempt):
            return Completed(attempt.number, b"new")

        async def scenario():
            identity = type(make_request().action_id)

            async def root(attempt):
                outcomes = [
                    await engine.run_action(
                        make_request(name, child, restore=restore, action_id=identity(name=name, run_name="old"))
                    )
                    for name in ("c1", "c2", "c3")
                ]
                return Completed([outcome.value for outcome in outcomes])

            request = make_request("a0", root, action_id=identity(name="a0", run_name="old"))
            outcome = await engine.run_action(request)
            await engine.finish_run("old")
            return outcome

        assert asyncio.run(scenario()).value == ["out1", 2, 2]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


def test_memory_forgets_owners_when_closed():
    store = MemoryStore()
    store.close()
    with pytest.raises(StoreClosedError):
        store.owner("r")
