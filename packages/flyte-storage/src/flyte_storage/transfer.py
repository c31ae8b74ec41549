"""One file up or down: ranged reads at once, parts that grow with the file, checksums both ways, whole or absent."""

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import IO, Any

from flyte_storage.errors import IntegrityError, StorageError
from flyte_storage.files import opened, temporary_beside
from flyte_storage.integrity import digest_of, expected_etag, part_layout, plain_md5
from flyte_storage.limits import Limits, part_size_for
from flyte_storage.retries import again
from flyte_storage.store import ObjectInfo, Progress, Reading, Store, collect
from flyte_storage.threads import in_thread

__all__ = ["confirm", "digest_stored", "download", "read_range", "run_all", "upload", "write_bytes"]

_RETRIES = 3
_LARGEST_ALIGNED = 64 * 1024 * 1024


async def download(
    store: Store,
    key: str,
    target: Path,
    *,
    limits: Limits,
    info: ObjectInfo | None = None,
    progress: Progress | None = None,
) -> ObjectInfo:
    """Fetch an object into the file `target`, which appears when all bytes are there and agree with the checksum.

    Args:
        store: The store.
        key: The object.
        target: The local file; it is replaced.
        limits: Bounds.
        info: What a listing said of the object, which saves a request.
        progress: Told of the bytes as they arrive.

    Raises:
        ObjectNotFoundError: when there is no such object.
        IntegrityError: when the content disagrees with the store's checksum twice.
    """
    with temporary_beside(target) as stream:
        found, digest = await _fetch(store, key, stream, limits=limits, info=info, progress=progress)
        if _disagrees(store, found, digest):
            found_again, second = await _fetch(store, key, stream, limits=limits, info=found, progress=None)
            if second == digest and found_again.e_tag == found.e_tag:
                # Not every ETag of that form is an MD5 (encrypted buckets): the same content twice means that this one is not.
                store.is_etag_md5 = False
            elif _disagrees(store, found_again, second):
                raise IntegrityError(
                    f"`{key}` arrived with checksum {digest} and then {second}, the store says {found.e_tag}\n"
                    "hint: the connection or the disk changes bytes; try another network",
                    is_retry_safe=True,
                )
        stream.truncate(found.size)
    return found


async def upload(
    store: Store,
    source: Path,
    key: str,
    *,
    limits: Limits,
    part_bytes: int | None = None,
    concurrency: int | None = None,
    progress: Progress | None = None,
) -> int:
    """Send the file `source`, and return its size in bytes. The object appears whole or not at all.

    Raises:
        ObjectNotFoundError: when there is no such file.
        IntegrityError: when the file changed while it was read, or the store holds something else afterwards.
    """
    async with in_thread(opened(source)) as stream:
        size = os.fstat(stream.fileno()).st_size
        smallest = part_bytes or limits.part_bytes
        if size <= smallest:
            data = await asyncio.to_thread(stream.read)
            await write_bytes(store, key, data)
            if progress is not None:
                progress(len(data), len(data))
            return len(data)
        part = part_size_for(size, smallest)
        digests: list[asyncio.Future[bytes]] = []
        e_tag = await store.write_parts(
            key,
            _file_parts(
                stream, source, size=size, part=part, digests=digests if store.is_etag_md5 else None, progress=progress
            ),
            part_size=part,
            concurrency=limits.concurrency(part, concurrency or limits.upload_concurrency),
        )
        await confirm(
            store,
            key,
            size=size,
            e_tag=e_tag,
            digests=[await digest for digest in digests],
            part=part,
            limits=limits,
        )
        return size


async def write_bytes(store: Store, key: str, data: bytes) -> None:
    """Write a small object, and compare the store's checksum with its own."""
    e_tag = await store.write(key, data)
    if store.is_etag_md5 and plain_md5(e_tag) and digest_of(data).hex() != e_tag:
        await _confirm_by_reading(store, key, e_tag, digest_of(data), Limits())


