"""What an action waits for, as control planes tell it."""

from flyteidl2.common import phase_pb2
from flyteidl2.workflow import run_definition_pb2

from flyte_protocol.waits import waiting_for

QUEUED, RUNNING = phase_pb2.ACTION_PHASE_QUEUED, phase_pb2.ACTION_PHASE_RUNNING


def details(
    *attempts: list[tuple[int, str]], phase: phase_pb2.ActionPhase = QUEUED
) -> run_definition_pb2.ActionDetails:
    """An action with attempts, each with events: when, and what."""
    message = run_definition_pb2.ActionDetails()
    message.status.phase, message.status.attempts = phase, len(attempts)
    for number, events in enumerate(attempts, 1):
        attempt = message.attempts.add(attempt=number)
        for at, text in events:
            attempt.cluster_events.add(message=text).occurred_at.seconds = at
    return message


def test_the_latest_event_of_the_last_attempt_counts() -> None:
    told = [(5, "no room"), (9, "fetching the image"), (9, "the image\n is not there"), (7, "assigned"), (10, "")]
    assert waiting_for(details([(20, "of the first attempt")], told)) == "the image is not there"


def test_nothing_is_told_of_what_runs_or_of_an_attempt_that_nothing_is_known_of() -> None:
    assert waiting_for(details([(1, "started")], phase=RUNNING)) == ""
    assert waiting_for(details()) == ""
    assert waiting_for(details([])) == ""
    behind = details([(1, "no room")])
    behind.status.attempts = 2
    assert waiting_for(behind) == ""
