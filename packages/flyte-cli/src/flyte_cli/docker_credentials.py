"""Credentials of registries in the form that docker and Kubernetes keep them: `{"auths": {REGISTRY: {...}}}`."""

import base64
import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

_HELPER_SECONDS = 20.0
_DOCKER_HUB = {"index.docker.io", "docker.io", "registry-1.docker.io"}


def credentials_of(registry: str, username: str, password: str) -> dict[str, Any]:
    """Return the credentials of one registry."""
    auth = base64.b64encode(f"{username}:{password}".encode()).decode()
    return {"auths": {registry: {"auth": auth}}}


def from_docker(path: Path, registries: Sequence[str] | None) -> dict[str, Any]:
    """Return what docker has signed in to: all of it, or the named registries. Its credential helpers are asked.

    Raises:
        OSError: The configuration cannot be read.
        ValueError: It is none, it has nothing, or one of the registries is not in it.
    """
    parsed: object = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(parsed, dict):
        raise ValueError(f"`{path}` is no configuration of docker")  # noqa: TRY004 - what is in a file is a value
    config = cast("dict[str, Any]", parsed)
    known: dict[str, Any] = config.get("auths") or {}
    helpers: dict[str, str] = config.get("credHelpers") or {}
    store: str | None = config.get("credsStore")
    found: dict[str, Any] = {}
    for registry in registries if registries is not None else dict.fromkeys((*known, *helpers)):
        entry: dict[str, Any] = known.get(registry) or {}
        helper = helpers.get(registry) or store
        if entry.get("auth") or entry.get("identitytoken"):
            found[registry] = _kept(entry)
        elif entry.get("username") and entry.get("password"):
            found |= credentials_of(registry, entry["username"], entry["password"])["auths"]
        elif helper is not None:
            found[registry] = _ask(helper, registry)
        elif registries is not None:
            names = ", ".join(f"`{name}`" for name in dict.fromkeys((*known, *helpers))) or "none"
            raise ValueError(f"docker has not signed in to `{registry}`, by `{path}`; it knows {names}")
    if not found:
        raise ValueError(f"docker has not signed in to any registry, by `{path}`")
    return {"auths": found}


def docker_config() -> Path:
    """Return docker's configuration file."""
    return Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"


def sole_registry(path: Path) -> str | None:
    """Return where docker would push images to: the one registry that it has signed in to; None when there are several, or none.

    Of Docker Hub it is the place of the user.
    """
    try:
        parsed: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        # Several are not asked for one after the other: what keeps them may be slow, or ask the user.
        names: dict[str, Any] = {**(parsed.get("auths") or {}), **(parsed.get("credHelpers") or {})}
        (registry,) = names
        entry: dict[str, Any] = from_docker(path, [registry])["auths"][registry]
        if registry.removeprefix("https://").partition("/")[0] not in _DOCKER_HUB:
            return registry.removeprefix("https://").removeprefix("http://").rstrip("/") or None
        user = base64.b64decode(entry["auth"]).decode().partition(":")[0]
    except (OSError, ValueError, KeyError, AttributeError):
        return None
    return f"docker.io/{user}" if user else None


def _kept(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in ("auth", "identitytoken") if entry.get(name)}


def _ask(helper: str, registry: str) -> dict[str, Any]:
    command = [f"docker-credential-{helper}", "get"]
    try:
        done = subprocess.run(  # noqa: S603 - the user's own configuration names it
            command, input=registry, capture_output=True, text=True, timeout=_HELPER_SECONDS, check=False
        )
    except FileNotFoundError:
        raise ValueError(
            f"docker keeps the credentials of `{registry}` with `{command[0]}`, which is not here"
        ) from None
    except subprocess.TimeoutExpired:
        raise ValueError(f"`{command[0]}` did not answer within {_HELPER_SECONDS:g} s") from None
    if done.returncode:
        raise ValueError(f"`{command[0]}` has nothing for `{registry}`: {(done.stdout or done.stderr).strip()}")
    answer = json.loads(done.stdout)
    return credentials_of(registry, answer["Username"], answer["Secret"])["auths"][registry]
