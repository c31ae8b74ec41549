"""Pod templates as the protocol has them: the primary container gets image, arguments, variables and resources of the task."""

from copy import deepcopy
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from flyte_models.errors import DeclarationError

if TYPE_CHECKING:
    from flyte.registration.plan import ContainerPlan
    from flyte_models.pod_templates import PodTemplate

__all__ = ["pod_spec", "spec_as_data"]

_RESOURCES = {"CPU": "cpu", "MEMORY": "memory", "GPU": "gpu", "EPHEMERAL_STORAGE": "ephemeral-storage"}


def pod_spec(template: "PodTemplate", container: "ContainerPlan") -> dict[str, Any]:
    """Give the specification of the pod as Kubernetes writes it in JSON.

    Raises:
        DeclarationError: The template has containers, and none is the primary one.
        ModuleNotFoundError: The specification is an object of the `kubernetes` package, which is not installed.
    """
    spec = spec_as_data(template.pod_spec)
    containers: list[dict[str, Any]] = spec.setdefault("containers", [])
    name = template.primary_container_name
    if not containers:
        containers.append({"name": name})
    primary = next((each for each in containers if each.get("name") == name), None)
    if primary is None:
        raise DeclarationError(
            f"the pod template has no container {name!r}, which would run the task; it has "
            f"{', '.join(repr(each.get('name')) for each in containers)}\n"
            "hint: add it, or name the one that runs the task: `primary_container_name=`"
        )
    primary["image"] = primary.get("image") or container.image
    primary["command"] = []
    primary["args"] = list(container.args)
    primary["env"] = [{"name": key, "value": item} for key, item in container.env] + list(primary.get("env") or [])
    _merge_resources(primary, container)
    return spec


def _merge_resources(primary: dict[str, Any], container: "ContainerPlan") -> None:
    resources = container.resources
    for side, given in (("requests", resources.requests), ("limits", resources.limits)):
        if given:
            known = primary.setdefault("resources", {})
            known[side] = {**known.get(side, {}), **{_RESOURCES[name]: quantity for name, quantity in given}}


def spec_as_data(spec: Any) -> dict[str, Any]:
    """Give a specification as Kubernetes writes it in JSON: that of an object of `kubernetes`, a dict, or nothing."""
    if spec is None:
        return {}
    if isinstance(spec, dict):
        return deepcopy(cast("dict[str, Any]", spec))
    # The user's own package: it made the object, and knows the names of its fields in JSON.
    return import_module("kubernetes.client").ApiClient().sanitize_for_serialization(spec)
