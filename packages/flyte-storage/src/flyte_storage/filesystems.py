"""fsspec, for those who ask for it: its file systems, and the keyword arguments that fit our settings."""

from typing import Any, cast

from flyte_models.errors import InitializationError
from flyte_storage.adapter import filesystem
from flyte_storage.local import is_remote
from flyte_storage.settings import configured_storage, storage_for

__all__ = ["get_configured_fsspec_kwargs", "get_underlying_filesystem"]

_CONFIGURED = frozenset(["s3", "gs", "abfs", "abfss"])


def get_configured_fsspec_kwargs(protocol: str | None = None, anonymous: bool = False) -> dict[str, Any]:
    """Return the keyword arguments for a store of a protocol: what `flyte.init` was given, else the environment.

    Raises:
        InitializationError: without a protocol, when `flyte.init` was given no storage.
    """
    if protocol is None:
        storage = configured_storage()
        if storage is None:
            raise InitializationError(
                "StorageNotConfigured",
                "user",
                "no protocol was named, and no storage was configured\n"
                'hint: pass a protocol such as "s3", or call `flyte.init(storage=...)` first',
            )
        return storage.get_fsspec_kwargs(anonymous)
    return storage_for(protocol).get_fsspec_kwargs(anonymous) if protocol in _CONFIGURED else {}


def get_underlying_filesystem(
    protocol: str | None = None, anonymous: bool = False, path: str | None = None, **kwargs: Any
) -> Any:
    """Return an fsspec file system for a protocol, or for that of a path. Needs fsspec.

    `s3`, `gs` and `abfs` are served by the adapter of obstore with the settings in force; other protocols by what is registered.

    Raises:
        ImportError: when fsspec is not installed.
        ValueError: when neither a protocol nor a path is given.
    """
    if protocol is None:
        if path is None:
            raise ValueError('neither a protocol nor a path was given\nhint: pass `protocol="s3"` or `path="s3://..."`')
        protocol = path.partition("://")[0].lower() if is_remote(path) else "file"
    if protocol not in _CONFIGURED:
        return filesystem(protocol, **kwargs)
    try:
        from obstore.fsspec import FsspecStore  # noqa: PLC0415 - needs fsspec, which is optional
    except ImportError:
        raise ImportError("`fsspec` is not installed\nhint: `pip install fsspec`") from None
    from flyte_storage.exit import guard_exit  # noqa: PLC0415 - with the engine only

    guard_exit()
    arguments: dict[str, Any] = get_configured_fsspec_kwargs(protocol, anonymous) | kwargs
    return cast("Any", FsspecStore)(protocol, **arguments)
