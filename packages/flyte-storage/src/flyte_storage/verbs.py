"""The verbs on URIs and paths: get, put, streams, list, exists, copy, delete. Coroutines; `blocking` has the other face."""

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from flyte_storage.errors import ObjectNotFoundError, StorageError, StoragePermissionError
from flyte_storage.files import copy_file, copy_folder, files_below
from flyte_storage.folders import delete_folder, download_folder, upload_folder
from flyte_storage.limits import Limits
from flyte_storage.places import get_random_local_path, raw_data_uri
from flyte_storage.resolver import resolve
from flyte_storage.settings import Storage, limits_in_force
from flyte_storage.store import ObjectInfo, Progress, Store
from flyte_storage.streams import read_pieces, write_pieces
from flyte_storage.transfer import download, run_all, upload
from flyte_storage.uris import Location, child_uri, locate

__all__ = [
    "copy",
    "delete",
    "exists",
    "find",
    "get",
    "get_stream",
    "info",
    "list_level",
    "list_objects",
    "named",
    "put",
    "put_stream",
]

T = TypeVar("T")

_CLOUDS = frozenset(["s3", "gs", "abfs"])
_STREAM_CHUNK_BYTES = 10 * 1024 * 1024


async def get(
    from_path: str | os.PathLike[str],
    to_path: str | Path | None = None,
    recursive: bool = False,
    *,
    progress: Progress | None = None,
    storage: Storage | None = None,
    limits: Limits | None = None,
    **kwargs: Any,
) -> str:
    """Fetch a file, or with `recursive` a folder, and return the local path.

    A file appears when all its bytes are there and agree with the store's checksum. Without credentials, or when they are
    refused, public data is read anonymously.

    Args:
        from_path: The URI, or a local path.
        to_path: The local target; an existing folder, or a name with a slash at its end, takes the file under its own name.
            Without it a new temporary path is made.
        recursive: Fetch everything below `from_path`.
        progress: Called with the bytes moved and the total.
        storage: Settings instead of those of `flyte.init`.
        limits: Bounds instead of those of the environment.
        **kwargs: Options of an fsspec file system, for protocols that are registered there.

    Raises:
        ObjectNotFoundError: when there is nothing.
        StorageTimeoutError, IntegrityError, StoragePermissionError, StorageError: when the store fails.
    """
    source, bounds = locate(from_path), limits or limits_in_force()
    target = _local_target(source, to_path, recursive=recursive)
    if source.scheme == "file":
        if recursive and source.path.is_dir():
            await asyncio.to_thread(copy_folder, source.path, target)
        else:
            _refuse_folder(source.path)
            await asyncio.to_thread(copy_file, source.path, target)
        return str(target)

    async def from_store(store: Store) -> None:
        if recursive:
            try:
                await download_folder(
                    store, source.key, target, limits=bounds, at_once=bounds.files_at_once, progress=progress
                )
                return
            except ObjectNotFoundError:
                if not source.key or source.is_folder:
                    raise
        await download(store, source.key, target, limits=bounds, progress=progress)

    await _reading(source, from_store, storage=storage, limits=bounds, options=kwargs)
    return str(target)


