"""Cached outputs: hits, misses, overwriting, age, failures, and of equal actions in several processes one that runs."""

import asyncio
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from flyte_engine.caching import CachedOutputs, CacheError, CacheUse, MemoryCache, Reservation
from flyte_engine.clock import VirtualClock
from flyte_engine.engine import Completed, Engine
from flyte_engine.memory import MemoryStore
from flyte_engine.processes import current_process
from flyte_engine.records import ProcessRecord
from flyte_engine.sqlite import SQLiteCache
from flyte_models.errors import MaxQueuedTimeExceededError
from flyte_models.phases import ActionPhase
from flyte_models.policies import Timeout


@pytest.fixture(params=["memory", "sqlite"])
def cache(request, tmp_path):
    made = MemoryCache() if request.param == "memory" else SQLiteCache(tmp_path / "cache.db")
    yield made
    made.close()


@pytest.fixture
def clock():
    return VirtualClock(1000.0, auto_advance=True)


@pytest.fixture
def engine(store, cache, clock, make_run):
    made = Engine(store, cache=cache, clock=clock)
    made.start_run(make_run(created_at=1000.0))
    yield made
    made.close()


async def restore(outputs):
    return outputs.decode()


def test_a_hit_does_not_run(engine, store, cache, make_request):
    ran = []

    async def child(attempt):
        ran.append(attempt.action_id.name)
        return Completed("fresh", b"cached")

    async def root(attempt):
        use = CacheUse("key")
        outcomes = [
            await engine.run_action(make_request(name, child, cache=use, restore=restore)) for name in ("c1", "c2")
        ]
        outcomes.append(await engine.run_action(make_request("c3", child)))
        return Completed(outcomes)

    first, second, third = asyncio.run(engine.run_action(make_request("a0", root))).value
    assert ran == ["c1", "c3"]
    assert (first.value, second.value) == ("fresh", "cached")
    assert (first.is_replayed, second.is_replayed) == (False, True)
    assert second.record.phase is ActionPhase.SUCCEEDED
    assert [outcome.record.cache_status for outcome in (first, second, third)] == ["populated", "hit", "disabled"]
    assert [store.action("r", name).cache_key for name in ("c1", "c2", "c3")] == ["key", "key", None]
    assert (store.outputs("r", "c2"), store.attempts("r", "c2")) == (b"cached", [])
    assert cache.get("key") == CachedOutputs("key", b"cached", 1000.0, "env.task", "r", "c1")


def test_failure_is_never_cached(engine, cache, make_request):
    async def bad(attempt):
        raise ValueError("no")

    outcome = asyncio.run(engine.run_action(make_request("a0", bad, cache=CacheUse("key", serialize=True))))
    assert (outcome.record.phase, outcome.record.cache_status) == (ActionPhase.FAILED, "miss")
    assert cache.get("key") is None
    assert cache.reserve(Reservation("key", "other", current_process(), 1000.0, 10))


def test_overwrite_runs_and_replaces(engine, cache, make_request):
    cache.put(CachedOutputs("key", b"old", 999.0))

    async def body(attempt):
        return Completed("new", b"new")

    outcome = asyncio.run(engine.run_action(make_request("a0", body, cache=CacheUse("key", overwrite=True))))
    assert (outcome.value, outcome.record.cache_status) == ("new", "populated")
    assert cache.get("key").outputs == b"new"


@pytest.mark.parametrize(("age", "status"), [(10.0, "hit"), (10.1, "populated")])
def test_what_is_too_old_is_a_miss(engine, cache, make_request, age, status):
    cache.put(CachedOutputs("key", b"old", 1000.0 - age))
    request = make_request("a0", cache=CacheUse("key", max_age=10.0))
    assert asyncio.run(engine.run_action(request)).record.cache_status == status


def test_cached_outputs_that_cannot_be_read_are_a_miss(engine, cache, make_request, caplog):
    cache.put(CachedOutputs("key", b"\xff", 1000.0))

    async def body(attempt):
        return Completed("new", b"new")

    with caplog.at_level(logging.WARNING):
        outcome = asyncio.run(engine.run_action(make_request("a0", body, cache=CacheUse("key"), restore=restore)))
    assert (outcome.value, outcome.record.cache_status) == ("new", "populated")
    assert "cached outputs for `env.task` cannot be used" in caplog.text


def test_a_cache_that_fails_costs_no_task(tmp_path, make_run, make_request, caplog):
    cache = SQLiteCache(tmp_path / "cache.db")
    cache.close()
    engine = Engine(MemoryStore(), cache=cache)
    engine.start_run(make_run())
    with caplog.at_level(logging.WARNING):
        outcome = asyncio.run(engine.run_action(make_request("a0", cache=CacheUse("key"))))
    assert (outcome.record.phase, outcome.record.cache_status) == (ActionPhase.SUCCEEDED, "put_failure")
    assert "the cache was not read, and the task runs" in caplog.text


def test_of_equal_actions_one_runs(engine, clock, make_request):
    ran = []

    async def child(attempt):
        ran.append(attempt.action_id.name)
        await clock.sleep(100)
        return Completed("fresh", b"cached")

    async def root(attempt):
        use = CacheUse("key", serialize=True)
        calls = (engine.run_action(make_request(f"c{i}", child, cache=use, restore=restore)) for i in range(5))
        return Completed([outcome.value for outcome in await asyncio.gather(*calls)])

    outcome = asyncio.run(engine.run_action(make_request("a0", root)))
    assert ran == ["c0"]
    assert outcome.value == ["fresh", *["cached"] * 4]


