"""What a server does about actions that the one before left: queued ones wait again, running ones are adopted or judged."""

import logging
import signal
import sqlite3
import time

from flyteidl2.task import run_pb2
from flyteidl2.workflow import run_definition_pb2

from flyte_devbox.database import Database
from flyte_devbox.executors.process import leader_of
from flyte_devbox.executors.processes import FOLDER_VARIABLE, end_forks, marked_with, send
from flyte_devbox.live import LiveAction, LiveRun
from flyte_devbox.rows import transitions_of
from flyte_devbox.scheduler import Scheduler
from flyte_devbox.starting import AttemptStarter
from flyte_models.lifecycle import ActionState, Start, advance
from flyte_models.phases import ActionPhase

__all__ = ["recover"]

_logger = logging.getLogger(__name__)

_RUNNING = 4
_PAUSED = 9


def recover(
    database: Database, scheduler: Scheduler, starter: AttemptStarter, folder: str, *, trusts_files: bool = True
) -> int:
    """Hand the scheduler everything that is not over; return how many actions that are.

    Args:
        database: the recorded state.
        scheduler: not started yet.
        starter: finds attempts that still run.
        folder: the state folder, which the processes of its attempts carry in their environment.
        trusts_files: whether what attempts have left is as they left it; after a power cut it may not be.
    """
    runs: dict[int, LiveRun] = {}
    for row in database.read("SELECT * FROM runs WHERE phase NOT IN (5, 6, 7, 8, 10) AND is_tracked = 0"):
        run = LiveRun(
            row["id"],
            row["org"],
            row["project"],
            row["domain"],
            row["name"],
            run_pb2.RunSpec.FromString(row["spec"]),
            row["started_at"],
            row["max_concurrency"],
            row["recover_from"],
        )
        runs[run.id] = run
        scheduler.add_run(run)
    running: list[tuple[LiveAction, str]] = []
    count = 0
    # Parents first, so that each knows its children.
    alive = "SELECT * FROM actions WHERE phase NOT IN (5, 6, 7, 8, 10) ORDER BY depth, id"
    for row in database.read(alive):
        run = runs.get(row["run_id"])
        if run is None:
            continue
        count += 1
        action = _action(row, run, starter)
        if not trusts_files and action.policy is not None:
            starter.forget_outcome(action)
        if row["phase"] == _RUNNING:
            attempt = database.read_one(
                "SELECT * FROM attempts WHERE action_id = ? AND number = ?", (action.id, action.number)
            )
            worker = "" if attempt is None else str(attempt["worker"])
            action.attempt_started_at = None if attempt is None else attempt["started_at"]
            action.attempt_began = _monotonic(action.attempt_started_at)
            action.transitions = [(_RUNNING, time.time())] if attempt is None else transitions_of(attempt)
            running.append((action, worker))
        elif action.type == run_definition_pb2.ACTION_TYPE_CONDITION:
            _add_condition(scheduler, action, row)
        elif starter.has_outcome(action):
            # It has run, and nobody had the time to say so.
            action.state = advance(_queued(action.state), Start())
            action.transitions = [(_RUNNING, time.time())]
            running.append((action, ""))
        else:
            # What may have been started without a record of it is ended below, and starts anew.
            action.state = _queued(action.state)
            scheduler.add(action)
    adopted: set[str] = set()
    leaders: list[int] = []
    for action, worker in running:
        action.worker = worker
        handle = starter.adopt(action)
        if handle is not None:
            adopted.add(action.output_prefix())
            leaders.append(leader_of(worker))
        scheduler.resume(action, handle)
    strays = [pid for pid, attempt in marked_with(folder) if attempt not in adopted]
    send(strays, signal.SIGKILL)
    forks = end_forks(FOLDER_VARIABLE, folder, leaders)
    if strays or forks:
        _logger.warning("ended %d processes of attempts that are over or unknown", len(strays) + forks)
    starter.clean_all([starter.work_dir(action) for action, _ in running])
    return count


def _action(row: sqlite3.Row, run: LiveRun, starter: AttemptStarter) -> LiveAction:
    digest = row["digest"]
    state = ActionState(
        ActionPhase.from_protobuf(row["phase"]),
        row["attempt"],
        row["max_attempts"],
        row["system_failures"],
        row["attempts_before"],
    )
    return LiveAction(
        row["id"],
        run,
        row["name"],
        row["parent"],
        row["depth"],
        row["type"],
        state,
        None if digest is None else starter.policy(digest),
        digest,
        row["input_uri"],
        row["run_base"],
        row["cache_key"],
        row["cache_status"],
        row["created_at"],
        time.time(),
        started_at=row["started_at"],
        born=_monotonic(row["created_at"]) or time.monotonic(),
        asked_in=row["asked_in"],
    )


def _monotonic(at: float | None) -> float | None:
    """Return a time of the wall clock, never one to come, on the clock of this process."""
    return None if at is None else time.monotonic() - max(0.0, time.time() - at)


def _queued(state: ActionState) -> ActionState:
    return ActionState(
        ActionPhase.QUEUED, state.attempt, state.max_attempts, state.system_failures, state.attempts_before
    )


def _add_condition(scheduler: Scheduler, action: LiveAction, row: sqlite3.Row) -> None:
    scheduler.add(action)
    condition = run_definition_pb2.ConditionAction.FromString(row["detail"] or b"")
    if condition.HasField("timeout"):
        seconds = condition.timeout.seconds + condition.timeout.nanos / 1e9
        scheduler.limit_condition(action, max(0.0, row["created_at"] + seconds - time.time()))
