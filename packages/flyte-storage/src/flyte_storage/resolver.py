"""From a location to its store. Stores are kept, so that connections are used again."""

import os
import threading
from collections.abc import Mapping
from typing import Any

from flyte_storage.files import FileStore
from flyte_storage.limits import Limits
from flyte_storage.settings import Storage, limits_in_force, storage_for
from flyte_storage.store import Store
from flyte_storage.uris import Location

__all__ = ["OBJECT_SCHEMES", "resolve"]

OBJECT_SCHEMES = frozenset(["s3", "gs", "abfs", "http", "https", "memory"])
"""Schemes (after aliases) that the store engine reaches itself; others are looked up in fsspec."""

_MOST_STORES = 64
_ENVIRONMENT = ("AWS_", "AZURE_", "GOOGLE_", "STORAGE_EMULATOR_HOST", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")

_lock = threading.Lock()
_stores: dict[tuple[object, ...], Store] = {}


def resolve(
    location: Location,
    *,
    storage: Storage | None = None,
    limits: Limits | None = None,
    anonymous: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Store:
    """Return the store that a location names.

    Args:
        location: The place.
        storage: Settings that win over those in force.
        limits: Limits that win over those in force.
        anonymous: Send no credentials.
        options: Keyword arguments of an fsspec file system; only for protocols that are registered there.

    Raises:
        UnsupportedStoreError: for a scheme that neither this package nor fsspec knows.
        TypeError: for `options` of a store that takes none.
    """
    if location.scheme == "file":
        _refuse(options, location)
        return FileStore()
    if location.scheme not in OBJECT_SCHEMES:
        from flyte_storage.adapter import FsspecStore  # noqa: PLC0415 - fsspec is optional

        return FsspecStore(location, **(options or {}))
    _refuse(options, location)
    from flyte_storage.exit import guard_exit  # noqa: PLC0415 - local paths need none of it
    from flyte_storage.objects import open_store  # noqa: PLC0415 - obstore loads with the first remote URI

    guard_exit()
    chosen, bounds = storage or storage_for(location.scheme), limits or limits_in_force()
    place = location.uri if location.scheme.startswith("http") and "?" in location.uri else location.container
    key = (location.scheme, place, location.account, chosen, bounds, anonymous, _environment())
    with _lock:
        store = _stores.get(key)
        if store is None:
            while len(_stores) >= _MOST_STORES:
                del _stores[next(iter(_stores))]
            store = _stores[key] = open_store(location, chosen, bounds, anonymous=anonymous)
        return store


def _refuse(options: Mapping[str, Any] | None, location: Location) -> None:
    if options:
        names = ", ".join(f"`{name}`" for name in options)
        raise TypeError(
            f"`{location.shown}` takes no {names}: such arguments go to fsspec file systems only\n"
            "hint: give settings as `storage=S3(...)` or with `flyte.init(storage=...)`"
        )


def _environment() -> int:
    return hash(
        tuple(sorted((name, text) for name, text in os.environ.items() if name.upper().startswith(_ENVIRONMENT)))
    )
