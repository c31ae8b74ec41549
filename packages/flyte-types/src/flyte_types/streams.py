"""Open files for the async face, and compression between a file and its reader or writer."""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, cast

from flyte_types.handle import in_thread
from flyte_types.hashing import HashFunction, HashMethod

if TYPE_CHECKING:
    from flyte_storage import AsyncReader, AsyncWriter

__all__ = ["AsyncFile", "StoreFile", "compressed", "compression_of"]

_BY_SUFFIX = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz"}


class AsyncFile:
    """An open file whose methods run in a thread."""

    def __init__(self, stream: IO[Any]) -> None:
        """Wrap an open file."""
        self._stream = stream

    async def read(self, size: int = -1) -> Any:
        """Read `size` bytes or characters; all that is left when negative."""
        return await in_thread(self._stream.read, size)

    async def readline(self, size: int = -1) -> Any:
        """Read up to the next line break."""
        return await in_thread(self._stream.readline, size)

    async def readlines(self, hint: int = -1) -> list[Any]:
        """Read the lines that are left."""
        return await in_thread(self._stream.readlines, hint)

    async def write(self, data: Any) -> int:
        """Write all of `data`."""
        return await in_thread(self._stream.write, data)

    async def writelines(self, lines: Iterable[Any]) -> None:
        """Write line after line; no line breaks are added."""
        await in_thread(self._stream.writelines, lines)

    async def seek(self, offset: int, whence: int = 0) -> int:
        """Move to an offset and return the new one."""
        return await in_thread(self._stream.seek, offset, whence)

    async def tell(self) -> int:
        """Give the offset."""
        return await in_thread(self._stream.tell)

    async def flush(self) -> None:
        """Hand on what is buffered."""
        await in_thread(self._stream.flush)

    async def close(self) -> None:
        """Close the file, which leaving the `async with` block does as well."""
        await in_thread(self._stream.close)

    def __aiter__(self) -> "AsyncFile":
        return self

    async def __anext__(self) -> Any:
        line = await self.readline()
        if not line:
            raise StopAsyncIteration
        return line


class StoreFile(AsyncFile):
    """An open binary file on a store, whose methods need no thread. What is written is hashed on its way."""

    def __init__(self, stream: "AsyncReader | AsyncWriter", method: HashMethod | None = None) -> None:
        """Wrap an open file of `flyte_storage`, and start the hash anew."""
        super().__init__(cast("IO[Any]", stream))
        self._file: Any = stream
        self._method = method
        # A function wants the whole at once, so the pieces are kept.
        self._kept = bytearray() if isinstance(method, HashFunction) else None
        if method is not None:
            method.reset()

    async def read(self, size: int = -1) -> bytes:
        """Read `size` bytes; all that is left when negative."""
        return await self._file.read(size)

    async def readline(self, size: int = -1) -> bytes:
        """Read up to the next line break."""
        line: bytes = await self._file.readline()
        if 0 <= size < len(line):
            await self._file.seek(size - len(line), 1)
            return line[:size]
        return line

    async def readlines(self, hint: int = -1) -> list[bytes]:
        """Read the lines that are left."""
        lines: list[bytes] = []
        size = 0
        while (hint <= 0 or size < hint) and (line := await self.readline()):
            lines.append(line)
            size += len(line)
        return lines

    async def write(self, data: Any) -> int:
        """Write all of `data`."""
        if self._kept is not None:
            self._kept += data
        elif self._method is not None:
            self._method.update(data)
        return await self._file.write(memoryview(data).cast("B"))

    async def writelines(self, lines: Iterable[Any]) -> None:
        """Write line after line; no line breaks are added."""
        for line in lines:
            await self.write(line)

    async def seek(self, offset: int, whence: int = 0) -> int:
        """Move to an offset and return the new one."""
        return await self._file.seek(offset, whence)

    async def tell(self) -> int:
        """Give the offset."""
        return await self._file.tell()

    async def flush(self) -> None:
        """Do nothing: what is written appears as a whole."""

    async def close(self) -> None:
        """Close the file, which leaving the `async with` block does as well."""
        await self._file.close()

    def result(self) -> str | None:
        """Give the hash of what was written so far."""
        if self._method is not None and self._kept is not None:
            self._method.update(memoryview(bytes(self._kept)))
        return None if self._method is None else self._method.result()


@contextmanager
def compressed(stream: IO[bytes], mode: str, compression: str | None, path: str) -> Generator[IO[bytes]]:
    """Put a compression on a stream, which stays open.

    Args:
        stream: What holds the compressed bytes.
        mode: `rb` or `wb`.
        compression: `gzip`, `bz2`, `xz`, `infer` (by the suffix of `path`) or None.
        path: Path of the file.

    Raises:
        ValueError: The compression is not known.
    """
    compression = compression_of(compression, path)
    if compression is None:
        yield stream
        return
    with _opener(compression)(stream, mode) as wrapped:
        yield wrapped


def compression_of(compression: str | None, path: str) -> str | None:
    """Give the compression that is meant by `infer` for a path; others as they are."""
    if compression == "infer":
        return next((name for suffix, name in _BY_SUFFIX.items() if path.endswith(suffix)), None)
    return compression


def _opener(compression: str) -> Callable[[Any, str], Any]:
    # Each is costly to import, and hardly ever used.
    match compression:
        case "gzip":
            import gzip  # noqa: PLC0415

            return cast("Any", gzip.open)
        case "bz2":
            import bz2  # noqa: PLC0415

            return bz2.open
        case "xz":
            import lzma  # noqa: PLC0415

            return lzma.open
        case _:
            raise ValueError(f"compression {compression!r} is not one of `gzip`, `bz2`, `xz`, `infer`")
