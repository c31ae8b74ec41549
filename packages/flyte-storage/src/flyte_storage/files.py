"""Local files as a `Store`, so that every verb works on paths too. Never loads obstore."""

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from flyte_storage.errors import ObjectNotFoundError
from flyte_storage.local import write_atomically
from flyte_storage.store import ObjectInfo, Reading
from flyte_storage.threads import in_thread

__all__ = ["FileStore", "copy_file", "copy_folder", "files_below", "opened", "temporary_beside"]

_PIECE_BYTES = 1024 * 1024


class FileStore:
    """The local file system; a key is a path."""

    scheme = "file"
    is_etag_md5 = False

    async def info(self, key: str) -> ObjectInfo:
        """Describe one file."""
        return await asyncio.to_thread(_describe, key)

    async def begin(self, key: str, *, start: int = 0, end: int | None = None, e_tag: str | None = None) -> Reading:
        """Start reading."""
        del e_tag
        info = await self.info(key)
        return Reading(info, _pieces(key, start, end))

    async def write(self, key: str, data: bytes) -> str | None:
        """Write one file."""
        await asyncio.to_thread(_write, key, data)
        return None

    async def write_parts(
        self, key: str, parts: AsyncIterator[bytes], *, part_size: int, concurrency: int
    ) -> str | None:
        """Write one file piece by piece; it appears when it is whole."""
        del part_size, concurrency
        with write_atomically(key) as stream:
            async for part in parts:
                await asyncio.to_thread(stream.write, part)
        return None

    async def entries(self, prefix: str) -> AsyncGenerator[ObjectInfo]:
        """Yield the files below a folder, in the order of their paths."""
        for path in await asyncio.to_thread(files_below, Path(prefix)):
            yield await asyncio.to_thread(_describe, str(path))

    async def level(self, prefix: str) -> tuple[list[ObjectInfo], list[str]]:
        """Return the files and folders right below a folder."""
        return await asyncio.to_thread(_level, prefix)

    async def copy(self, source: str, target: str) -> None:
        """Copy one file."""
        await asyncio.to_thread(copy_file, Path(source), Path(target))

    async def delete(self, keys: list[str]) -> None:
        """Delete files."""
        for key in keys:
            await asyncio.to_thread(Path(key).unlink, missing_ok=True)


@contextmanager
def opened(path: Path) -> Generator[IO[bytes]]:
    """Open a file for reading.

    Raises:
        ObjectNotFoundError: when there is none.
    """
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        raise missing(path) from None
    with stream:
        yield stream


@contextmanager
def temporary_beside(path: Path) -> Generator[IO[bytes]]:
    """Open a temporary file that takes the name `path` when the block ends well, and vanishes when it does not.

    Unlike `write_atomically` it does not wait for the disk: what is downloaded can be downloaded again.
    """
    import tempfile  # noqa: PLC0415 - as in `local`

    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:200]}.", suffix=".part", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w+b") as stream:
            yield stream
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def copy_file(source: Path, target: Path) -> None:
    """Copy one file, content only; the target appears whole."""
    try:
        reading = source.open("rb")
    except FileNotFoundError:
        raise missing(source) from None
    with reading:
        if target.exists() and source.samefile(target):
            return
        with temporary_beside(target) as writing:
            shutil.copyfileobj(reading, writing, _PIECE_BYTES)


def copy_folder(source: Path, target: Path) -> None:
    """Copy a folder's files and folders, also empty ones, into `target`; what is there already stays."""
    if not source.is_dir():
        raise missing(source)
    if target.resolve().is_relative_to(source.resolve()):
        raise ValueError(f"`{target}` is inside `{source}`, so copying would never end\nhint: copy to another place")
    target.mkdir(parents=True, exist_ok=True)
    for folder, names, files in os.walk(source, followlinks=False):
        below = Path(folder).relative_to(source)
        for name in names:
            (target / below / name).mkdir(exist_ok=True)
        for name in files:
            if (Path(folder) / name).is_file():
                copy_file(Path(folder) / name, target / below / name)


def files_below(folder: Path) -> list[Path]:
    """Return the regular files below a folder, sorted; links to folders are not followed, sockets and the like left out."""
    found: list[Path] = []
    for parent, _, names in os.walk(folder, followlinks=False):
        found += [path for name in names if (path := Path(parent) / name).is_file()]
    return sorted(found)


def missing(path: Path) -> ObjectNotFoundError:
    """Return the error for a path that is not there."""
    return ObjectNotFoundError(
        f"there is no file or folder `{path}`\nhint: check the path; the current folder is `{Path.cwd()}`"
    )


def _describe(key: str) -> ObjectInfo:
    path = Path(key)
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise missing(path) from None
    if path.is_dir():
        raise ObjectNotFoundError(f"`{path}` is a folder, not a file\nhint: pass `recursive=True`")
    return ObjectInfo(key, status.st_size, None, datetime.fromtimestamp(status.st_mtime, UTC))


def _level(prefix: str) -> tuple[list[ObjectInfo], list[str]]:
    try:
        found = list(Path(prefix).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return [], []
    return [_describe(str(path)) for path in found if path.is_file()], [str(path) for path in found if path.is_dir()]


def _write(key: str, data: bytes) -> None:
    with write_atomically(key) as stream:
        stream.write(data)


async def _pieces(key: str, start: int, end: int | None) -> AsyncGenerator[bytes]:
    async with in_thread(opened(Path(key))) as stream:
        stream.seek(start)
        left = float("inf") if end is None else end - start
        while left > 0 and (piece := await asyncio.to_thread(stream.read, int(min(_PIECE_BYTES, left)))):
            left -= len(piece)
            yield piece
