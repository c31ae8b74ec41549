"""What every store does, run on each of them."""

import asyncio
import threading

import pytest

from flyte_engine.records import ActionRecord, AttemptRecord, ErrorRecord, LogRecord, ProcessRecord
from flyte_engine.store import ActionChange, CacheNoteChange, LogChange, ReportChange, RunChange, StoreClosedError
from flyte_models.phases import ActionPhase

ERROR = ErrorRecord("ValueError", "bad \udc80 value", "user", True, "Traceback …")


def action(name="a1", *, run_name="r", parent="a0", phase=ActionPhase.RUNNING, **fields):
    defaults = {
        "run_name": run_name,
        "name": name,
        "parent_name": parent,
        "task_name": "env.task",
        "short_name": "task",
        "group": None,
        "phase": phase,
        "attempt": 1,
        "max_attempts": 3,
        "created_at": 1.5,
    }
    return ActionRecord(**{**defaults, **fields})


def flush(store):
    asyncio.run(store.flush())


def test_an_unknown_run_or_action_is_none(store):
    assert store.run("r") is None
    assert store.runs() == []
    assert store.action("r", "a0") is None
    assert store.actions("r") == []
    assert store.attempts("r", "a0") == []
    assert store.inputs("r", "a0") is None
    assert store.outputs("r", "a0") is None


def test_a_run_comes_back_as_it_was_recorded(store, make_run):
    run = make_run(
        ended_at=2.25,
        phase=ActionPhase.TIMED_OUT,
        source_path="/tmp/\udcff.py",
        command="flyte run 'a b'",
        labels={"käse": "ja", "": "\0"},
    )
    store.record(RunChange(run))
    flush(store)
    assert store.run("r") == run
    assert store.runs() == [run]


def test_an_action_comes_back_as_it_was_recorded(store):
    record = action(group="g", started_at=2.0, ended_at=3.0, phase=ActionPhase.FAILED, error=ERROR)
    attempt = AttemptRecord(2, ActionPhase.FAILED, 2.0, 3.0, ERROR)
    store.record(ActionChange(record, attempt, b"in", b""))
    flush(store)
    assert store.action("r", "a1") == record
    assert store.actions("r") == [record]
    assert store.attempts("r", "a1") == [attempt]
    assert store.inputs("r", "a1") == b"in"
    assert store.outputs("r", "a1") == b""


@pytest.mark.parametrize("flush_between", [False, True])
def test_a_later_change_replaces_the_record_and_keeps_what_it_does_not_name(store, flush_between):
    first = AttemptRecord(1, ActionPhase.RUNNING, 1.0)
    store.record(ActionChange(action(phase=ActionPhase.RUNNING), first, b"in"))
    if flush_between:
        flush(store)
    done = action(phase=ActionPhase.SUCCEEDED, ended_at=4.0)
    store.record(ActionChange(done, outputs=b"out"))
    flush(store)
    assert store.actions("r") == [done]
    assert store.attempts("r", "a1") == [first]
    assert (store.inputs("r", "a1"), store.outputs("r", "a1")) == (b"in", b"out")


def test_attempts_are_ordered_by_number_and_replaced_by_number(store):
    attempts = [AttemptRecord(number, ActionPhase.RUNNING, float(number)) for number in (3, 1, 2)]
    for attempt in attempts:
        store.record(ActionChange(action(), attempt))
    ended = AttemptRecord(2, ActionPhase.FAILED, 2.0, 9.0, ERROR)
    store.record(ActionChange(action(), ended))
    flush(store)
    assert store.attempts("r", "a1") == [attempts[1], ended, attempts[0]]


@pytest.mark.parametrize("flush_between", [False, True])
def test_actions_keep_the_order_in_which_they_were_first_recorded(store, flush_between):
    names = [f"a{number}" for number in (5, 3, 9, 1)]
    for name in names:
        store.record(ActionChange(action(name)))
    if flush_between:
        flush(store)
    for name in sorted(names):
        store.record(ActionChange(action(name, phase=ActionPhase.SUCCEEDED)))
    flush(store)
    assert [found.name for found in store.actions("r")] == names


def test_actions_of_one_parent(store):
    root = action("a0", parent=None)
    children = [action("b"), action("c")]
    for record in (root, children[0], action("d", parent="b"), children[1], action("b", run_name="other")):
        store.record(ActionChange(record))
    flush(store)
    assert store.actions("r", parent="a0") == children
    assert store.actions("r", parent="nobody") == []
    assert len(store.actions("r")) == 4


def test_runs_are_listed_newest_first_filtered_and_limited(store, make_run):
    runs = [make_run(f"r{number}", created_at=at) for number, at in enumerate([5.0, 9.0, 1.0, 9.0])]
    elsewhere = make_run("other", created_at=100.0, project="q", domain="e")
    for run in (*runs, elsewhere):
        store.record(RunChange(run))
    flush(store)
    newest_first = [runs[3], runs[1], runs[0], runs[2]]
    assert store.runs() == [elsewhere, *newest_first]
    assert store.runs(project="p") == newest_first
    assert store.runs(2, project="p", domain="d") == newest_first[:2]
    assert store.runs(project="p", domain="e") == []
    assert store.runs(0) == []


def test_more_rows_than_fit_a_statement_and_a_transaction(store):
    """64 and 8 rows go into one statement, 4096 changes into one transaction."""
    count = 4096 + 64 + 8 + 5
    for number in range(count):
        store.record(ActionChange(action(f"a{number}"), inputs=str(number).encode()))
    flush(store)
    assert [found.name for found in store.actions("r")] == [f"a{number}" for number in range(count)]
    assert store.inputs("r", f"a{count - 1}") == str(count - 1).encode()


