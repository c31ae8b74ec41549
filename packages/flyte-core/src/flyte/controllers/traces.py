"""A traced call as the action that a control plane records. This loads protobuf."""

from typing import TYPE_CHECKING

from flyteidl2.common import phase_pb2
from flyteidl2.core import interface_pb2
from flyteidl2.workflow import run_definition_pb2

from flyte.controllers.backends import ChildRequest
from flyte.runtime.error_documents import record_document
from flyte.runtime.objects import write_object
from flyte_protocol.ids import action_id_to_wire

if TYPE_CHECKING:
    from flyte.tracing.calls import TracedCall
    from flyte_engine.records import TraceRecord

__all__ = ["trace_request"]


async def trace_request(trace: "TraceRecord", call: "TracedCall", base: str, *, sync: bool) -> ChildRequest:
    """Write inputs and outputs, or the error, of a traced call, and return the action that says where they are.

    Args:
        trace: What came of it.
        call: The call.
        base: URI of the folder of the run. Inputs, outputs and error of a call are in `<base>/<action>`.
        sync: Whether files of this machine must be on disk when this returns.
    """
    assert call.action is not None  # it was made
    folder = f"{base}/{call.action.name}"
    await write_object(f"{folder}/inputs.pb", call.inputs_sent, sync=sync)
    made = run_definition_pb2.TraceAction(name=call.function_name)
    made.start_time.FromNanoseconds(int(trace.started_at * 1e9))
    made.end_time.FromNanoseconds(int(trace.ended_at * 1e9))
    made.outputs.SetInParent()
    made.spec.interface.CopyFrom(interface_pb2.TypedInterface.FromString(call.interface))
    if trace.error is not None:
        made.phase = phase_pb2.ACTION_PHASE_FAILED
        await write_object(f"{folder}/error.pb", record_document(trace.error), sync=sync)
    else:
        made.phase = phase_pb2.ACTION_PHASE_SUCCEEDED
        if trace.outputs:
            made.outputs.output_uri = f"{folder}/outputs.pb"
            await write_object(made.outputs.output_uri, trace.outputs, sync=sync)
    return ChildRequest(
        action_id=action_id_to_wire(call.action),
        parent_name=trace.action_name,
        input_uri=f"{folder}/inputs.pb",
        run_base_dir=base,
        group=call.group,
        trace=made,
    )
