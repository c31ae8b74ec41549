"""Resources as the protocol and Kubernetes have them, for plugins that start containers of their own."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from flyte.registration.plan import resource_plan
from flyte.registration.wire import extended_resources, resource_message
from flyte_models.resources import PRIMARY_CONTAINER_DEFAULT_NAME, Resources

if TYPE_CHECKING:
    from flyteidl2.core.tasks_pb2 import ExtendedResources
    from flyteidl2.core.tasks_pb2 import Resources as ResourcesMessage

__all__ = ["get_proto_extended_resources", "get_proto_resources", "pod_spec_from_resources"]


def get_proto_resources(resources: Resources | None) -> "ResourcesMessage | None":
    """Give CPU, memory, disk and the number of accelerators as a message, or `None` when nothing is asked for."""
    return resource_message(resource_plan(resources))


def get_proto_extended_resources(resources: Resources | None) -> "ExtendedResources | None":
    """Give the model of the accelerators and the shared memory as a message, or `None` without either.

    Raises:
        ValueError: The device has no model.
    """
    if resources is None:
        return None
    return extended_resources(resources.get_device(), resources.get_shared_memory())


def pod_spec_from_resources(
    primary_container_name: str = PRIMARY_CONTAINER_DEFAULT_NAME,
    requests: Resources | None = None,
    limits: Resources | None = None,
    k8s_gpu_resource_key: str = "nvidia.com/gpu",
) -> Any:
    """Make a `kubernetes.client.V1PodSpec` of one container with resources.

    Args:
        primary_container_name: The name of the container.
        requests: What is reserved; the limits if there is nothing.
        limits: What must not be exceeded; the requests if there is nothing.
        k8s_gpu_resource_key: What the cluster calls its GPUs.

    Raises:
        ModuleNotFoundError: The `kubernetes` package is not installed.
    """
    kubernetes: Any = import_module("kubernetes.client")
    requested = _quantities(requests or limits, k8s_gpu_resource_key)
    limited = _quantities(limits or requests, k8s_gpu_resource_key)
    container = kubernetes.V1Container(
        name=primary_container_name,
        resources=kubernetes.V1ResourceRequirements(requests=requested, limits=limited),
    )
    return kubernetes.V1PodSpec(containers=[container])


def _quantities(resources: Resources | None, gpu_key: str) -> dict[str, str]:
    names = {"CPU": "cpu", "MEMORY": "memory", "GPU": gpu_key, "EPHEMERAL_STORAGE": "ephemeral-storage"}
    return {names[name]: quantity for name, quantity in resource_plan(resources).requests}
