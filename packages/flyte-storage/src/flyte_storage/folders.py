"""Folders up and down: many files at once, names kept, nothing written outside the target."""

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path, PurePosixPath
from typing import Any

from flyte_storage.errors import InvalidKeyError, ObjectNotFoundError
from flyte_storage.files import missing
from flyte_storage.limits import Limits
from flyte_storage.store import ObjectInfo, Progress, Store
from flyte_storage.transfer import download, run_all, upload

__all__ = ["delete_folder", "download_folder", "upload_folder"]


async def download_folder(
    store: Store, prefix: str, target: Path, *, limits: Limits, at_once: int, progress: Progress | None = None
) -> int:
    """Fetch every object below `prefix` into `target`, and return their number. Empty objects become empty files.

    Each file appears whole; when one fails, the others that are under way are stopped and those that are done stay.

    Raises:
        ObjectNotFoundError: when there is nothing below `prefix`.
        InvalidKeyError: when a key would leave `target`, or is a file and a folder at once.
    """
    found = [info async for info in store.entries(prefix)]
    if not found:
        raise ObjectNotFoundError(
            f"there is nothing below `{prefix}/`\nhint: check the path; a single object needs no `recursive`"
        )
    places = {info.key: _place(target, prefix, info.key) for info in found}
    folders = {parent for path in places.values() for parent in path.parents}
    for key, path in places.items():
        if path in folders:
            raise InvalidKeyError(
                f"`{key}` is an object and also a folder of other objects, which a file system cannot hold\n"
                "hint: fetch the objects one by one"
            )
    total, moved = sum(info.size for info in found), 0

    async def one(info: ObjectInfo) -> None:
        nonlocal moved
        await download(store, info.key, places[info.key], limits=limits, info=info)
        moved += info.size
        if progress is not None:
            progress(moved, total)

    await asyncio.to_thread(target.mkdir, parents=True, exist_ok=True)
    await run_all([one(info) for info in found], at_once)
    return len(found)


async def upload_folder(
    store: Store,
    source: Path,
    prefix: str,
    *,
    limits: Limits,
    at_once: int,
    part_bytes: int | None = None,
    concurrency: int | None = None,
    progress: Progress | None = None,
) -> int:
    """Send every regular file below `source`, also by way of links, and return their number.

    Stores have no folders, so empty ones are not kept; nor are sockets and the like.

    Raises:
        ObjectNotFoundError: when `source` is no folder.
        InvalidKeyError: when a name cannot be a key (control characters, or bytes that are not UTF-8).
        FileNotFoundError: when a link points at nothing.
        ValueError: when a link points at a folder around it.
    """
    if not await asyncio.to_thread(source.is_dir):
        raise missing(source)
    files = await asyncio.to_thread(_files_to_send, source)
    names = {path: _key(source, path, prefix) for path in files}
    moved = 0

    async def one(path: Path) -> None:
        nonlocal moved
        moved += await upload(store, path, names[path], limits=limits, part_bytes=part_bytes, concurrency=concurrency)
        if progress is not None:
            progress(moved, None)

    await run_all([one(path) for path in files], at_once)
    return len(files)


async def delete_folder(store: Store, prefix: str, *, at_once: int) -> int:
    """Delete every object below `prefix`, and return their number."""
    keys = [info.key async for info in store.entries(prefix)]
    work: list[Coroutine[Any, Any, None]] = [store.delete([key]) for key in keys]
    await run_all(work, at_once)
    return len(keys)


def _files_to_send(folder: Path, above: tuple[str, ...] = ()) -> list[Path]:
    found: list[Path] = []
    above = (*above, os.path.realpath(folder))
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if os.path.realpath(path) in above:
                raise ValueError(f"`{path}` is a link to a folder around it, which cannot be sent")
            found += _files_to_send(path, above)
        elif path.is_file():
            found.append(path)
        elif path.is_symlink() and not path.exists():
            raise FileNotFoundError(f"`{path}` is a link to `{path.readlink()}`, where there is nothing")
    return found


def _place(target: Path, prefix: str, key: str) -> Path:
    relative = key.removeprefix(prefix).strip("/")
    parts = PurePosixPath(relative).parts
    if not relative or ".." in parts or PurePosixPath(relative).is_absolute() or "\0" in relative:
        raise InvalidKeyError(
            f"the object `{key}` would be written outside of `{target}`\nhint: fetch the objects one by one"
        )
    return target.joinpath(*parts)


def _key(folder: Path, path: Path, prefix: str) -> str:
    relative = path.relative_to(folder).as_posix()
    try:
        relative.encode()
    except UnicodeEncodeError:
        raise InvalidKeyError(
            f"the name {os.fsencode(relative)!r} is not UTF-8, which keys must be\nhint: rename the file"
        ) from None
    if any(ord(letter) < ord(" ") or ord(letter) == 0x7F for letter in relative):
        raise InvalidKeyError(
            f"the name {relative!r} has a control character, which cannot be sent\nhint: rename the file"
        )
    return f"{prefix}/{relative}" if prefix else relative
