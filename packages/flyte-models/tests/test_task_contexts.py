import pickle
from dataclasses import fields
from typing import Any

import pytest

from flyte_models.errors import NotInTaskContextError
from flyte_models.ids import ActionID
from flyte_models.paths import CheckpointPaths, RawDataPath
from flyte_models.task_context import (
    CLUSTERED_WORKER_ENV,
    NULL_TASK_CONTEXT,
    TaskContext,
    is_clustered_worker_env,
    set_checkpoint_factory,
)

PROCESS = {
    "rank": "RANK", "local_rank": "LOCAL_RANK", "world_size": "WORLD_SIZE", "local_world_size": "LOCAL_WORLD_SIZE",
    "node_rank": "NODE_RANK", "nnodes": "NNODES", "master_port": "MASTER_PORT", "restart_attempt": "JOBSET_RESTART_ATTEMPT",
}  # fmt: skip


def context(**changes: Any) -> TaskContext:
    given = {
        "action": ActionID(name="a0"),
        "version": "v1",
        "raw_data_path": RawDataPath(path="s3://bucket/raw"),
        "output_path": "s3://bucket/out",
        "run_base_dir": "s3://bucket/run",
        "report": None,
    }
    return TaskContext(**given | changes)


def test_a_context_is_true_and_knows_its_own_action():
    each = context()
    assert each
    assert each.task_action == each.action
    assert each.run_start_time.tzinfo is not None


@pytest.mark.parametrize(("mode", "is_in_cluster"), [("local", False), ("remote", True), ("hybrid", False)])
def test_only_a_remote_task_is_in_the_cluster(mode: str, is_in_cluster: bool):
    assert context(mode=mode).is_in_cluster() is is_in_cluster


def test_replace_merges_data_and_leaves_the_original():
    first = context(data={"a": 1})
    second = first.replace(data={"b": 2}, version="v2")
    assert (second.data, second.version) == ({"a": 1, "b": 2}, "v2")
    assert (first.data, first.version) == ({"a": 1}, "v1")
    assert first.replace(version="v3").data is first.data
    with pytest.raises(TypeError, match="bogus"):
        first.replace(bogus=1)


def test_another_action_counts_its_calls_anew():
    first = context()
    assert first.replace(version="v2").call_counter is first.call_counter
    assert first.replace(action=ActionID(name="a0")).call_counter is first.call_counter
    inner = first.replace(action=ActionID(name="trace"))
    assert inner.call_counter is not first.call_counter
    assert inner.task_action == ActionID(name="a0")


def test_a_context_survives_pickling():
    each = context()
    assert pickle.loads(pickle.dumps(each)) == each
    assert pickle.loads(pickle.dumps(NULL_TASK_CONTEXT)) is NULL_TASK_CONTEXT


def test_the_attempt_comes_from_the_environment_unless_the_process_is_shared(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("FLYTE_ATTEMPT_NUMBER", raising=False)
    assert context().attempt_number == 0
    monkeypatch.setenv("FLYTE_ATTEMPT_NUMBER", "2")
    assert context().attempt_number == 2
    assert context(local_attempt=0).attempt_number == 0
    monkeypatch.setenv("FLYTE_ATTEMPT_NUMBER", "x")
    with pytest.raises(ValueError, match="`FLYTE_ATTEMPT_NUMBER` must be a whole number, got 'x'"):
        _ = context().attempt_number


def test_places_in_a_clustered_task_come_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    for number, (name, variable) in enumerate(PROCESS.items()):
        monkeypatch.delenv(variable, raising=False)
        assert getattr(context(), name) is None
        monkeypatch.setenv(variable, str(number))
        assert getattr(context(), name) == number
    monkeypatch.setenv("MASTER_ADDR", "host")
    assert context().master_addr == "host"


@pytest.mark.parametrize(
    ("env", "is_worker"),
    [
        ({}, False),
        ({CLUSTERED_WORKER_ENV: "1"}, True),
        ({CLUSTERED_WORKER_ENV: ""}, False),
        ({"TORCHELASTIC_RUN_ID": "x"}, True),
        ({"RANK": "0"}, False),
    ],
)
def test_workers_are_known_by_their_environment(env: dict, is_worker: bool):
    assert is_clustered_worker_env(env) is is_worker


def test_outside_of_tasks_everything_reads_none():
    assert not NULL_TASK_CONTEXT
    assert isinstance(NULL_TASK_CONTEXT, TaskContext)
    assert repr(NULL_TASK_CONTEXT) == "NullTaskContext()"
    assert {getattr(NULL_TASK_CONTEXT, field.name) for field in fields(TaskContext)} == {None}
    assert (NULL_TASK_CONTEXT.checkpoint, NULL_TASK_CONTEXT.is_in_cluster()) == (None, False)


def test_outside_of_tasks_nothing_can_be_set():
    with pytest.raises(NotInTaskContextError, match="`version`\nhint: "):
        NULL_TASK_CONTEXT.replace(version="v")


def test_a_checkpoint_is_opened_once_by_whoever_does_the_storage():
    paths = CheckpointPaths(prev_checkpoint_path=None, checkpoint_path="s3://bucket/checkpoint")
    each = context(checkpoint_paths=paths)
    # Another test of this process may have run a task, which registers one.
    set_checkpoint_factory(None)
    with pytest.raises(RuntimeError, match="hint: `import flyte` registers it"):
        _ = each.checkpoint
    set_checkpoint_factory(lambda given: [given])
    try:
        assert each.checkpoint == [paths]
        assert each.checkpoint is each.replace(version="v2").checkpoint
        assert context().checkpoint is None
        assert context(checkpoint_paths=CheckpointPaths("old", None)).checkpoint is None
    finally:
        set_checkpoint_factory(None)
