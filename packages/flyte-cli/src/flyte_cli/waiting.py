"""The conditions of a run that wait for an answer, of this machine's history or of a control plane alike."""

import asyncio

from flyte.running.conditions import PausedCondition, paused_conditions, signal_condition
from flyte.running.terminal import parse_answer
from flyte_engine.sqlite import SQLiteStore
from flyte_engine.store import ActionStore
from flyte_models.errors import ConditionNotFoundError

__all__ = ["answer", "waiting"]

_TYPES = {"bool": bool, "int": int, "float": float, "str": str}


def waiting(store: ActionStore, run_name: str) -> list[PausedCondition]:
    """Return the conditions of a run that wait, the oldest first."""
    if isinstance(store, SQLiteStore):
        return paused_conditions(store, run_name)
    from flyte.remote import ActionDetails, Condition  # noqa: PLC0415 - a client is loaded only by who talks to a control plane

    found: list[PausedCondition] = []
    for each in Condition.waiting(run_name):
        asked = ActionDetails.get(run_name=run_name, name=each.action_name).pb2.condition
        kind = each.expected_type
        found.append(
            PausedCondition(
                run_name,
                each.action_name,
                each.pb2.metadata.parent,
                each.name,
                asked.prompt,
                asked.description,
                kind.__name__ if kind is not None else "unknown",
                each.pb2.status.start_time.ToNanoseconds() / 1e9,
            )
        )
    return found


def answer(store: ActionStore, condition: PausedCondition, text: str) -> None:
    """Answer a condition; recorded when this returns.

    Raises:
        ConditionNotFoundError: It does not wait any more.
        ValueError: The text is no value of the type that it asks for.
    """
    if isinstance(store, SQLiteStore):
        name, action = condition.name, condition.action_name
        asyncio.run(signal_condition(store, condition.run_name, name, text, action_name=action))
        return
    from flyte.remote import Condition  # noqa: PLC0415 - as above

    value = parse_answer(text, _TYPES.get(condition.data_type, str))
    listed = Condition.waiting(condition.run_name, condition.parent_name)
    found = next((each for each in listed if each.action_name == condition.action_name), None)
    if found is None:
        raise ConditionNotFoundError(f"condition `{condition.name}` of run `{condition.run_name}` waits no more")
    found.signal(value)
