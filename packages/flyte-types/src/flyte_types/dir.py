"""`Dir`: a typed handle to one folder on any store that `flyte_storage` knows, and `EmptyDir` for "nothing was produced"."""

# ruff: noqa: PTH100, PTH103, PTH109, PTH112, PTH113  # paths are text here, kept as they are written

import os
from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar, Generic, Self, TypeVar

from flyte_storage import is_remote, local_path, tree
from flyte_types.file import File
from flyte_types.handle import (
    PathHandle,
    async_tree,
    download_path,
    in_thread,
    last_part,
    path_schema,
    raw_data_uri,
    upload_uri,
)

__all__ = ["EMPTY_DIR_PATH", "Dir", "EmptyDir"]

T = TypeVar("T")

EMPTY_DIR_PATH = "::flyte-empty-dir::"
"""The path that stands for no folder at all; it is on the wire."""


class Dir(PathHandle, Generic[T]):
    """A handle to a folder: where it is, not its content. What `T` is says nothing about the files.

    ```python
    from flyte_types.dir import Dir

    handle = Dir.from_existing_remote("s3://bucket/images/")
    assert handle.name == "images"
    ```
    """

    __slots__ = ()

    KIND: ClassVar[str] = "dir"
    SCHEMA: ClassVar[dict[str, Any]] = path_schema("Dir", "A handle to one folder.")

    @property
    def is_empty(self) -> bool:
        """Whether this stands for no folder: see `empty`."""
        return self.path == EMPTY_DIR_PATH

    # Making handles

    @classmethod
    def empty(cls) -> "Dir[T]":
        """Give what a task returns that has no folder to return. It has no files, and `is_empty` tells it."""
        return EmptyDir()

    @classmethod
    def from_existing_remote(cls, remote_path: str, dir_cache_key: str | None = None) -> Self:
        """Point at a folder that is there already; `dir_cache_key` stands for its content in cache keys."""
        return cls(path=remote_path, hash=dir_cache_key)

    @classmethod
    def new_remote(cls, dir_name: str | None = None, hash: str | None = None) -> Self:  # noqa: A002  # the public name
        """Point at a folder to be written under this task's data, at a new place.

        Raises:
            ValueError: Called outside of a task.
        """
        return cls(path=raw_data_uri("folder", dir_name), hash=hash)

    @classmethod
    def from_local_sync(  # noqa: PLR0917  # as in the reference
        cls,
        local_path: str | os.PathLike[str],
        remote_destination: str | None = None,
        dir_cache_key: str | None = None,
        batch_size: int | None = None,
        chunk_size: int | None = None,
        max_concurrency: int | None = None,
    ) -> Self:
        """Take a local folder: it is copied to `remote_destination`, else to the task's data where that is on an object store.

        Args:
            local_path: The folder. Where nothing has to be copied, the handle points at it.
            remote_destination: Path or URI of the copy.
            dir_cache_key: What stands for its content in cache keys.
            batch_size: Files on their way at once.
            chunk_size: Bytes in one part of an upload.
            max_concurrency: Parts on their way at once.

        Raises:
            ValueError: There is no such folder.
            flyte_storage.StorageError: The store refused it or could not be reached; files that had arrived stay there.
        """
        made, source = cls._of_local(local_path, remote_destination, dir_cache_key)
        if made.path != source:
            tree.copy_folder(
                source, made.path, files_at_once=batch_size, part_bytes=chunk_size, concurrency=max_concurrency
            )
        return made

    @classmethod
    async def from_local(  # noqa: PLR0917  # as in the reference
        cls,
        local_path: str | os.PathLike[str],
        remote_destination: str | None = None,
        dir_cache_key: str | None = None,
        batch_size: int | None = None,
        chunk_size: int | None = None,
        max_concurrency: int | None = None,
    ) -> Self:
        """Do what `from_local_sync` does."""
        made, source = await in_thread(cls._of_local, local_path, remote_destination, dir_cache_key)
        if made.path != source:
            await async_tree().copy_folder(
                source, made.path, files_at_once=batch_size, part_bytes=chunk_size, concurrency=max_concurrency
            )
        return made

    @classmethod
    def _of_local(
        cls, local_path: str | os.PathLike[str], remote_destination: str | None, dir_cache_key: str | None
    ) -> tuple[Self, str]:
        source = _existing_folder(local_path)
        name = last_part(source)
        target = remote_destination if remote_destination is not None else upload_uri(name)
        return cls(path=target or source, name=name, hash=dir_cache_key), source

    # Looking into it

    def walk_sync(
        self, recursive: bool = True, file_pattern: str = "*", max_depth: int | None = None
    ) -> Iterator[File[T]]:
        """Give the files, those of one folder sorted by name and before those of its sub-folders.

        Args:
            recursive: Whether sub-folders are walked too.
            file_pattern: Shell pattern that names must match, such as `*.csv`.
            max_depth: 1 for the files of the folder itself, 2 for those of its sub-folders too, and so on.

        Raises:
            ValueError: `max_depth` is less than 1.
        """
        depth = _depth(recursive, max_depth)
        if self.is_empty:
            return
        for uri in tree.list_files(self.path, max_depth=depth):
            found = File[T](path=uri)
            if file_pattern == "*" or _matches(found.name or "", file_pattern):
                yield found

    async def walk(self, recursive: bool = True, max_depth: int | None = None) -> AsyncIterator[File[T]]:
        """Do what `walk_sync` does; all files are given, whatever their names."""
        depth = _depth(recursive, max_depth)
        if not self.is_empty:
            async for uri in async_tree().list_files(self.path, max_depth=depth):
                yield File[T](path=uri)

    def list_files_sync(self) -> list[File[T]]:
        """Give the files of the folder itself, sorted by name."""
        return list(self.walk_sync(recursive=False))

    async def list_files(self) -> list[File[T]]:
        """Do what `list_files_sync` does."""
        return [found async for found in self.walk(recursive=False)]

    def get_file_sync(self, file_name: str) -> File[T] | None:
        """Give one file by its name, or its path below the folder; None if there is none.

        Raises:
            ValueError: The path leads out of the folder.
        """
        found = self._file(file_name)
        return found if found is not None and tree.is_file(found.path) else None

    async def get_file(self, file_name: str) -> File[T] | None:
        """Do what `get_file_sync` does."""
        found = self._file(file_name)
        return found if found is not None and await async_tree().is_file(found.path) else None

    def _file(self, file_name: str) -> File[T] | None:
        if not file_name or file_name.startswith("/") or ".." in file_name.split("/"):
            raise ValueError(f"{file_name!r} is not the name of a file in a folder: it must be relative, without `..`")
        return None if self.is_empty else File[T](path=tree.join(self.path, file_name))

    def exists_sync(self) -> bool:
        """Tell whether there is a folder."""
        return not self.is_empty and tree.is_folder(self.path)

    async def exists(self) -> bool:
        """Do what `exists_sync` does."""
        return not self.is_empty and await async_tree().is_folder(self.path)

    def download_sync(self, local_path: str | os.PathLike[str] | None = None) -> str:
        """Bring the folder with all that is in it to a local path and return that path.

        Args:
            local_path: The folder to fill; it is made if need be. Without it, a local folder stays where it is, and another
                goes to a new temporary folder.

        Raises:
            FileNotFoundError: There is no folder; in an object store: nothing is below it.
            flyte_storage.StorageError: The store refused it, could not be reached, or sent something else than it says.
        """
        if self.is_empty:
            return _empty_folder(local_path)
        target = download_path(self.path) if local_path is None else os.fspath(local_path)
        if target is None:
            return _local(self.path)
        tree.copy_folder(self.path, target)
        return target

    async def download(self, local_path: str | os.PathLike[str] | None = None) -> str:
        """Do what `download_sync` does; cancelling it stops it, and files that had arrived stay."""
        if self.is_empty:
            return await in_thread(_empty_folder, local_path)
        target = await in_thread(download_path, self.path) if local_path is None else os.fspath(local_path)
        if target is None:
            return _local(self.path)
        await async_tree().copy_folder(self.path, target)
        return target


