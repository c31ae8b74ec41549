"""The plan of a task as protocol messages: what is sent to register it, and with every action that runs it."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from inspect import Parameter
from typing import TYPE_CHECKING, Any

from flyteidl2.common import identifier_pb2 as common_ids
from flyteidl2.core import identifier_pb2, interface_pb2, literals_pb2, security_pb2, tasks_pb2
from flyteidl2.task import common_pb2, environment_pb2, task_definition_pb2
from google.protobuf import struct_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from flyte.controllers.conversion import codec_for
from flyte.registration.actors import actor_config
from flyte.registration.arguments import container_args
from flyte.registration.devices import device_class_number, device_name
from flyte.registration.documentation import documentation_of
from flyte.registration.plan import ContainerPlan, LinkScope, MetadataPlan, ResourcePlan, TaskPlan, plan_of
from flyte.registration.pods import pod_spec, spec_as_data
from flyte_models.resources import Device
from flyte_models.secrets import Secret
from flyte_models.version import __version__
from flyte_types.codec import encode_literal_async, literal_type_of

if TYPE_CHECKING:
    from flyte.git import GitStatus
    from flyte.tasks.template import TaskTemplate
    from flyte_models.interface import NativeInterface
    from flyte_models.pod_templates import PodTemplate
    from flyte_models.serialization import SerializationContext
    from flyte_models.task_context import TaskContext

__all__ = [
    "container_args",
    "default_inputs",
    "documented",
    "extended_resources",
    "pod_message",
    "resource_message",
    "security_context",
    "task_spec",
]

_SHARED_MEMORY_PATH = "/dev/shm"  # noqa: S108 - in the container
_SHARED_MEMORY_NAME = "flyte-shm"


def task_spec(
    task: "TaskTemplate[..., Any]",
    serialization_context: "SerializationContext",
    *,
    defaults: "list[common_pb2.NamedParameter] | None" = None,
    task_context: "TaskContext | None" = None,
    links: LinkScope | None = None,
) -> task_definition_pb2.TaskSpec:
    """Give what a control plane must know to run a task.

    Args:
        task: The task.
        serialization_context: Version, place, bundle and images.
        defaults: The inputs that have a default, of `default_inputs`: only of a task that is deployed.
        task_context: The context of the action that calls the task, if one does.
        links: What the links of the task are told where no action calls it; without it they are left out.

    Raises:
        RuntimeUserError: The image must be built, and the context's image cache does not have it.
        ValueError: The task cannot be found in a container, its cache makes no version, its device has no model, or its pod
            template has no primary container.
        RuntimeSystemError: The context has no `root_dir`, and the task is found by its module.
    """
    plan = plan_of(task, serialization_context, task_context, links)
    bundle = serialization_context.code_bundle
    template = tasks_pb2.TaskTemplate(
        id=identifier_pb2.Identifier(
            resource_type=identifier_pb2.TASK,
            org=plan.org,
            project=plan.project,
            domain=plan.domain,
            name=plan.name,
            version=plan.version,
        ),
        type=plan.task_type,
        task_type_version=plan.task_type_version,
        metadata=_metadata(plan.metadata),
        interface=interface_pb2.TypedInterface.FromString(codec_for(task).typed_interface()),
        security_context=security_context(plan.secrets, plan.service_account),
        extended_resources=extended_resources(plan.device, plan.shared_memory),
    )
    _add_target(template, plan)
    _add_custom(template, plan.custom)
    if plan.reuse is not None:
        _add_reuse(template, plan, bundle.computed_version if bundle is not None else "")
    return task_definition_pb2.TaskSpec(
        task_template=template,
        default_inputs=defaults or [],
        short_name=plan.short_name,
        environment=environment_pb2.Environment(name=plan.environment),
    )


async def default_inputs(interface: "NativeInterface") -> list[common_pb2.NamedParameter]:
    """Convert the defaults of a task's inputs, in the order of its signature.

    Raises:
        TypeError: A default does not have the declared type.
    """
    given = [
        (name, kind, default) for name, (kind, default) in interface.inputs.items() if default is not Parameter.empty
    ]
    literals = await asyncio.gather(*(encode_literal_async(default, kind) for _, kind, default in given))
    return [
        common_pb2.NamedParameter(
            name=name,
            parameter=interface_pb2.Parameter(
                var=interface_pb2.Variable(type=_literal_type(kind)),
                default=literals_pb2.Literal.FromString(literal),
            ),
        )
        for (name, kind, _), literal in zip(given, literals, strict=True)
    ]


def documented(
    spec: task_definition_pb2.TaskSpec,
    task: "TaskTemplate[..., Any]",
    description: str | None,
    repository: "GitStatus | None" = None,
) -> task_definition_pb2.TaskSpec:
    """Add to a specification what a deployed task is shown with: documentation, and descriptions of inputs and environment.

    Args:
        spec: Changed in place.
        task: The task.
        description: What the environment is for.
        repository: What is checked out, for the link to the source; git is asked if it is not given.

    Returns:
        The same specification.
    """
    plan = documentation_of(task, repository)
    spec.documentation.SetInParent()
    spec.documentation.short_description = plan.short
    if plan.long:
        spec.documentation.long_description = plan.long
    if plan.link:
        spec.documentation.source_code.link = plan.link
    if description:
        spec.environment.description = description
    docstring = task.interface.docstring
    interface = spec.task_template.interface
    for described, variables in (
        (docstring.input_descriptions if docstring else {}, interface.inputs.variables),
        (docstring.output_descriptions if docstring else {}, interface.outputs.variables),
    ):
        for entry in variables:
            text = described.get(entry.key)
            if text:
                entry.value.description = text
    return spec


def resource_message(plan: ResourcePlan) -> tasks_pb2.Resources | None:
    """Give quantities as a message, or `None` without any."""
    if not plan.requests and not plan.limits:
        return None
    return tasks_pb2.Resources(requests=_entries(plan.requests), limits=_entries(plan.limits))


def extended_resources(device: Device | None, shared_memory: str | None) -> tasks_pb2.ExtendedResources | None:
    """Give accelerators and shared memory as a message, or `None` without either.

    Raises:
        ValueError: The device has no model.
    """
    is_named = device is not None and not (
        device.device_class == "GPU" and device.device is None and not device.partition
    )
    if not is_named and shared_memory is None:
        return None
    message = tasks_pb2.ExtendedResources()
    if device is not None and is_named:
        # By number: a class of a newer protocol than the messages know is sent all the same.
        accelerator = message.gpu_accelerator
        accelerator.device = device_name(device)
        accelerator.device_class = device_class_number(device)  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
        if device.partition:
            accelerator.partition_size = device.partition
    if shared_memory is not None:
        message.shared_memory.mount_path = _SHARED_MEMORY_PATH
        message.shared_memory.mount_name = _SHARED_MEMORY_NAME
        message.shared_memory.size_limit = shared_memory
    return message


def security_context(
    secrets: "tuple[Secret, ...] | None", service_account: str | None
) -> security_pb2.SecurityContext | None:
    """Give secrets and service account as a message, or `None` without either."""
    if secrets is None and not service_account:
        return None
    return security_pb2.SecurityContext(
        run_as=security_pb2.Identity(k8s_service_account=service_account) if service_account else None,
        secrets=[
            security_pb2.Secret(
                group=secret.group or "",
                key=secret.key,
                mount_requirement=security_pb2.Secret.ENV_VAR if secret.as_env_var else security_pb2.Secret.FILE,
                env_var=secret.as_env_var or "",
            )
            for secret in secrets or ()
        ],
    )


def _metadata(plan: MetadataPlan) -> tasks_pb2.TaskMetadata:
    message = tasks_pb2.TaskMetadata(
        discoverable=plan.discoverable,
        discovery_version=plan.discovery_version,
        cache_serializable=plan.cache_serializable,
        cache_ignore_input_vars=plan.cache_ignored_inputs,
        cache_max_age=_duration(plan.cache_max_age),
        runtime=tasks_pb2.RuntimeMetadata(
            type=tasks_pb2.RuntimeMetadata.FLYTE_SDK, version=__version__, flavor="python"
        ),
        retries=literals_pb2.RetryStrategy(retries=plan.retries),
        timeout=_duration(plan.runtime_limit),
        pod_template_name=plan.pod_template_name,
        interruptible=plan.interruptible,
        generates_deck={"value": plan.has_report},  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        debuggable=plan.debuggable,
        is_entrypoint=plan.is_entrypoint,
        produces_artifacts=plan.produces_artifacts,
        code_bundle_uri=plan.code_bundle_uri,
    )
    if plan.backoff is not None:
        backoff = message.retries.backoff
        backoff.base.FromTimedelta(plan.backoff.base)
        backoff.factor = plan.backoff.factor
        if plan.backoff.cap is not None:
            backoff.cap.FromTimedelta(plan.backoff.cap)
    if plan.queued_limit is not None:
        message.timeouts.queued_timeout.FromTimedelta(plan.queued_limit)
    if plan.deadline is not None:
        message.timeouts.deadline.FromTimedelta(plan.deadline)
    for link in plan.links:
        message.log_links.add(name=link.name, uri=link.uri, icon_uri=link.icon_uri)
    if plan.image_build_run:
        message.image_build_run.CopyFrom(common_ids.RunIdentifier(**plan.image_build_run))
    return message


def _add_target(template: tasks_pb2.TaskTemplate, plan: TaskPlan) -> None:
    """Say what runs the task: a pod, a query, or a container."""
    container = plan.container
    if plan.pod_template is not None:
        pod = plan.pod_template
        _fill_pod(template.k8s_pod, pod, pod_spec(pod, container))
        template.config["primary_container_name"] = pod.primary_container_name
    elif plan.sql is not None:
        if isinstance(plan.sql, str):
            template.sql.statement = plan.sql
            template.sql.dialect = tasks_pb2.Sql.ANSI
        else:
            template.sql.CopyFrom(plan.sql)
    else:
        template.container.CopyFrom(_container(container))


def pod_message(pod: "PodTemplate") -> tasks_pb2.K8sPod:
    """Give a template as the protocol has it, without what a task adds to its primary container."""
    message = tasks_pb2.K8sPod(primary_container_name=pod.primary_container_name)
    _fill_pod(message, pod, spec_as_data(pod.pod_spec))
    return message


def _fill_pod(message: tasks_pb2.K8sPod, pod: "PodTemplate", spec: dict[str, Any]) -> None:
    message.metadata.SetInParent()
    message.metadata.labels.update(pod.labels or {})
    message.metadata.annotations.update(pod.annotations or {})
    message.pod_spec.update(spec)


def _container(plan: ContainerPlan) -> tasks_pb2.Container:
    return tasks_pb2.Container(
        image=plan.image,
        args=plan.args,
        resources=resource_message(plan.resources),
        env=_pairs(plan.env),
        config=_pairs(plan.config),
        data_config=plan.data_loading,
    )


def _add_custom(template: tasks_pb2.TaskTemplate, custom: Any) -> None:
    if isinstance(custom, struct_pb2.Struct):
        template.custom.CopyFrom(custom)
    elif isinstance(custom, Message):
        template.custom.update(MessageToDict(custom))
    elif custom:
        template.custom.update(custom)


def _add_reuse(template: tasks_pb2.TaskTemplate, plan: TaskPlan, bundle_version: str) -> None:
    policy = plan.reuse
    assert policy is not None
    template.custom.update(actor_config(plan, policy, _without_arguments(template), bundle_version))
    message = template.reuse_policy
    message.min_replicas = policy.min_replicas
    message.max_replicas = policy.max_replicas
    message.concurrency = policy.concurrency
    idle: Any = policy.idle_ttl
    message.idle_ttl.FromTimedelta(idle)
    scaledown = policy.get_scaledown_ttl()
    if scaledown is not None:
        message.scaledown_ttl.FromTimedelta(scaledown)
    message.scope = tasks_pb2.ReusePolicy.RUN if policy.scope == "run" else tasks_pb2.ReusePolicy.GLOBAL


def _without_arguments(template: tasks_pb2.TaskTemplate) -> bytes:
    """Give what tells warm containers apart, whatever they run: not the arguments, which name a task."""
    metadata = tasks_pb2.TaskMetadata(
        interruptible=template.metadata.interruptible, pod_template_name=template.metadata.pod_template_name
    )
    copy = tasks_pb2.TaskTemplate(
        metadata=metadata,
        security_context=template.security_context,
        extended_resources=template.extended_resources,
    )
    if template.HasField("k8s_pod"):
        copy.k8s_pod.CopyFrom(template.k8s_pod)
        containers: Any = copy.k8s_pod.pod_spec["containers"]
        for each in containers:
            if "args" in each:
                del each["args"]
    else:
        copy.container.CopyFrom(template.container)
        del copy.container.args[:]
    return copy.SerializeToString(deterministic=True)


def _literal_type(kind: Any) -> Any:
    return interface_pb2.Variable.FromString(b"").type.FromString(literal_type_of(kind))


def _duration(duration: timedelta | None) -> Duration | None:
    if duration is None:
        return None
    message = Duration()
    message.FromTimedelta(duration)
    return message


def _entries(named: "tuple[tuple[str, str], ...]") -> list[Any]:
    kinds: Mapping[str, Any] = dict(tasks_pb2.Resources.ResourceName.items())
    return [tasks_pb2.Resources.ResourceEntry(name=kinds[name], value=quantity) for name, quantity in named]


def _pairs(pairs: "tuple[tuple[str, str], ...]") -> list[literals_pb2.KeyValuePair]:
    return [literals_pb2.KeyValuePair(key=key, value=item) for key, item in pairs]
