"""`RunDetails`: a run with its settings and its root action."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flyte_remote.action_details import ActionDetails
from flyte_remote.connection import connection
from flyte_remote.identifiers import run_identifier
from flyte_remote.messages import OfMessage
from flyte_remote.values import ActionInputs, ActionOutputs, Types
from flyte_syncify import syncify

if TYPE_CHECKING:
    from flyteidl2.common import identifier_pb2
    from flyteidl2.core import literals_pb2
    from flyteidl2.workflow import run_definition_pb2

__all__ = ["RunDetails"]


class RunDetails(OfMessage):
    """A run as it was when it was fetched: what it was started with (`pb2.run_spec`), and its root action."""

    def __init__(
        self,
        pb2: "run_definition_pb2.RunDetails",
        _preserve_original_types: bool = False,
        *,
        _types: tuple[Types, Types] | None = None,
    ) -> None:
        self.pb2 = pb2
        self.action_details = ActionDetails(pb2.action, _types=_types)

    def __repr__(self) -> str:
        phase = self.action_details.phase
        return f"<run `{self.name}`, {phase.value if phase else 'unknown'}>"

    @syncify.class_method
    @classmethod
    async def get(cls, name: str | None = None) -> "RunDetails":
        """Fetch a run of the configured project and domain.

        Raises:
            RpcError: There is none.
        """
        if not name:
            raise ValueError("which run? `RunDetails.get(name)` needs its name")
        return await cls.fetch(run_identifier(name))

    @syncify.class_method
    @classmethod
    async def get_details(cls, run_id: "identifier_pb2.RunIdentifier") -> "RunDetails":
        """Fetch a run by its identifier."""
        return await cls.fetch(run_id)

    @classmethod
    async def fetch(
        cls, run_id: "identifier_pb2.RunIdentifier", types: tuple[Types, Types] | None = None
    ) -> "RunDetails":
        """Fetch a run in the running loop."""
        from flyteidl2.workflow import run_service_pb2  # noqa: PLC0415 - messages load when used

        request = run_service_pb2.GetRunDetailsRequest(run_id=run_id)
        return cls((await connection().call("RunService", "GetRunDetails", request)).details, _types=types)

    @property
    def action_id(self) -> "identifier_pb2.ActionIdentifier":
        """The identifier of the root action."""
        return self.pb2.action.id

    @property
    def name(self) -> str:
        """The run's name."""
        return self.pb2.action.id.run.name

    @property
    def task_name(self) -> str | None:
        """The name that the root task is registered under."""
        return self.action_details.task_name

    def done(self) -> bool:
        """Tell whether it is over."""
        return self.action_details.done()

    async def inputs(self) -> ActionInputs:
        """Return the inputs of the root action."""
        return await self.action_details.inputs()

    async def outputs(self) -> ActionOutputs:
        """Return the outputs of the root action; see `ActionDetails.outputs`."""
        return await self.action_details.outputs()

    async def input_literals(self) -> "dict[str, literals_pb2.Literal]":
        """Return the inputs as literals."""
        return await self.action_details.input_literals()

    async def output_literals(self) -> "dict[str, literals_pb2.Literal]":
        """Return the outputs as literals."""
        return await self.action_details.output_literals()

    async def typed_inputs(
        self, types: dict[str, type], deserializers: dict[type, Callable[[Any], Any]] | None = None
    ) -> dict[str, Any]:
        """Return inputs as the types that are asked for."""
        return await self.action_details.typed_inputs(types, deserializers)

    async def typed_outputs(
        self, types: dict[str, type], deserializers: dict[type, Callable[[Any], Any]] | None = None
    ) -> dict[str, Any]:
        """Return outputs as the types that are asked for."""
        return await self.action_details.typed_outputs(types, deserializers)
