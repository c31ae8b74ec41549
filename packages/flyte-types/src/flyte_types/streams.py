"""Open files for the async face, and compression between a file and its reader or writer."""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import IO, Any, cast

from flyte_types.handle import in_thread

__all__ = ["AsyncFile", "compressed"]

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
    if compression == "infer":
        compression = next((name for suffix, name in _BY_SUFFIX.items() if path.endswith(suffix)), None)
    if compression is None:
        yield stream
        return
    with _opener(compression)(stream, mode) as wrapped:
        yield wrapped


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
