"""Runs and actions on a real server: phases, attempts, retries, limits, abort, cache, children."""

import signal
import sqlite3
import subprocess
import time
import uuid
from pathlib import Path

import pytest
from flyteidl2.actions import actions_service_pb2
from flyteidl2.core import execution_pb2, literals_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.task import common_pb2, run_pb2
from flyteidl2.workflow import queue_service_pb2, run_definition_pb2, run_service_pb2, state_service_pb2

from flyte_devbox.executors.processes import belonging_to

from .serving import (
    SUCCEED,
    CallError,
    Server,
    abort,
    action_id,
    create_run,
    details,
    details_base,
    enqueue,
    logs,
    run_id,
    shell_task,
    start,
    until,
    until_exists,
    wait,
)

SUCCEEDED, FAILED, ABORTED, TIMED_OUT, PAUSED, RECOVERED = 5, 6, 7, 8, 9, 10


def test_a_run_succeeds_and_tells_its_phases_and_measures(server: Server) -> None:
    run = create_run(server, shell_task(f"echo hello; {SUCCEED}"))
    ended = wait(server, run)
    assert ended.status.phase == SUCCEEDED
    (attempt,) = ended.attempts
    assert [step.phase for step in attempt.phase_transitions] == [1, 4, 5]
    assert "CPU time" in attempt.cluster_events[0].message
    assert logs(server, run) == ["hello"]


def test_a_parent_waits_for_its_children_on_a_full_machine(server: Server, tmp_path: Path) -> None:
    over = tmp_path / "over"
    run = create_run(server, shell_task(f"{until_exists(over)}; {SUCCEED}", cpu="1000"))
    until(lambda: details(server, run).status.phase == 4)
    for number in range(3):
        enqueue(server, run, f"child{number}", shell_task(SUCCEED, cpu="1000"))
    enqueue(server, run, "child0", shell_task(SUCCEED, cpu="1000"))  # repeated: harmless
    seen: dict[str, int] = {}
    for message in server.stream(
        "ActionsService",
        "WatchForUpdates",
        actions_service_pb2.WatchForUpdatesRequest(parent_action_id=action_id(run)),
    ):
        update = message.action_update
        if update.action_id.name:
            seen[update.action_id.name] = update.phase
        if len(seen) == 3 and set(seen.values()) == {SUCCEEDED}:
            break
    over.touch()
    assert wait(server, run).status.phase == SUCCEEDED
    listed = server.call("RunService", "ListActions", run_service_pb2.ListActionsRequest(run_id=run_id(run)))
    assert [action.id.name for action in listed.actions] == ["a0", "child0", "child1", "child2"]


