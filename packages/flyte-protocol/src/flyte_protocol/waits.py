"""What an action that does not run yet waits for, as its control plane tells it. Duck-typed: no protobuf is loaded."""

from typing import Any

from flyte_models.phases import ActionPhase
from flyte_protocol.phases import phase_from_wire

__all__ = ["WAITING", "latest_told", "waiting_for"]

WAITING = frozenset({ActionPhase.QUEUED, ActionPhase.WAITING_FOR_RESOURCES, ActionPhase.INITIALIZING})
"""Phases in which an action has begun nothing yet."""


def waiting_for(details: Any) -> str:
    """Return in words what an action waits for; empty if it does not wait, or nobody says.

    A control plane has no field for it: what happens to an attempt before it runs (no room for it, an image that cannot be
    fetched) is told in `ActionAttempt.cluster_events`, in Kubernetes the events of the pod. The latest of the last attempt holds.

    Args:
        details: A message `flyteidl2.workflow.ActionDetails`.
    """
    if phase_from_wire(details.status.phase) not in WAITING:
        return ""
    last = max(details.attempts, key=lambda one: one.attempt, default=None)
    return "" if last is None or last.attempt < details.status.attempts else latest_told(last)


def latest_told(attempt: Any) -> str:
    """Return the message of the latest event of an attempt; empty if there is none.

    Args:
        attempt: A message `flyteidl2.workflow.ActionAttempt`.
    """
    told = [event for event in attempt.cluster_events if event.message]
    # Of those at the same moment the one that came last.
    latest = max(reversed(told), key=lambda event: (event.occurred_at.seconds, event.occurred_at.nanos), default=None)
    return "" if latest is None else " ".join(latest.message.split())
