"""The lenient half of the state machine: what a foreign backend reports."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyte_models.lifecycle import Observed, PhaseReport, observe
from flyte_models.phases import ActionPhase

QUEUED, RUNNING, SUCCEEDED, FAILED, ABORTED, TIMED_OUT = (
    ActionPhase.QUEUED,
    ActionPhase.RUNNING,
    ActionPhase.SUCCEEDED,
    ActionPhase.FAILED,
    ActionPhase.ABORTED,
    ActionPhase.TIMED_OUT,
)
reports = st.builds(PhaseReport, st.none() | st.sampled_from(ActionPhase), st.integers(0, 4))


def watch(*told: PhaseReport) -> Observed:
    seen = Observed()
    for report in told:
        seen = observe(seen, report)
    return seen


@given(st.lists(reports, max_size=30))
def test_any_order_is_accepted_and_kept(told: list[PhaseReport]):
    seen = watch(*told)
    assert seen.history == tuple(told)
    assert seen.attempt == max((report.attempt for report in told), default=0)


@given(st.lists(reports, max_size=30))
def test_the_phase_is_known_as_soon_as_one_was_told(told: list[PhaseReport]):
    known = [report.phase for report in told if report.phase is not None]
    seen = watch(*told)
    assert (seen.phase in known) if seen.phase is not None else True
    assert (seen.phase is None) == all(
        report.phase is None or report.attempt and report.attempt < max(r.attempt for r in told[: index + 1])
        for index, report in enumerate(told)
    )


@given(st.lists(reports, max_size=20), st.sampled_from([phase for phase in ActionPhase if phase.is_terminal]))
def test_the_end_of_the_newest_attempt_is_always_believed(told: list[PhaseReport], phase: ActionPhase):
    seen = watch(*told)
    ended = observe(seen, PhaseReport(phase, seen.attempt))
    assert (ended.phase, ended.is_terminal) == (phase, True)


@given(st.lists(reports, max_size=20))
def test_not_known_yet_changes_nothing_but_the_history(told: list[PhaseReport]):
    seen = watch(*told)
    after = observe(seen, PhaseReport(None))
    assert (after.phase, after.attempt) == (seen.phase, seen.attempt)


def test_nothing_was_heard_yet():
    assert (Observed().phase, Observed().is_terminal, watch(PhaseReport(None)).phase) == (None, False, None)


@pytest.mark.parametrize(
    ("told", "phase"),
    [
        ([PhaseReport(FAILED, 1), PhaseReport(QUEUED, 2)], QUEUED),
        ([PhaseReport(FAILED), PhaseReport(QUEUED)], QUEUED),
        ([PhaseReport(TIMED_OUT), PhaseReport(RUNNING)], RUNNING),
        ([PhaseReport(SUCCEEDED, 1), PhaseReport(ABORTED, 1)], ABORTED),
        ([PhaseReport(RUNNING, 1), PhaseReport(RUNNING, 1)], RUNNING),
        ([PhaseReport(RUNNING, 1), PhaseReport(QUEUED, 1)], QUEUED),
        # late: an earlier attempt, or a live phase of an attempt that is over for good
        ([PhaseReport(QUEUED, 2), PhaseReport(FAILED, 1)], QUEUED),
        ([PhaseReport(SUCCEEDED, 1), PhaseReport(RUNNING, 1)], SUCCEEDED),
        ([PhaseReport(SUCCEEDED), PhaseReport(RUNNING)], SUCCEEDED),
        ([PhaseReport(SUCCEEDED, 1), PhaseReport(QUEUED, 2)], QUEUED),
    ],
)
def test_what_counts(told: list[PhaseReport], phase: ActionPhase):
    assert watch(*told).phase is phase
