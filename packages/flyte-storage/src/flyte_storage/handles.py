"""Open files on any store: async readers and writers, and the same for blocking code."""

import asyncio
import io
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from flyte_storage.errors import StorageError
from flyte_storage.limits import Limits
from flyte_storage.local import write_atomically
from flyte_storage.resolver import resolve
from flyte_storage.settings import Storage, limits_in_force
from flyte_storage.store import ObjectInfo, Store
from flyte_storage.streams import write_pieces
from flyte_storage.transfer import read_range
from flyte_storage.uris import locate
from flyte_storage.verbs import find, named

__all__ = ["AsyncReader", "AsyncWriter", "AtomicWriter", "BlockingReader", "BlockingWriter", "open_file"]

_READ_AHEAD_BYTES = 4 * 1024 * 1024
_QUEUED_BLOCKS = 4
_WRITE_BLOCK_BYTES = 1024 * 1024


class AsyncReader:
    """A file open for reading: `await file.read(n)`, `seek`, `async for line in file`. Use it with `async with`."""

    mode = "rb"

    def __init__(self, store: Store, info: ObjectInfo, limits: Limits, read_ahead: int = _READ_AHEAD_BYTES) -> None:
        """Read the object `info`, `read_ahead` bytes at once; later versions of it are refused."""
        self._store = store
        self._info = info
        self._limits = limits
        self._read_ahead = read_ahead
        self._at: int = 0
        self._block: bytes = b""
        self._block_at: int = 0
        self._following: tuple[int, asyncio.Task[bytes]] | None = None
        """Where the block begins that is on its way, and its coming."""
        self._is_closed = False

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self._info.size

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._is_closed

    async def read(self, size: int | None = -1, /) -> bytes:
        """Return up to `size` bytes, all that are left for -1; empty at the end."""
        self._check()
        end = self.size if size is None or size < 0 else min(self.size, self._at + size)
        if end <= self._at:
            return b""
        pieces: list[bytes] = []
        while self._at < end:
            offset = self._at - self._block_at
            if not 0 <= offset < len(self._block):
                await self._load(end)
                offset = 0
            piece = self._block[offset : offset + end - self._at]
            pieces.append(piece)
            self._at += len(piece)
        return b"".join(pieces)

    async def readall(self) -> bytes:
        """Return all that is left."""
        return await self.read(-1)

    async def readline(self) -> bytes:
        """Return the bytes up to and with the next line feed, or to the end."""
        line = b""
        while self._at < self.size:
            offset = self._at - self._block_at
            if not 0 <= offset < len(self._block):
                await self._load(self._at + 1)
                offset = 0
            found = self._block.find(b"\n", offset)
            stop = len(self._block) if found < 0 else found + 1
            line += self._block[offset:stop]
            self._at += stop - offset
            if found >= 0:
                break
        return line

    async def readlines(self) -> list[bytes]:
        """Return the lines that are left."""
        return [line async for line in self]

    async def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a byte, counted from the start (0), from here (1) or from the end (2), and return its position."""
        self._check()
        target = (0, self._at, self.size)[whence] + offset
        if target < 0:
            raise ValueError(f"cannot seek to byte {target}")
        self._at = target
        return target

    async def tell(self) -> int:
        """Return the position in bytes."""
        return self._at

    def readable(self) -> bool:
        """Tell that this can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that this can seek."""
        return True

    async def close(self) -> None:
        """Give up what was read ahead."""
        self.give_up()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._lines()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _lines(self) -> AsyncGenerator[bytes]:
        while line := await self.readline():
            yield line

    async def _load(self, end: int) -> None:
        start = self._at
        stop = min(self.size, max(end, start + self._read_ahead), start + 4 * self._read_ahead)
        is_next = start == self._block_at + len(self._block) and start > 0
        following, self._following = self._following, None
        if following is not None and following[0] == start:
            self._block = await following[1]
        else:
            if following is not None:
                following[1].cancel()
            self._block = await read_range(self._store, self._info, start, stop, limits=self._limits)
        self._block_at = start
        behind = start + len(self._block)
        if is_next and behind < self.size:
            # Who has read on will go on: the next block is on its way meanwhile.
            until = min(self.size, behind + self._read_ahead)
            reading = read_range(self._store, self._info, behind, until, limits=self._limits)
            task = asyncio.ensure_future(reading)
            task.add_done_callback(_look_at)
            self._following = behind, task

    def give_up(self) -> None:
        """Close it from any thread, without waiting."""
        self._is_closed = True
        self._block = b""
        following, self._following = self._following, None
        if following is not None and not following[1].get_loop().is_closed():
            following[1].get_loop().call_soon_threadsafe(following[1].cancel)

    def _check(self) -> None:
        if self._is_closed:
            raise ValueError("the file is closed")


def _look_at(task: "asyncio.Task[bytes]") -> None:
    # Nobody may ask for the block any more; asyncio would complain of an error that nobody saw.
    if not task.cancelled():
        task.exception()


class AsyncWriter:
    """A file open for writing: `await file.write(data)`. It appears when `close` returns, or not at all.

    Leaving `async with` because of an error, or `abort`, throws away what was written.
    """

    mode = "wb"

    def __init__(self, write: Callable[[AsyncIterator[bytes]], Coroutine[Any, Any, int]]) -> None:
        """Hand the blocks to `write`, which sends them on."""
        self._blocks: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUED_BLOCKS)
        self._held = bytearray()
        self._task = asyncio.ensure_future(write(self._items()))
        self._is_closed = False
        self._written = 0

    @property
    def closed(self) -> bool:
        """Whether `close` or `abort` was called."""
        return self._is_closed

    async def write(self, data: bytes | bytearray | memoryview, /) -> int:
        """Take `data`, and wait while too much is under way.

        Raises:
            StorageError: when what was written before could not be sent.
        """
        if self._is_closed:
            raise ValueError("the file is closed")
        self._held += data
        self._written += len(data)
        while len(self._held) >= _WRITE_BLOCK_BYTES:
            block = bytes(self._held)
            self._held.clear()
            await self._hand_on(block)
        return len(data)

    async def tell(self) -> int:
        """Return the number of bytes written."""
        return self._written

    async def flush(self) -> None:
        """Do nothing: objects appear as a whole, with `close`."""

    def writable(self) -> bool:
        """Tell that this can be written."""
        return True

    async def close(self) -> None:
        """Send the rest; the file is there when this returns."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if self._held:
                await self._hand_on(bytes(self._held))
            await self._hand_on(None)
            await self._task
        except BaseException:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            raise

    def give_up(self) -> None:
        """Throw away what was written, from any thread, without waiting."""
        self._is_closed = True
        if not self._task.done() and not self._task.get_loop().is_closed():
            self._task.get_loop().call_soon_threadsafe(self._task.cancel)

    async def abort(self) -> None:
        """Throw away what was written."""
        self._is_closed = True
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            await self.close()
        else:
            await self.abort()

    async def _hand_on(self, block: bytes | None) -> None:
        put = asyncio.ensure_future(self._blocks.put(block))
        await asyncio.wait({put, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not put.done():
            put.cancel()
            await self._task
            raise StorageError("the store ended the upload before the file was closed")

    async def _items(self) -> AsyncGenerator[bytes]:
        while isinstance(block := await self._blocks.get(), bytes):
            yield block


class AtomicWriter(io.BufferedIOBase):
    """A local file that appears when it is closed well, for blocking code."""

    def __init__(self, path: Path) -> None:
        """Open a temporary file beside `path`."""
        super().__init__()
        self._stack = ExitStack()
        self._stream = self._stack.enter_context(write_atomically(path))

    def writable(self) -> bool:
        """Tell that this can be written."""
        return True

    def write(self, data: Any, /) -> int:
        """Take `data`."""
        return self._stream.write(data)

    def tell(self) -> int:
        """Return the number of bytes written."""
        return self._stream.tell()

    def flush(self) -> None:
        """Do nothing: the file appears as a whole, with `close`."""

    def close(self) -> None:
        """Give the file its name."""
        if not self.closed:
            try:
                self._stack.close()
            finally:
                super().close()

    def abort(self) -> None:
        """Throw away what was written."""
        if not self.closed:
            error = StorageError("the file was given up")
            try:
                self._stack.__exit__(type(error), error, None)
            except StorageError:
                pass
            finally:
                super().close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def __del__(self) -> None:
        """Throw away what was written: a file that nobody closed is not whole."""
        self.abort()


class BlockingReader(io.RawIOBase):
    """An `AsyncReader` for blocking code; wrapped in `io.BufferedReader` by `open_sync`."""

    def __init__(self, reader: AsyncReader, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        """Read through `reader`, whose coroutines `run` runs."""
        super().__init__()
        self._reader = reader
        self._run = run

    def readable(self) -> bool:
        """Tell that this can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that this can seek."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill `buffer` and return how many bytes were there."""
        view = memoryview(buffer).cast("B")
        data: bytes = self._run(self._reader.read(len(view)))
        view[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        """Return all that is left, without a copy per buffer."""
        return self._run(self._reader.readall())

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a byte."""
        return self._run(self._reader.seek(offset, whence))

    def tell(self) -> int:
        """Return the position."""
        return self._run(self._reader.tell())

    def close(self) -> None:
        """Give up what was read ahead."""
        self._reader.give_up()
        super().close()


class BlockingWriter(io.RawIOBase):
    """An `AsyncWriter` for blocking code. Leaving `with` because of an error throws away what was written."""

    def __init__(self, writer: AsyncWriter, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        """Write through `writer`, whose coroutines `run` runs."""
        super().__init__()
        self._writer = writer
        self._run = run
        # A step onto the loop per block, not per line.
        self._held = bytearray()
        self._written = 0

    def writable(self) -> bool:
        """Tell that this can be written."""
        return True

    def write(self, data: Any, /) -> int:
        """Take all of `data`."""
        if self.closed:
            raise ValueError("the file is closed")
        view = memoryview(data).cast("B")
        self._held += view
        self._written += len(view)
        if len(self._held) >= _WRITE_BLOCK_BYTES:
            self._hand_on()
        return len(view)

    def tell(self) -> int:
        """Return the number of bytes written."""
        return self._written

    def _hand_on(self) -> None:
        block = bytes(self._held)
        self._held.clear()
        self._run(self._writer.write(block))

    def close(self) -> None:
        """Send the rest; the file is there when this returns."""
        if not self.closed:
            try:
                if self._held:
                    self._hand_on()
                self._run(self._writer.close())
            except BaseException:
                self._run(self._writer.abort())
                raise
            finally:
                super().close()

    def abort(self) -> None:
        """Throw away what was written."""
        if not self.closed:
            try:
                self._run(self._writer.abort())
            finally:
                super().close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def __del__(self) -> None:
        """Throw away what was written: a file that nobody closed is not whole."""
        if not self.closed:
            self._writer.give_up()
            super().close()


async def open_file(
    path: str,
    mode: str = "rb",
    *,
    size_hint: int | None = None,
    chunk_size: int | None = None,
    read_ahead: int | None = None,
    storage: Storage | None = None,
    limits: Limits | None = None,
    **kwargs: Any,
) -> AsyncReader | AsyncWriter:
    """Open a file on any store (`flyte.storage.open`).

    Args:
        path: The URI, or a local path.
        mode: `rb` or `wb`; `r` and `w` mean the same, text is not decoded.
        size_hint: For writing: the expected size in bytes.
        chunk_size: For writing: the smallest part of the upload in bytes.
        read_ahead: For reading: how many bytes are asked for at once.
        storage: Settings instead of those of `flyte.init`.
        limits: Bounds instead of those of the environment.
        **kwargs: Options of an fsspec file system.

    Raises:
        ObjectNotFoundError: when a file to read is not there.
        ValueError: for another mode.
    """
    place, bounds = locate(path), limits or limits_in_force()
    if mode in {"r", "rb"}:
        found = await find(place, storage=storage, limits=bounds, options=kwargs)
        return AsyncReader(*found, bounds, read_ahead or _READ_AHEAD_BYTES)
    if mode in {"w", "wb"}:
        store, key = resolve(place, storage=storage, limits=bounds, options=kwargs), named(place)
        return AsyncWriter(
            lambda items: write_pieces(store, key, items, limits=bounds, size_hint=size_hint, part_bytes=chunk_size)
        )
    raise ValueError(f"mode {mode!r} is not `rb` or `wb`\nhint: objects cannot be appended to; write a new one")
