"""A condition as the action that a control plane lets wait, and its answer. This loads protobuf."""

from typing import TYPE_CHECKING, Any

from flyteidl2.core import literals_pb2, types_pb2
from flyteidl2.workflow import run_definition_pb2

from flyte.controllers.backends import ChildRequest
from flyte.controllers.children import ChildState
from flyte_models.errors import ConditionFailedError, ConditionTimedoutError
from flyte_models.phases import ActionPhase
from flyte_models.task_context import TaskContext
from flyte_protocol.ids import action_id_to_wire

if TYPE_CHECKING:
    from flyte.conditions import Condition

__all__ = ["answer_of", "condition_request"]

_TYPES: dict[type[Any], "types_pb2.SimpleType"] = {
    bool: types_pb2.BOOLEAN,
    int: types_pb2.INTEGER,
    float: types_pb2.FLOAT,
    str: types_pb2.STRING,
}
_FIELDS = {bool: "boolean", int: "integer", float: "float_value", str: "string_value"}
_PROMPTS = {
    "text": run_definition_pb2.CONDITION_PROMPT_TYPE_TEXT,
    "markdown": run_definition_pb2.CONDITION_PROMPT_TYPE_MARKDOWN,
}


def condition_request(condition: "Condition", context: TaskContext, base: str) -> ChildRequest:
    """Return the action of a condition.

    Args:
        condition: The condition.
        context: Of the action that asks.
        base: URI of the folder of the run.
    """
    # Not the question, which may be put in other words by a later attempt.
    group = context.group_data.name if context.group_data is not None else None
    number = context.call_counter.next(f"{condition.name}-{condition.name}-{group or ''}")
    action = context.action.new_sub_action_from(number, condition.name, condition.name, group)
    asked = run_definition_pb2.ConditionAction(
        name=condition.name,
        type=types_pb2.LiteralType(simple=_TYPES[condition.data_type]),
        prompt=condition.prompt,
        description=condition.description,
        prompt_type=_PROMPTS[condition.prompt_type],
    )
    if (seconds := condition.timeout_seconds) is not None:
        asked.timeout.FromNanoseconds(int(seconds * 1e9))
    if condition.webhook is not None:
        asked.webhook.url = condition.webhook.url
        if condition.webhook.payload is not None:
            asked.webhook.payload.update(condition.webhook.payload)
    return ChildRequest(
        action_id=action_id_to_wire(action),
        parent_name=context.action.name,
        input_uri=f"{base}/{action.name}/inputs.pb",
        run_base_dir=base,
        group=group or "",
        condition=asked,
    )


def answer_of(condition: "Condition", state: ChildState) -> Any:
    """Return what a condition was answered with.

    Raises:
        ConditionTimedoutError: nobody answered in time.
        ConditionFailedError: it was aborted, or answered with something else than it asked for.
    """
    reason = f": {state.failure.text}" if state.failure is not None and state.failure.text else ""
    if state.phase is ActionPhase.TIMED_OUT:
        raise ConditionTimedoutError(f"nobody answered condition `{condition.name}` in time{reason}")
    if state.phase is not ActionPhase.SUCCEEDED or state.value is None:
        raise ConditionFailedError(
            f"condition `{condition.name}` ended as {state.phase.value}, without an answer{reason}"
        )
    primitive = literals_pb2.Literal.FromString(state.value).scalar.primitive
    field = _FIELDS[condition.data_type]
    given = primitive.WhichOneof("value")
    if given != field and not (field == "float_value" and given == "integer"):
        raise ConditionFailedError(
            f"condition `{condition.name}` is answered with a {condition.data_type.__name__}, and got {given or 'nothing'}"
        )
    return condition.data_type(getattr(primitive, given or field))
