"""`Storage`, `S3`, `GCS`, `ABFS`: how stores are reached and with which credentials, and the settings in force.

Fields and defaults are those of PyPI flyte 2.12. Secrets are left out of `repr`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from typing import Any, ClassVar

from flyte_storage.limits import Limits

__all__ = ["ABFS", "GCS", "S3", "Storage", "configure", "configured_storage", "limits_in_force", "storage_for"]

_TRUE = frozenset(["1", "true", "t", "yes", "y", "on"])

_RETRY_TIMEOUT = timedelta(seconds=180)
_MAX_BACKOFF = timedelta(seconds=16)


@dataclass(frozen=True)
class Storage:
    """What all stores have in common."""

    retries: int = 3
    """How often a failed request is tried again."""
    backoff: timedelta = timedelta(seconds=5)
    """An upper bound of the wait before the first retry."""
    enable_debug: bool = False
    attach_execution_metadata: bool = True

    _VARIABLES: ClassVar[Mapping[str, str]] = {
        "enable_debug": "FLYTE_STORAGE_DEBUG",
        "retries": "FLYTE_STORAGE_RETRIES",
        "backoff": "FLYTE_STORAGE_BACKOFF_SECONDS",
    }

    @classmethod
    def auto(cls) -> "Storage":
        """Read the environment variables of this kind of store.

        Raises:
            ValueError: when a number is not one.
        """
        return cls(**cls._from_environment())

    def get_fsspec_kwargs(self, anonymous: bool = False, **kwargs: Any) -> dict[str, Any]:
        """Return the keyword arguments for a store of obstore or its fsspec adapter; `kwargs` win."""
        arguments: dict[str, Any] = {
            "retry_config": {
                "max_retries": self.retries,
                "backoff": {"base": 2, "init_backoff": self.backoff, "max_backoff": max(_MAX_BACKOFF, self.backoff)},
                "retry_timeout": _RETRY_TIMEOUT,
            },
            # The caller streams whole objects with these, so the total time is not bounded here.
            "client_options": {"timeout": "99999s", "allow_http": True},
        }
        config = self._config() | ({"skip_signature": True} if anonymous else {})
        if config:
            arguments["config"] = config
        return arguments | kwargs

    def _config(self) -> dict[str, Any]:
        return {}

    @classmethod
    def _from_environment(cls) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, variable in {**Storage._VARIABLES, **cls._VARIABLES}.items():
            text = os.environ.get(variable)
            if text:
                found[name] = _parsed(name, variable, text)
        return found


@dataclass(frozen=True)
class S3(Storage):
    """Amazon S3 and what speaks its protocol."""

    endpoint: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    region: str | None = None
    addressing_style: str | None = None
    """`virtual` puts the bucket into the host name; anything else into the path."""

    _VARIABLES: ClassVar[Mapping[str, str]] = {
        "endpoint": "FLYTE_AWS_ENDPOINT",
        "access_key_id": "FLYTE_AWS_ACCESS_KEY_ID",
        "secret_access_key": "FLYTE_AWS_SECRET_ACCESS_KEY",
        "addressing_style": "FLYTE_AWS_S3_ADDRESSING_STYLE",
    }

    @classmethod
    def auto(cls, region: str | None = None) -> "S3":
        """Read `FLYTE_AWS_*` and `FLYTE_STORAGE_*`; what they leave open comes from the standard AWS chain."""
        found = cls._from_environment()
        if region:
            found["region"] = region
        return cls(**found)

    @classmethod
    def for_sandbox(cls) -> "S3":
        """Return the settings of the object store that the Flyte sandbox runs on this machine."""
        return cls(endpoint="http://localhost:4566", access_key_id="minio", secret_access_key="miniostorage")  # noqa: S106

    def get_fsspec_kwargs(self, anonymous: bool = False, **kwargs: Any) -> dict[str, Any]:
        """Return the keyword arguments for an S3 store of obstore or its fsspec adapter; `kwargs` win."""
        region = {"region": self.region} if self.region else {}
        return super().get_fsspec_kwargs(anonymous, **(region | kwargs))

    def _config(self) -> dict[str, Any]:
        config: dict[str, Any] = {}
        if self.access_key_id:
            config["access_key_id"] = self.access_key_id
        if self.secret_access_key:
            config["secret_access_key"] = self.secret_access_key
        if self.endpoint:
            config["endpoint"] = self.endpoint
        if self.addressing_style:
            config["virtual_hosted_style_request"] = self.addressing_style == "virtual"
        return config


@dataclass(frozen=True)
class GCS(Storage):
    """Google Cloud Storage; credentials come from the application default chain."""

    @classmethod
    def auto(cls) -> "GCS":
        """Read `FLYTE_STORAGE_*`."""
        return cls(**cls._from_environment())


@dataclass(frozen=True)
class ABFS(Storage):
    """Azure Blob Storage."""

    account_name: str | None = None
    account_key: str | None = field(default=None, repr=False)
    tenant_id: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)

    _VARIABLES: ClassVar[Mapping[str, str]] = {
        "account_name": "AZURE_STORAGE_ACCOUNT_NAME",
        "account_key": "AZURE_STORAGE_ACCOUNT_KEY",
        "tenant_id": "AZURE_TENANT_ID",
        "client_id": "AZURE_CLIENT_ID",
        "client_secret": "AZURE_CLIENT_SECRET",
    }

    @classmethod
    def auto(cls) -> "ABFS":
        """Read `AZURE_*` and `FLYTE_STORAGE_*`."""
        return cls(**cls._from_environment())

    def _config(self) -> dict[str, Any]:
        names = ("account_name", "account_key", "client_id", "client_secret", "tenant_id")
        return {name: value for name in names if (value := getattr(self, name))}


_storage: Storage | None = None
_limits: Limits | None = None


def configure(storage: Storage | None = None, *, limits: Limits | None = None) -> None:
    """Set the settings of this process; `flyte.init(storage=...)` calls this. `None` goes back to the environment.

    Raises:
        TypeError: when it is no `Storage`.
    """
    global _storage, _limits
    if storage is not None and not isinstance(storage, Storage):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(
            f"`storage` is {storage!r}, not settings of a store\nhint: pass for example `flyte.storage.S3.auto()`"
        )
    _storage, _limits = storage, limits


def configured_storage() -> Storage | None:
    """Return what `configure` was given."""
    return _storage


def limits_in_force() -> Limits:
    """Return the limits given to `configure`, else those of the environment."""
    return _limits or Limits.from_environment()


def storage_for(scheme: str) -> Storage:
    """Return the settings for a URI scheme: the configured ones where they are of that kind, else the environment's."""
    kind: type[Storage] = {"s3": S3, "s3a": S3, "gs": GCS, "abfs": ABFS, "abfss": ABFS, "az": ABFS}.get(scheme, Storage)
    if _storage is not None and (isinstance(_storage, kind) or kind is Storage):
        return _storage
    found = kind.auto()
    if type(_storage) is not Storage:
        return found
    # Plain `Storage` carries retries for every kind, and no credentials.
    return replace(found, **{shared.name: getattr(_storage, shared.name) for shared in fields(Storage)})


def _parsed(name: str, variable: str, text: str) -> Any:
    if name == "enable_debug":
        return text.strip().lower() in _TRUE
    if name == "retries":
        if not text.strip().isdigit():
            raise ValueError(
                f"environment variable `{variable}` is {text!r}, not a whole number\nhint: set for example 3"
            )
        return int(text)
    if name == "backoff":
        try:
            return timedelta(seconds=float(text))
        except ValueError:
            raise ValueError(
                f"environment variable `{variable}` is {text!r}, not a number of seconds\nhint: set for example 5"
            ) from None
    return text