async def put(  # noqa: PLR0917 - the public signature
    from_path: str | os.PathLike[str],
    to_path: str | None = None,
    recursive: bool = False,
    batch_size: int | None = None,
    chunk_size: int | None = None,
    max_concurrency: int | None = None,
    *,
    progress: Progress | None = None,
    storage: Storage | None = None,
    limits: Limits | None = None,
    **kwargs: Any,
) -> str:
    """Send a local file, or with `recursive` a folder, and return the URI it went to.

    An object appears whole or not at all, also when the call is cancelled. A folder's files go below `to_path` under their
    own names.

    Args:
        from_path: A local path.
        to_path: The URI; without it, a new one below the raw data of the running task.
        recursive: Send everything below `from_path`.
        batch_size: How many files of a folder are under way at once.
        chunk_size: The smallest part of an upload, in bytes; parts grow with the file.
        max_concurrency: How many parts of a file are under way at once.
        progress: Called with the bytes moved and the total, which is `None` for folders.
        storage: Settings instead of those of `flyte.init`.
        limits: Bounds instead of those of the environment.
        **kwargs: Options of an fsspec file system, for protocols that are registered there.

    Raises:
        ObjectNotFoundError: when there is no such file or folder.
        StorageTimeoutError, IntegrityError, StoragePermissionError, StorageError: when the store fails.
    """
    origin, bounds = locate(from_path), limits or limits_in_force()
    if origin.scheme != "file":
        raise ValueError(f"`{origin.shown}` is not a local path\nhint: use `copy` from one store to another")
    source = origin.path
    uri = to_path if to_path is not None else raw_data_uri(source.name)
    place = locate(uri)
    if not recursive:
        _refuse_folder(source)
    if place.scheme == "file":
        await asyncio.to_thread(copy_folder if recursive and source.is_dir() else copy_file, source, place.path)
        return uri
    store = resolve(place, storage=storage, limits=bounds, options=kwargs)
    if recursive and source.is_dir():
        await upload_folder(
            store,
            source,
            place.key,
            limits=bounds,
            at_once=batch_size or bounds.files_at_once,
            part_bytes=chunk_size,
            concurrency=max_concurrency,
            progress=progress,
        )
    else:
        await upload(
            store,
            source,
            named(place),
            limits=bounds,
            part_bytes=chunk_size,
            concurrency=max_concurrency,
            progress=progress,
        )
    return uri


async def get_stream(
    path: str | os.PathLike[str],
    chunk_size: int = _STREAM_CHUNK_BYTES,
    *,
    progress: Progress | None = None,
    storage: Storage | None = None,
    limits: Limits | None = None,
    **kwargs: Any,
) -> AsyncGenerator[bytes]:
    """Yield the content of a file in pieces of `chunk_size` bytes, the last one shorter. A few pieces are read ahead."""
    source, bounds = locate(path), limits or limits_in_force()
    store, known = await find(source, storage=storage, limits=bounds, options=kwargs)
    stream = read_pieces(store, known, chunk_size=chunk_size, limits=bounds, progress=progress)
    try:
        async for piece in stream:
            yield piece
    finally:
        await stream.aclose()


async def put_stream(
    data_iterable: AsyncIterable[bytes] | bytes,
    *,
    name: str | None = None,
    to_path: str | None = None,
    size_hint: int | None = None,
    chunk_size: int | None = None,
    max_concurrency: int | None = None,
    progress: Progress | None = None,
    storage: Storage | None = None,
    limits: Limits | None = None,
    **kwargs: Any,
) -> str:
    """Write bytes, or an async iterable of them, and return the URI. The object appears when the stream ends well.

    Args:
        data_iterable: What to write.
        name: The last part of a new URI below the raw data of the running task, when there is no `to_path`.
        to_path: The URI.
        size_hint: The expected size in bytes; without it a stream may have 312 GiB.
        chunk_size: The smallest part, in bytes.
        max_concurrency: How many parts are under way at once.
        progress: Called with the bytes moved.
        storage: Settings instead of those of `flyte.init`.
        limits: Bounds instead of those of the environment.
        **kwargs: Options of an fsspec file system, for protocols that are registered there.
    """
    uri = to_path if to_path is not None else raw_data_uri(name)
    place, bounds = locate(uri), limits or limits_in_force()
    store = resolve(place, storage=storage, limits=bounds, options=kwargs)
    await write_pieces(
        store,
        named(place),
        data_iterable,
        limits=bounds,
        size_hint=size_hint,
        part_bytes=chunk_size,
        concurrency=max_concurrency,
        progress=progress,
    )
    return uri


