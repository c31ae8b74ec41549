"""`ActionDetails`: everything a control plane knows of one action."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from flyte_models.phases import ActionPhase
from flyte_models.values import value
from flyte_protocol.phases import phase_from_wire
from flyte_protocol.waits import waiting_for
from flyte_remote.connection import connection
from flyte_remote.identifiers import action_identifier
from flyte_remote.messages import datetime_of
from flyte_remote.of_actions import NamedAction
from flyte_remote.values import ActionInputs, ActionOutputs, Types, literals_of, read_values, types_of
from flyte_remote.watching import details_of, watch_details
from flyte_syncify import syncify

if TYPE_CHECKING:
    from flyteidl2.common import identifier_pb2
    from flyteidl2.core import literals_pb2
    from flyteidl2.dataproxy import dataproxy_service_pb2
    from flyteidl2.workflow import run_definition_pb2

__all__ = ["ActionDetails", "PhaseTransitionInfo"]


@value
class PhaseTransitionInfo:
    """One phase that an attempt was in."""

    phase: ActionPhase | None
    start_time: datetime
    end_time: datetime | None
    """None while it is in it."""

    @property
    def duration(self) -> timedelta:
        """How long it was in it, up to now if it still is."""
        return (self.end_time or datetime.now(UTC)) - self.start_time


class ActionDetails(NamedAction):
    """An action with its task, attempts, error, inputs and outputs. It is as it was when it was fetched."""

    def __init__(
        self,
        pb2: "run_definition_pb2.ActionDetails",
        _inputs: ActionInputs | None = None,
        _outputs: ActionOutputs | None = None,
        _preserve_original_types: bool = False,
        _action_data: "dataproxy_service_pb2.GetActionDataResponse | None" = None,
        *,
        _types: tuple[Types, Types] | None = None,
    ) -> None:
        """Wrap a message.

        Args:
            pb2: The message.
            _inputs: The inputs, when they are known.
            _outputs: The outputs, when they are known.
            _preserve_original_types: Of the reference; types are those of the task where it is known.
            _action_data: Inputs and outputs as the control plane gave them.
            _types: Types of inputs and outputs, when the task is at hand; otherwise they are made of the stored ones.
        """
        self.pb2 = pb2
        self._inputs = _inputs
        self._outputs = _outputs
        self._data = _action_data
        self._types = _types

    @syncify.class_method
    @classmethod
    async def get(
        cls, uri: str | None = None, /, run_name: str | None = None, name: str | None = None
    ) -> "ActionDetails":
        """Fetch an action by run and name, or as `run/action`.

        Raises:
            RpcError: There is none.
            ValueError: Neither is given.
        """
        return await cls.fetch(action_identifier(uri, run_name, name))

    @syncify.class_method
    @classmethod
    async def get_details(cls, action_id: "identifier_pb2.ActionIdentifier") -> "ActionDetails":
        """Fetch an action by its identifier."""
        return await cls.fetch(action_id)

    @classmethod
    async def fetch(
        cls, action_id: "identifier_pb2.ActionIdentifier", types: tuple[Types, Types] | None = None
    ) -> "ActionDetails":
        """Fetch an action in the running loop."""
        return cls(await details_of(connection(), action_id), _types=types)

    @syncify.class_method
    @classmethod
    async def watch(cls, action_id: "identifier_pb2.ActionIdentifier") -> "AsyncIterator[ActionDetails]":
        """Yield the action at every change, until it is over."""
        async for details in watch_details(connection(), action_id):
            yield cls(details)

    async def watch_updates(self, cache_data_on_done: bool = False) -> "AsyncGenerator[ActionDetails]":
        """Yield the action at every change, until it is over.

        Args:
            cache_data_on_done: Fetch inputs and outputs when it is over, so that they are at hand.
        """
        async for details in watch_details(connection(), self.action_id):
            self.pb2 = details
            if cache_data_on_done and self.done():
                await self.action_data()
            yield self

    @property
    def is_running(self) -> bool:
        """Whether it runs."""
        return self.phase is ActionPhase.RUNNING

    @property
    def status(self) -> "run_definition_pb2.ActionStatus":
        """Phase, times and attempts, as they came."""
        return self.pb2.status

    @property
    def metadata(self) -> "run_definition_pb2.ActionMetadata":
        """Parent, group, task and origin, as they came."""
        return self.pb2.metadata

    @property
    def attempts(self) -> int:
        """How many attempts were begun."""
        return self.pb2.status.attempts

    @property
    def runtime(self) -> timedelta:
        """How long it took, up to now if it is not over."""
        status = self.pb2.status
        if not status.HasField("start_time"):
            return timedelta()
        end = datetime_of(status.end_time) if status.HasField("end_time") else datetime.now(UTC)
        return end - datetime_of(status.start_time)

    @property
    def error_info(self) -> "run_definition_pb2.ErrorInfo | None":
        """Why it failed, or None."""
        return self.pb2.error_info if self.pb2.HasField("error_info") else None

    @property
    def error_message(self) -> str:
        """Why it failed, in words; empty if it did not."""
        return self.error_info.message if self.error_info is not None else ""

    @property
    def waiting_for(self) -> str | None:
        """What it waits for while it does not run yet, in words, such as `it needs 2 cores, and 3 of 4 cores are taken`.

        None when it does not wait, or the control plane does not say. It is the message of the latest of the `cluster_events`
        of its last attempt.
        """
        return waiting_for(self.pb2) or None

    @property
    def abort_info(self) -> "run_definition_pb2.AbortInfo | None":
        """Why it was aborted and by whom, or None."""
        return self.pb2.abort_info if self.pb2.HasField("abort_info") else None

    @property
    def code_bundle(self) -> Any:
        """The code that the task runs with, or None."""
        from flyte_remote.code import bundle_of  # noqa: PLC0415 - hardly anybody asks

        return bundle_of(self.pb2.task.task_template) if self.pb2.HasField("task") else None

    @property
    def phase_durations(self) -> dict[ActionPhase, timedelta]:
        """How long the last attempt was in each phase."""
        durations: dict[ActionPhase, timedelta] = {}
        for one in self.get_phase_transitions():
            if one.phase is not None:
                durations[one.phase] = durations.get(one.phase, timedelta()) + one.duration
        return durations

    @property
    def queued_time(self) -> timedelta | None:
        """How long the last attempt was queued."""
        return self.phase_durations.get(ActionPhase.QUEUED)

    @property
    def waiting_for_resources_time(self) -> timedelta | None:
        """How long the last attempt waited for resources."""
        return self.phase_durations.get(ActionPhase.WAITING_FOR_RESOURCES)

    @property
    def initializing_time(self) -> timedelta | None:
        """How long the last attempt was made ready."""
        return self.phase_durations.get(ActionPhase.INITIALIZING)

    @property
    def running_time(self) -> timedelta | None:
        """How long the last attempt ran."""
        return self.phase_durations.get(ActionPhase.RUNNING)

    def get_phase_transitions(self, attempt: int | None = None) -> list[PhaseTransitionInfo]:
        """Give the phases that an attempt was in, in order.

        Args:
            attempt: From 1 on; None for the last.
        """
        found = self._attempt(attempt)
        if found is None:
            return []
        return [
            PhaseTransitionInfo(
                phase_from_wire(one.phase),
                datetime_of(one.start_time),
                datetime_of(one.end_time) if one.HasField("end_time") else None,
            )
            for one in found.phase_transitions
        ]

    def logs_available(self, attempt: int | None = None) -> bool:
        """Tell whether an attempt has logs.

        Args:
            attempt: From 1 on; None for the last.
        """
        found = self._attempt(attempt)
        return found is not None and found.logs_available

    async def inputs(self) -> ActionInputs:
        """Return the inputs."""
        if self._inputs is None:
            data = await self.action_data()
            types = self._types[0] if self._types else types_of(self._interface().inputs)
            self._inputs = ActionInputs(data.inputs, await read_values(literals_of(data.inputs), types))
        return self._inputs

    async def outputs(self) -> ActionOutputs:
        """Return the outputs.

        Raises:
            RuntimeError: It is not over, or did not succeed.
        """
        if self._outputs is None:
            data = await self._finished_data()
            types = self._types[1] if self._types else types_of(self._interface().outputs)
            values = await read_values(literals_of(data.outputs), types)
            # As PyPI flyte: a task that returns nothing has one output, which is None.
            self._outputs = ActionOutputs(data.outputs, tuple(values.values()) or (None,), list(values) or None)
        return self._outputs

    async def input_literals(self) -> "dict[str, literals_pb2.Literal]":
        """Return the inputs as literals."""
        return literals_of((await self.action_data()).inputs)

    async def output_literals(self) -> "dict[str, literals_pb2.Literal]":
        """Return the outputs as literals.

        Raises:
            RuntimeError: It is not over, or did not succeed.
        """
        return literals_of((await self._finished_data()).outputs)

    async def typed_inputs(
        self, types: dict[str, type], deserializers: dict[type, Callable[[Any], Any]] | None = None
    ) -> dict[str, Any]:
        """Return inputs as the types that are asked for."""
        return await read_values(await self.input_literals(), _known(types, await self.input_literals()), deserializers)

    async def typed_outputs(
        self, types: dict[str, type], deserializers: dict[type, Callable[[Any], Any]] | None = None
    ) -> dict[str, Any]:
        """Return outputs as the types that are asked for."""
        literals = await self.output_literals()
        return await read_values(literals, _known(types, literals), deserializers)

    def _interface(self) -> Any:
        return self.pb2.trace.interface if self.pb2.HasField("trace") else self.pb2.task.task_template.interface

    def _attempt(self, number: int | None) -> "run_definition_pb2.ActionAttempt | None":
        attempts: Sequence[run_definition_pb2.ActionAttempt] = self.pb2.attempts
        if number is None:
            return max(attempts, key=lambda one: one.attempt, default=None)
        return next((one for one in attempts if one.attempt == number), None)

    async def action_data(self) -> "dataproxy_service_pb2.GetActionDataResponse":
        """Fetch inputs and outputs as they are on the wire; of an action that is over they are fetched once."""
        if self._data is None:
            from flyteidl2.dataproxy import dataproxy_service_pb2  # noqa: PLC0415 - messages load when used

            request = dataproxy_service_pb2.GetActionDataRequest(action_id=self.action_id)
            data = await connection().call("DataProxyService", "GetActionData", request)
            if not self.done():
                return data
            self._data = data
        return self._data

    async def _finished_data(self) -> Any:
        if self.phase not in (ActionPhase.SUCCEEDED, ActionPhase.RECOVERED):
            where = self.phase.value if self.phase is not None else "in no known phase"
            raise RuntimeError(
                f"action `{self.name}` of run `{self.run_name}` is {where} and has no outputs\n"
                "hint: `wait()` until it is over; `error_info` says why it failed"
            )
        return await self.action_data()


def _known(types: Mapping[str, Any], literals: Mapping[str, Any]) -> Types:
    unknown = [name for name in types if name not in literals]
    if unknown:
        raise KeyError(
            f"there is no `{unknown[0]}`; there are: {', '.join(f'`{name}`' for name in literals) or 'none'}"
        )
    return types
