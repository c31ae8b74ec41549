"""What a control plane is told of an action: each attempt to its end, in order, and nothing twice."""

from flyteidl2.common import identifier_pb2
from hypothesis import given
from hypothesis import strategies as st

from flyte.running.tracked.messages import Seen, Step, action_update, steps_since
from flyte_engine.records import ActionRecord, AttemptRecord, ErrorRecord
from flyte_models.phases import ActionPhase as Phase

FAILED = ErrorRecord("ValueError", "no")


def action(phase: Phase, attempt: int, **further) -> ActionRecord:
    return ActionRecord("r", "a", "a0", "env.task", "task", None, phase, attempt, 3, 1.0, 1.0, **further)


@st.composite
def histories(draw) -> list[tuple[ActionRecord, list[AttemptRecord]]]:
    """States of one action as the engine goes through them."""
    ends = draw(st.sampled_from([Phase.SUCCEEDED, Phase.FAILED, Phase.TIMED_OUT, Phase.ABORTED]))
    attempts: list[AttemptRecord] = []
    states = [(action(Phase.QUEUED, 1), [])]
    for number in range(1, draw(st.integers(1, 4))):
        attempts = [*attempts, AttemptRecord(number, Phase.RUNNING, number)]
        states.append((action(Phase.RUNNING, number), attempts))
        attempts = [*attempts[:-1], AttemptRecord(number, Phase.FAILED, number, number + 0.5, FAILED)]
        states.append((action(Phase.QUEUED, number + 1), attempts))
    last = len(attempts) + 1
    if ends is Phase.ABORTED and draw(st.booleans()):
        # While it waits for its next attempt.
        states.append((action(Phase.ABORTED, last, ended_at=9.0), attempts))
        return states
    attempts = [*attempts, AttemptRecord(last, Phase.RUNNING, last)]
    states.append((action(Phase.RUNNING, last), attempts))
    if draw(st.booleans()):
        states.append((action(Phase.PAUSED, last), attempts))
        states.append((action(Phase.RUNNING, last), attempts))
    attempts = [*attempts[:-1], AttemptRecord(last, ends, last, 9.0)]
    states.append((action(ends, last, ended_at=9.0), attempts))
    return states


@given(histories(), st.data())
def test_every_way_of_looking_tells_the_same_end(states, data) -> None:
    looks = data.draw(st.lists(st.booleans(), min_size=len(states) - 1, max_size=len(states) - 1))
    seen: Seen | None = None
    told: list[Step] = []
    for (record, attempts), is_looked_at in zip(states, [*looks, True], strict=True):
        if not is_looked_at:
            continue
        for _ in range(2):  # the second time there is nothing new
            new = list(steps_since(seen, record, attempts))
            told += new
            if new:
                seen = Seen(new[-1].attempt, new[-1].phase)
        assert not list(steps_since(seen, record, attempts))
    final, attempts = states[-1]
    assert (told[-1].attempt, told[-1].phase) == (final.attempt, final.phase)
    assert [step.attempt for step in told] == sorted(step.attempt for step in told)
    ended = [(step.attempt, step.phase) for step in told if step.phase.is_terminal]
    assert len(ended) == len({attempt for attempt, _ in ended})
    assert [attempt for attempt, _ in ended] == list(range(1, final.attempt + 1))
    same = [(step.attempt, step.phase) for step in told]
    assert all(before != after for before, after in zip(same, same[1:], strict=False))


def test_a_cached_action_is_told_of_without_an_attempt() -> None:
    (step,) = steps_since(None, action(Phase.SUCCEEDED, 1, ended_at=2.0, cache_status="hit"), [])
    run = identifier_pb2.RunIdentifier(org="o", project="p", domain="d", name="r")
    update = action_update(run, action(Phase.SUCCEEDED, 1, cache_status="hit"), step, 0, "c")
    assert update.event.cache_status == 2
    assert update.event.attempt == 1
    assert not update.parent_name
