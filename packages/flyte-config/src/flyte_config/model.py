"""The configuration model: four frozen sections with the reference's field names. No files, no environment."""

import dataclasses
from dataclasses import field
from pathlib import Path
from typing import Any

from flyte_models.values import light_dataclass


@light_dataclass(frozen=True)
class PlatformConfig:
    """How to reach and sign in to a control plane; without `endpoint` everything runs on this machine."""

    endpoint: str | None = None
    insecure: bool = False
    insecure_skip_verify: bool = False
    ca_cert_file_path: str | None = None
    console_endpoint: str | None = None
    # What is not shown may hold secrets.
    command: list[str] | None = field(default=None, repr=False)
    proxy_command: list[str] | None = field(default=None, repr=False)
    client_id: str | None = None
    client_credentials_secret: str | None = field(default=None, repr=False)
    scopes: list[str] = field(default_factory=list[str])
    auth_mode: str = "Pkce"
    audience: str | None = None
    rpc_retries: int = 3
    http_proxy_url: str | None = field(default=None, repr=False)
    disable_keyring: bool = False


@light_dataclass(frozen=True)
class TaskConfig:
    """Default scope of tasks and runs."""

    org: str | None = None
    project: str | None = None
    domain: str | None = None


@light_dataclass(frozen=True)
class ImageConfig:
    """How images are built and named."""

    builder: str | None = None
    image_refs: dict[str, str] = field(default_factory=dict[str, str])
    registry: str | None = None


@light_dataclass(frozen=True)
class LocalConfig:
    """What local runs leave behind."""

    persistence: bool = False
    """Record the history of every local run; the `flyte run` command records in any case."""
    tracked: bool = False
    tracked_strict: bool = False


@light_dataclass(frozen=True)
class Config:
    """The effective configuration and the file it came from (`source`), if any."""

    platform: PlatformConfig = field(default_factory=PlatformConfig)
    task: TaskConfig = field(default_factory=TaskConfig)
    image: ImageConfig = field(default_factory=ImageConfig)
    local: LocalConfig = field(default_factory=LocalConfig)
    source: Path | None = None

    @classmethod
    def auto(cls, config_file: Any = None) -> "Config":
        """Give the effective configuration; see `flyte.config.auto`."""
        from flyte_config.loading import auto  # noqa: PLC0415 - which needs this module

        return auto(config_file)

    def with_params(
        self,
        platform: PlatformConfig | None = None,
        task: TaskConfig | None = None,
        image: ImageConfig | None = None,
    ) -> "Config":
        """Return a copy in which the given sections replace those of this object."""
        return dataclasses.replace(
            self,
            platform=platform or self.platform,
            task=task or self.task,
            image=image or self.image,
        )
