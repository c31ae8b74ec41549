"""The control plane as Python objects, one noun per module. Names load when they are used."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flyte_remote.action_details import ActionDetails as ActionDetails
    from flyte_remote.actions import Action as Action
    from flyte_remote.apps import App as App
    from flyte_remote.artifacts import Artifact as Artifact
    from flyte_remote.conditions import Condition as Condition
    from flyte_remote.listing import TimeFilter as TimeFilter
    from flyte_remote.partitions import PartitionSchema as PartitionSchema
    from flyte_remote.projects import Project as Project
    from flyte_remote.run_details import RunDetails as RunDetails
    from flyte_remote.runs import Run as Run
    from flyte_remote.secrets import Secret as Secret
    from flyte_remote.secrets import SecretTypes as SecretTypes
    from flyte_remote.settings import Settings as Settings
    from flyte_remote.sign_in.passthrough import auth_metadata as auth_metadata
    from flyte_remote.tasks import Task as Task
    from flyte_remote.tasks import TaskDetails as TaskDetails
    from flyte_remote.triggers import Trigger as Trigger
    from flyte_remote.triggers import TriggerDetails as TriggerDetails
    from flyte_remote.uploads import upload_dir as upload_dir
    from flyte_remote.uploads import upload_file as upload_file
    from flyte_remote.users import User as User
    from flyte_remote.values import ActionInputs as ActionInputs
    from flyte_remote.values import ActionOutputs as ActionOutputs

_EXPORTS = {
    "Action": "flyte_remote.actions",
    "ActionDetails": "flyte_remote.action_details",
    "ActionInputs": "flyte_remote.values",
    "ActionOutputs": "flyte_remote.values",
    "App": "flyte_remote.apps",
    "Artifact": "flyte_remote.artifacts",
    "Condition": "flyte_remote.conditions",
    "PartitionSchema": "flyte_remote.partitions",
    "Project": "flyte_remote.projects",
    "Run": "flyte_remote.runs",
    "RunDetails": "flyte_remote.run_details",
    "Secret": "flyte_remote.secrets",
    "SecretTypes": "flyte_remote.secrets",
    "Settings": "flyte_remote.settings",
    "Task": "flyte_remote.tasks",
    "TaskDetails": "flyte_remote.tasks",
    "TimeFilter": "flyte_remote.listing",
    "Trigger": "flyte_remote.triggers",
    "TriggerDetails": "flyte_remote.triggers",
    "User": "flyte_remote.users",
    "auth_metadata": "flyte_remote.sign_in.passthrough",
    "upload_dir": "flyte_remote.uploads",
    "upload_file": "flyte_remote.uploads",
}

__all__ = [
    "Action",
    "ActionDetails",
    "ActionInputs",
    "ActionOutputs",
    "App",
    "Artifact",
    "Condition",
    "PartitionSchema",
    "Project",
    "Run",
    "RunDetails",
    "Secret",
    "SecretTypes",
    "Settings",
    "Task",
    "TaskDetails",
    "TimeFilter",
    "Trigger",
    "TriggerDetails",
    "User",
    "auth_metadata",
    "upload_dir",
    "upload_file",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module  # noqa: PLC0415

    if name not in _EXPORTS:
        raise AttributeError(f"module `flyte_remote` has no attribute `{name}`")
    found = globals()[name] = getattr(import_module(_EXPORTS[name]), name)
    return found
