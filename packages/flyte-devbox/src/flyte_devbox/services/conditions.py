"""Signals to conditions, for the services that take them."""

import sqlite3
from typing import TYPE_CHECKING

from flyteidl2.core import literals_pb2, types_pb2
from flyteidl2.workflow import run_definition_pb2, run_service_pb2

from flyte_devbox.errors import failed_precondition, invalid_argument
from flyte_models.phases import ActionPhase

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox

__all__ = ["literal_of_payload", "phase_name", "signal_condition"]

_KINDS = {
    types_pb2.INTEGER: "integer",
    types_pb2.FLOAT: "float_value",
    types_pb2.STRING: "string_value",
    types_pb2.BOOLEAN: "boolean",
}


def phase_name(number: int) -> str:
    """Return a phase as messages write it."""
    return ActionPhase.from_protobuf(number).name


def literal_of_payload(payload: run_service_pb2.EventPayload) -> literals_pb2.Literal:
    """Convert the value of a signal.

    Raises:
        ServiceError: INVALID_ARGUMENT: there is none.
    """
    kind = payload.WhichOneof("value")
    if kind is None:
        raise invalid_argument("the signal has no value: a bool, an int, a float or a string")
    primitive = literals_pb2.Primitive()
    if kind == "bool_value":
        primitive.boolean = payload.bool_value
    elif kind == "int_value":
        primitive.integer = payload.int_value
    elif kind == "float_value":
        primitive.float_value = payload.float_value
    else:
        primitive.string_value = payload.string_value
    return literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=primitive))


async def signal_condition(devbox: "Devbox", row: sqlite3.Row, value: literals_pb2.Literal) -> None:
    """Give a condition its value.

    Raises:
        ServiceError: INVALID_ARGUMENT: the action is no condition, or wants another type. FAILED_PRECONDITION: it is over.
    """
    if row["type"] != run_definition_pb2.ACTION_TYPE_CONDITION:
        raise invalid_argument(f"action `{row['name']}` is no condition, so it cannot be signalled")
    condition = run_definition_pb2.ConditionAction.FromString(row["detail"] or b"")
    _check_type(condition, value)
    run = devbox.scheduler.runs.get(row["run_id"])
    action = None if run is None else run.actions.get(row["name"])
    if action is None or action.state.is_terminal:
        raise failed_precondition(
            f"condition `{condition.name}` does not wait any more: it is {phase_name(row['phase'])}"
        )
    await devbox.scheduler.signal(action, value.SerializeToString())


def _check_type(condition: run_definition_pb2.ConditionAction, value: literals_pb2.Literal) -> None:
    wanted = _KINDS.get(condition.type.simple) if condition.type.WhichOneof("type") == "simple" else None
    kind = value.scalar.primitive.WhichOneof("value")
    if wanted is not None and kind != wanted and (wanted, kind) != ("float_value", "integer"):
        raise invalid_argument(f"condition `{condition.name}` waits for `{wanted}`, and the signal brings `{kind}`")
