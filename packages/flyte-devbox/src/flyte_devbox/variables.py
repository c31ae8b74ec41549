"""Refuses environment variables that no process can have, in whatever request they come, before anything is recorded."""

from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf.message import Message

from flyte_devbox.errors import invalid_argument
from flyte_devbox.policies import command_of
from flyte_models.env_vars import variable_error

__all__ = ["check_variables"]

_Pairs = Iterable[tuple[str, str]]


def _of_spec(spec: Any) -> _Pairs:
    command = command_of(spec.task_template)
    return () if command is None else command.env


def _of_run(spec: Any) -> _Pairs:
    return ((pair.key, pair.value) for pair in spec.envs.values)


def _of_settings(settings: Any) -> _Pairs:
    return settings.environment_variables.map_value.entries.items()


_FOUND: dict[str, Callable[[Any], tuple[_Pairs, ...]]] = {
    "flyteidl2.task.TaskSpec": lambda spec: (_of_spec(spec),),
    "flyteidl2.task.DeployTaskRequest": lambda request: (
        _of_spec(request.spec),
        *(_of_run(trigger.spec.run_spec) for trigger in request.triggers),
    ),
    "flyteidl2.workflow.CreateRunRequest": lambda request: (_of_run(request.run_spec), _of_spec(request.task_spec)),
    "flyteidl2.actions.EnqueueRequest": lambda request: (_of_spec(request.action.task.spec),),
    "flyteidl2.workflow.EnqueueActionRequest": lambda request: (_of_spec(request.task.spec),),
    "flyteidl2.trigger.DeployTriggerRequest": lambda request: (_of_run(request.spec.run_spec),),
    "flyteidl2.settings.CreateSettingsRequest": lambda request: (_of_settings(request.settings),),
    "flyteidl2.settings.UpdateSettingsRequest": lambda request: (_of_settings(request.settings),),
}
"""Where variables stand, by the full name of a message."""


def check_variables(message: Message) -> None:
    """Refuse a request with an environment variable that no process can have.

    Raises:
        ServiceError: INVALID_ARGUMENT.
    """
    find = _FOUND.get(message.DESCRIPTOR.full_name)
    if find is None:
        return
    for pairs in find(message):
        for name, text in pairs:
            error = variable_error(name, text)
            if error:
                raise invalid_argument(error)
