"""Any sequence of changes and flushes leaves every store as it would leave a dictionary."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from flyte_engine.memory import MemoryStore
from flyte_engine.records import ActionRecord, AttemptRecord, ErrorRecord, RunRecord
from flyte_engine.sqlite import SQLiteStore
from flyte_engine.store import ActionChange, RunChange
from flyte_models.phases import ActionPhase

RUNS = st.sampled_from(["r1", "r2", "ü"])
NAMES = st.sampled_from(["a0", "b", "c"])
PHASES = st.sampled_from(list(ActionPhase))
TIMES = st.floats(allow_nan=False, allow_infinity=False, min_value=0, max_value=1e10)
ANY_TEXT = st.text(st.characters())
ERRORS = st.none() | st.builds(
    ErrorRecord,
    code=ANY_TEXT,
    message=ANY_TEXT,
    kind=st.sampled_from(["user", "system", "unknown"]),
    recoverable=st.booleans(),
    traceback=st.none() | ANY_TEXT,
)
RUN_RECORDS = st.builds(
    RunRecord,
    run_name=RUNS,
    task_name=st.text(max_size=5),
    project=st.sampled_from(["p", "q"]),
    domain=st.just("d"),
    org=st.just(""),
    created_at=TIMES,
    ended_at=st.none() | TIMES,
    phase=PHASES,
    source_path=st.none() | ANY_TEXT,
    command=st.none() | ANY_TEXT,
    labels=st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=2),
)
ACTION_RECORDS = st.builds(
    ActionRecord,
    run_name=RUNS,
    name=NAMES,
    parent_name=st.none() | NAMES,
    task_name=st.text(max_size=5),
    short_name=st.text(max_size=5),
    group=st.none() | st.text(max_size=5),
    phase=PHASES,
    attempt=st.integers(0, 9),
    max_attempts=st.integers(1, 9),
    created_at=TIMES,
    started_at=st.none() | TIMES,
    ended_at=st.none() | TIMES,
    error=ERRORS,
)
ATTEMPT_RECORDS = st.builds(
    AttemptRecord, number=st.integers(1, 4), phase=PHASES, started_at=TIMES, ended_at=st.none() | TIMES, error=ERRORS
)
DATA = st.none() | st.binary(max_size=20)


class _StoreMachine(RuleBasedStateMachine):
    """Drives one store beside plain dictionaries."""

    def __init__(self):
        super().__init__()
        self.store = self.make_store()
        self.loop = asyncio.new_event_loop()
        self.is_flushed = True
        self.run_records = {}
        self.run_order = []
        self.records = {}
        self.attempts = {}
        self.inputs = {}
        self.outputs = {}

    @rule(run=RUN_RECORDS)
    def record_run(self, run):
        self.store.record(RunChange(run))
        if run.run_name not in self.run_records:
            self.run_order.append(run.run_name)
        self.run_records[run.run_name] = run
        self.is_flushed = False

    @rule(
        record=ACTION_RECORDS,
        attempt=st.none() | ATTEMPT_RECORDS,
        inputs=DATA,
        outputs=DATA,
    )
    def record_action(self, record, attempt, inputs, outputs):
        self.store.record(ActionChange(record, attempt, inputs, outputs))
        key = (record.run_name, record.name)
        self.records[key] = record
        if attempt is not None:
            self.attempts.setdefault(key, {})[attempt.number] = attempt
        if inputs is not None:
            self.inputs[key] = inputs
        if outputs is not None:
            self.outputs[key] = outputs
        self.is_flushed = False

    @rule()
    def flush(self):
        self.loop.run_until_complete(self.store.flush())
        self.is_flushed = True

    @rule()
    def reopen(self):
        self.store = self.reopen_store(self.store)
        self.is_flushed = True

    @invariant()
    def reads_equal_the_model(self):
        if not self.is_flushed:
            return
        newest = self.run_order[::-1]
        newest.sort(key=lambda name: self.run_records[name].created_at, reverse=True)
        assert [self.run_records[name] for name in newest] == self.store.runs()
        for run_name in ("r1", "r2", "ü"):
            assert self.run_records.get(run_name) == self.store.run(run_name)
            actions = [record for (run, _), record in self.records.items() if run == run_name]
            assert actions == self.store.actions(run_name)
            for name in ("a0", "b", "c"):
                key = (run_name, name)
                assert [record for record in actions if record.parent_name == name] == self.store.actions(
                    run_name, name
                )
                assert self.records.get(key) == self.store.action(*key)
                attempts = self.attempts.get(key, {})
                assert [attempts[number] for number in sorted(attempts)] == self.store.attempts(*key)
                assert self.inputs.get(key) == self.store.inputs(*key)
                assert self.outputs.get(key) == self.store.outputs(*key)

    def teardown(self):
        self.store.close()
        self.loop.close()


class _MemoryMachine(_StoreMachine):
    def make_store(self):
        return MemoryStore()

    def reopen_store(self, store):
        return store


class _SQLiteMachine(_StoreMachine):
    def make_store(self):
        self.folder = tempfile.TemporaryDirectory()
        return SQLiteStore(Path(self.folder.name) / "history.db")

    def reopen_store(self, store):
        store.close()
        return SQLiteStore(store.path)

    def teardown(self):
        super().teardown()
        self.folder.cleanup()


_SETTINGS = settings(
    max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestMemoryStoreMachine = _MemoryMachine.TestCase
TestMemoryStoreMachine.settings = _SETTINGS
TestSQLiteStoreMachine = _SQLiteMachine.TestCase
TestSQLiteStoreMachine.settings = _SETTINGS
