"""Phases on the wire. Numbers are all it takes: no protobuf is loaded."""

from flyte_models.phases import ActionPhase

__all__ = ["phase_from_wire", "phase_to_wire"]

_BY_NUMBER = {phase.to_protobuf_value(): phase for phase in ActionPhase}


def phase_to_wire(phase: ActionPhase | None) -> int:
    """Give the number of `flyteidl2.common.ActionPhase`; 0 (UNSPECIFIED) for a phase that is not known."""
    return 0 if phase is None else phase.to_protobuf_value()


def phase_from_wire(number: int) -> ActionPhase | None:
    """Convert a number from the wire for a watcher, which must not fail on what it does not know.

    `ActionPhase.from_protobuf` is the strict form.

    Returns:
        The phase; `None`, for "not known yet", when the number is 0 (UNSPECIFIED) or one that a newer server invented.
    """
    return _BY_NUMBER.get(number)
