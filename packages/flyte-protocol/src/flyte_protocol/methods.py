"""The methods of a service, read from its protobuf descriptor: what a client calls and a server answers. This loads protobuf."""

from dataclasses import dataclass
from typing import Literal

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

__all__ = ["Method", "MethodKind", "methods_of"]

MethodKind = Literal["unary", "server_stream", "client_stream", "bidi_stream"]
"""Which sides of a call may send more than one message."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method of a service."""

    name: str
    """Such as `CreateRun`."""
    path: str
    """Where it is posted to: `/flyteidl2.workflow.RunService/CreateRun`."""
    input_class: type[Message]
    output_class: type[Message]
    kind: MethodKind
    is_read_only: bool
    """Whether the protocol declares that a call changes nothing, so that it may be repeated."""

    @property
    def is_server_stream(self) -> bool:
        """Whether the server alone sends a stream."""
        return self.kind == "server_stream"


def methods_of(service: ServiceDescriptor) -> dict[str, Method]:
    """Describe every method of a service, by name, in the order of the protocol.

    ```python
    from flyte_protocol.methods import methods_of
    from flyteidl2.workflow import run_service_pb2

    runs = methods_of(run_service_pb2.DESCRIPTOR.services_by_name["RunService"])
    assert runs["CreateRun"].path == "/flyteidl2.workflow.RunService/CreateRun"
    assert runs["CreateRun"].input_class is run_service_pb2.CreateRunRequest
    assert runs["WatchRuns"].is_server_stream
    ```
    """
    return {method.name: _describe(service, method) for method in service.methods}


def _describe(service: ServiceDescriptor, method: MethodDescriptor) -> Method:
    return Method(
        name=method.name,
        path=f"/{service.full_name}/{method.name}",
        input_class=GetMessageClass(method.input_type),
        output_class=GetMessageClass(method.output_type),
        kind=_KINDS[method.client_streaming, method.server_streaming],
        is_read_only=method.GetOptions().idempotency_level == MethodOptions.NO_SIDE_EFFECTS,
    )


_KINDS: dict[tuple[bool, bool], MethodKind] = {
    (False, False): "unary",
    (False, True): "server_stream",
    (True, False): "client_stream",
    (True, True): "bidi_stream",
}
