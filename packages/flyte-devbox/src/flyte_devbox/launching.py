"""How an attempt is started: the templates of the container's arguments filled in, and its environment. Pure."""

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from flyte_devbox.policies import Command
from flyte_models.values import value
from flyte_protocol.channel import CHANNEL_VARIABLE

__all__ = [
    "TOKEN_VARIABLE",
    "AttemptPlace",
    "ServerPlace",
    "common_environment",
    "copilot_arguments",
    "fill_arguments",
    "inheritable",
    "own_environment",
]

TOKEN_VARIABLE = "FLYTE_DEVBOX_TOKEN"  # noqa: S105 - its name, no token
"""The variable that tells a runtime of ours the token of this server."""

_TEMPLATE = re.compile(r"\{\{ ?\.([A-Za-z]+) ?\}\}")
_NOT_INHERITED = ("FLYTE_", "_U_", "_F_", "_UNION_", "EAGER_API_KEY", "UCTL_", "RUN_NAME", "ACTION_NAME")
"""Variables of whoever started the devbox that would tell the runtime another story."""


@value
class ServerPlace:
    """Where this server is and what its attempts show it."""

    endpoint: str
    token: str
    folder: str
    channel: str = ""
    """Path of the socket of `flyte_protocol.channel`; empty for none."""

    @property
    def code(self) -> str:
        """The folder that takes extracted bundles."""
        return f"{self.folder}/code"


@value
class AttemptPlace:
    """Names and places of one attempt."""

    org: str
    project: str
    domain: str
    run_name: str
    action_name: str
    attempt: int
    """Counted from 1."""
    run_started_at: float
    input_uri: str
    run_base: str
    output_prefix: str
    raw_data_prefix: str
    previous_prefix: str | None
    """Where the attempt before had its outputs."""
    task_name: str
    task_version: str

    @property
    def pod_name(self) -> str:
        """What a cluster would call the pod."""
        return f"{self.run_name}-{self.action_name}-{self.attempt - 1}"


def inheritable(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what attempts get of an environment, this process's if not given."""
    base = os.environ if env is None else env
    return {name: text for name, text in base.items() if not name.startswith(_NOT_INHERITED)}


def fill_arguments(command: Command, place: AttemptPlace) -> list[str]:
    """Return command and arguments with every template filled in."""
    started = datetime.fromtimestamp(place.run_started_at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    # On the first attempt a cluster passes two quotes, and runtimes know that.
    previous = f"{place.previous_prefix}/_flytecheckpoints" if place.previous_prefix else '""'
    values = {
        "input": place.input_uri,
        "inputPrefix": place.input_uri.rpartition("/")[0],
        "outputPrefix": place.output_prefix,
        "rawOutputDataPrefix": place.raw_data_prefix,
        "checkpointOutputPrefix": f"{place.output_prefix}/_flytecheckpoints",
        "prevCheckpointPrefix": previous,
        "runName": place.run_name,
        "actionName": place.action_name,
        "runStartTime": started,
        "perRetryUniqueKey": place.pod_name,
        "taskTemplatePath": "",
        "namespace": "devbox",
    }
    return [_fill(argument, values) for argument in command.argv]


def copilot_arguments(place: AttemptPlace, work: Path) -> tuple[str, ...]:
    """Return what `flyte-copilot` is told about an attempt, but for the step."""
    return (
        *("--folder", str(work)),
        *("--inputs", place.input_uri),
        *("--outputs-path", place.output_prefix),
        *("--raw-data-path", place.raw_data_prefix),
    )


def own_environment(place: AttemptPlace) -> dict[str, str]:
    """Return the environment variables that tell an attempt from others of its task in its run."""
    return {
        "ACTION_NAME": place.action_name,
        "FLYTE_ATTEMPT_NUMBER": str(place.attempt - 1),
        "_F_PN": place.pod_name,
    }


def common_environment(
    command: Command, place: AttemptPlace, server: ServerPlace, *, run_env: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment variables that attempts of a task in a run have in common, besides what they inherit.

    Args:
        command: what runs, with the variables of its task.
        place: names and places of one of them.
        server: how they reach this server.
        run_env: variables of the run.
    """
    env = dict(command.env)
    env |= run_env
    env |= {
        "RUN_NAME": place.run_name,
        "FLYTE_INTERNAL_EXECUTION_ID": place.run_name,
        "FLYTE_INTERNAL_EXECUTION_PROJECT": place.project,
        "FLYTE_INTERNAL_EXECUTION_DOMAIN": place.domain,
        "FLYTE_INTERNAL_TASK_PROJECT": place.project,
        "FLYTE_INTERNAL_TASK_DOMAIN": place.domain,
        "FLYTE_INTERNAL_TASK_NAME": place.task_name,
        "FLYTE_INTERNAL_TASK_VERSION": place.task_version,
        "FLYTE_INTERNAL_PROJECT": place.project,
        "FLYTE_INTERNAL_DOMAIN": place.domain,
        "FLYTE_INTERNAL_NAME": place.task_name,
        "FLYTE_INTERNAL_VERSION": place.task_version,
        "_U_ORG_NAME": place.org or "devbox",
        "_U_RUN_BASE": place.run_base,
        "_U_EP_OVERRIDE": server.endpoint,
        "_U_INSECURE": "1",
        # A run may ask for the services of older control planes.
        "_U_USE_ACTIONS": env.get("_U_USE_ACTIONS", "1"),
        "FLYTE_DEVBOX_FOLDER": server.folder,
        "FLYTE_DEVBOX_CODE": server.code,
        "PYTHONUNBUFFERED": "1",
        # Object folders are local, and a runtime that writes with fsspec expects of a store that it makes folders.
        "FSSPEC_FILE": '{"auto_mkdir": true}',
    }
    if server.token:
        env[TOKEN_VARIABLE] = server.token
    if server.channel:
        env[CHANNEL_VARIABLE] = server.channel
    return env


def _fill(argument: str, values: Mapping[str, str]) -> str:
    return _TEMPLATE.sub(lambda found: values.get(found[1], found[0]), argument) if "{{" in argument else argument
