"""Other settings for a task that is registered already, in its specification."""

from typing import TYPE_CHECKING, Any

from flyteidl2.core import literals_pb2
from flyteidl2.task import task_definition_pb2

from flyte.registration.plan import resource_plan
from flyte.registration.wire import extended_resources, resource_message, security_context
from flyte_models.caching import cache_from_request
from flyte_models.policies import retries_from_request, timeout_from_request
from flyte_models.secrets import secrets_from_request

if TYPE_CHECKING:
    from flyte_remote.tasks import TaskDetails

__all__ = ["overridden"]


def overridden(task: "TaskDetails", settings: dict[str, Any]) -> task_definition_pb2.TaskDetails:
    """Return the message of a task with other settings, each as in `@env.task`; what is None or empty stays as it is.

    Raises:
        TypeError: A setting is of another type.
        ValueError: A setting has another form, or the task has no container that it could be a setting of.
    """
    made = task_definition_pb2.TaskDetails()
    made.CopyFrom(task.pb2)
    template = made.spec.task_template
    if name := settings.get("short_name"):
        made.spec.short_name = name
    if (given := settings.get("retries")) not in (None, 0):
        strategy = retries_from_request(given)
        template.metadata.retries.CopyFrom(literals_pb2.RetryStrategy(retries=strategy.count))
        if strategy.backoff is not None:
            backoff = template.metadata.retries.backoff
            backoff.base.FromTimedelta(strategy.backoff.base)
            backoff.factor = strategy.backoff.factor
            if strategy.backoff.cap is not None:
                backoff.cap.FromTimedelta(strategy.backoff.cap)
    if given := settings.get("timeout"):
        limits = timeout_from_request(given)
        for message, limit in (
            (template.metadata.timeout, limits.runtime_limit()),
            (template.metadata.timeouts.queued_timeout, limits.queued_limit()),
            (template.metadata.timeouts.deadline, limits.total_limit()),
        ):
            if limit is not None:
                message.FromTimedelta(limit)
    if given := settings.get("cache"):
        cache = cache_from_request(given)
        template.metadata.discoverable = cache.behavior != "disable"
        template.metadata.cache_serializable = cache.serialize
        template.metadata.cache_ignore_input_vars[:] = cache.get_ignored_inputs()
        if cache.version_override:
            template.metadata.discovery_version = cache.version_override
    if settings.get("secrets") or settings.get("service_account"):
        secrets = tuple(secrets_from_request(settings["secrets"])) if settings.get("secrets") else None
        made_context = security_context(secrets, settings.get("service_account"))
        assert made_context is not None  # one of both is given
        if secrets is not None:
            del template.security_context.secrets[:]
        template.security_context.MergeFrom(made_context)
    _override_container(task, template, settings)
    return made


def _override_container(task: "TaskDetails", template: Any, settings: dict[str, Any]) -> None:
    resources, env_vars = settings.get("resources"), settings.get("env_vars")
    if resources is None and not env_vars:
        return
    if not template.HasField("container"):
        raise ValueError(
            f"task `{task.name}` has no container of its own, so `resources` and `env_vars` cannot be overridden\n"
            "hint: register it with other settings"
        )
    if resources is not None:
        template.container.ClearField("resources")
        message = resource_message(resource_plan(resources))
        if message is not None:
            template.container.resources.CopyFrom(message)
        extended = extended_resources(resources.get_device(), resources.get_shared_memory())
        template.ClearField("extended_resources")
        if extended is not None:
            template.extended_resources.CopyFrom(extended)
    if env_vars:
        kept = [pair for pair in template.container.env if pair.key not in env_vars]
        del template.container.env[:]
        template.container.env.extend(kept)
        template.container.env.extend(
            literals_pb2.KeyValuePair(key=key, value=value) for key, value in env_vars.items()
        )
