"""What the runs of each task have in common."""

import sqlite3
import time

from flyteidl2.workflow import run_definition_pb2, run_service_pb2

from flyte_devbox import rows

__all__ = ["task_groups"]

_MOST_RUNS = 10_000
_RECENT = 10


def task_groups(
    connection: sqlite3.Connection, request: run_service_pb2.WatchGroupsRequest
) -> list[run_definition_pb2.TaskGroup]:
    """Return a group for each task that has runs in the time that is asked for, the latest first."""
    until = rows.seconds_of(request.end_date) if request.HasField("end_date") else time.time() + 1e9
    sql = (
        "SELECT r.*, a.environment AS environment, a.started_at AS running_at, a.error AS error FROM runs r"
        " JOIN actions a ON a.run_id = r.id AND a.parent = '' WHERE r.project = ? AND r.domain = ?"
        " AND r.created_at BETWEEN ? AND ? ORDER BY r.created_at DESC LIMIT ?"
    )
    where = (request.project_id.name, request.project_id.domain, rows.seconds_of(request.start_date), until, _MOST_RUNS)
    groups: dict[str, run_definition_pb2.TaskGroup] = {}
    phases: dict[str, dict[int, int]] = {}
    durations: dict[str, list[float]] = {}
    waits: dict[str, list[float]] = {}
    for row in connection.execute(sql, where):
        name = row["task_name"]
        group = groups.get(name)
        if group is None:
            group = groups[name] = run_definition_pb2.TaskGroup(
                task_name=name,
                environment_name=row["environment"],
                latest_run_time=rows.timestamp(row["created_at"]),
                short_name=name.rpartition(".")[2],
                created_by=[rows.IDENTITY],
            )
        group.total_runs += 1
        if len(group.recent_statuses) < _RECENT:
            group.recent_statuses.add(run_name=row["name"], phase=row["phase"])
        counts = phases.setdefault(name, {})
        counts[row["phase"]] = counts.get(row["phase"], 0) + 1
        if row["ended_at"] is not None:
            durations.setdefault(name, []).append(row["ended_at"] - row["created_at"])
            latest = max(rows.seconds_of(group.latest_finished_time), row["ended_at"])
            group.latest_finished_time.CopyFrom(rows.timestamp(latest))
        if row["running_at"] is not None:
            waits.setdefault(name, []).append(row["running_at"] - row["created_at"])
        error = rows.error_of(row)
        if error is not None:
            _count_error(group.error_counts, error)
    for name, group in groups.items():
        counts = phases[name]
        for phase, count in sorted(counts.items()):
            group.phase_counts.add(phase=phase, count=count)
        group.average_failure_rate = (counts.get(6, 0) + counts.get(8, 0)) / group.total_runs
        if times := durations.get(name):
            group.average_duration.FromNanoseconds(int(sum(times) / len(times) * 1e9))
        if times := waits.get(name):
            group.average_time_to_running.FromNanoseconds(int(sum(times) / len(times) * 1e9))
    return list(groups.values())


def _count_error(counts: run_definition_pb2.TaskGroup.ErrorCounts, error: run_definition_pb2.ErrorInfo) -> None:
    if error.kind == run_definition_pb2.ErrorInfo.KIND_USER:
        counts.user_error += 1
    elif error.kind == run_definition_pb2.ErrorInfo.KIND_SYSTEM:
        counts.system_error += 1
    else:
        counts.unspecified_error += 1
