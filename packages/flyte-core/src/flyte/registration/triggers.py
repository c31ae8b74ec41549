"""What deploys a task: its specification as it is registered, with its triggers."""

from typing import Any

from flyteidl2.task import task_definition_pb2, task_service_pb2

from flyte.git import GitStatus
from flyte.registration.plan import LinkScope
from flyte.registration.wire import default_inputs, documented, task_spec
from flyte.tasks.template import TaskTemplate
from flyte_models.serialization import SerializationContext
from flyte_models.triggers import Trigger
from flyte_remote.trigger_messages import automation_of, inputs_of_trigger, run_spec_of

__all__ = ["complete_request", "deploy_request", "described", "task_trigger"]


async def deploy_request(
    task: TaskTemplate[..., Any], serialization_context: SerializationContext, repository: GitStatus | None = None
) -> task_service_pb2.DeployTaskRequest:
    """Give the request that deploys a task: its specification with documentation and defaults, and its triggers.

    Args:
        task: The task.
        serialization_context: Version, place, bundle and images.
        repository: What is checked out, for the link to the source; git is asked if it is not given.

    Raises:
        RuntimeUserError: The image must be built, and the context's image cache does not have it.
        ValueError: As of `task_spec` and `complete_request`.
        TypeError: A default, or an input of a trigger, is not of its type.
    """
    spec = described(task, serialization_context)
    spec.default_inputs.extend(await default_inputs(task.interface))
    return await complete_request(task, spec, repository)


def described(
    task: TaskTemplate[..., Any], serialization_context: SerializationContext
) -> task_definition_pb2.TaskSpec:
    """Give the specification of a task that is deployed, without documentation and defaults.

    Raises:
        RuntimeUserError: The image must be built, and the context's image cache does not have it.
        ValueError: As of `task_spec`.
    """
    return task_spec(task, serialization_context, links=LinkScope())


async def complete_request(
    task: TaskTemplate[..., Any], spec: task_definition_pb2.TaskSpec, repository: GitStatus | None = None
) -> task_service_pb2.DeployTaskRequest:
    """Give the request that deploys a task that is described already.

    Args:
        task: The task.
        spec: As `task_spec` makes it, with defaults; it gets documentation.
        repository: What is checked out, for the link to the source; git is asked if it is not given.

    Raises:
        ValueError: A trigger gives an input that the task does not have, or leaves one out.
        TypeError: An input of a trigger is not of its type.
    """
    environment = task.parent_env() if task.parent_env is not None else None
    identifier = spec.task_template.id
    return task_service_pb2.DeployTaskRequest(
        task_id=task_definition_pb2.TaskIdentifier(
            org=identifier.org,
            project=identifier.project,
            domain=identifier.domain,
            name=identifier.name,
            version=identifier.version,
        ),
        spec=documented(spec, task, environment.description if environment is not None else None, repository),
        triggers=[await task_trigger(task, trigger) for trigger in task.triggers],
    )


async def task_trigger(task: TaskTemplate[..., Any], trigger: Trigger) -> task_definition_pb2.TaskTrigger:
    """Give a trigger of a task as a message.

    Raises:
        ValueError: It gives an input that the task does not have, or leaves one out.
        TypeError: An input is not of its type.
    """
    spec = task_definition_pb2.TaskTriggerSpec(
        active=trigger.auto_activate,
        inputs=await inputs_of_trigger(trigger, task.name, task.interface),
        run_spec=run_spec_of(trigger),
        description=trigger.description,
    )
    return task_definition_pb2.TaskTrigger(name=trigger.name, spec=spec, automation_spec=automation_of(trigger))
