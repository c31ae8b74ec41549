"""What is registered of a task, as plain data: names, policies, container, pod. Pure; `wire` makes messages of it."""

import json
from collections.abc import Mapping
from dataclasses import field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flyte.tasks.template import TaskTemplate
from flyte_images import default_image_uri
from flyte_models.caching import Cache, VersionParameters
from flyte_models.errors import DeclarationError, RuntimeUserError
from flyte_models.policies import Backoff, Timeout, timeout_from_request
from flyte_models.resources import Device, Resources
from flyte_models.secrets import Secret, secrets_from_request
from flyte_models.serialization import SerializationContext
from flyte_models.values import value

if TYPE_CHECKING:
    from flyte_models.pod_templates import PodTemplate
    from flyte_models.reuse import ReusePolicy
    from flyte_models.task_context import TaskContext

__all__ = [
    "ACTOR_TYPE",
    "NAME_LIMIT",
    "ContainerPlan",
    "LinkPlan",
    "LinkScope",
    "MetadataPlan",
    "ResourcePlan",
    "TaskPlan",
    "cut",
    "plan_of",
    "resource_plan",
]

ACTOR_TYPE = "actor"
"""The type of a task whose containers stay warm."""
NAME_LIMIT = 63
"""How many characters of short names, and of names of environments, are stored."""
_CUT = "...(tr.)"


@value
class ResourcePlan:
    """What is reserved and what must not be exceeded, by the name that the protocol has for it."""

    requests: tuple[tuple[str, str], ...] = ()
    limits: tuple[tuple[str, str], ...] = ()


@value
class LinkScope:
    """What the links of a task are told of the run that shows them; what is not known yet, the control plane fills in."""

    run_name: str = "{{.runName}}"
    project: str = "{{.executionProject}}"
    domain: str = "{{.executionDomain}}"
    parent_action_name: str = "{{.actionName}}"
    context: Mapping[str, str] = field(default_factory=dict[str, str])


@value
class LinkPlan:
    """A link beside the actions of a task, its address filled in as far as it is known."""

    name: str
    uri: str
    icon_uri: str


@value
class MetadataPlan:
    """Policies and flags of a task."""

    discoverable: bool
    discovery_version: str
    cache_serializable: bool
    cache_ignored_inputs: tuple[str, ...]
    cache_max_age: timedelta | None
    retries: int
    backoff: Backoff | None
    runtime_limit: timedelta | None
    queued_limit: timedelta | None
    deadline: timedelta | None
    interruptible: bool
    has_report: bool
    debuggable: bool
    is_entrypoint: bool
    produces_artifacts: bool
    pod_template_name: str
    links: tuple[LinkPlan, ...]
    code_bundle_uri: str
    image_build_run: Mapping[str, str] | None


@value
class ContainerPlan:
    """The container that runs a task."""

    image: str
    args: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    resources: ResourcePlan
    config: tuple[tuple[str, str], ...]
    data_loading: Any
    """A `DataLoadingConfig` message, of a container that does not know Flyte."""


@value
class TaskPlan:
    """All that is registered of a task but its interface."""

    name: str
    version: str
    project: str
    domain: str
    org: str
    task_type: str
    task_type_version: int
    short_name: str
    environment: str
    metadata: MetadataPlan
    container: ContainerPlan
    pod_template: "PodTemplate | None"
    sql: Any
    custom: Any
    """Plain data, or a message: what a plugin on the backend reads."""
    device: Device | None
    shared_memory: str | None
    """The size of the shared memory: empty for as much as there is, `None` for none."""
    service_account: str | None
    secrets: tuple[Secret, ...] | None
    reuse: "ReusePolicy | None"


def plan_of(
    task: TaskTemplate[..., Any],
    context: SerializationContext,
    task_context: "TaskContext | None" = None,
    links: LinkScope | None = None,
) -> TaskPlan:
    """Plan the registration of a task.

    Args:
        task: The task.
        context: Version, place, bundle and images.
        task_context: The context of the action that registers the task in passing, by calling it: its links are known then.
        links: What its links are told otherwise; without either they are left out.

    Raises:
        RuntimeUserError: The image must be built, and the context's image cache does not have it.
        ValueError: The task cannot be found in a container, its cache makes no version, or its device has no model.
        RuntimeSystemError: The context has no `root_dir`, and the task is found by its module.
    """
    reuse = task.reusable
    resources = task.resources
    return TaskPlan(
        name=task.name,
        version=context.version,
        project=context.project or "",
        domain=context.domain or "",
        org=context.org or "",
        task_type=ACTOR_TYPE if reuse is not None else task.task_type,
        task_type_version=task.task_type_version,
        short_name=task.short_name[:NAME_LIMIT],
        environment=(task.parent_env_name or "")[:NAME_LIMIT],
        metadata=_metadata(task, context, links if task_context is None else _scope_of(task_context)),
        container=_container(task, context),
        pod_template=None if isinstance(task.pod_template, str) else task.pod_template,
        sql=task.sql(context),
        custom=task.custom_config(context),
        device=resources.get_device() if resources is not None else None,
        shared_memory=resources.get_shared_memory() if resources is not None else None,
        service_account=task.service_account,
        secrets=None if task.secrets is None else tuple(secrets_from_request(task.secrets)),
        reuse=reuse,
    )


def cut(text: str, limit: int) -> str:
    """Shorten a text to a number of characters, and mark that it was."""
    return text if len(text) <= limit else text[: limit - len(_CUT)] + _CUT


