"""The services of a control plane by name; each loads its messages when it is first called."""

from dataclasses import replace
from functools import cache
from importlib import import_module

from flyte_protocol.methods import Method, methods_of

__all__ = ["method"]

_MODULES = {
    "ActionsService": "flyteidl2.actions.actions_service_pb2",
    "AppLogsService": "flyteidl2.app.app_logs_service_pb2",
    "AppService": "flyteidl2.app.app_service_pb2",
    "ArtifactService": "flyteidl2.artifact.artifact_service_pb2",
    "AuthMetadataService": "flyteidl2.auth.auth_service_pb2",
    "ClusterService": "flyteidl2.cluster.service_pb2",
    "DataProxyService": "flyteidl2.dataproxy.dataproxy_service_pb2",
    "IdentityService": "flyteidl2.auth.identity_pb2",
    "ProjectService": "flyteidl2.project.project_service_pb2",
    "RunService": "flyteidl2.workflow.run_service_pb2",
    "SecretService": "flyteidl2.secret.secret_pb2",
    "SettingsService": "flyteidl2.settings.settings_service_pb2",
    "TaskService": "flyteidl2.task.task_service_pb2",
    "TrackedRunService": "flyteidl2.workflow.tracked_run_service_pb2",
    "TriggerService": "flyteidl2.trigger.trigger_service_pb2",
}

_UNDECLARED_READS = {
    "ClusterService": ("SelectCluster",),
    "DataProxyService": ("CreateUploadLocation", "CreateDownloadLink"),
    "IdentityService": ("UserInfo",),
    "ProjectService": ("ListProjects",),
    "SecretService": ("GetSecret", "ListSecrets"),
}
"""Methods that change nothing, though the protocol does not declare it: signed addresses are computed, the others read."""


def method(service: str, name: str) -> Method:
    """Return a method, such as `method("RunService", "GetRunDetails")`."""
    return _methods(service)[name]


@cache
def _methods(service: str) -> dict[str, Method]:
    descriptor = import_module(_MODULES[service]).DESCRIPTOR
    found = methods_of(descriptor.services_by_name[service])
    undeclared = _UNDECLARED_READS.get(service, ())
    return {name: replace(each, is_read_only=True) if name in undeclared else each for name, each in found.items()}