def test_a_failed_attempt_keeps_its_error_and_the_next_one_succeeds(server: Server, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    script = f"if [ -e {marker} ]; then {SUCCEED}; else touch {marker}; echo first; exit 3; fi"
    ended = wait(server, create_run(server, shell_task(script, retries=1)))
    assert ended.status.phase == SUCCEEDED
    first, second = ended.attempts
    assert (first.phase, first.error_info.code) == (FAILED, "NonZeroExitCode")
    assert (second.phase, second.attempt) == (SUCCEEDED, 2)


def test_an_error_document_is_what_the_action_failed_with(server: Server, tmp_path: Path) -> None:
    error = execution_pb2.ContainerError(
        code="ValueError", message="no good", origin=execution_pb2.ExecutionError.USER, kind=0
    )
    document = tmp_path / "error.pb"
    document.write_bytes(execution_pb2.ErrorDocument(error=error).SerializeToString())
    ended = wait(server, create_run(server, shell_task(f"cp {document} $OUT/error.pb", retries=5)))
    assert ended.status.phase == FAILED
    assert (ended.error_info.code, ended.error_info.message) == ("ValueError", "no good")
    assert len(ended.attempts) == 1  # it was not recoverable


def test_a_failure_that_nobody_had_the_time_to_record_is_retried(folder: Path, tmp_path: Path) -> None:
    # A short attempt is recorded as RUNNING together with its end: what a crash leaves of it is a QUEUED action and a document.
    error = execution_pb2.ContainerError(
        code="ValueError", message="no good", kind=execution_pb2.ContainerError.RECOVERABLE
    )
    document = execution_pb2.ErrorDocument(error=error).SerializeToString()
    first = start(folder)
    try:
        other = create_run(first, shell_task(f"touch {tmp_path}/began; sleep 600", cpu="1000"))
        until((tmp_path / "began").exists)
        name = create_run(first, shell_task(SUCCEED, retries=1))
        first.kill()
    finally:
        first.stop()
    row = sqlite3.connect(folder / "state.db").execute("SELECT run_base FROM actions ORDER BY id DESC").fetchone()
    prefix = Path(row[0], "a0", "1")
    prefix.mkdir(parents=True, exist_ok=True)
    (prefix / "error.pb").write_bytes(document)
    second = start(folder)
    try:
        abort(second, other)
        ended = wait(second, name)
        assert ended.status.phase == SUCCEEDED
        assert [attempt.error_info.code for attempt in ended.attempts] == ["ValueError", ""]
    finally:
        second.stop()


def test_a_killed_process_is_the_systems_failure_and_has_a_budget(server: Server) -> None:
    ended = wait(server, create_run(server, shell_task("kill -9 $$")))
    assert ended.status.phase == FAILED
    assert ended.error_info.code == "Interrupted"
    assert len(ended.attempts) == 4


def test_more_memory_than_the_limit_is_out_of_memory(server: Server) -> None:
    hungry = 'python3 -c "x = bytearray(400_000_000); import time; time.sleep(30)"'
    ended = wait(server, create_run(server, shell_task(hungry, memory_limit="100Mi")))
    assert (ended.status.phase, ended.error_info.code) == (FAILED, "OOMKilled")


@pytest.mark.parametrize("policy", [{"timeout": 0.5}, {"deadline": 0.5}])
def test_what_runs_too_long_times_out(server: Server, policy: dict[str, float]) -> None:
    ended = wait(server, create_run(server, shell_task("sleep 600", **policy)))
    assert ended.status.phase == TIMED_OUT


def test_a_time_out_of_an_attempt_draws_on_the_retries(server: Server, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    script = f"if [ -e {marker} ]; then {SUCCEED}; else touch {marker}; sleep 600; fi"
    # More retries than it takes: on a slow machine an attempt that does next to nothing may take a second, too.
    ended = wait(server, create_run(server, shell_task(script, retries=9, timeout=1)))
    assert ended.status.phase == SUCCEEDED
    assert ended.attempts[0].phase == TIMED_OUT


def test_what_waits_is_waiting_for_resources_and_times_out(server: Server) -> None:
    blocker = create_run(server, shell_task("sleep 600", cpu="1000"))
    until(lambda: details(server, blocker).status.phase == 4)
    waiting = create_run(server, shell_task(SUCCEED, cpu="1000"))
    ended = wait(server, create_run(server, shell_task(SUCCEED, cpu="1000", queued=0.5)))
    assert ended.status.phase == TIMED_OUT
    until(lambda: details(server, waiting).status.phase == 2)
    abort(server, blocker)
    ended = wait(server, waiting)
    assert ended.status.phase == SUCCEEDED
    assert 2 in [step.phase for step in ended.attempts[0].phase_transitions]


def test_abort_reaches_every_process_and_lets_it_clean_up(server: Server, tmp_path: Path) -> None:
    cleaned = tmp_path / "cleaned"
    script = (
        f"trap 'echo done > {cleaned}; exit 1' TERM; "
        f"(setsid sh -c 'echo $$ > {tmp_path}/grandchild; sleep 300') & sleep 300 & wait"
    )
    run = create_run(server, shell_task(script))
    pid = int(until(lambda: (tmp_path / "grandchild").exists() and (tmp_path / "grandchild").read_text().strip()))
    abort(server, run, "changed my mind")
    ended = wait(server, run)
    assert (ended.status.phase, ended.abort_info.reason) == (ABORTED, "changed my mind")
    until(cleaned.exists)
    until(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split())


def test_abort_of_a_finished_run_is_refused(server: Server) -> None:
    run = create_run(server, shell_task(SUCCEED))
    wait(server, run)
    with pytest.raises(CallError, match="SUCCEEDED") as refused:
        abort(server, run)
    assert refused.value.code == "failed_precondition"
    assert details(server, run).status.phase == SUCCEEDED


def test_abort_of_a_run_aborts_its_children(server: Server) -> None:
    run = create_run(server, shell_task("sleep 600"))
    until(lambda: details(server, run).status.phase == 4)
    enqueue(server, run, "child", shell_task("sleep 600"))
    until(lambda: details(server, run, "child").status.phase == 4)
    abort(server, run)
    assert wait(server, run, "child").status.phase == ABORTED


def test_a_run_name_is_taken_once(server: Server) -> None:
    create_run(server, shell_task(SUCCEED), name="taken")
    with pytest.raises(CallError) as refused:
        create_run(server, shell_task(SUCCEED), name="taken")
    assert refused.value.code == "already_exists"


def test_a_variable_that_no_process_can_have_is_refused_before_there_is_a_run(server: Server) -> None:
    variables = run_pb2.Envs(values=[literals_pb2.KeyValuePair(key="A=B", value="x")])
    with pytest.raises(CallError, match="'A=B' cannot be the name") as refused:
        create_run(server, shell_task(SUCCEED), name="odd-variable", envs=variables)
    assert refused.value.code == "invalid_argument"
    with pytest.raises(CallError) as missing:
        details(server, "odd-variable")
    assert missing.value.code == "not_found"


def test_cached_outputs_are_taken_and_a_serialized_task_runs_once(server: Server, tmp_path: Path) -> None:
    counter = tmp_path / "count"
    spec = shell_task(f"echo x >> {counter}; sleep 0.5; {SUCCEED}", cache=True, serialize=True)
    run = create_run(server, shell_task("sleep 600"))
    until(lambda: details(server, run).status.phase == 4)
    key = uuid.uuid4().hex
    for number in range(4):
        enqueue(server, run, f"cached{number}", spec, cache_key=key)
    assert [wait(server, run, f"cached{number}").status.phase for number in range(4)] == [SUCCEEDED] * 4
    assert counter.read_text() == "x\n"
    statuses = sorted(details(server, run, f"cached{number}").status.cache_status for number in range(4))
    assert statuses == [2, 2, 2, 3]  # three hits, one populated
    abort(server, run)


def test_a_condition_waits_for_its_signal(server: Server) -> None:
    run = create_run(server, shell_task("sleep 600"))
    until(lambda: details(server, run).status.phase == 4)
    condition = run_definition_pb2.ConditionAction(name="ok", prompt="go on?")
    condition.type.simple = 4  # boolean
    enqueue(server, run, "wait1", condition=condition)
    assert details(server, run, "wait1").status.phase == PAUSED
    paused = run_service_pb2.ListRunsRequest(org="testorg", paused_actions_only=True)
    assert [one.action.id.run.name for one in server.call("RunService", "ListRuns", paused).runs] == [run]
    wrong = run_service_pb2.SignalEventRequest(action_id=action_id(run, "wait1"))
    wrong.payload.string_value = "yes"
    with pytest.raises(CallError, match="boolean"):
        server.call("RunService", "SignalEvent", wrong)
    right = run_service_pb2.SignalEventRequest(action_id=action_id(run, "wait1"))
    right.payload.bool_value = True
    server.call("RunService", "SignalEvent", right)
    ended = details(server, run, "wait1")
    assert ended.status.phase == SUCCEEDED
    assert ended.signal_info.output.scalar.primitive.boolean
    abort(server, run)


def test_a_trace_is_recorded_as_it_is(server: Server) -> None:
    run = create_run(server, shell_task("sleep 600"))
    trace = run_definition_pb2.TraceAction(name="step", phase=5)
    trace.spec.interface.SetInParent()
    trace.outputs.output_uri = "/somewhere/outputs.pb"
    enqueue(server, run, "trace1", trace=trace)
    assert details(server, run, "trace1").status.phase == SUCCEEDED
    watch = server.stream("StateService", "Watch", state_service_pb2.WatchRequest(parent_action_id=action_id(run)))
    assert next(watch).action_update.output_uri == "/somewhere/outputs.pb"
    assert next(watch).control_message.sentinel
    abort(server, run)


def test_older_runtimes_enqueue_and_abort_with_the_queue_service(server: Server) -> None:
    run = create_run(server, shell_task("sleep 600"))
    base = details_base(server)
    request = queue_service_pb2.EnqueueActionRequest(
        action_id=action_id(run, "old"),
        parent_action_name="a0",
        input_uri=f"{base}/x.pb",
        run_output_base=f"{base}/{run}",
    )
    request.task.spec.CopyFrom(shell_task("sleep 600"))
    server.call("QueueService", "EnqueueAction", request)
    server.call(
        "QueueService", "AbortQueuedAction", queue_service_pb2.AbortQueuedActionRequest(action_id=action_id(run, "old"))
    )
    assert wait(server, run, "old").status.phase == ABORTED
    abort(server, run)


def test_a_child_that_failed_runs_again_for_the_parents_next_attempt(server: Server, tmp_path: Path) -> None:
    failed, fixed, again = tmp_path / "failed", tmp_path / "fixed", tmp_path / "again"
    parent = f"if [ -e {failed} ]; then {until_exists(again)}; {SUCCEED}; else {until_exists(failed)}; exit 1; fi"
    run = create_run(server, shell_task(parent, retries=1))
    until(lambda: details(server, run).status.phase == 4)
    child = shell_task(f"if [ -e {fixed} ]; then {SUCCEED}; else exit 1; fi")
    enqueue(server, run, "child", child)
    assert wait(server, run, "child").status.phase == FAILED
    fixed.touch()
    failed.touch()
    until(lambda: details(server, run).status.attempts == 2)
    enqueue(server, run, "child", child)
    ended = wait(server, run, "child")
    assert (ended.status.phase, ended.status.attempts) == (SUCCEEDED, 2)
    again.touch()
    assert wait(server, run).status.phase == SUCCEEDED


def test_a_recovered_run_takes_over_what_succeeded(server: Server) -> None:
    first = create_run(server, shell_task(SUCCEED))
    wait(server, first)
    from flyteidl2.common import run_pb2 as common_run_pb2

    relation = common_run_pb2.Relation(related_to=run_id(first), relation_type=2)
    run = create_run(server, shell_task("exit 1"), relation=relation, recover=run_pb2.Recover())
    assert wait(server, run).status.phase == RECOVERED


def test_runs_are_listed_by_filters_and_pages(server: Server) -> None:
    names = [create_run(server, shell_task(SUCCEED, name="listed.task")) for _ in range(3)]
    for name in names:
        wait(server, name)
    request = run_service_pb2.ListRunsRequest(org="testorg")
    request.request.limit = 2
    request.request.filters.add(function=0, field="task_name", values=["listed.task"])
    request.request.filters.add(function=7, field="phase", values=["SUCCEEDED", "5"])
    page = server.call("RunService", "ListRuns", request)
    assert [run.action.id.run.name for run in page.runs] == names[:0:-1]
    request.request.token = page.token
    page = server.call("RunService", "ListRuns", request)
    assert [run.action.id.run.name for run in page.runs] == names[:1]
    assert page.token == ""


def test_inputs_and_outputs_are_given_back(server: Server, tmp_path: Path) -> None:
    outputs = common_pb2.Outputs()
    outputs.literals.add(name="o0").value.scalar.primitive.integer = 7
    prepared = tmp_path / "outputs.pb"
    prepared.write_bytes(outputs.SerializeToString())
    request = run_service_pb2.CreateRunRequest(
        task_spec=shell_task(f"cp {prepared} $OUT/outputs.pb"), run_id=run_id("data1")
    )
    request.inputs.literals.add(name="x").value.CopyFrom(
        literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=literals_pb2.Primitive(integer=3)))
    )
    server.call("RunService", "CreateRun", request)
    wait(server, "data1")
    data = server.call(
        "DataProxyService", "GetActionData", dataproxy_service_pb2.GetActionDataRequest(action_id=action_id("data1"))
    )
    assert data.inputs.literals[0].value.scalar.primitive.integer == 3
    assert data.outputs == outputs