def resource_plan(resources: Resources | None) -> ResourcePlan:
    """Name the quantities as the protocol does. A single quantity is reserved; only of a pair the second limits."""
    if resources is None:
        return ResourcePlan()
    requests: list[tuple[str, str]] = []
    limits: list[tuple[str, str]] = []
    for name, given in (("CPU", resources.cpu), ("MEMORY", resources.memory)):
        if isinstance(given, tuple):
            requests.append((name, str(given[0])))
            limits.append((name, str(given[1])))
        elif given is not None:
            requests.append((name, str(given)))
    device = resources.get_device()
    if device is not None:
        requests.append(("GPU", str(device.quantity)))
    if resources.disk is not None:
        requests.append(("EPHEMERAL_STORAGE", resources.disk))
    return ResourcePlan(tuple(requests), tuple(limits))


def _metadata(task: TaskTemplate[..., Any], context: SerializationContext, links: LinkScope | None) -> MetadataPlan:
    cache = task.cache
    limits = timeout_from_request(task.timeout) if task.timeout is not None else Timeout()
    bundle = context.code_bundle
    cached_images: Any = context.image_cache
    builds: Mapping[str, Any] = getattr(cached_images, "build_run_ids", None) or {}
    max_age = cache.max_age
    return MetadataPlan(
        discoverable=cache.is_enabled(),
        discovery_version=_discovery_version(task, cache, context),
        cache_serializable=cache.serialize,
        cache_ignored_inputs=tuple(cache.get_ignored_inputs()) if cache.is_enabled() else (),
        cache_max_age=timedelta(seconds=max_age) if isinstance(max_age, int) else max_age,
        retries=task.retries.count,
        backoff=task.retries.backoff,
        runtime_limit=limits.runtime_limit(),
        queued_limit=limits.queued_limit(),
        deadline=limits.total_limit(),
        interruptible=task.interruptible,
        has_report=task.report,
        debuggable=task.debuggable and task.reusable is None,
        is_entrypoint=task.entrypoint,
        produces_artifacts=task.produces_artifacts,
        pod_template_name=task.pod_template if isinstance(task.pod_template, str) else "",
        links=() if links is None else _links(task, links),
        code_bundle_uri=(bundle.tgz or "") if bundle is not None else "",
        image_build_run=builds.get(task.parent_env_name or ""),
    )


def _discovery_version(task: TaskTemplate[..., Any], cache: Cache, context: SerializationContext) -> str:
    """Give the version that results are kept under. A task that is not cached has one too: names of actions are made of it."""
    bundle = context.code_bundle
    if bundle is not None and bundle.pkl:
        return bundle.computed_version
    parameters = VersionParameters(func=getattr(task, "func", None), image=task.image, code_bundle=bundle)
    try:
        return (cache if cache.is_enabled() else Cache("auto")).get_version(parameters)
    except ValueError as error:
        raise DeclarationError(f"task `{task.name}`: {error}") from error


def _scope_of(task_context: "TaskContext") -> LinkScope:
    action = task_context.action
    return LinkScope(
        run_name=action.run_name or "",
        project=action.project or "",
        domain=action.domain or "",
        parent_action_name=action.name,
        context=dict(task_context.custom_context),
    )


def _links(task: TaskTemplate[..., Any], scope: LinkScope) -> tuple[LinkPlan, ...]:
    return tuple(
        LinkPlan(
            name=link.name,
            uri=link.get_link(
                run_name=scope.run_name,
                project=scope.project,
                domain=scope.domain,
                context=dict(scope.context),
                parent_action_name=scope.parent_action_name,
                action_name="{{.actionName}}",
                pod_name="{{.podName}}",
            ),
            icon_uri=getattr(link, "icon_uri", None) or "",
        )
        for link in task.links
    )


def _container(task: TaskTemplate[..., Any], context: SerializationContext) -> ContainerPlan:
    return ContainerPlan(
        image=_image_uri(task, context),
        args=tuple(task.container_args(context)),
        env=tuple({**_apple_env(task), **(task.env_vars or {})}.items()),
        resources=resource_plan(task.resources),
        config=tuple(task.config(context).items()),
        data_loading=task.data_loading_config(context),
    )


def _apple_env(task: TaskTemplate[..., Any]) -> dict[str, str]:
    device = task.resources.get_device() if task.resources is not None else None
    if device is None or device.device_class != "APPLE_SILICON":
        return {}
    packages: list[str] = [*getattr(task.image, "pip_packages", ())]
    return {"_F_APPLE_SILICON_EXECUTION": "host", "_F_APPLE_SILICON_HOST_PACKAGES": json.dumps(packages)}


def _image_uri(task: TaskTemplate[..., Any], context: SerializationContext) -> str:
    lookup: Mapping[str, str] = getattr(context.image_cache, "image_lookup", None) or {}
    environment = task.parent_env_name or ""
    if environment in lookup:
        return lookup[environment]
    image = task.image
    if image is None:
        return ""
    if isinstance(image, str):
        return default_image_uri() if image == "auto" else image
    if context.image_cache is not None and image.needs_build:
        raise RuntimeUserError(
            "ImageNotBuilt",
            f"the image of environment `{environment}`, which task `{task.name}` runs in, was not built\n"
            "hint: an environment whose tasks are called from another one belongs into the other's `depends_on`; and a name that "
            "comes from an environment variable must be the same in the container",
        )
    return str(image.uri)
