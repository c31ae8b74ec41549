"""Runs that triggers start by schedule: one for each time that is due, and no more."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flyteidl2.task import common_pb2, task_definition_pb2
from flyteidl2.trigger import trigger_definition_pb2

from flyte_devbox.database import Database
from flyte_devbox.triggering import TriggerClock, run_name_at

from .serving import SUCCEED, CallError, shell_task, start, until
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


class DeploysMeanwhile(TriggerClock):
    """Other triggers are deployed anew, or not active any more, while the first run is started."""

    def __init__(self, database: Database, changes: str) -> None:
        super().__init__(database, None, None)  # type: ignore[arg-type]
        self._changes = changes
        self.begun: list[str] = []

    async def start(self, details: trigger_definition_pb2.TriggerDetails, **_: object) -> int:
        self.begun.append(details.id.name.name)
        await self._database.write(lambda connection: connection.execute(self._changes).rowcount)
        return 0


@pytest.mark.parametrize(
    ("changes", "begun", "due"),
    [
        ("UPDATE triggers SET next_at = 5e9", ["one"], {5e9}),
        ("UPDATE triggers SET next_at = NULL, is_active = 0", ["one"], {None}),
        ("UPDATE triggers SET updated_at = 2", ["one", "two"], {None}),
    ],
)
def test_what_is_deployed_while_runs_are_started_counts(
    tmp_path: Path, changes: str, begun: list[str], due: set[float | None]
) -> None:
    async def go() -> tuple[list[str], set[float | None]]:
        database = Database(tmp_path / "state.db")
        for name in ("one", "two"):
            details = trigger_definition_pb2.TriggerDetails()
            details.id.name.name = name
            values = ("p", "d", "t", name, 1, details.SerializeToString(), 1, 1, 1, 1, 100.0)
            await database.write(
                lambda connection, values=values: (
                    connection.execute(
                        "INSERT INTO triggers (project, domain, task_name, name, revision, details, is_active, automation,"
                        " deployed_at, updated_at, next_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        values,
                    ).rowcount
                )
            )
        clock = DeploysMeanwhile(database, changes)
        await clock._start_due()
        found = {row["next_at"] for row in database.read("SELECT next_at FROM triggers")}
        database.close()
        return clock.begun, found

    assert asyncio.run(go()) == (begun, due)


def test_a_trigger_that_cannot_be_read_does_not_hold_up_the_others(folder: Path) -> None:
    server = start(folder)
    try:
        triggers = [daily("a_broken"), daily("sound")]
        deploy(server, "due.task", shell_task(SUCCEED, name="due.task"), triggers=triggers)
        server.stop()
        with sqlite3.connect(folder / "state.db") as connection:
            connection.execute("UPDATE triggers SET next_at = 1")
            connection.execute("UPDATE triggers SET details = x'ff' WHERE name = 'a_broken'")
        connection.close()
        server = start(folder)

        def started() -> list[str]:
            with sqlite3.connect(f"file:{folder}/state.db?mode=ro", uri=True, timeout=30) as connection:
                found = [name for (name,) in connection.execute("SELECT trigger_name FROM runs")]
            connection.close()
            return found

        until(started, 60)
        assert started() == ["sound"]
    finally:
        server.stop()


def test_a_rate_of_nothing_is_refused(folder: Path) -> None:
    never = daily("never")
    never.automation_spec.schedule.rate.value = 0
    server = start(folder)
    try:
        with pytest.raises(CallError) as refused:
            deploy(server, "due.task", shell_task(SUCCEED, name="due.task"), triggers=[never])
        assert refused.value.code == "invalid_argument"
    finally:
        server.stop()
