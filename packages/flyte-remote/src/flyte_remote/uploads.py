"""Files and folders to the control plane's store, by signed URLs."""

import asyncio
import os
from collections.abc import Coroutine, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import quote

from flyte_models.values import value
from flyte_remote.connection import connection
from flyte_syncify import syncify

__all__ = [
    "UPLOADS_AT_ONCE",
    "UploadPlace",
    "all_of",
    "files_of",
    "upload",
    "upload_bytes",
    "upload_dir",
    "upload_file",
    "upload_folder",
    "upload_place",
]

T = TypeVar("T")

UPLOADS_AT_ONCE = 16
"""How many files are uploaded at the same time: each needs a connection."""
_SECONDS = 15 * 60
"""How long an upload may take, as in the reference."""


@value
class UploadPlace:
    """Where the store wants something, and under which address it is found later."""

    signed_url: str
    native_url: str
    headers: Mapping[str, str]


async def upload_place(
    name: str,
    md5: bytes,
    *,
    size: int | None = None,
    root: str | None = None,
    project: str | None = None,
    domain: str | None = None,
) -> UploadPlace:
    """Ask where to upload something.

    Args:
        name: The last part of its address.
        md5: Its MD5 digest.
        size: In bytes, if the control plane is told: the reference does so for the data of tracked runs only.
        root: The part before it; default: one that the control plane makes of the digest.
        project: Default: the configured one.
        domain: Default: the configured one.

    Raises:
        RpcError: the control plane refuses.
    """
    from flyteidl2.dataproxy import dataproxy_service_pb2  # noqa: PLC0415 - messages load when used

    at = connection()
    request = dataproxy_service_pb2.CreateUploadLocationRequest(
        project=at.project(project),
        domain=at.domain(domain),
        org=at.org,
        filename=name,
        content_md5=md5,
        content_length=size,
        add_content_md5_metadata=True,
    )
    request.expires_in.seconds = _SECONDS
    if root:
        request.filename_root = root
    answer = await at.call("DataProxyService", "CreateUploadLocation", request)
    return UploadPlace(answer.signed_url, answer.native_url, dict(answer.headers))


async def upload(
    path: Path,
    *,
    name: str | None = None,
    root: str | None = None,
    content_type: str | None = None,
    project: str | None = None,
    domain: str | None = None,
    md5: bytes | None = None,
    what: str | None = None,
) -> tuple[str, str]:
    """Upload a file, and return its MD5 in hexadecimal and its address in the store.

    Args:
        path: The file.
        name: Its name in the store; default: its own.
        root: Where in the store; default: a place that follows from the content.
        content_type: What it is, for whoever downloads it.
        project: Default: the configured one.
        domain: Default: the configured one.
        md5: Its digest, if it is known already.
        what: What an error calls it, of a file that nobody knows by its path.

    Raises:
        RpcError: the control plane refuses.
        flyte_storage.StorageError: the store refuses, or fails for good.
    """
    from flyte_storage.signed import content_md5, put_signed  # noqa: PLC0415 - loads a client

    try:
        digest = md5 or await content_md5(path)
        place = await upload_place(name or path.name, digest, root=root, project=project, domain=domain)
        headers = dict(place.headers) | ({"Content-Type": content_type} if content_type else {})
        await put_signed(path, place.signed_url, headers=headers, md5=digest)
    except Exception as error:
        # Many go at once, and an address in the store does not say which of them it was.
        error.add_note(f"{what} was not uploaded" if what else f"the file is `{path}`, which was not uploaded")
        raise
    return digest.hex(), place.native_url


async def upload_bytes(
    content: bytes, name: str, *, root: str, project: str | None = None, domain: str | None = None
) -> str:
    """Upload something small that is in memory, and return its address in the store.

    Raises:
        RpcError: the control plane refuses.
        flyte_storage.StorageError: the store refuses, or fails for good.
    """
    from flyte_storage.signed import content_md5, put_signed  # noqa: PLC0415 - loads a client

    md5 = await content_md5(content)
    place = await upload_place(name, md5, size=len(content), root=root, project=project, domain=domain)
    await put_signed(content, place.signed_url, headers=place.headers, md5=md5)
    return place.native_url


@syncify
async def upload_file(
    fp: Path,
    verify: bool = True,  # noqa: ARG001 - public
    fname: str | None = None,
    content_type: str | None = None,
) -> tuple[str, str]:
    """Upload a file to the store of the configured project and domain.

    Args:
        fp: The file.
        verify: Of the reference; certificates are always verified.
        fname: Its name in the store; default: its own.
        content_type: What it is, for whoever downloads it.

    Returns:
        Its MD5 in hexadecimal, and its address in the store.

    Raises:
        ValueError: There is no such file.
    """
    path = Path(fp)
    if not await asyncio.to_thread(path.is_file):
        raise ValueError(f"`{path}` is no file, so it cannot be uploaded")
    return await upload(path, name=fname, content_type=content_type)


@syncify
async def upload_dir(dir_path: Path, verify: bool = True, prefix: str | None = None) -> str:  # noqa: ARG001 - public
    """Upload the files of a folder, with those of the folders in it, and return the folder's address in the store.

    Args:
        dir_path: The folder.
        verify: Of the reference; certificates are always verified.
        prefix: Where in the store; default: a name that nothing else has.

    Raises:
        ValueError: There is no such folder, or it has no files.
    """
    folder = Path(dir_path)
    if not await asyncio.to_thread(folder.is_dir):
        raise ValueError(f"`{folder}` is no folder, so it cannot be uploaded")
    return await upload_folder(folder, prefix or f"{folder.name or 'folder'}-{os.urandom(8).hex()}")


async def upload_folder(
    folder: Path,
    root: str,
    project: str | None = None,
    domain: str | None = None,
    *,
    slots: asyncio.Semaphore | None = None,
    md5s: Mapping[Path, bytes] = MappingProxyType({}),
) -> str:
    """Upload the files of a folder below a place in the store, and return the folder's address.

    Args:
        folder: The folder.
        root: The place.
        project: Default: the configured one.
        domain: Default: the configured one.
        slots: One is held for each file that is on its way; default: `UPLOADS_AT_ONCE` of its own.
        md5s: Digests of files that are known already.

    Raises:
        ValueError: It has no files.
        RpcError: the control plane refuses.
        flyte_storage.StorageError: the store refuses, or fails for good.
    """
    files = await asyncio.to_thread(files_of, folder)
    if not files:
        raise ValueError(f"`{folder}` has no files, and a store keeps no empty folders")
    free = slots or asyncio.Semaphore(UPLOADS_AT_ONCE)

    async def one(path: Path) -> str:
        name = path.relative_to(folder).as_posix()
        async with free:
            _, address = await upload(path, name=name, root=root, project=project, domain=domain, md5=md5s.get(path))
        return address.removesuffix(name) if address.endswith(name) else address.removesuffix(quote(name))

    addresses = await all_of(map(one, files))
    return addresses[0].rstrip("/")


async def all_of(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Await all at once and return what they give, in their order; the first failure is raised when the others have ended.

    What is still on its way is cancelled: an upload that is not whole is none, for a store shows it to nobody.
    """
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def files_of(folder: Path) -> list[Path]:
    """List the files of a folder, with those of the folders in it."""
    return sorted(path for path in folder.rglob("*") if path.is_file())
