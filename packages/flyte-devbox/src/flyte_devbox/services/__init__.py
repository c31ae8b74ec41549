"""The Flyte 2 services, one file each. This module is the table of them; each is loaded when it is first called."""

import importlib
import re
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FileDescriptor

from flyte_devbox.connect import Route
from flyte_protocol.methods import methods_of

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox

__all__ = ["SERVICES", "ServiceTable"]

SERVICES: dict[str, tuple[str, str]] = {
    "flyteidl2.actions.ActionsService": ("flyteidl2.actions.actions_service_pb2", "actions"),
    "flyteidl2.artifact.ArtifactService": ("flyteidl2.artifact.artifact_service_pb2", "artifact"),
    "flyteidl2.auth.AuthMetadataService": ("flyteidl2.auth.auth_service_pb2", "auth_metadata"),
    "flyteidl2.auth.IdentityService": ("flyteidl2.auth.identity_pb2", "identity"),
    "flyteidl2.cacheservice.v2.CacheService": ("flyteidl2.cacheservice.v2.cacheservice_pb2", "cache"),
    "flyteidl2.cluster.ClusterService": ("flyteidl2.cluster.service_pb2", "cluster"),
    "flyteidl2.dataproxy.DataProxyService": ("flyteidl2.dataproxy.dataproxy_service_pb2", "dataproxy"),
    "flyteidl2.imagebuilder.ImageService": ("flyteidl2.imagebuilder.service_pb2", "image"),
    "flyteidl2.project.ProjectService": ("flyteidl2.project.project_service_pb2", "project"),
    "flyteidl2.secret.SecretService": ("flyteidl2.secret.secret_pb2", "secret"),
    "flyteidl2.settings.SettingsService": ("flyteidl2.settings.settings_service_pb2", "settings"),
    "flyteidl2.task.TaskService": ("flyteidl2.task.task_service_pb2", "task"),
    "flyteidl2.trigger.TriggerService": ("flyteidl2.trigger.trigger_service_pb2", "trigger"),
    "flyteidl2.workflow.EventsProxyService": ("flyteidl2.workflow.events_proxy_service_pb2", "events_proxy"),
    "flyteidl2.workflow.InternalRunService": ("flyteidl2.workflow.internal_run_service_pb2", "internal_run"),
    "flyteidl2.workflow.QueueService": ("flyteidl2.workflow.queue_service_pb2", "queue"),
    "flyteidl2.workflow.RunLogsService": ("flyteidl2.workflow.run_logs_service_pb2", "run_logs"),
    "flyteidl2.workflow.RunService": ("flyteidl2.workflow.run_service_pb2", "run"),
    "flyteidl2.workflow.StateService": ("flyteidl2.workflow.state_service_pb2", "state"),
    "flyteidl2.workflow.TrackedRunService": ("flyteidl2.workflow.tracked_run_service_pb2", "tracked_run"),
    "flyteidl2.workflow.TranslatorService": ("flyteidl2.workflow.translator_service_pb2", "translator"),
}
"""Full name of a service: the module of its descriptor, and the module here that has its `Service`."""

_APPS = "the devbox does not run apps yet\nhint: a Flyte 2 cluster does"
_CONNECTORS = "the devbox does not run connectors as a service"
_ELSEWHERE: dict[str, tuple[str, str]] = {
    "flyteidl2.app.AppService": ("flyteidl2.app.app_service_pb2", _APPS),
    "flyteidl2.app.AppLogsService": ("flyteidl2.app.app_logs_service_pb2", _APPS),
    "flyteidl2.connector.AsyncConnectorService": ("flyteidl2.connector.service_pb2", _CONNECTORS),
    "flyteidl2.connector.ConnectorMetadataService": ("flyteidl2.connector.service_pb2", _CONNECTORS),
}
"""Services of the protocol that are not served here, and why."""


class ServiceTable:
    """Finds what answers a path. A service's methods are named as in the protocol, in snake case.

    Args:
        devbox: what the services work on.
    """

    def __init__(self, devbox: "Devbox") -> None:
        self._devbox = devbox
        self._routes: dict[str, Route] = {}
        self._loaded: set[str] = set()

    def find(self, path: str) -> Route | None:
        """Return the route of a path such as `/flyteidl2.workflow.RunService/CreateRun`."""
        route = self._routes.get(path)
        if route is not None:
            return route
        service = path[1:].partition("/")[0]
        if service in self._loaded or (service not in SERVICES and service not in _ELSEWHERE):
            return None
        self.load(service)
        return self._routes.get(path)

    def load(self, service: str) -> None:
        """Import a service and add its routes."""
        self._loaded.add(service)
        descriptor_module, own = SERVICES.get(service) or _ELSEWHERE[service]
        file: FileDescriptor = importlib.import_module(descriptor_module).DESCRIPTOR
        target: Any = None
        refusal = own
        if service in SERVICES:
            target = importlib.import_module(f"{__name__}.{own}").Service(self._devbox)
            refusal = ""
        for name, method in methods_of(file.services_by_name[service.rpartition(".")[2]]).items():
            handler = getattr(target, snake_case(name), None)
            reason = refusal or f"`{name}` of `{service}` is not offered by the devbox"
            self._routes[method.path] = Route(method, handler, reason)


def snake_case(name: str) -> str:
    """Return the name of a method as Python writes it: `GetActionDataURIs` is `get_action_data_uris`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