async def confirm(
    store: Store, key: str, *, size: int, e_tag: str | None, digests: list[bytes], part: int, limits: Limits
) -> None:
    """Check an object that was written in parts: by its ETag, else by its size.

    Raises:
        IntegrityError: when the store holds something else; it is removed then.
    """
    if digests and e_tag in {expected_etag(digests, is_multipart=True), expected_etag(digests[:1], is_multipart=False)}:
        return
    info = await again(lambda: store.info(key), retries=_RETRIES, limits=limits)
    if info.size != size:
        await store.delete([key])
        raise IntegrityError(
            f"`{key}` has {info.size} bytes in the store, {size} were sent\nhint: send it again", is_retry_safe=True
        )
    if not digests or e_tag is None or part_layout(e_tag, size, part) != part:
        return
    stored = await digest_stored(store, key, part, limits)
    if stored != digests:
        await store.delete([key])
        raise IntegrityError(
            f"`{key}` differs in the store from what was sent\nhint: send it again", is_retry_safe=True
        )
    store.is_etag_md5 = False


async def digest_stored(store: Store, key: str, part: int, limits: Limits) -> list[bytes]:
    """Read an object back and return the MD5 digests of its parts."""
    info = await store.info(key)
    found: list[bytes] = []
    for start in range(0, info.size, part):
        data = await read_range(store, info, start, min(start + part, info.size), limits=limits)
        found.append(await asyncio.to_thread(digest_of, data))
    return found


async def read_range(store: Store, info: ObjectInfo, start: int, end: int, *, limits: Limits) -> bytes:
    """Return the bytes from `start` to before `end`, of the version that `info` describes."""
    key = info.key

    async def attempt() -> bytes:
        reading = await store.begin(key, start=start, end=end, e_tag=info.e_tag)
        data = await collect(reading)
        if len(data) != end - start:
            raise IntegrityError(f"`{key}` gave {len(data)} bytes for a range of {end - start}", is_retry_safe=True)
        return data

    return await again(attempt, retries=_RETRIES, limits=limits)


