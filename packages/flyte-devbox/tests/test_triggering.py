"""Runs that triggers start by schedule: one for each time that is due, and no more."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from flyteidl2.task import common_pb2, task_definition_pb2
from flyteidl2.trigger import trigger_definition_pb2

from flyte_devbox.triggering import run_name_at

from .serving import SUCCEED, shell_task, start, until
from .test_services import deploy

DAY = 86_400.0


def daily(name: str) -> task_definition_pb2.TaskTrigger:
    made = task_definition_pb2.TaskTrigger(name=name)
    made.spec.active = True
    made.automation_spec.type = common_pb2.TYPE_SCHEDULE
    made.automation_spec.schedule.rate.value = 1
    made.automation_spec.schedule.rate.unit = common_pb2.FIXED_RATE_UNIT_DAY
    return made


def test_names_of_runs_differ_by_trigger_and_time() -> None:
    one, other = trigger_definition_pb2.TriggerDetails(), trigger_definition_pb2.TriggerDetails()
    one.id.name.name, other.id.name.name = "one", "other"
    names = [run_name_at(details, due) for details in (one, other) for due in (1.0, 2.0, 1.0)]
    assert len(set(names)) == 4
    assert all(len(name) == 20 for name in names)


def test_each_time_that_is_due_starts_one_run(folder: Path) -> None:
    begun = time.time()

    def records(work: Callable[[sqlite3.Connection], None]) -> None:
        connection = sqlite3.connect(folder / "state.db")
        with connection:
            work(connection)
        connection.close()

    def runs() -> list[str]:
        with sqlite3.connect(f"file:{folder}/state.db?mode=ro", uri=True, timeout=30) as connection:
            found = [name for (name,) in connection.execute("SELECT trigger_name FROM runs ORDER BY trigger_name")]
        connection.close()
        return found

    def set_due(at: float) -> None:
        records(lambda connection: connection.execute("UPDATE triggers SET next_at = ?", (at,)) and None)

    def all_moved_on() -> bool:
        with sqlite3.connect(f"file:{folder}/state.db?mode=ro", uri=True, timeout=30) as connection:
            (late,) = connection.execute("SELECT count(*) FROM triggers WHERE next_at <= ?", (time.time(),)).fetchone()
        connection.close()
        return late == 0

    server = start(folder)
    try:
        deploy(server, "due.task", shell_task(SUCCEED, name="due.task"), triggers=[daily("one"), daily("two")])
        for due, expected in (
            (begun - 60, ["one", "two"]),
            (begun - 30, ["one", "one", "two", "two"]),
            # As after a crash before the clock had moved on: these have their runs.
            (begun - 30, ["one", "one", "two", "two"]),
        ):
            server.stop()
            set_due(due)
            server = start(folder)
            until(all_moved_on, 60)
            assert runs() == expected, due
    finally:
        server.stop()
