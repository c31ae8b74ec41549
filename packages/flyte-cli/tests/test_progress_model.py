"""What the progress rows say, from events alone."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from flyte_cli.history import MOST_WAITING
from flyte_cli.progress.model import ProgressModel
from flyte_cli.watch import Changes, Waits
from flyte_engine.engine import EngineEvent
from flyte_engine.records import ActionRecord
from flyte_models.phases import ActionPhase


def record(name: str, parent: str | None, label: str, phase: ActionPhase, attempt: int = 1) -> ActionRecord:
    return ActionRecord(
        run_name="r",
        name=name,
        parent_name=parent,
        task_name=f"env.{label}",
        short_name=label,
        group=None,
        phase=phase,
        attempt=attempt,
        max_attempts=3,
        created_at=0.0,
        started_at=1.0,
        ended_at=5.0 if phase.is_terminal else None,
    )


def feed(model: ProgressModel, *records: ActionRecord) -> None:
    for item in records:
        model.apply(EngineEvent(record=item, previous=None))


def test_actions_of_one_task_share_a_row() -> None:
    model = ProgressModel()
    feed(model, record("a0", None, "main", ActionPhase.QUEUED), record("a0", None, "main", ActionPhase.RUNNING))
    for i in range(3):
        feed(model, record(f"c{i}", "a0", "score", ActionPhase.QUEUED))
    feed(model, record("c0", "a0", "score", ActionPhase.RUNNING), record("c1", "a0", "score", ActionPhase.SUCCEEDED))
    assert [(row.depth, row.label, row.describe()) for row in model.rows()] == [
        (0, "main", "running"),
        (1, "score", "1/3 done, 1 running"),
    ]
    feed(model, record("c0", "a0", "score", ActionPhase.QUEUED, attempt=2))
    feed(
        model,
        record("c0", "a0", "score", ActionPhase.SUCCEEDED, attempt=2),
        record("c2", "a0", "score", ActionPhase.FAILED),
    )
    assert [row.describe() for row in model.rows()] == ["running", "2 done, 1 failed, 1 retry"]
    assert next(iter(model.rows())).seconds(now=11.0) == 10.0


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from(list(ActionPhase)), st.integers(1, 3)), max_size=40))
def test_counts_add_up_whatever_comes(events: list[tuple[int, ActionPhase, int]]) -> None:
    model = ProgressModel()
    feed(model, record("a0", None, "main", ActionPhase.RUNNING))
    seen: dict[str, ActionPhase] = {}
    for number, phase, attempt in events:
        name = f"c{number}"
        if name not in seen:
            feed(model, record(name, "a0", "score", ActionPhase.QUEUED))
        feed(model, record(name, "a0", "score", phase, attempt))
        seen[name] = phase
    for row in model.rows():
        assert row.total == row.waiting + row.running + row.succeeded + row.failed
        assert min(row.waiting, row.running, row.succeeded, row.failed) >= 0
    assert sum(row.total for row in model.rows()) == 1 + len(seen)


def waiting(name: str, reason: str = "", phase: ActionPhase = ActionPhase.WAITING_FOR_RESOURCES) -> ActionRecord:
    return replace(record(name, None, "main", phase), waiting_for=reason)


def test_a_row_says_what_is_waited_for_until_nothing_waits() -> None:
    model = ProgressModel()
    feed(model, waiting("a0", phase=ActionPhase.QUEUED), waiting("a0"))
    row = next(model.rows())
    assert row.describe() == "waiting"
    feed(model, waiting("a0", "no room"), waiting("a0"))
    assert row.describe() == "waiting: no room"
    feed(model, waiting("a0", phase=ActionPhase.RUNNING))
    assert (row.describe(), row.waiting_for) == ("running", "")


def test_what_is_waited_for_is_an_event_when_it_changes() -> None:
    changes = Changes()
    told = [waiting("a0", phase=ActionPhase.QUEUED), waiting("a0"), waiting("a0", "no room"), waiting("a0")]
    told += [waiting("a0", "no room"), waiting("a0", "no memory"), waiting("a0", phase=ActionPhase.RUNNING)]
    events = [(event.record.phase.value, event.record.waiting_for) for each in told for event in changes.of([each])]
    assert events == [
        ("queued", ""),
        ("waiting_for_resources", ""),
        ("waiting_for_resources", "no room"),
        ("waiting_for_resources", "no memory"),
        ("running", ""),
    ]


def test_one_action_of_a_task_is_asked_what_it_waits_for() -> None:
    waits = Waits()
    queued = [waiting(f"c{number}", phase=ActionPhase.QUEUED) for number in range(5)]
    waits.take(queued, 0.0)
    assert waits.due(0.0) == []
    waits.take([waiting("c0", phase=ActionPhase.RUNNING)], 0.5)
    assert waits.due(1.5) == [queued[1]]
    assert waits.due(2.5) == []
    late = waiting("c3")
    waits.take([late], 2.6)
    assert waits.due(3.1) == [late]
    waits.take([waiting("c1", phase=ActionPhase.SUCCEEDED)], 3.2)
    assert waits.due(3.7) == [queued[2]]


def test_few_are_asked_at_once() -> None:
    waits = Waits()
    waits.take([replace(waiting(f"c{number}"), task_name=f"env.t{number}") for number in range(30)], 0.0)
    assert [len(waits.due(second)) for second in (0.0, 0.5, 1.0, 1.5)] == [MOST_WAITING, MOST_WAITING, MOST_WAITING, 0]
