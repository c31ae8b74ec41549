"""Other ways to set up a process that talks to a control plane: an API key, the variables of a pod, credentials of each call."""

import base64
import binascii
import os
from dataclasses import field
from pathlib import Path
from typing import Any

from flyte.initialization import LogFormat, Settings, apply, init
from flyte.pods import KEY_VARIABLES
from flyte_config import Config, PlatformConfig, TaskConfig
from flyte_models.errors import InitializationError
from flyte_models.values import value
from flyte_syncify import immediate

__all__ = ["DecodedKey", "decode_api_key", "init_from_api_key", "init_in_cluster", "init_passthrough"]

_KEY_VARIABLE = "FLYTE_API_KEY"
_DEVBOX_ENDPOINT = "host.docker.internal:8090"
"""Where a pod of a local cluster finds the control plane when no variable says it; the reference's default."""
_TRUE = frozenset({"1", "true", "yes", "on"})


@value
class DecodedKey:
    """What an API key names."""

    endpoint: str
    client_id: str
    client_secret: str = field(repr=False)
    org: str | None


def decode_api_key(key: str) -> DecodedKey:
    """Read an API key: `endpoint:client_id:client_secret:org` in base64.

    Raises:
        InitializationError: It is something else. The key is not in the message.
    """
    try:
        text = base64.b64decode(key.strip() + "=" * (-len(key.strip()) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise _bad_key("it is no base64 text") from error
    parts = text.rsplit(":", 3)
    if len(parts) != 4 or not all(parts[:3]):  # the organisation may be empty
        raise _bad_key("it does not hold an endpoint, a client, a secret and an organisation")
    endpoint, client, secret, org = parts
    return DecodedKey(endpoint, client, secret, org if org and org != "None" else None)


@immediate
def init_from_api_key(  # noqa: PLR0917 - the public signature
    api_key: str | None = None,
    project: str | None = None,
    domain: str | None = None,
    root_dir: Path | str | None = None,
    log_level: int | None = None,
    log_format: LogFormat | None = None,
    storage: Any = None,
    batch_size: int = 1000,
    image_builder: Any = "local",
    images: dict[str, str] | None = None,
    sync_local_sys_paths: bool = True,
    insecure_skip_verify: bool = False,
    ca_cert_file_path: str | None = None,
) -> None:
    """Do as `init` with endpoint, client and organisation of an API key.

    Args:
        api_key: The key; default: `FLYTE_API_KEY` of the environment.
        project: Project of runs; this and all others as of `init`.
        domain: Domain of runs.
        root_dir: Folder that the user's modules are imported from.
        log_level: Level of the SDK's own log.
        log_format: `console` or `json`.
        storage: Credentials and limits of object stores.
        batch_size: How many values of a large collection are sent at once.
        image_builder: Who builds images.
        images: URIs of images by name.
        sync_local_sys_paths: Whether remote runs get the entries of `sys.path` below the root folder.
        insecure_skip_verify: Do not verify the server's certificate.
        ca_cert_file_path: Certificates to verify it by.

    Raises:
        InitializationError: There is no key, or it is none.
    """
    key = api_key or os.environ.get(_KEY_VARIABLE)
    if not key:
        raise InitializationError(
            "MissingApiKeyError",
            "user",
            f"there is no API key\nhint: pass `api_key=`, or set the environment variable `{_KEY_VARIABLE}`",
        )
    decoded = decode_api_key(key)
    init(
        org=decoded.org,
        project=project,
        domain=domain,
        root_dir=root_dir,
        log_level=log_level,
        log_format=log_format,
        endpoint=decoded.endpoint,
        insecure_skip_verify=insecure_skip_verify,
        ca_cert_file_path=ca_cert_file_path,
        auth_type="ClientSecret",
        api_key=key,
        client_id=decoded.client_id,
        client_credentials_secret=decoded.client_secret,
        storage=storage,
        batch_size=batch_size,
        image_builder=image_builder,
        images=images,
        sync_local_sys_paths=sync_local_sys_paths,
    )


@immediate
def init_in_cluster(  # noqa: PLR0917 - the public signature
    org: str | None = None,
    project: str | None = None,
    domain: str | None = None,
    api_key: str | None = None,
    endpoint: str | None = None,
    insecure: bool = False,
) -> dict[str, Any]:
    """Do as `init` with what the environment variables of a pod say; no token is kept in a keyring.

    Args:
        org: Organisation; default: `_U_ORG_NAME`.
        project: Project; default: `FLYTE_INTERNAL_EXECUTION_PROJECT`.
        domain: Domain; default: `FLYTE_INTERNAL_EXECUTION_DOMAIN`.
        api_key: Default: `_UNION_EAGER_API_KEY`, then `EAGER_API_KEY`.
        endpoint: Default: `_U_EP_OVERRIDE`.
        insecure: Talk plain HTTP; default: `_U_INSECURE`.

    Returns:
        What a client of the control plane is made with: `insecure`, and `api_key` or `endpoint`.

    Raises:
        InitializationError: The API key is none.
    """
    variables = os.environ
    org = org or variables.get("_U_ORG_NAME")
    project = project or variables.get("FLYTE_INTERNAL_EXECUTION_PROJECT")
    domain = domain or variables.get("FLYTE_INTERNAL_EXECUTION_DOMAIN")
    key = api_key or next((variables[name] for name in KEY_VARIABLES if variables.get(name)), None)
    made: dict[str, Any] = {"insecure": insecure or _is_on("_U_INSECURE")}
    skips = _is_on("_U_INSECURE_SKIP_VERIFY")
    if skips:
        made["insecure_skip_verify"] = True
    if key:
        decoded = decode_api_key(key)
        made["api_key"] = key
        platform = PlatformConfig(
            endpoint=endpoint or variables.get("_U_EP_OVERRIDE") or decoded.endpoint,
            insecure=made["insecure"],
            insecure_skip_verify=skips,
            client_id=decoded.client_id,
            client_credentials_secret=decoded.client_secret,
            auth_mode="ClientSecret",
            disable_keyring=True,
        )
        org = org or decoded.org
    else:
        found = endpoint or variables.get("_U_EP_OVERRIDE")
        if not found:
            found, made["insecure"] = _DEVBOX_ENDPOINT, True
        made["endpoint"] = found
        platform = PlatformConfig(
            endpoint=found, insecure=made["insecure"], insecure_skip_verify=skips, disable_keyring=True
        )
    apply(_settings(org, project, domain, platform, api_key=key))
    return made


@immediate
def init_passthrough(
    endpoint: str | None = None,
    org: str | None = None,
    project: str | None = None,
    domain: str | None = None,
    insecure: bool = False,
) -> dict[str, Any]:
    """Do as `init` for a server that acts for its callers: each call carries the credentials of `flyte.remote.auth_metadata`.

    Args:
        endpoint: The control plane; default: `_U_EP_OVERRIDE`.
        org: Organisation; default: `_U_ORG_NAME`.
        project: Project; default: `FLYTE_INTERNAL_EXECUTION_PROJECT`.
        domain: Domain; default: `FLYTE_INTERNAL_EXECUTION_DOMAIN`.
        insecure: Talk plain HTTP; default: `_U_INSECURE`.

    Returns:
        What a client of the control plane is made with: `endpoint` and `insecure`.
    """
    variables = os.environ
    endpoint = endpoint or variables.get("_U_EP_OVERRIDE")
    insecure = insecure or _is_on("_U_INSECURE")
    platform = PlatformConfig(endpoint=endpoint, insecure=insecure, auth_mode="Passthrough", disable_keyring=True)
    scope = (
        org or variables.get("_U_ORG_NAME"),
        project or variables.get("FLYTE_INTERNAL_EXECUTION_PROJECT"),
        domain or variables.get("FLYTE_INTERNAL_EXECUTION_DOMAIN"),
    )
    apply(_settings(*scope, platform, uses_passthrough=True))
    return {"endpoint": endpoint, "insecure": insecure}


def _settings(
    org: str | None, project: str | None, domain: str | None, platform: PlatformConfig, **further: Any
) -> Settings:
    config = Config(platform=platform, task=TaskConfig(org=org, project=project, domain=domain))
    return Settings(org=org, project=project, domain=domain, config=config, **further)


def _is_on(name: str) -> bool:
    return os.environ.get(name, "").strip().lower() in _TRUE


def _bad_key(reason: str) -> InitializationError:
    return InitializationError(
        "InvalidApiKeyError",
        "user",
        f"the API key cannot be used: {reason}\nhint: `flyte create api-key` of your control plane prints one; copy all of it",
    )
