"""The values of secrets for local runs: from the environment of this process, or from files in folders of the user."""

import logging
import os
from collections.abc import Iterable
from pathlib import Path

from flyte_models.secrets import SECRETS_FOLDER, Secret

__all__ = ["secret_variables"]

_logger = logging.getLogger("flyte")
_told: set[str] = set()


def secret_variables(
    task_name: str, secrets: Iterable[Secret], folder: Path, environment: "dict[str, str] | None" = None
) -> dict[str, str]:
    """Give the variables that the secrets of a task are read from, those that are set already left out.

    A secret is looked for in its variable, then in `<folder>/<group>/<key>` (without a group `<folder>/<key>`), then at the
    same place below `/etc/flyte/secrets`. One that is not found costs a warning, once: a task may not need it here.

    Args:
        task_name: For the warning.
        secrets: What the task asks for.
        folder: The user's own folder of secrets.
        environment: The variables of the process; `os.environ` if not given.
    """
    set_already = os.environ if environment is None else environment
    found: dict[str, str] = {}
    for secret in secrets:
        variable = secret.as_env_var
        if variable is not None and variable in set_already:
            continue
        place = Path(secret.group or "") / secret.key
        file = next((each for each in (folder / place, Path(SECRETS_FOLDER) / place) if each.is_file()), None)
        if file is None:
            _tell_missing(task_name, secret, folder / place)
        elif variable is not None:
            # Editors end files with a line end that is no part of the secret.
            found[variable] = file.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    return found


def _tell_missing(task_name: str, secret: Secret, file: Path) -> None:
    text = f"task `{task_name}`: its secret `{secret.key}` is not set on this machine"
    if text not in _told:
        _told.add(text)
        hint = f"set the variable {secret.as_env_var}, or put" if secret.as_env_var else "put"
        _logger.warning("%s\nhint: %s it into the file %s", text, hint, file)
