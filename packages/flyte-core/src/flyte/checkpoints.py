"""Checkpoints: what an attempt leaves for the one after it, a file or a folder, on any store."""

import asyncio
import gzip
import shutil
import tarfile
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flyte_models.paths import CheckpointPaths
from flyte_native import extract_archive
from flyte_storage.local import is_remote, local_path, write_atomically

__all__ = ["BaseCheckpoint", "Checkpoint", "latest_checkpoint", "open_checkpoint"]

_PAYLOAD = "payload"
"""The name of a checkpoint that is one file."""
_GZIP = b"\x1f\x8b"
_LIMIT = 1 << 50
"""The most bytes of an archive when it is unpacked: a checkpoint is the user's own, and as large as it has to be."""


class BaseCheckpoint(ABC):
    """What a task sees of its checkpoint: `flyte.ctx().checkpoint`."""

    @property
    @abstractmethod
    def path(self) -> Path:
        """A folder of this attempt's own, which the earlier checkpoint is loaded into."""

    @abstractmethod
    def prev_exists(self) -> bool:
        """Tell whether an earlier attempt may have left a checkpoint."""

    @abstractmethod
    async def load(self) -> Path | None:
        """Fetch what the earlier attempt left, and return where it is: a folder, or a file; `None` if there is nothing."""

    @abstractmethod
    async def save(self, data: Path | str | bytes) -> None:
        """Leave a folder, a file (a path, also as text), or bytes for the next attempt, in the place of what was saved before."""

    @abstractmethod
    def load_sync(self) -> Path | None:
        """Do as `load`, in sync code."""

    @abstractmethod
    def save_sync(self, data: Path | str | bytes) -> None:
        """Do as `save`, in sync code."""


class Checkpoint(BaseCheckpoint):
    """A checkpoint at a URI or path. A folder is kept as a `.tar.gz`, a file or bytes as they are.

    Args:
        checkpoint_dest: Where this attempt saves.
        checkpoint_src: Where the earlier attempt has saved, if there was one.
    """

    def __init__(self, checkpoint_dest: str, checkpoint_src: str | None = None) -> None:
        self._destination = checkpoint_dest
        self._source = checkpoint_src or None
        self._folder: Path | None = None
        self._loaded: Path | None = None

    @property
    def path(self) -> Path:
        """A temporary folder of this checkpoint's own, made when it is first asked for."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="flyte-cp-"))
        return self._folder

    @property
    def remote_destination(self) -> str:
        """Where this attempt saves."""
        return self._destination

    @property
    def remote_source(self) -> str | None:
        """Where the earlier attempt has saved, if there was one."""
        return self._source

    def prev_exists(self) -> bool:
        """Tell whether there was an earlier attempt, which may have left a checkpoint."""
        return self._source is not None

    async def load(self) -> Path | None:
        """Fetch what the earlier attempt left; a second call returns the same.

        Returns:
            A folder, or the file `payload` in one, or `None` if nothing was saved.

        Raises:
            flyte_storage.StorageError: The store cannot be read.
        """
        if self._loaded is None and self._source is not None:
            fetched = self.path.parent / f"{self.path.name}.fetched"
            try:
                if await _fetch(self._source, fetched):
                    self._loaded = await asyncio.to_thread(_unpack, fetched, self.path)
            finally:
                fetched.unlink(missing_ok=True)
        return self._loaded

    async def save(self, data: Path | str | bytes) -> None:
        """Keep a folder, a file or bytes, whole or not at all, in the place of what was saved before.

        Raises:
            FileNotFoundError: There is nothing at the path.
            flyte_storage.StorageError: The store cannot be written.
        """
        packed = self.path.parent / f"{self.path.name}.packed"
        try:
            source = await asyncio.to_thread(_pack, data, packed)
            await _store(source, self._destination)
        finally:
            packed.unlink(missing_ok=True)

    def load_sync(self) -> Path | None:
        """Do as `load`, in sync code."""
        return _blocking(self.load)

    def save_sync(self, data: Path | str | bytes) -> None:
        """Do as `save`, in sync code."""
        _blocking(lambda: self.save(data))


def latest_checkpoint(
    root: Path, glob_pattern: str = "**/last.ckpt", *, key: Callable[[Path], Any] | None = None
) -> Path | None:
    """Find the newest file below a folder that a pattern names; `None` if there is none.

    Args:
        root: The folder.
        glob_pattern: Which files.
        key: What the newest has the most of; by default the time of its last change.
    """
    found = [path for path in Path(root).glob(glob_pattern) if path.is_file()]
    return max(found, key=key or _changed_at) if found else None


def open_checkpoint(paths: CheckpointPaths) -> Checkpoint:
    """Open the checkpoint of an action."""
    assert paths.checkpoint_path is not None  # who asks has looked
    return Checkpoint(paths.checkpoint_path, paths.prev_checkpoint_path)


def _changed_at(path: Path) -> float:
    return path.stat().st_mtime


def _blocking(make: Callable[[], Any]) -> Any:
    from flyte_syncify import syncify  # noqa: PLC0415 - only sync code needs the loop

    return syncify.loop.run(make())


async def _fetch(uri: str, target: Path) -> bool:
    if not is_remote(uri):
        try:
            await asyncio.to_thread(shutil.copyfile, local_path(uri), target)
        except FileNotFoundError:
            return False
        return True
    import flyte_storage  # noqa: PLC0415 - local checkpoints need no store

    try:
        await flyte_storage.get(uri, str(target))
    except flyte_storage.ObjectNotFoundError:
        return False
    return True


async def _store(source: Path, uri: str) -> None:
    if not is_remote(uri):
        await asyncio.to_thread(_store_locally, source, local_path(uri))
        return
    import flyte_storage  # noqa: PLC0415 - as above

    await flyte_storage.put(str(source), uri)


def _store_locally(source: Path, target: Path) -> None:
    with source.open("rb") as content, write_atomically(target) as file:
        shutil.copyfileobj(content, file)


def _pack(data: Path | str | bytes, packed: Path) -> Path:
    """Give the file to store: the archive of a folder, bytes in a file, or the file itself."""
    if isinstance(data, bytes | bytearray | memoryview):
        packed.write_bytes(data)
        return packed
    path = Path(data)
    if not path.exists():
        raise FileNotFoundError(f"there is nothing to save at `{path}`\nhint: `save` takes a folder, a file, or bytes")
    if not path.is_dir():
        return path
    with tarfile.open(packed, "w:gz", compresslevel=4) as archive:
        archive.add(path, arcname=".")
    return packed


def _unpack(fetched: Path, folder: Path) -> Path:
    if _is_archive(fetched):
        extract_archive(fetched, folder, limit=_LIMIT)
        return folder
    payload = folder / _PAYLOAD
    shutil.move(fetched, payload)
    return payload


def _is_archive(file: Path) -> bool:
    with file.open("rb") as content:
        if content.read(2) != _GZIP:
            return False
    try:
        with tarfile.open(file, "r:gz") as archive:
            archive.next()
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, OSError):
        return False
    return True
