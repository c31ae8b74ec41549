"""The configuration that applies to this command line: the file, the environment, and above them the options of the root."""

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from flyte_cli.app import RootOptions
from flyte_config import auto

if TYPE_CHECKING:
    from flyte_config import Config

_AUTH_TYPES = {
    "clientsecret": "ClientSecret",
    "appcredential": "ClientSecret",
    "headless": "DeviceFlow",
    "deviceflow": "DeviceFlow",
    "pkce": "Pkce",
    "externalcommand": "ExternalCommand",
    "command": "ExternalCommand",
    "custom": "ExternalCommand",
}
"""What `--auth-type` may say, without its separators, and how the configuration spells it."""


def spelled(auth_type: str) -> str:
    """Return what `--auth-type` says as the configuration spells it."""
    return _AUTH_TYPES[re.sub("[-_]", "", auth_type)]


def configured() -> "Config":
    """Return the configuration that applies to the command that is carried out.

    Raises:
        ConfigError: The configuration cannot be used.
    """
    options = click.get_current_context().find_root().ensure_object(RootOptions)
    return with_root_options(auto(options.config), options)


def with_root_options(config: "Config", options: RootOptions) -> "Config":
    """Return the configuration with what stands before the command in its place."""
    platform, image = config.platform, config.image
    if options.endpoint is not None:
        # How to talk to one control plane says nothing about another: `--insecure` has to be said with it.
        platform = replace(platform, endpoint=options.endpoint, insecure=options.insecure)
    elif options.insecure:
        platform = replace(platform, insecure=True)
    if options.auth_type is not None:
        platform = replace(platform, auth_mode=spelled(options.auth_type))
    if options.image_builder is not None:
        image = replace(image, builder=options.image_builder)
    return config.with_params(platform=platform, image=image)