def test_a_large_value_survives(store):
    data = bytes(range(256)) * 40_000
    store.record(ActionChange(action(), inputs=data))
    flush(store)
    assert store.inputs("r", "a1") == data


def test_many_tasks_flush_at_once(store):
    async def write(number):
        store.record(ActionChange(action(f"a{number}"), outputs=b"%d" % number))
        await store.flush()
        return store.outputs("r", f"a{number}")

    async def write_all():
        return await asyncio.gather(*(write(number) for number in range(300)))

    assert asyncio.run(write_all()) == [b"%d" % number for number in range(300)]


def test_threads_with_loops_of_their_own_share_a_store(store):
    seen = []

    def work(thread):
        async def write():
            for number in range(20):
                store.record(ActionChange(action(f"a{thread}-{number}")))
                await store.flush()
                seen.append(store.action("r", f"a{thread}-{number}") is not None)

        asyncio.run(write())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 80
    assert len(store.actions("r")) == 80


def test_a_cancelled_flush_leaves_the_store_usable(store):
    async def scenario():
        store.record(ActionChange(action("a1")))
        waiting = asyncio.create_task(store.flush())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        store.record(ActionChange(action("a2")))
        await store.flush()

    asyncio.run(scenario())
    assert [found.name for found in store.actions("r")] == ["a1", "a2"]


def test_a_closed_store_says_so(store):
    store.record(ActionChange(action()))
    store.close()
    store.close()
    with pytest.raises(StoreClosedError, match="hint: keep it open"):
        store.record(ActionChange(action()))
    with pytest.raises(StoreClosedError):
        asyncio.run(store.flush())
    for read in (store.runs, lambda: store.run("r"), lambda: store.actions("r"), lambda: store.outputs("r", "a1")):
        with pytest.raises(StoreClosedError):
            read()


def test_a_run_is_added_once_and_durably(store, make_run):
    me, other = ProcessRecord(1, "2", "a/b/c"), ProcessRecord(3, "4", "a/b/c")
    assert store.add_run(make_run(labels={"a": "b"}), me)
    assert not store.add_run(make_run(created_at=9.0), other)
    assert (store.run("r"), store.owner("r")) == (make_run(labels={"a": "b"}), me)
    store.record(RunChange(make_run(phase=ActionPhase.RUNNING)))
    flush(store)
    assert (store.run("r").phase, store.owner("r")) == (ActionPhase.RUNNING, me)
    store.close()
    with pytest.raises(StoreClosedError):
        store.add_run(make_run("s"), me)


def test_what_the_cache_did_comes_back(store):
    record = action(cache_status="populated", cache_key="key")
    store.record(ActionChange(record))
    flush(store)
    assert store.action("r", "a1") == record


def line(text, action_name="a0", attempt=1, stream="stdout"):
    return LogChange(LogRecord("r", action_name, attempt, 1.5, stream, text))


def test_lines_come_in_order_by_action_and_attempt_and_can_be_read_on(store):
    for change in (line("one"), line("käse", "a1"), line("two", attempt=2, stream="stderr"), line("three", attempt=2)):
        store.record(change)
    flush(store)
    assert [record.text for _, record in store.logs("r")] == ["one", "käse", "two", "three"]
    assert [record.text for _, record in store.logs("r", "a0")] == ["one", "two", "three"]
    found = store.logs("r", "a0", attempt=2)
    assert [(record.text, record.stream, record.at) for _, record in found] == [
        ("two", "stderr", 1.5),
        ("three", "stdout", 1.5),
    ]
    assert store.logs("r", after=found[0][0]) == found[1:]
    assert [record.text for _, record in store.logs("r", limit=2)] == ["one", "käse"]
    assert store.logs("other") == []


def test_a_line_of_broken_text_is_kept(store):
    store.record(line("bad \udc80 byte"))
    flush(store)
    assert store.logs("r")[0][1].text.startswith("bad ")


def test_the_last_report_counts(store):
    assert store.report("r", "a0") is None
    assert store.cache_note("r", "a0") is None
    store.record(CacheNoteChange("r", "a0", b"{}"))
    store.record(ReportChange("r", "a0", b"<p>1</p>"))
    store.record(ReportChange("r", "a0", b"<p>2</p>"))
    flush(store)
    assert store.report("r", "a0") == b"<p>2</p>"
    assert store.cache_note("r", "a0") == b"{}"


def test_a_deleted_run_leaves_nothing_and_others_stay(store, make_run):
    for name in ("r", "s"):
        store.record(RunChange(make_run(run_name=name), ProcessRecord(1, "0", "host")))
        store.record(ActionChange(action("a0", run_name=name, parent=None), inputs=b"in"))
        store.record(LogChange(LogRecord(name, "a0", 1, 1.0, "stdout", "x")))
        store.record(ReportChange(name, "a0", b"<p>"))
        store.record(CacheNoteChange(name, "a0", b"{}"))
    flush(store)
    assert store.delete_run("r") is True
    assert store.delete_run("r") is False
    assert (store.run("r"), store.action("r", "a0"), store.logs("r"), store.owner("r")) == (None, None, [], None)
    assert (store.inputs("r", "a0"), store.report("r", "a0"), store.cache_note("r", "a0")) == (None, None, None)
    assert store.run("s") is not None
    assert (store.inputs("s", "a0"), store.report("s", "a0"), len(store.logs("s"))) == (b"in", b"<p>", 1)
