"""What earlier attempts of an action have recorded of its traced calls. This loads protobuf and the transport."""

from typing import TYPE_CHECKING, cast

from flyte.controllers.children import ChildState, state_of
from flyte.controllers.connecting import connect
from flyte.runtime.objects import MissingObjectError, read_object
from flyte_engine.records import ErrorRecord, TraceRecord
from flyte_models.errors import ErrorKind
from flyte_models.phases import ActionPhase
from flyte_protocol.failures import FailureInfo, read_error_document
from flyte_protocol.ids import action_id_to_wire

if TYPE_CHECKING:
    from flyte.runtime.invocation import Invocation

__all__ = ["read_history", "recorded_call"]

_SECONDS = 60.0


async def read_history(invocation: "Invocation") -> dict[str, ChildState]:
    """Return the last state of everything below an action that is over, by name. May be awaited in any loop.

    Raises:
        RpcError: the control plane cannot be asked.
    """
    states: dict[str, ChildState] = {}
    transport, backend = connect(invocation)
    async with transport, backend.watch(action_id_to_wire(invocation.action), longest=_SECONDS) as messages:
        async for message in messages:
            if message.WhichOneof("message") == "control_message":
                if message.control_message.sentinel:
                    break
                continue
            state = state_of(message.action_update)
            if state is not None and state.phase.is_terminal:
                states[message.action_update.action_id.name] = state
    return states


async def recorded_call(
    invocation: "Invocation", history: dict[str, ChildState], name: str, inputs_hash: str
) -> TraceRecord | None:
    """Return the record of a call, or None if it was not made or nothing of it is left.

    Args:
        invocation: The action.
        history: See `read_history`.
        name: `<function>.<action>`.
        inputs_hash: Of its arguments.
    """
    action = name.rpartition(".")[2]
    state = history.get(action)
    if state is None:
        return None
    folder = f"{invocation.run_base_dir.rstrip('/')}/{action}"
    outputs: bytes | None = None
    error: ErrorRecord | None = None
    if state.phase in {ActionPhase.SUCCEEDED, ActionPhase.RECOVERED}:
        # What returns nothing has no outputs.
        outputs = await _read(state.output_uri) if state.output_uri else b""
        if outputs is None:
            return None
    else:
        document = await _read(f"{folder}/error.pb")
        failure = read_error_document(document) if document is not None else state.failure
        if failure is None:
            return None
        error = _error(failure)
    return TraceRecord(
        run_name=invocation.action.run_name or "",
        action_name=invocation.action.name,
        name=name,
        inputs_hash=inputs_hash,
        started_at=0.0,
        ended_at=0.0,
        outputs=outputs,
        error=error,
    )


def _error(failure: FailureInfo) -> ErrorRecord:
    return ErrorRecord(
        code=failure.code,
        message=failure.text,
        kind=cast("ErrorKind", failure.kind),
        recoverable=failure.is_recoverable,
        traceback=failure.traceback or "",
    )


async def _read(uri: str) -> bytes | None:
    try:
        return await read_object(uri)
    except MissingObjectError:
        return None
