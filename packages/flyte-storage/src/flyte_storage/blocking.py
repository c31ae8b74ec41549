"""The verbs for blocking code. Local paths are opened directly; the rest runs on the loop of `loop`."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from flyte_storage import verbs
from flyte_storage.files import missing
from flyte_storage.handles import AsyncReader, AtomicWriter, BlockingReader, BlockingWriter, open_file
from flyte_storage.local import is_remote, local_path
from flyte_storage.loop import LOOP
from flyte_storage.store import ObjectInfo

__all__ = [
    "copy_sync",
    "delete_sync",
    "exists_sync",
    "get_stream_sync",
    "get_sync",
    "info_sync",
    "list_objects_sync",
    "open_sync",
    "put_stream_sync",
    "put_sync",
]

_BUFFER_BYTES = 1024 * 1024


def exists_sync(path: str | os.PathLike[str], **kwargs: Any) -> bool:
    """Do what `exists` does, blocking."""
    if not is_remote(path):
        return local_path(path).exists()
    return LOOP.run(verbs.exists(path, **kwargs))


def info_sync(path: str | os.PathLike[str], **kwargs: Any) -> ObjectInfo:
    """Do what `info` does, blocking."""
    return LOOP.run(verbs.info(path, **kwargs))


def get_sync(
    from_path: str | os.PathLike[str], to_path: str | Path | None = None, recursive: bool = False, **kwargs: Any
) -> str:
    """Do what `get` does, blocking."""
    return LOOP.run(verbs.get(from_path, to_path, recursive, **kwargs))


def put_sync(
    from_path: str | os.PathLike[str], to_path: str | None = None, recursive: bool = False, **kwargs: Any
) -> str:
    """Do what `put` does, blocking."""
    return LOOP.run(verbs.put(from_path, to_path, recursive, **kwargs))


def get_stream_sync(path: str | os.PathLike[str], chunk_size: int = 10 * 1024 * 1024, **kwargs: Any) -> Iterator[bytes]:
    """Do what `get_stream` does, blocking."""
    return LOOP.iterate(verbs.get_stream(path, chunk_size, **kwargs))


def put_stream_sync(data: bytes, **kwargs: Any) -> str:
    """Do what `put_stream` does with bytes, blocking."""
    return LOOP.run(verbs.put_stream(data, **kwargs))


def list_objects_sync(path: str | os.PathLike[str], **kwargs: Any) -> Iterator[tuple[str, ObjectInfo]]:
    """Do what `list_objects` does, blocking."""
    return LOOP.iterate(verbs.list_objects(path, **kwargs))


def copy_sync(from_path: str | os.PathLike[str], to_path: str, recursive: bool = False, **kwargs: Any) -> str:
    """Do what `copy` does, blocking."""
    return LOOP.run(verbs.copy(from_path, to_path, recursive, **kwargs))


def delete_sync(path: str | os.PathLike[str], recursive: bool = False, **kwargs: Any) -> int:
    """Do what `delete` does, blocking."""
    return LOOP.run(verbs.delete(path, recursive, **kwargs))


def open_sync(path: str | os.PathLike[str], mode: str = "rb", **kwargs: Any) -> IO[bytes]:
    """Return a file on any store, open for blocking code.

    Use it in a `with` block: a file that is written appears when the block ends well; an error throws it away.
    """
    text = os.fspath(path)
    if not is_remote(text) and not kwargs:
        if mode in {"r", "rb"}:
            return _open_local(local_path(text))
        if mode in {"w", "wb"}:
            return cast("IO[bytes]", AtomicWriter(local_path(text)))
    opened = LOOP.run(open_file(text, mode, **kwargs))
    if isinstance(opened, AsyncReader):
        return io.BufferedReader(BlockingReader(opened, LOOP.run), _BUFFER_BYTES)
    return cast("IO[bytes]", BlockingWriter(opened, LOOP.run))


def _open_local(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise missing(path) from None