def test_after_a_failure_the_next_one_runs(engine, clock, make_request):
    ran = []

    async def child(attempt):
        ran.append(attempt.action_id.name)
        await clock.sleep(5)
        if len(ran) == 1:
            raise ValueError("first")
        return Completed("fresh", b"cached")

    async def root(attempt):
        use = CacheUse("key", serialize=True)
        calls = (engine.run_action(make_request(f"c{i}", child, cache=use, restore=restore)) for i in range(4))
        return Completed([outcome.value for outcome in await asyncio.gather(*calls)])

    outcome = asyncio.run(engine.run_action(make_request("a0", root)))
    assert len(ran) == 2
    assert sorted(outcome.value, key=str) == [None, "cached", "cached", "fresh"] or outcome.value.count("fresh") == 1


def test_who_waits_for_a_reservation_may_time_out(engine, cache, make_request):
    assert cache.reserve(Reservation("key", "other", current_process(), 10**9, 10))
    use = CacheUse("key", serialize=True)
    request = make_request("a0", cache=use, timeout=Timeout(max_queued_time=20))
    outcome = asyncio.run(engine.run_action(request))
    assert isinstance(outcome.exception, MaxQueuedTimeExceededError)
    assert (outcome.record.phase, outcome.record.ended_at) == (ActionPhase.TIMED_OUT, 1020.0)


def test_reservations(cache):
    me = current_process()
    elsewhere = ProcessRecord(1, "1", "elsewhere/boot/ns")
    assert cache.reserve(Reservation("k", "a", me, 100.0, 10))
    assert cache.reserve(Reservation("k", "a", me, 105.0, 10))
    assert not cache.reserve(Reservation("k", "b", me, 120.0, 10))
    assert cache.reserve(Reservation("k", "b", me, 166.0, 10))
    cache.release("k", "a")
    assert not cache.reserve(Reservation("k", "c", me, 166.0, 10))
    cache.release("k", "b")
    assert cache.reserve(Reservation("k", "c", elsewhere, 200.0, 10))
    assert not cache.reserve(Reservation("k", "d", me, 210.0, 10))
    assert cache.reserve(Reservation("k", "d", ProcessRecord(me.pid, "0", me.host), 211.0, 10))
    # Its process is known to have ended.
    assert cache.reserve(Reservation("k", "e", me, 211.0, 10))


PROGRAM = """
import asyncio, os, sys, time
from flyte_engine.caching import CacheUse
from flyte_engine.engine import *
from flyte_engine.memory import MemoryStore
from flyte_engine.records import RunRecord
from flyte_engine.sqlite import SQLiteCache
from flyte_models.ids import ActionID

path, log, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])

async def restore(outputs):
    return outputs.decode()

async def main():
    cache = SQLiteCache(path)
    engine = Engine(MemoryStore(), cache=cache)
    engine.start_run(RunRecord("r", "t", "p", "d", "o", time.time()))

    def request(name, body, parent, use=None):
        identity = ActionID(name=name, run_name="r")
        return ActionRequest(identity, "t", body, parent_name=parent, cache=use, restore=restore)

    async def child(attempt):
        with open(log, "a") as file:
            file.write(f"{os.getpid()}\\n")
        await asyncio.sleep(seconds)
        return Completed("x", b"x")

    async def root(attempt):
        calls = (engine.run_action(request(f"c{i}", child, "a0", CacheUse(f"k{i}", serialize=True))) for i in range(4))
        return Completed("".join(outcome.value for outcome in await asyncio.gather(*calls)))

    print((await engine.run_action(request("a0", root, None))).value)
    cache.close()

asyncio.run(main())
"""


def start(path, log, seconds):
    command = [sys.executable, "-W", "error", "-c", PROGRAM, str(path), str(log), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_of_equal_actions_in_several_processes_one_runs(tmp_path):
    path, log = tmp_path / "cache.db", tmp_path / "log"
    processes = [start(path, log, 0.3) for _ in range(3)]
    assert [process.communicate(timeout=60)[0] for process in processes] == ["xxxx\n"] * 3
    assert len(log.read_text().splitlines()) == 4


def test_a_reservation_of_a_killed_process_is_taken_over(tmp_path):
    path, log = tmp_path / "cache.db", tmp_path / "log"
    first = start(path, log, 600)
    while not log.exists() or len(log.read_text().splitlines()) < 4:
        time.sleep(0.02)
    second = start(path, log, 0)
    time.sleep(0.5)
    assert len(log.read_text().splitlines()) == 4
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    assert second.communicate(timeout=60)[0] == "xxxx\n"
    assert log.read_text().splitlines() == [str(first.pid)] * 4 + [str(second.pid)] * 4


def test_threads_share_a_cache(cache):
    def work(number):
        for index in range(20):
            cache.put(CachedOutputs(f"k{number}-{index}", bytes([number]), 1.0))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(cache.get(f"k{number}-{index}").outputs == bytes([number]) for number in range(4) for index in range(20))


def test_the_file(tmp_path):
    path = tmp_path / "new" / "cache.db"
    with closing(SQLiteCache(path)) as cache:
        assert path.stat().st_mode & 0o777 == 0o600
        cache.put(CachedOutputs("k", None, 1.0))
    with closing(SQLiteCache(path)) as cache:
        assert cache.get("k") == CachedOutputs("k", None, 1.0)
        cache.clear()
        assert cache.get("k") is None
    with pytest.raises(CacheError, match="is closed"):
        cache.get("k")
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE t (x)")
    with pytest.raises(CacheError, match="a database of another program, not a cache"):
        SQLiteCache(tmp_path / "other.db")
