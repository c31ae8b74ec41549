"""`Condition`: an action that waits for an answer."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from flyte_remote.connection import connection
from flyte_remote.identifiers import run_identifier
from flyte_remote.listing import PAGE, equals, pages
from flyte_remote.of_actions import HasPhase
from flyte_syncify import syncify

if TYPE_CHECKING:
    from flyteidl2.workflow import run_definition_pb2

__all__ = ["Condition"]

_TYPES: dict[int, type[Any]] = {1: int, 2: float, 3: str, 4: bool}
"""`core.SimpleType` of what a condition can be answered with."""


class Condition(HasPhase):
    """A condition that is waited for."""

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
    def expected_type(self) -> type[Any] | None:
        """The type of the answer: bool, int, float or str; None when it is none of them."""
        return _TYPES.get(self.pb2.metadata.condition.type.simple)

    @syncify.class_method
    @classmethod
    async def listall(
        cls, /, run_name: str, action_name: str | None = None, limit: int = 100
    ) -> AsyncIterator["Condition"]:
        """List the conditions that a run waits for.

        Args:
            run_name: The run.
            action_name: Only those that this action asked for.
            limit: How many at most.
        """
        left = limit
        if left <= 0:
            return
        async for action in _paused(run_name, action_name, limit):
            yield cls(action)
            left -= 1
            if left <= 0:
                return

    @syncify.class_method
    @classmethod
    async def get(cls, name: str, /, run_name: str, action_name: str | None = None) -> "Condition | None":
        """Return the condition of a name that a run waits for, or None if it waits for none.

        Args:
            name: The condition's name.
            run_name: The run.
            action_name: Only one that this action asked for.
        """
        async for action in _paused(run_name, action_name):
            if action.metadata.condition.name == name:
                return cls(action)
        return None

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


async def _paused(run_name: str, parent: str | None, page: int | None = None) -> AsyncIterator[Any]:
    from flyteidl2.common import list_pb2, phase_pb2  # noqa: PLC0415
    from flyteidl2.workflow import run_definition_pb2, run_service_pb2  # noqa: PLC0415

    at = connection()
    run = run_identifier(run_name, at)
    filters = [equals("action_type", str(run_definition_pb2.ACTION_TYPE_CONDITION))]
    if parent:
        filters.append(equals("parent_name", parent))

    async def fetch(request: Any) -> tuple[Any, str]:
        answer = await at.call(
            "RunService", "ListActions", run_service_pb2.ListActionsRequest(request=request, run_id=run)
        )
        return answer.actions, answer.token

    async for action in pages(fetch, list_pb2.ListRequest(limit=min(page or PAGE, PAGE), filters=filters), None):
        if action.status.phase == phase_pb2.ACTION_PHASE_PAUSED:
            yield action
