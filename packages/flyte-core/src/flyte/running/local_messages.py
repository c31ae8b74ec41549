"""A local run as the protocol has it, for programs that look at every run the same way. This loads protobuf."""

from flyteidl2.common import identifier_pb2
from flyteidl2.task import task_definition_pb2
from flyteidl2.workflow import run_definition_pb2

from flyte_engine.records import RunRecord
from flyte_protocol.phases import phase_to_wire

__all__ = ["run_message"]


def run_message(record: RunRecord) -> run_definition_pb2.Run:
    """Give a run with its root action, as a listing has it."""
    place = {"org": record.org, "project": record.project, "domain": record.domain}
    message = run_definition_pb2.Run(labels=record.labels)
    action = message.action
    action.id.name = "a0"
    action.id.run.CopyFrom(identifier_pb2.RunIdentifier(name=record.run_name, **place))
    action.metadata.task.id.CopyFrom(task_definition_pb2.TaskIdentifier(name=record.task_name, **place))
    action.status.phase = phase_to_wire(record.phase)  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    action.status.start_time.FromNanoseconds(int(record.created_at * 1e9))
    if record.ended_at is not None:
        action.status.end_time.FromNanoseconds(int(record.ended_at * 1e9))
        action.status.duration_ms = max(0, int((record.ended_at - record.created_at) * 1e3))
    return message