async def info(
    path: str | os.PathLike[str], *, storage: Storage | None = None, limits: Limits | None = None, **kwargs: Any
) -> ObjectInfo:
    """Describe one file or object: size in bytes, ETag, time of its last change.

    Raises:
        ObjectNotFoundError: when there is none.
    """
    place = locate(path)
    return await _reading(
        place,
        lambda store: store.info(named(place)),
        storage=storage,
        limits=limits or limits_in_force(),
        options=kwargs,
    )


async def exists(
    path: str | os.PathLike[str], *, storage: Storage | None = None, limits: Limits | None = None, **kwargs: Any
) -> bool:
    """Tell whether there is a file or object, or anything below the folder, of that name."""
    place = locate(path)
    if place.scheme == "file":
        return place.path.exists()

    async def look(store: Store) -> bool:
        if place.key and not place.is_folder:
            try:
                await store.info(place.key)
            except ObjectNotFoundError:
                pass
            else:
                return True
        if place.scheme.startswith("http"):
            return False
        listing = store.entries(place.key)
        try:
            async for _ in listing:
                return True
        except ObjectNotFoundError:
            return False
        finally:
            await _close(listing)
        return False

    return await _reading(place, look, storage=storage, limits=limits or limits_in_force(), options=kwargs)


async def list_objects(
    path: str | os.PathLike[str], *, storage: Storage | None = None, limits: Limits | None = None, **kwargs: Any
) -> AsyncGenerator[tuple[str, ObjectInfo]]:
    """Yield the URI and description of every file below a folder, deep. A folder that is not there has none."""
    place, bounds = locate(path), limits or limits_in_force()
    store = await _listing_store(place, storage=storage, limits=bounds, options=kwargs)
    listing = store.entries(place.key)
    root = place.uri.rstrip("/")
    try:
        async for found in listing:
            relative = found.key.removeprefix(place.key).strip("/") if place.key else found.key
            yield (child_uri(root, relative) if relative else place.uri), found
    finally:
        await _close(listing)


async def list_level(
    path: str | os.PathLike[str], *, storage: Storage | None = None, limits: Limits | None = None, **kwargs: Any
) -> tuple[list[str], list[str]]:
    """Return the URIs of the files right below a folder, and those of the folders right below it."""
    place = locate(path)
    files, folders = await _reading(
        place,
        lambda store: store.level(place.key),
        storage=storage,
        limits=limits or limits_in_force(),
        options=kwargs,
    )
    names = ([found.key for found in files], folders)
    if place.scheme == "file":
        return names
    root = place.uri.rstrip("/")
    below = [[child_uri(root, key.removeprefix(place.key).strip("/")) for key in keys] for keys in names]
    return below[0], below[1]


async def copy(
    from_path: str | os.PathLike[str],
    to_path: str,
    recursive: bool = False,
    *,
    storage: Storage | None = None,
    limits: Limits | None = None,
    **kwargs: Any,
) -> str:
    """Copy a file, or with `recursive` a folder, from anywhere to anywhere, and return `to_path`.

    Within one container the store copies by itself; otherwise the bytes stream through this process.
    """
    source, target, bounds = locate(from_path), locate(to_path), limits or limits_in_force()
    if source.scheme == "file":
        return await put(source.path, to_path, recursive, storage=storage, limits=bounds, **kwargs)
    if target.scheme == "file":
        await get(from_path, target.path, recursive, storage=storage, limits=bounds, **kwargs)
        return to_path
    if recursive:
        reading, first = await _listing_store(source, storage=storage, limits=bounds, options=kwargs), None
    else:
        reading, first = await find(source, storage=storage, limits=bounds, options=kwargs)
    writing = resolve(target, storage=storage, limits=bounds, options=kwargs)
    is_same = (source.scheme, source.container, source.account) == (target.scheme, target.container, target.account)

    async def one(known: ObjectInfo, to_key: str) -> None:
        if is_same:
            await writing.copy(known.key, to_key)
            return
        pieces = read_pieces(reading, known, chunk_size=bounds.range_bytes, limits=bounds)
        try:
            await write_pieces(writing, to_key, pieces, limits=bounds, size_hint=known.size)
        finally:
            await pieces.aclose()

    if first is not None:
        await one(first, named(target))
        return to_path
    found = [item async for item in reading.entries(source.key)]
    if not found:
        raise ObjectNotFoundError(f"there is nothing below `{source.shown}`", uri=source.uri)
    prefix = f"{target.key}/" if target.key else ""
    await run_all(
        [one(item, prefix + item.key.removeprefix(source.key).strip("/")) for item in found],
        bounds.files_at_once,
    )
    return to_path