class EmptyDir(Dir[T]):
    """What `Dir.empty` gives: a handle that stands for no folder at all."""

    __slots__ = ()

    SCHEMA: ClassVar[dict[str, Any]] = path_schema("EmptyDir", "A handle to no folder.")

    def __init__(
        self,
        *,
        path: str = EMPTY_DIR_PATH,
        name: str | None = None,
        format: str = "",  # noqa: A002  # the public name
        hash: str | None = None,  # noqa: A002  # the public name
    ) -> None:
        """Make the handle; the path is always the same."""
        super().__init__(path=path, name=name or "", format=format, hash=hash)


def _depth(recursive: bool, max_depth: int | None) -> int | None:
    if max_depth is not None and max_depth < 1:
        raise ValueError(f"`max_depth` must be at least 1, got {max_depth}")
    return max_depth if recursive else 1


def _matches(name: str, pattern: str) -> bool:
    import fnmatch  # noqa: PLC0415  # only once there is a pattern

    return fnmatch.fnmatchcase(name, pattern)


def _local(path: str) -> str:
    return str(local_path(path))


def _existing_folder(path: str | os.PathLike[str]) -> str:
    text = os.fspath(path)
    if is_remote(text):
        raise ValueError(f"`{text}` is not a local path\nhint: use `Dir.from_existing_remote`")
    source = os.path.abspath(_local(text))
    if os.path.isfile(source):
        raise ValueError(f"`{text}` is a file, and a folder is expected\nhint: use `File.from_local`")
    if not os.path.isdir(source):
        raise ValueError(f"folder not found: `{text}`\nhint: the path is relative to `{os.getcwd()}`")
    return source


def _empty_folder(path: str | os.PathLike[str] | None) -> str:
    if path is None:
        import tempfile  # noqa: PLC0415  # costly, and hardly ever needed

        return tempfile.mkdtemp(prefix="flyte-empty-")
    os.makedirs(path, exist_ok=True)
    return os.fspath(path)
