"""Bytes that never touch a file: streams down, read ahead in order, and streams up, in parts."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator

from flyte_storage.errors import StorageError
from flyte_storage.integrity import digest_of
from flyte_storage.limits import MIB, Limits, part_size_for
from flyte_storage.store import ObjectInfo, Progress, Store
from flyte_storage.transfer import confirm, read_range, write_bytes

__all__ = ["read_pieces", "rechunked", "write_pieces"]

_UNKNOWN_PART_BYTES = 32 * MIB
_MAX_PARTS = 10_000
_READ_AHEAD = 4


async def read_pieces(
    store: Store, info: ObjectInfo, *, chunk_size: int, limits: Limits, progress: Progress | None = None
) -> AsyncGenerator[bytes]:
    """Yield the content of the object `info` in pieces of `chunk_size` bytes, the last one shorter, reading ahead."""
    if chunk_size < 1:
        raise ValueError(f"chunk_size is {chunk_size}; it must be at least 1 byte")
    step = max(chunk_size, min(limits.range_bytes, info.size))
    step -= step % chunk_size
    moved = 0
    if info.size == 0:
        return
    async for block in _ahead(store, info, step, limits):
        for at in range(0, len(block), chunk_size):
            piece = block[at : at + chunk_size]
            moved += len(piece)
            yield piece
            if progress is not None:
                progress(moved, info.size)


async def write_pieces(
    store: Store,
    key: str,
    source: AsyncIterable[bytes] | bytes,
    *,
    limits: Limits,
    size_hint: int | None = None,
    part_bytes: int | None = None,
    concurrency: int | None = None,
    progress: Progress | None = None,
) -> int:
    """Write a stream, and return its size in bytes. The object appears when the stream has ended well.

    Parts are `part_bytes`, or as much more as `size_hint` needs. Without a hint they are 32 MiB, which is enough for 312 GiB.

    Raises:
        StorageError: when the stream is longer than 10,000 parts hold.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        source = _once(bytes(source))
    smallest = part_bytes or limits.part_bytes
    part = max(_UNKNOWN_PART_BYTES, smallest) if size_hint is None else part_size_for(size_hint, smallest)
    parts = rechunked(source, part)
    head = await anext(parts, b"")
    if len(head) < part:
        await write_bytes(store, key, head)
        if progress is not None:
            progress(len(head), len(head))
        return len(head)
    counted = _Counted(head, parts, progress, wants_digests=store.is_etag_md5)
    try:
        e_tag = await store.write_parts(
            key,
            counted.items(),
            part_size=part,
            concurrency=limits.concurrency(part, concurrency or limits.upload_concurrency),
        )
    finally:
        await parts.aclose()
    await confirm(store, key, size=counted.size, e_tag=e_tag, digests=counted.digests, part=part, limits=limits)
    return counted.size


async def rechunked(source: AsyncIterable[bytes], size: int) -> AsyncGenerator[bytes]:
    """Yield the bytes of `source` in pieces of exactly `size`, the last one shorter."""
    held: list[bytes] = []
    length = 0
    async for item in source:
        view = memoryview(item).cast("B")
        while length + len(view) >= size:
            cut = size - length
            yield b"".join([*held, view[:cut]])
            held, length, view = [], 0, view[cut:]
        if view:
            held.append(bytes(view))
            length += len(view)
    if held:
        yield b"".join(held)


class _Counted:
    """The parts of a stream on their way, with their size and digests."""

    def __init__(
        self, head: bytes, rest: AsyncIterator[bytes], progress: Progress | None, *, wants_digests: bool
    ) -> None:
        self.size = 0
        self.digests: list[bytes] = []
        self._head = head
        self._rest = rest
        self._progress = progress
        self._wants_digests = wants_digests

    async def items(self) -> AsyncGenerator[bytes]:
        part: bytes | None = self._head
        count = 0
        while part is not None:
            count += 1
            if count > _MAX_PARTS:
                raise StorageError(
                    f"the stream is longer than the {_MAX_PARTS} parts of {len(self._head)} bytes that a store takes\n"
                    "hint: pass `size_hint`, the size you expect in bytes, so that the parts are made bigger"
                )
            if self._wants_digests:
                self.digests.append(await asyncio.to_thread(digest_of, part))
            self.size += len(part)
            yield part
            if self._progress is not None:
                self._progress(self.size, None)
            part = await anext(self._rest, None)


async def _ahead(store: Store, info: ObjectInfo, step: int, limits: Limits) -> AsyncGenerator[bytes]:
    starts = iter(range(0, info.size, step))
    waiting: deque[asyncio.Task[bytes]] = deque()

    def more() -> None:
        start = next(starts, None)
        if start is not None:
            end = min(start + step, info.size)
            waiting.append(asyncio.ensure_future(read_range(store, info, start, end, limits=limits)))

    try:
        for _ in range(limits.concurrency(step, _READ_AHEAD)):
            more()
        while waiting:
            block = await waiting.popleft()
            more()
            yield block
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _once(data: bytes) -> AsyncGenerator[bytes]:
    yield data
