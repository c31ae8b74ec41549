"""What is around the code of an action in a local run: environment variables, secrets, and a look at the machine."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from flyte.tasks.template import TaskTemplate

__all__ = ["Surroundings"]

_NOTHING = nullcontext()


class Surroundings:
    """Gives the block that the code of an action runs in. What a task needs is found out once per run.

    Args:
        env_vars: Variables of every action of the run; those of a task itself count more.
        secrets_folder: Where files with the values of secrets are.
    """

    def __init__(self, env_vars: Mapping[str, str], secrets_folder: str) -> None:
        self._env_vars = env_vars
        self._secrets_folder = secrets_folder
        self._known: dict[int, tuple[TaskTemplate[..., Any], dict[str, str]]] = {}
        self._has_layers = bool(env_vars)

    def of(self, task: TaskTemplate[..., Any]) -> AbstractContextManager[None]:
        """Return the block in which the variables and secrets of `task` are there."""
        asks = task.env_vars or task.secrets or task.resources is not None
        wanted = self._variables_of(task) if asks else self._env_vars
        if not wanted and not self._has_layers:
            return _NOTHING
        # Also without any: a child does not see the variables of its parent, as it would not on a cluster.
        self._has_layers = True
        # Only runs that have variables load this.
        from flyte.running.variables import variables  # noqa: PLC0415

        return variables(wanted)

    def variables_of(self, task: TaskTemplate[..., Any]) -> dict[str, str]:
        """Return the variables and secrets of `task`."""
        return dict(self._variables_of(task))

    def _variables_of(self, task: TaskTemplate[..., Any]) -> dict[str, str]:
        known = self._known.get(id(task))
        if known is not None:
            return known[1]
        wanted = {**self._env_vars, **(task.env_vars or {})}
        # Here and below: few tasks ask for it, and the others do not pay for it.
        if task.resources is not None:
            from flyte.running.machine import warn_of_shortcomings  # noqa: PLC0415

            warn_of_shortcomings(task.name, task.resources)
        if task.secrets:
            from flyte.running.secret_values import secret_variables  # noqa: PLC0415
            from flyte_models.secrets import secrets_from_request  # noqa: PLC0415

            secrets = secrets_from_request(task.secrets)
            wanted |= secret_variables(task.name, secrets, Path(self._secrets_folder))
        self._known[id(task)] = (task, wanted)
        return wanted
