"""Secrets by name: what an environment or an image asks for, never a secret itself."""

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING

from flyte_models.values import light_dataclass

if TYPE_CHECKING:
    # Costly to import; a secret only compares what it is given.
    from pathlib import Path

__all__ = ["SECRETS_FOLDER", "Secret", "SecretRequest", "secrets_from_request"]

SECRETS_FOLDER = "/etc/flyte/secrets"
"""The one folder in a container that secrets can be mounted at."""

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


@light_dataclass()
class Secret:
    """A secret that a task reads as an environment variable, or as a file.

    Raises:
        ValueError: `mount` is not `SECRETS_FOLDER`, or the variable's name, given or derived, is not upper-case letters, digits
            and underscores.
        TypeError: `key` or `as_env_var` is not text.

    ```python
    from flyte_models.secrets import Secret

    assert Secret("api-key", group="openai").as_env_var == "OPENAI_API_KEY"
    ```
    """

    key: str
    """The secret's name in the store."""
    group: str | None = None
    """Where in the store the name is looked up."""
    mount: "Path | None" = None
    """The folder that gets a file with the secret in it: `SECRETS_FOLDER`, or none."""
    as_env_var: str | None = None
    """The variable; without one and without `mount` it is made of `group` and `key`."""

    def __post_init__(self) -> None:
        if not isinstance(self.key, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"`Secret.key` must be text, got {self.key!r}")
        if self.mount and str(self.mount) != SECRETS_FOLDER:
            raise ValueError(
                f"secrets can be mounted at `{SECRETS_FOLDER}` only, got {str(self.mount)!r} for `{self.key}`\n"
                f'hint: pass `mount=Path("{SECRETS_FOLDER}")`, or `as_env_var=` for a variable'
            )
        is_derived = not (self.mount or self.as_env_var)
        if is_derived:
            self.as_env_var = (f"{self.group}_{self.key}" if self.group else self.key).replace("-", "_").upper()
        if self.as_env_var is not None:
            self._refuse_bad_variable(self.as_env_var, is_derived=is_derived)

    def _refuse_bad_variable(self, name: str, *, is_derived: bool) -> None:
        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"`Secret.as_env_var` must be text, got {name!r}")
        if not _VARIABLE.fullmatch(name):
            what = (
                f"the variable {name!r} that `{self.key}` would be read from"
                if is_derived
                else f"the variable {name!r}"
            )
            raise ValueError(
                f"{what} is not a name of upper-case letters, digits and underscores that starts with no digit\n"
                'hint: name one yourself, such as `as_env_var="API_KEY"`'
            )

    def __hash__(self) -> int:
        return hash((self.key, self.group, self.mount, self.as_env_var))

    def stable_hash(self) -> str:
        """Give a SHA-256 in hexadecimal that is the same in every process and release; image tags are made of it."""
        parts = (self.key, self.group, self.mount, self.as_env_var)
        return sha256("|".join(str(part or "") for part in parts).encode()).hexdigest()


SecretRequest = str | Secret | list[str | Secret]
"""What an environment accepts as `secrets`: one or several, and a bare name is a secret's key."""


def secrets_from_request(secrets: str | Secret | Iterable[str | Secret]) -> list[Secret]:
    """Turn what an author wrote as `secrets` into a list of secrets.

    Raises:
        TypeError: It is none of the accepted kinds.
        ValueError: A bare name makes no variable.
    """
    if isinstance(secrets, str):
        return [Secret(secrets)]
    if isinstance(secrets, Secret):
        return [secrets]
    if not isinstance(secrets, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"`secrets` must be a name, a `Secret` or a list of them, got {secrets!r}")
    return [_secret(each) for each in secrets]


def _secret(request: str | Secret) -> Secret:
    if isinstance(request, Secret):
        return request
    if not isinstance(request, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"`secrets` must hold names and `Secret`s, got {request!r}")
    return Secret(request)
