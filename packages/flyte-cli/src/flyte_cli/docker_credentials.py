"""Credentials of registries in the form that docker and Kubernetes keep them: `{"auths": {REGISTRY: {...}}}`."""

import base64
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

_HELPER_SECONDS = 20.0


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
            names = ", ".join(f"`{name}`" for name in (*known, *helpers)) or "none"
            raise ValueError(f"docker has not signed in to `{registry}`, by `{path}`; it knows {names}")
    if not found:
        raise ValueError(f"docker has not signed in to any registry, by `{path}`")
    return {"auths": found}


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