def test_logs_are_followed_while_they_are_written(server: Server) -> None:
    run = create_run(server, shell_task(f"echo one; sleep 1; echo two; {SUCCEED}"))
    assert logs(server, run) == ["one", "two"]
    with pytest.raises(CallError) as missing:
        logs(server, run, attempt=9)
    assert missing.value.code == "not_found"


def test_a_run_without_a_project_is_refused(server: Server) -> None:
    request = run_service_pb2.CreateRunRequest(task_spec=shell_task(SUCCEED), run_id=run_id("x"))
    request.run_id.project = "nowhere"
    with pytest.raises(CallError, match="nowhere") as refused:
        server.call("RunService", "CreateRun", request)
    assert refused.value.code == "not_found"


class TestRestart:
    """`kill -9` of the server, then a new one on the same folder."""

    def test_what_runs_is_adopted_and_what_waits_is_started(self, folder: Path, tmp_path: Path) -> None:
        server = start(folder)
        try:
            count, child_is_over = tmp_path / "count", tmp_path / "over"
            script = f"echo x >> {count}; {until_exists(child_is_over)}; echo after; {SUCCEED}"
            run = create_run(server, shell_task(script))
            until(lambda: details(server, run).status.phase == 4)
            enqueue(server, run, "done", shell_task(SUCCEED))
            wait(server, run, "done")
            enqueue(server, run, "child", shell_task(f"sleep 3; {SUCCEED}"))
            until(count.exists)
            server.kill()
            server = start(folder)
            assert wait(server, run, "child").status.phase == SUCCEEDED
            child_is_over.touch()
            ended = wait(server, run)
            assert (ended.status.phase, ended.status.attempts) == (SUCCEEDED, 1)
            assert count.read_text() == "x\n"
            assert details(server, run, "done").status.attempts == 1
            assert logs(server, run)[-1] == "after"
        finally:
            server.stop()

    def test_a_process_that_died_meanwhile_is_a_system_failure(self, folder: Path, tmp_path: Path) -> None:
        server = start(folder)
        try:
            pid = tmp_path / "pid"
            script = f"if [ -e {pid} ]; then {SUCCEED}; else echo $$ > {pid}; sleep 600; fi"
            run = create_run(server, shell_task(script))
            number = int(until(lambda: pid.exists() and pid.read_text().strip()))
            # That it runs is recorded with the next write that is waited for.
            until(lambda: details(server, run).status.phase == 4)
            server.kill()
            subprocess.run(["kill", "-9", str(number)], check=True)
            time.sleep(0.2)
            server = start(folder)
            ended = wait(server, run)
            assert (ended.status.phase, ended.status.attempts) == (SUCCEEDED, 2)
            assert ended.attempts[0].error_info.kind == run_definition_pb2.ErrorInfo.KIND_SYSTEM
            # What it had started is not left beside the next attempt.
            assert belonging_to(number, "of nobody else") == []
        finally:
            server.stop()

    def test_it_ends_on_sigterm_and_frees_the_folder(self, folder: Path) -> None:
        server = start(folder)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
        start(folder).stop()