async def delete(
    path: str | os.PathLike[str],
    recursive: bool = False,
    *,
    storage: Storage | None = None,
    limits: Limits | None = None,
    **kwargs: Any,
) -> int:
    """Delete a file, or with `recursive` everything below a folder. What is not there is no error.

    Returns:
        How many files were deleted, where that is known (`recursive`), else 1.
    """
    place, bounds = locate(path), limits or limits_in_force()
    if recursive and not place.key:
        raise ValueError(f"`{place.shown}` is a whole bucket\nhint: name a folder in it")
    if place.scheme == "file":
        return await asyncio.to_thread(_delete_local, place.path, recursive=recursive)
    store = resolve(place, storage=storage, limits=bounds, options=kwargs)
    if recursive:
        return await delete_folder(store, place.key, at_once=bounds.files_at_once)
    await store.delete([named(place)])
    return 1


async def find(
    place: Location, *, storage: Storage | None, limits: Limits, options: dict[str, Any]
) -> tuple[Store, ObjectInfo]:
    """Return the store to read from (the anonymous one where the credentials are refused), and what it says of the object."""

    async def look(store: Store) -> tuple[Store, ObjectInfo]:
        return store, await store.info(named(place))

    return await _reading(place, look, storage=storage, limits=limits, options=options)


async def _listing_store(place: Location, *, storage: Storage | None, limits: Limits, options: dict[str, Any]) -> Store:
    async def look(store: Store) -> Store:
        listing = store.entries(place.key)
        try:
            await anext(listing, None)
        except ObjectNotFoundError:
            pass
        finally:
            await _close(listing)
        return store

    if place.scheme not in _CLOUDS:
        return resolve(place, storage=storage, limits=limits, options=options)
    return await _reading(place, look, storage=storage, limits=limits, options=options)


async def _reading(
    place: Location,
    action: Callable[[Store], Awaitable[T]],
    *,
    storage: Storage | None,
    limits: Limits,
    options: dict[str, Any],
) -> T:
    store = resolve(place, storage=storage, limits=limits, options=options)
    try:
        return await action(store)
    except StoragePermissionError as refused:
        if place.scheme not in _CLOUDS:
            raise
        public = resolve(place, storage=storage, limits=limits, anonymous=True)
        try:
            return await action(public)
        except StorageError:
            raise refused from None


def _local_target(source: Location, to_path: str | Path | None, *, recursive: bool) -> Path:
    if to_path is None:
        return get_random_local_path(source.uri)
    place = locate(to_path)
    if place.scheme != "file":
        raise ValueError(f"`{place.shown}` is not a local path\nhint: use `copy` from one store to another")
    if not recursive and (place.is_folder or place.path.is_dir()):
        return place.path / source.key.rpartition("/")[2]
    return place.path


def named(place: Location) -> str:
    """Return the key of a place, which must name an object."""
    if not place.key and not place.scheme.startswith("http"):
        raise ValueError(f"`{place.shown}` names no object\nhint: add the key, as in `{place.scheme}://bucket/key`")
    return place.key


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(f"`{path}` is a folder\nhint: pass `recursive=True`")


def _delete_local(path: Path, *, recursive: bool) -> int:
    if recursive and path.is_dir():
        count = len(files_below(path))
        shutil.rmtree(path)
        return count
    if path.is_dir():
        _refuse_folder(path)
    path.unlink(missing_ok=True)
    return 1


async def _close(stream: Any) -> None:
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()
