"""What every store offers to the verbs above it: the `Store` protocol and what it hands around."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

__all__ = ["ObjectInfo", "Progress", "Reading", "Store", "collect"]

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes moved so far and the total, or `None` while that is unknown. It must not block."""


@dataclass(frozen=True)
class ObjectInfo:
    """What a store knows of an object."""

    key: str
    size: int
    """In bytes; -1 where the store does not tell before the content was read."""
    e_tag: str | None = None
    """Without quotes."""
    modified: datetime | None = None


@dataclass(frozen=True)
class Reading:
    """An object that is being read: what it is, and its bytes as they come."""

    info: ObjectInfo
    pieces: AsyncGenerator[bytes]

    async def close(self) -> None:
        """Stop reading; the connection is given up when there is more to come."""
        await self.pieces.aclose()


class Store(Protocol):
    """One container of objects. Keys have no slash at either end. Errors are those of `flyte_storage.errors`."""

    scheme: str
    is_etag_md5: bool
    """Whether an ETag with the form of an MD5 is one; false once it was seen not to be (encrypted buckets)."""

    async def info(self, key: str) -> ObjectInfo:
        """Describe one object."""
        ...

    async def begin(self, key: str, *, start: int = 0, end: int | None = None, e_tag: str | None = None) -> Reading:
        """Start reading the bytes from `start` to before `end`, of the version `e_tag` if given."""
        ...

    async def write(self, key: str, data: bytes) -> str | None:
        """Write a small object in one request, and return its ETag where there is one."""
        ...

    async def write_parts(
        self, key: str, parts: AsyncIterator[bytes], *, part_size: int, concurrency: int
    ) -> str | None:
        """Write an object in parts, all of `part_size` bytes but the last; nothing appears when it fails or is cancelled."""
        ...

    def entries(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """Yield the objects below the folder `prefix` (empty for all), deep."""
        ...

    async def level(self, prefix: str) -> tuple[list[ObjectInfo], list[str]]:
        """Return the objects right below the folder `prefix`, and the keys of the folders right below it."""
        ...

    async def copy(self, source: str, target: str) -> None:
        """Copy within the container."""
        ...

    async def delete(self, keys: list[str]) -> None:
        """Delete objects; those that are not there are no error."""
        ...


async def collect(reading: Reading) -> bytes:
    """Read to the end."""
    async with contextlib.aclosing(reading.pieces) as pieces:
        return b"".join([piece async for piece in pieces])
