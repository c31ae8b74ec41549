"""The AWS chain that obstore lacks: shared profiles and their endpoint and region. Environment and roles are obstore's own."""

import configparser
import os
from pathlib import Path
from typing import Any

from flyte_storage.errors import StoragePermissionError
from flyte_storage.settings import S3

__all__ = ["aws_options"]

_OWN_CHAIN = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
"""When one of these is set, obstore finds credentials itself and they come before the files, as in the AWS tools."""


def aws_options(storage: S3, *, anonymous: bool) -> dict[str, Any]:
    """Return the keyword arguments of an S3 store: explicit settings, then the environment, then the profile.

    Raises:
        StoragePermissionError: when `AWS_PROFILE` names a profile that is not there, or one that needs boto3, which is missing.
    """
    name = os.environ.get("AWS_PROFILE")
    profile = _profile(name or "default")
    if name and not profile:
        raise StoragePermissionError(
            f"there is no AWS profile `{name}` (`AWS_PROFILE`)\nhint: `aws configure --profile {name}`, or unset the variable"
        )
    options: dict[str, Any] = dict(storage.get_fsspec_kwargs().get("config", {}))
    region = (
        storage.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or profile.get("region")
    )
    if region:
        options["region"] = region
    endpoint = options.get("endpoint") or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    endpoint = endpoint or profile.get("endpoint_url")
    if endpoint:
        options["endpoint"] = endpoint
    if anonymous or "access_key_id" in options or (not name and any(os.environ.get(key) for key in _OWN_CHAIN)):
        return options
    if "aws_access_key_id" in profile and "aws_secret_access_key" in profile:
        options["access_key_id"] = profile["aws_access_key_id"]
        options["secret_access_key"] = profile["aws_secret_access_key"]
        if token := profile.get("aws_session_token"):
            options["session_token"] = token
    elif profile.keys() & {"sso_session", "sso_start_url", "role_arn", "credential_process", "web_identity_token_file"}:
        options["credential_provider"] = _boto3_provider(name)
    elif os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        # obstore would ask the metadata service all the same, and wait for it.
        options["skip_signature"] = True
    return options


def _profile(name: str) -> dict[str, str]:
    home = Path.home() / ".aws"
    found: dict[str, str] = {}
    for variable, path, section in (
        ("AWS_CONFIG_FILE", home / "config", name if name == "default" else f"profile {name}"),
        ("AWS_SHARED_CREDENTIALS_FILE", home / "credentials", name),
    ):
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(os.environ.get(variable) or path)
        except configparser.Error:
            continue
        if parser.has_section(section):
            found |= dict(parser.items(section))
    return found


def _boto3_provider(name: str | None) -> Any:
    try:
        from boto3 import Session  # noqa: PLC0415 # pyright: ignore[reportMissingImports, reportUnknownVariableType]
        from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415
    except ImportError:
        raise StoragePermissionError(
            f"the AWS profile `{name or 'default'}` signs in by single sign-on, a role or a command, which needs boto3\n"
            "hint: `pip install boto3`, or set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`"
        ) from None
    return Boto3CredentialProvider(Session(profile_name=name))  # pyright: ignore[reportUnknownArgumentType]
