"""Services that take child actions: Actions, or Queue and State of older control planes. This loads protobuf."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from flyteidl2.actions import actions_service_pb2
from flyteidl2.common import identifier_pb2
from flyteidl2.workflow import queue_service_pb2, run_definition_pb2, state_service_pb2
from google.protobuf.descriptor import FileDescriptor

from flyte_models.values import value
from flyte_protocol.methods import Method, methods_of
from flyte_protocol.transport import CallOptions, Transport

__all__ = ["ActionsBackend", "Backend", "ChildRequest", "QueueBackend"]


@value
class ChildRequest:
    """A child action to enqueue: exactly one of the last three is set."""

    action_id: identifier_pb2.ActionIdentifier
    parent_name: str
    input_uri: str
    run_base_dir: str
    group: str
    task: run_definition_pb2.TaskAction | None = None
    trace: run_definition_pb2.TraceAction | None = None
    condition: run_definition_pb2.ConditionAction | None = None
    inputs: bytes | None = None
    """Content of `input_uri`, when the backend is to see to it; None when it is stored."""


class Backend(Protocol):
    """What a controller needs of a control plane. Each call has a limit of its own and may be repeated.

    One that takes inputs along has `inline_bytes`: how many they may be. One whose requests need not be few at a time has
    `is_pipelined`.
    """

    async def enqueue(self, child: ChildRequest) -> None:
        """Create a child action.

        Raises:
            RpcError: it was refused, or it is not known whether it was created.
        """
        ...

    def watch(
        self, parent: identifier_pb2.ActionIdentifier, *, longest: float
    ) -> AbstractAsyncContextManager[AsyncIterator[Any]]:
        """Open the stream of a parent's children on a new connection: all of them, a sentinel, then changes.

        Each message has an `action_update` or a `control_message`; one with `outputs` brings the outputs along. The stream ends
        after `longest` seconds with DEADLINE_EXCEEDED.
        """
        ...

    async def abort(self, action_id: identifier_pb2.ActionIdentifier, reason: str) -> None:
        """Abort an action."""
        ...


class ActionsBackend:
    """`ActionsService`."""

    def __init__(self, transport: Transport, parent: identifier_pb2.ActionIdentifier) -> None:
        self._transport = transport
        self._methods = _methods(actions_service_pb2.DESCRIPTOR, "ActionsService")
        # By which a gateway sends all calls of one parent to the same replica.
        self._headers: Mapping[str, str] = {
            "x-actions-project": parent.run.project,
            "x-actions-domain": parent.run.domain,
            "x-actions-run": parent.run.name,
            "x-actions-parent-action": parent.name,
        }

    async def enqueue(self, child: ChildRequest) -> None:
        """See `Backend.enqueue`."""
        action = actions_service_pb2.Action(
            action_id=child.action_id,
            parent_action_name=child.parent_name,
            input_uri=child.input_uri,
            run_output_base=child.run_base_dir,
            group=child.group,
            task=child.task,
            trace=child.trace,
            condition=child.condition,
        )
        await self._call("Enqueue", actions_service_pb2.EnqueueRequest(action=action))

    def watch(
        self, parent: identifier_pb2.ActionIdentifier, *, longest: float
    ) -> AbstractAsyncContextManager[AsyncIterator[Any]]:
        """See `Backend.watch`."""
        request = actions_service_pb2.WatchForUpdatesRequest(parent_action_id=parent)
        return self._transport.stream(
            self._methods["WatchForUpdates"], request, CallOptions(timeout=longest, headers=self._headers)
        )

    async def abort(self, action_id: identifier_pb2.ActionIdentifier, reason: str) -> None:
        """See `Backend.abort`."""
        await self._call("Abort", actions_service_pb2.AbortRequest(action_id=action_id, reason=reason))

    async def _call(self, name: str, request: Any) -> None:
        await self._transport.call(self._methods[name], request, CallOptions(is_idempotent=True, headers=self._headers))


class QueueBackend:
    """`QueueService` and `StateService`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._queue = _methods(queue_service_pb2.DESCRIPTOR, "QueueService")
        self._state = _methods(state_service_pb2.DESCRIPTOR, "StateService")

    async def enqueue(self, child: ChildRequest) -> None:
        """See `Backend.enqueue`."""
        request = queue_service_pb2.EnqueueActionRequest(
            action_id=child.action_id,
            parent_action_name=child.parent_name,
            input_uri=child.input_uri,
            run_output_base=child.run_base_dir,
            group=child.group,
            task=child.task,
            trace=child.trace,
            condition=child.condition,
        )
        await self._transport.call(self._queue["EnqueueAction"], request, CallOptions(is_idempotent=True))

    def watch(
        self, parent: identifier_pb2.ActionIdentifier, *, longest: float
    ) -> AbstractAsyncContextManager[AsyncIterator[Any]]:
        """See `Backend.watch`."""
        request = state_service_pb2.WatchRequest(parent_action_id=parent)
        return self._transport.stream(self._state["Watch"], request, CallOptions(timeout=longest))

    async def abort(self, action_id: identifier_pb2.ActionIdentifier, reason: str) -> None:
        """See `Backend.abort`."""
        request = queue_service_pb2.AbortQueuedActionRequest(action_id=action_id, reason=reason)
        await self._transport.call(self._queue["AbortQueuedAction"], request, CallOptions(is_idempotent=True))


def _methods(file: FileDescriptor, service: str) -> dict[str, Method]:
    return methods_of(file.services_by_name[service])
