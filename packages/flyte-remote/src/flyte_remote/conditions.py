"""`Condition`: an action that waits for an answer."""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from flyte_models.phases import ActionPhase
from flyte_protocol.phases import phase_from_wire
from flyte_remote.connection import connection
from flyte_remote.identifiers import run_identifier
from flyte_remote.listing import PAGE, equals, filters_of_phases, pages
from flyte_remote.messages import OfMessage
from flyte_syncify import syncify

if TYPE_CHECKING:
    from flyteidl2.workflow import run_definition_pb2

__all__ = ["Condition"]

_TYPES: dict[int, type[Any]] = {1: int, 2: float, 3: str, 4: bool}
"""`core.SimpleType` of what a condition can be answered with."""


class Condition(OfMessage):
    """A condition: what a task waits to be told, or was told."""

    def __init__(self, pb2: "run_definition_pb2.Action") -> None:
        """Wrap a message."""
        self.pb2 = pb2

    def __repr__(self) -> str:
        return f"<condition `{self.name}` of run `{self.run_name}`>"

    @property
    def name(self) -> str:
        """The name that the task gave it."""
        return self.pb2.metadata.condition.name

    @property
    def action_name(self) -> str:
        """The name of the action that waits."""
        return self.pb2.id.name

    @property
    def run_name(self) -> str:
        """The run's name."""
        return self.pb2.id.run.name

    @property
    def phase(self) -> str:
        """Where it stands as the protocol names it: `ACTION_PHASE_PAUSED` while it waits, and `..._SUCCEEDED` later."""
        from flyteidl2.common import phase_pb2  # noqa: PLC0415

        return phase_pb2.ActionPhase.Name(self.pb2.status.phase)

    @property
    def waits(self) -> bool:
        """Whether it waits for its answer."""
        return phase_from_wire(self.pb2.status.phase) is ActionPhase.PAUSED

    def done(self) -> bool:
        """Tell whether it is over."""
        phase = phase_from_wire(self.pb2.status.phase)
        return phase is not None and phase.is_terminal

    @property
    def expected_type(self) -> type[Any] | None:
        """The type of the answer: bool, int, float or str; None when it is none of them."""
        return _TYPES.get(self.pb2.metadata.condition.type.simple)

    @syncify.class_method
    @classmethod
    async def listall(
        cls, /, run_name: str, action_name: str | None = None, limit: int = 100
    ) -> AsyncIterator["Condition"]:
        """List the conditions of a run, answered ones too.

        Args:
            run_name: The run.
            action_name: Only those that this action asked for.
            limit: How many at most.
        """
        left = limit
        if left <= 0:
            return
        async for action in _conditions(run_name, action_name, page=limit):
            yield cls(action)
            left -= 1
            if left <= 0:
                return

    @syncify.class_method
    @classmethod
    async def waiting(cls, run_name: str, action_name: str | None = None) -> AsyncIterator["Condition"]:
        """List the conditions of a run that wait for their answer, all of them.

        Args:
            run_name: The run.
            action_name: Only those that this action asked for.
        """
        async for action in _conditions(run_name, action_name, filters_of_phases((ActionPhase.PAUSED,))):
            yield cls(action)

    @syncify.class_method
    @classmethod
    async def get(cls, name: str, /, run_name: str, action_name: str | None = None) -> "Condition | None":
        """Return the condition of a name, or None if the run has asked for none.

        Of several with one name, the one that waits, else the latest.

        Args:
            name: The condition's name.
            run_name: The run.
            action_name: Only one that this action asked for.
        """
        found: Condition | None = None
        async for action in _conditions(run_name, action_name):
            if action.metadata.condition.name == name:
                found = cls(action)
                if found.waits:
                    return found
        return found

    @syncify
    async def signal(self, payload: bool | float | str) -> None:
        """Answer it.

        Raises:
            TypeError: The answer has another type than it expects.
            RpcError: It is not waited for any more.
        """
        from flyteidl2.workflow import run_service_pb2  # noqa: PLC0415

        expected = self.expected_type
        # A whole number is a float as well; a bool is no number here.
        if type(payload) is int and expected is float:
            payload = float(payload)
        if expected is not None and type(payload) is not expected:
            raise TypeError(f"condition `{self.name}` is answered with a {expected.__name__}, got {payload!r}")
        answer = run_service_pb2.EventPayload()
        setattr(answer, _FIELDS[type(payload)], payload)
        request = run_service_pb2.SignalEventRequest(
            action_id=self.pb2.id, parent_action_name=self.pb2.metadata.parent, payload=answer
        )
        await connection().call("RunService", "SignalEvent", request)


_FIELDS: dict[type[Any], str] = {bool: "bool_value", int: "int_value", float: "float_value", str: "string_value"}


async def _conditions(
    run_name: str, parent: str | None, more: Sequence[Any] = (), *, page: int = PAGE
) -> AsyncIterator[Any]:
    from flyteidl2.common import list_pb2  # noqa: PLC0415
    from flyteidl2.workflow import run_definition_pb2, run_service_pb2  # noqa: PLC0415

    at = connection()
    run = run_identifier(run_name, at)
    filters = [equals("action_type", str(run_definition_pb2.ACTION_TYPE_CONDITION)), *more]
    if parent:
        filters.append(equals("parent_name", parent))

    async def fetch(request: Any) -> tuple[Any, str]:
        answer = await at.call(
            "RunService", "ListActions", run_service_pb2.ListActionsRequest(request=request, run_id=run)
        )
        return answer.actions, answer.token

    async for action in pages(fetch, list_pb2.ListRequest(limit=min(page, PAGE), filters=filters), None):
        yield action
