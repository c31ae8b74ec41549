"""Protocols that a user registered with fsspec, as a `Store`. fsspec is imported only for them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime
from typing import Any, cast

from flyte_storage.errors import ObjectNotFoundError, StorageError
from flyte_storage.local import UnsupportedStoreError
from flyte_storage.store import ObjectInfo, Reading
from flyte_storage.uris import Location

__all__ = ["FsspecStore", "filesystem"]

_PIECE_BYTES = 1024 * 1024


def filesystem(protocol: str, **options: Any) -> Any:
    """Return the file system that is registered for a protocol.

    Raises:
        ImportError: when fsspec, or what the protocol needs, is not installed.
        UnsupportedStoreError: when fsspec does not know the protocol either.
    """
    try:
        import fsspec  # noqa: PLC0415 # pyright: ignore[reportMissingImports, reportMissingTypeStubs]
    except ImportError:
        raise ImportError(
            f"`{protocol}://` is not a store of this package, and `fsspec`, where it may be registered, is not installed\n"
            "hint: `pip install fsspec` and the package that has the protocol"
        ) from None
    try:
        return cast("Any", fsspec).filesystem(protocol, **options)
    except ValueError as error:
        if "not known" in str(error).lower():
            raise UnsupportedStoreError(f"{protocol}://", protocol) from None
        raise


class FsspecStore:
    """One protocol of fsspec. Its blocking calls run in threads."""

    is_etag_md5 = False

    def __init__(self, location: Location, **options: Any) -> None:
        """Find the file system of a location's scheme."""
        self.scheme = location.scheme
        self._files = filesystem(location.scheme, **options)

    async def info(self, key: str) -> ObjectInfo:
        """Describe one object."""
        return _described(key, await self._call("info", key))

    async def begin(self, key: str, *, start: int = 0, end: int | None = None, e_tag: str | None = None) -> Reading:
        """Start reading."""
        del e_tag
        info = await self.info(key)
        return Reading(info, self._pieces(key, start, info.size if end is None else min(end, info.size)))

    async def write(self, key: str, data: bytes) -> str | None:
        """Write one object."""
        parent = key.rpartition("/")[0]
        if parent:
            await self._call("makedirs", parent, exist_ok=True)
        await self._call("pipe_file", key, data)
        return None

    async def write_parts(
        self, key: str, parts: AsyncIterator[bytes], *, part_size: int, concurrency: int
    ) -> str | None:
        """Write one object through the file system's own file object; what is there after a failure is removed."""
        del concurrency
        parent = key.rpartition("/")[0]
        if parent:
            await self._call("makedirs", parent, exist_ok=True)
        stream = await self._call("open", key, "wb", block_size=part_size)
        try:
            async for part in parts:
                await asyncio.to_thread(stream.write, part)
        except BaseException:
            discard = getattr(stream, "discard", None)
            if discard is None or getattr(stream, "autocommit", True):
                await asyncio.to_thread(stream.close)
                await self.delete([key])
            else:
                await asyncio.to_thread(discard)
            raise
        await asyncio.to_thread(stream.close)
        return None

    async def entries(self, prefix: str) -> AsyncGenerator[ObjectInfo]:
        """Yield the objects below a folder."""
        try:
            found: dict[str, dict[str, Any]] = await self._call("find", prefix, detail=True)
        except ObjectNotFoundError:
            return
        for name, about in found.items():
            key = name.strip("/")
            if key != prefix and about.get("type", "file") == "file":
                yield _described(key, about)

    async def level(self, prefix: str) -> tuple[list[ObjectInfo], list[str]]:
        """Return the objects and folders right below a folder."""
        try:
            found: list[dict[str, Any]] = await self._call("ls", prefix, detail=True)
        except ObjectNotFoundError:
            return [], []
        named = [(str(about["name"]).strip("/"), about) for about in found]
        files = [
            _described(key, about) for key, about in named if about.get("type", "file") == "file" and key != prefix
        ]
        return files, [key for key, about in named if about.get("type") == "directory"]

    async def copy(self, source: str, target: str) -> None:
        """Copy within the file system."""
        await self._call("cp_file", source, target)

    async def delete(self, keys: list[str]) -> None:
        """Delete objects."""
        for key in keys:
            try:
                await self._call("rm_file", key)
            except ObjectNotFoundError:
                continue

    async def _pieces(self, key: str, start: int, end: int) -> AsyncGenerator[bytes]:
        while start < end:
            stop = min(start + _PIECE_BYTES, end)
            piece: bytes = await self._call("cat_file", key, start=start, end=stop)
            if len(piece) != stop - start:
                raise StorageError(
                    f"`{self.scheme}://{key}` ended at byte {start + len(piece)} of {end}", is_retry_safe=True
                )
            yield piece
            start = stop

    async def _call(self, method: str, key: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return await asyncio.to_thread(getattr(self._files, method), key, *args, **kwargs)
        except FileNotFoundError:
            raise ObjectNotFoundError(
                f"there is no object `{self.scheme}://{key}`", uri=f"{self.scheme}://{key}"
            ) from None
        except (OSError, NotImplementedError) as error:
            raise StorageError(
                f"`{self.scheme}://{key}`: {method} failed in the fsspec file system `{type(self._files).__name__}`: {error}",
                is_retry_safe=isinstance(error, OSError),
            ) from None


def _described(key: str, about: dict[str, Any]) -> ObjectInfo:
    if about.get("type") == "directory":
        raise ObjectNotFoundError(f"`{key}` is a folder, not an object\nhint: pass `recursive=True`")
    modified = about.get("mtime", about.get("LastModified"))
    return ObjectInfo(key, int(about.get("size") or 0), None, modified if isinstance(modified, datetime) else None)