async def run_all(work: list[Coroutine[Any, Any, None]], at_once: int) -> None:
    """Run coroutines, `at_once` at a time; the first failure cancels the others and is raised when they have ended."""
    remaining = iter(work)

    async def worker() -> None:
        for item in remaining:
            await item

    workers = [asyncio.ensure_future(worker()) for _ in range(min(at_once, len(work)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        for item in remaining:
            item.close()


async def _fetch(
    store: Store, key: str, stream: IO[bytes], *, limits: Limits, info: ObjectInfo | None, progress: Progress | None
) -> tuple[ObjectInfo, str | None]:
    if info is None:
        first = await again(lambda: store.begin(key), retries=_RETRIES, limits=limits)
        info = first.info
        if info.size <= limits.range_bytes:
            digest = await _whole(store, key, stream, limits=limits, first=first, progress=progress)
            return digest
        await first.close()
    elif info.size <= limits.range_bytes:
        known = info
        reading = await again(lambda: store.begin(key, e_tag=known.e_tag), retries=_RETRIES, limits=limits)
        return await _whole(store, key, stream, limits=limits, first=reading, progress=progress)
    return info, await _ranges(store, stream, info, limits=limits, progress=progress)


async def _whole(
    store: Store, key: str, stream: IO[bytes], *, limits: Limits, first: Reading, progress: Progress | None
) -> tuple[ObjectInfo, str | None]:
    readings = [first]

    async def attempt() -> tuple[ObjectInfo, bytes]:
        reading = readings.pop() if readings else await store.begin(key)
        return reading.info, await collect(reading)

    info, data = await again(attempt, retries=_RETRIES, limits=limits)
    await asyncio.to_thread(os.pwrite, stream.fileno(), data, 0)
    if progress is not None:
        progress(len(data), len(data))
    info = ObjectInfo(info.key, len(data), info.e_tag, info.modified)
    if not store.is_etag_md5:
        return info, None
    if plain_md5(info.e_tag):
        return info, digest_of(data).hex()
    part = part_layout(info.e_tag, len(data), limits.part_bytes)
    if part is None:
        return info, None
    return info, expected_etag([digest_of(data[at : at + part]) for at in range(0, len(data), part)], is_multipart=True)


async def _ranges(
    store: Store, stream: IO[bytes], info: ObjectInfo, *, limits: Limits, progress: Progress | None
) -> str | None:
    """Read an object by ranges, several at once, and return its digest in the form of the ETag, where that has one."""
    layout = part_layout(info.e_tag, info.size, limits.part_bytes) if store.is_etag_md5 else None
    wants_plain = store.is_etag_md5 and plain_md5(info.e_tag) is not None
    is_aligned = layout is not None and layout <= _LARGEST_ALIGNED
    step = layout if is_aligned and layout is not None else limits.range_bytes
    starts = range(0, info.size, step)
    digests: list[bytes] = [b""] * len(starts)
    arrived = [asyncio.Event() for _ in starts]
    handle = stream.fileno()
    moved = 0

    async def piece(number: int) -> None:
        nonlocal moved
        start = starts[number]
        end = min(start + step, info.size)

        async def attempt() -> bytes:
            reading = await store.begin(info.key, start=start, end=end, e_tag=info.e_tag)
            state, at = hashlib.md5(usedforsecurity=False), start
            async with aclosing(reading.pieces) as pieces:
                async for data in pieces:
                    await asyncio.to_thread(_place, handle, data, at, state if is_aligned else None)
                    at += len(data)
            if at != end:
                raise IntegrityError(
                    f"`{info.key}` gave {at - start} bytes for a range of {end - start}", is_retry_safe=True
                )
            return state.digest()

        digests[number] = await again(attempt, retries=_RETRIES, limits=limits)
        arrived[number].set()
        moved += end - start
        if progress is not None:
            progress(moved, info.size)

    following = asyncio.ensure_future(_follow(handle, starts, step, arrived)) if wants_plain else None
    try:
        await run_all(
            [piece(number) for number in range(len(starts))], limits.concurrency(step, limits.download_concurrency)
        )
        if following is not None:
            return await following
    finally:
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
    return expected_etag(digests, is_multipart=True) if is_aligned else None


async def _follow(handle: int, starts: range, step: int, arrived: list[asyncio.Event]) -> str:
    """Digest a file in order, while its pieces arrive in any order."""
    state = hashlib.md5(usedforsecurity=False)
    for number, start in enumerate(starts):
        await arrived[number].wait()
        await asyncio.to_thread(_digest_piece, state, handle, step, start)
    return state.hexdigest()


def _digest_piece(state: "hashlib._Hash", handle: int, step: int, start: int) -> None:  # pyright: ignore[reportPrivateUsage]
    state.update(os.pread(handle, step, start))


def _place(handle: int, data: bytes, start: int, state: "hashlib._Hash | None") -> None:  # pyright: ignore[reportPrivateUsage]
    if state is not None:
        state.update(data)
    view = memoryview(data)
    while view:
        written = os.pwrite(handle, view, start)
        view, start = view[written:], start + written


def _disagrees(store: Store, info: ObjectInfo, digest: str | None) -> bool:
    return store.is_etag_md5 and digest is not None and digest != info.e_tag


async def _confirm_by_reading(store: Store, key: str, e_tag: str | None, digest: bytes, limits: Limits) -> None:
    info = await store.info(key)
    data = await read_range(store, info, 0, info.size, limits=limits) if info.size else b""
    if info.e_tag == e_tag and digest_of(data) != digest:
        await store.delete([key])
        raise IntegrityError(
            f"`{key}` differs in the store from what was sent\nhint: send it again", is_retry_safe=True
        )
    store.is_etag_md5 = False


async def _file_parts(
    stream: IO[bytes],
    source: Path,
    *,
    size: int,
    part: int,
    digests: "list[asyncio.Future[bytes]] | None",
    progress: Progress | None,
) -> AsyncGenerator[bytes]:
    sent = 0
    while True:
        data = await asyncio.to_thread(stream.read, part)
        if not data:
            break
        sent += len(data)
        if sent > size:
            break
        if digests is not None:
            if len(digests) > 1:
                await digests[-2]  # so that checksums do not fall behind and hold the parts in memory
            digests.append(asyncio.ensure_future(asyncio.to_thread(digest_of, data)))
        yield data
        if progress is not None:
            progress(sent, size)
    if sent != size:
        raise StorageError(
            f"`{source}` changed while it was sent: it had {size} bytes\nhint: write the file first, then send it"
        )
