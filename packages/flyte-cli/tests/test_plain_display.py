"""The lines of progress where there is no terminal."""

import io

from flyte_cli.progress.display import PlainDisplay
from flyte_engine.engine import EngineEvent
from flyte_engine.records import ActionRecord, ErrorRecord
from flyte_models.phases import ActionPhase


def record(name: str, parent: str | None, task: str, phase: ActionPhase) -> ActionRecord:
    error = ErrorRecord("ValueError", "no") if phase is ActionPhase.FAILED else None
    return ActionRecord("r", name, parent, f"e.{task}", task, None, phase, 1, 1, 0.0, 0.0, None, error)


def lines_of(*records: ActionRecord) -> list[str]:
    stream = io.StringIO()
    display = PlainDisplay(stream)
    phases: dict[str, ActionPhase] = {}
    for item in records:
        if item.name not in phases:
            queued = record(item.name, item.parent_name, item.short_name, ActionPhase.QUEUED)
            display.on_event(EngineEvent(record=queued, previous=None))
            phases[item.name] = ActionPhase.QUEUED
        display.on_event(EngineEvent(record=item, previous=phases[item.name]))
        phases[item.name] = item.phase
    return [line.split("s  ", 1)[1] for line in stream.getvalue().splitlines()]


def test_the_last_line_of_a_row_counts_all_of_it():
    # One after the other, so that the row seems to be over after each.
    children = [
        record(f"c{i}", "a0", "score", phase)
        for i in range(5)
        for phase in (ActionPhase.RUNNING, ActionPhase.SUCCEEDED)
    ]
    lines = lines_of(
        record("a0", None, "main", ActionPhase.RUNNING), *children, record("a0", None, "main", ActionPhase.SUCCEEDED)
    )
    assert lines == ["score  done", "score  2 done", "score  4 done", "score  5 done", "main  done"]


def test_what_failed_is_not_counted_as_done():
    lines = lines_of(
        record("a0", None, "main", ActionPhase.RUNNING),
        record("c0", "a0", "score", ActionPhase.RUNNING),
        record("c1", "a0", "score", ActionPhase.RUNNING),
        record("c0", "a0", "score", ActionPhase.SUCCEEDED),
        record("c1", "a0", "score", ActionPhase.FAILED),
    )
    assert lines[-1] == "score  1 done, 1 failed"
