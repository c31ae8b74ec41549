import pytest
from flyteidl2.actions import actions_service_pb2
from flyteidl2.workflow import internal_run_service_pb2, run_service_pb2
from google.protobuf.descriptor import ServiceDescriptor

from flyte_protocol.methods import Method, methods_of

RUNS = run_service_pb2.DESCRIPTOR.services_by_name["RunService"]
ACTIONS = actions_service_pb2.DESCRIPTOR.services_by_name["ActionsService"]


@pytest.mark.parametrize("service", [RUNS, ACTIONS])
def test_every_method_of_the_descriptor_is_described(service: ServiceDescriptor):
    table = methods_of(service)
    assert list(table) == [method.name for method in service.methods]
    for method in service.methods:
        described = table[method.name]
        assert described.path == f"/{service.full_name}/{method.name}"
        assert described.input_class.DESCRIPTOR is method.input_type
        assert described.output_class.DESCRIPTOR is method.output_type


def test_a_unary_method():
    assert methods_of(RUNS)["CreateRun"] == Method(
        name="CreateRun",
        path="/flyteidl2.workflow.RunService/CreateRun",
        input_class=run_service_pb2.CreateRunRequest,
        output_class=run_service_pb2.CreateRunResponse,
        kind="unary",
        is_read_only=False,
    )


def test_streams_are_those_that_watch():
    streams = {
        name for service in (RUNS, ACTIONS) for name, method in methods_of(service).items() if method.is_server_stream
    }
    assert streams == {
        "WatchRunDetails",
        "WatchActionDetails",
        "WatchRuns",
        "WatchActions",
        "WatchClusterEvents",
        "WatchGroups",
        "WatchForUpdates",
    }


def test_what_changes_nothing_is_known():
    assert {name for name, method in methods_of(RUNS).items() if method.is_read_only} == {
        "GetRunDetails",
        "GetActionDetails",
        "GetActionData",
        "ListRuns",
        "ListActions",
        "GetActionDataURIs",
        "GetActionLogContext",
    }


def test_streams_of_both_sides_are_told_apart():
    service = internal_run_service_pb2.DESCRIPTOR.services_by_name["InternalRunService"]
    assert {method.kind for method in methods_of(service).values()} == {"unary", "bidi_stream"}


def test_messages_go_through_the_classes_of_a_method():
    method = methods_of(ACTIONS)["Enqueue"]
    request = method.input_class()
    assert method.input_class.FromString(request.SerializeToString()) == request
