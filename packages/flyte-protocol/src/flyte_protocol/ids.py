"""Identifiers on the wire. This loads protobuf."""

from flyteidl2.common import identifier_pb2

from flyte_models.ids import ActionID

__all__ = ["action_id_from_wire", "action_id_to_wire", "run_id_to_wire"]


def run_id_to_wire(action: ActionID) -> identifier_pb2.RunIdentifier:
    """Give the identifier of the run that an action belongs to."""
    return identifier_pb2.RunIdentifier(
        org=action.org or "", project=action.project or "", domain=action.domain or "", name=action.run_name or ""
    )


def action_id_to_wire(action: ActionID) -> identifier_pb2.ActionIdentifier:
    """Give the identifier of an action."""
    return identifier_pb2.ActionIdentifier(run=run_id_to_wire(action), name=action.name)


def action_id_from_wire(message: identifier_pb2.ActionIdentifier) -> ActionID:
    """Read the identifier of an action; what is empty is None."""
    run = message.run
    return ActionID(
        name=message.name,
        run_name=run.name or None,
        project=run.project or None,
        domain=run.domain or None,
        org=run.org or None,
    )
