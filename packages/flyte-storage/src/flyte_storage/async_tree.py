"""The verbs of `tree` as coroutines: URIs of stores are awaited on the caller's loop, local paths run in a thread.

Its names are those of `tree`, which runs them for blocking code. The verbs of storage load with the first URI that needs them.
"""

import asyncio
from collections.abc import AsyncGenerator
from itertools import islice

import flyte_storage as storage
from flyte_storage import tree
from flyte_storage.errors import ObjectNotFoundError
from flyte_storage.local import is_remote, local_path

__all__ = ["copy_file", "copy_folder", "is_file", "is_folder", "list_files"]

_BATCH = 256
"""How many local files are named per step into a thread."""


async def is_file(uri: str) -> bool:
    """Tell whether there is a file at `uri`."""
    if not is_remote(uri):
        return await asyncio.to_thread(tree.is_file, uri)
    from flyte_storage.uris import locate  # noqa: PLC0415 - not for local paths

    place = locate(uri)
    if not place.scheme.startswith("http") and (place.is_folder or not place.key):
        return False
    try:
        await storage.info(uri)
    except ObjectNotFoundError:
        return False
    return True


async def is_folder(uri: str) -> bool:
    """Tell whether there is a folder at `uri`: in a store, whether there is anything below it."""
    if not is_remote(uri):
        return await asyncio.to_thread(tree.is_folder, uri)
    return await storage.exists(f"{uri.rstrip('/')}/")


async def list_files(uri: str, *, max_depth: int | None = None) -> AsyncGenerator[str]:
    """Name the files below a folder: see `tree.list_files`. Without `max_depth` a store is asked once, for all of them."""
    if not is_remote(uri):
        named = tree.list_files(uri, max_depth=max_depth)
        while batch := await asyncio.to_thread(lambda: list(islice(named, _BATCH))):
            for name in batch:
                yield name
    elif max_depth is None:
        root = uri.rstrip("/")
        found = [child async for child, _ in storage.list_objects(uri)]
        for child in sorted(found, key=lambda child: _order(child.removeprefix(root).strip("/"))):
            yield child
    else:
        async for child in _by_level(uri, max_depth):
            yield child


async def _by_level(uri: str, depth: int) -> AsyncGenerator[str]:
    files, folders = await storage.list_level(uri)
    for child in sorted(files):
        yield child
    if depth > 1:
        for folder in sorted(folders):
            async for child in _by_level(folder, depth - 1):
                yield child


def _order(relative: str) -> list[tuple[bool, str]]:
    *folders, name = relative.split("/")
    return [*((True, folder) for folder in folders), (False, name)]


async def copy_file(source: str, target: str, *, part_bytes: int | None = None, concurrency: int | None = None) -> None:
    """Copy one file: see `tree.copy_file`.

    Cancelling it stops it, and leaves nothing of the target.
    """
    if not is_remote(source) and not is_remote(target):
        await asyncio.to_thread(tree.copy_file, source, target)
    elif tree.is_same(source, target):
        return
    elif not is_remote(source):
        await storage.put(local_path(source), target, chunk_size=part_bytes, max_concurrency=concurrency)
    elif not is_remote(target):
        await storage.get(source, local_path(target))
    else:
        await storage.copy(source, target)


async def copy_folder(
    source: str,
    target: str,
    *,
    files_at_once: int | None = None,
    part_bytes: int | None = None,
    concurrency: int | None = None,
) -> None:
    """Copy a folder: see `tree.copy_folder`. Stores have no folders, so those without a file are not kept there.

    Cancelling it stops it; files that had arrived stay.
    """
    if not is_remote(source) and not is_remote(target):
        await asyncio.to_thread(tree.copy_folder, source, target)
    elif tree.is_same(source, target):
        return
    elif not is_remote(source):
        path = local_path(source)
        if not await asyncio.to_thread(path.is_dir):
            raise (NotADirectoryError if path.exists() else FileNotFoundError)(f"there is no folder at `{source}`")
        await storage.put(
            path,
            target,
            recursive=True,
            batch_size=files_at_once,
            chunk_size=part_bytes,
            max_concurrency=concurrency,
        )
    else:
        # The slash says that an object of this name is not meant.
        folder = f"{source.rstrip('/')}/"
        if is_remote(target):
            await storage.copy(folder, target, recursive=True)
        else:
            await storage.get(folder, local_path(target), recursive=True)
