"""`File`: a typed handle to one file, on any store that `flyte_storage` knows."""

# ruff: noqa: PTH100, PTH109, PTH110, PTH112  # paths are text here, kept as they are written

import os
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from io import TextIOWrapper
from typing import IO, Any, ClassVar, Generic, Self, TypeVar, cast

from flyte_models.context import current_context
from flyte_storage import is_remote, local_path, tree
from flyte_types.handle import (
    PathHandle,
    async_tree,
    download_path,
    in_thread,
    last_part,
    path_schema,
    raw_data_uri,
    shown_uri,
    upload_uri,
    without_query,
)
from flyte_types.hashing import HashingWriter, HashMethod, as_method, hash_stream
from flyte_types.streams import AsyncFile, StoreFile, compressed, compression_of

__all__ = ["AsyncFile", "File"]

T = TypeVar("T")


class File(PathHandle, Generic[T]):
    """A handle to a file: where it is, not its content. What `T` is says nothing about the bytes.

    ```python
    from flyte_types.file import File

    handle = File.from_existing_remote("s3://bucket/data.csv")
    assert handle.name == "data.csv"
    ```
    """

    __slots__ = ("hash_method",)

    KIND: ClassVar[str] = "file"
    SCHEMA: ClassVar[dict[str, Any]] = path_schema("File", "A handle to one file.")

    hash_method: HashMethod | None
    """How the content is hashed when the file is written through this handle."""

    def __init__(
        self,
        *,
        path: str,
        name: str | None = None,
        format: str = "",  # noqa: A002  # the public name
        hash: str | None = None,  # noqa: A002  # the public name
        hash_method: Any = None,
    ) -> None:
        """Make a handle; nothing is opened or checked.

        Raises:
            TypeError: The path is not a path, or the hash method not one.
        """
        super().__init__(path=path, name=name, format=format, hash=hash)
        self.hash_method = as_method(hash_method)

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, hash_method={self.hash_method!r})"

    # Making handles

    @classmethod
    def from_existing_remote(cls, remote_path: str, file_cache_key: str | None = None) -> Self:
        """Point at a file that is there already; `file_cache_key` stands for its content in cache keys."""
        return cls(path=remote_path, hash=file_cache_key)

    @classmethod
    def new_remote(cls, file_name: str | None = None, hash_method: HashMethod | str | None = None) -> Self:
        """Point at a file to be written under this task's data, at a new place.

        Args:
            file_name: Its name; a random one otherwise.
            hash_method: How to hash what will be written, or the hash.

        Raises:
            ValueError: Called outside of a task.
        """
        path = raw_data_uri("file", file_name)
        if isinstance(hash_method, str):
            return cls(path=path, hash=hash_method)
        return cls(path=path, hash_method=hash_method)

    @classmethod
    def named_remote(cls, name: str) -> Self:
        """Point at a file of this name that all actions of the run share: the same name is the same place.

        Raises:
            ValueError: Called outside of a task, or the name leads out of the run's folder.
        """
        context = current_context()
        if not context:
            raise ValueError(
                f"no task runs here in whose run the file `{name}` could be\n"
                "hint: call it inside a task, or use `File.from_existing_remote`"
            )
        if not name or name.startswith("/") or ".." in name.split("/"):
            raise ValueError(f"{name!r} is not a name for a file of a run: it must be a relative path without `..`")
        return cls(path=f"{context.run_base_dir.rstrip('/')}/{name}")

    @classmethod
    def from_local_sync(
        cls,
        local_path: str | os.PathLike[str],
        remote_destination: str | None = None,
        hash_method: HashMethod | str | None = None,
        chunk_size: int | None = None,
        max_concurrency: int | None = None,
    ) -> Self:
        """Take a local file: it is copied to `remote_destination`, else to the task's data where that is on an object store.

        Args:
            local_path: The file. Where nothing has to be copied, the handle points at it.
            remote_destination: Path or URI of the copy; an existing folder, or a path with a slash at its end, takes it under
                its own name.
            hash_method: How to hash the content on its way, or the hash.
            chunk_size: Bytes in one part of an upload.
            max_concurrency: Parts on their way at once.

        Raises:
            ValueError: There is no such file.
            flyte_storage.StorageError: The store refused it or could not be reached.
        """
        made, source = cls._of_local(local_path, remote_destination, hash_method)
        if made.hash_method is not None:
            made.hash = _take_hashed(source, made.path, made.hash_method, chunk_size)
        elif made.path != source:
            tree.copy_file(source, made.path, part_bytes=chunk_size, concurrency=max_concurrency)
        return made

    @classmethod
    async def from_local(
        cls,
        local_path: str | os.PathLike[str],
        remote_destination: str | None = None,
        hash_method: HashMethod | str | None = None,
        chunk_size: int | None = None,
        max_concurrency: int | None = None,
    ) -> Self:
        """Do what `from_local_sync` does; cancelling it leaves nothing of the copy."""
        made, source = await in_thread(cls._of_local, local_path, remote_destination, hash_method)
        if made.hash_method is not None:
            made.hash = await in_thread(_take_hashed, source, made.path, made.hash_method, chunk_size)
        elif made.path != source:
            await async_tree().copy_file(source, made.path, part_bytes=chunk_size, concurrency=max_concurrency)
        return made

    @classmethod
    def _of_local(
        cls, local_path: str | os.PathLike[str], remote_destination: str | None, hash_method: HashMethod | str | None
    ) -> tuple[Self, str]:
        source = _existing_file(local_path)
        name = last_part(source)
        target = _destination(remote_destination, name) if remote_destination is not None else upload_uri(name)
        if isinstance(hash_method, str):
            return cls(path=target or source, name=name, hash=hash_method), source
        return cls(path=target or source, name=name, hash_method=hash_method), source

    # Reading and writing

    @contextmanager
    def open_sync(
        self,
        mode: str = "rb",
        block_size: int | None = None,
        cache_type: str = "readahead",  # noqa: ARG002  # ours reads ahead in any case
        cache_options: dict[str, Any] | None = None,  # noqa: ARG002  # as above
        compression: str | None = None,
        **kwargs: Any,
    ) -> Generator[IO[Any]]:
        """Open the file for a `with` block.

        What is written appears whole when the block ends, and not at all when it raises. With a `hash_method` the bytes are
        hashed on their way, and `hash` is set at the end.

        Args:
            mode: `r`, `w`, `a` or `x`, with `b` for bytes and without for text (UTF-8).
            block_size: Bytes read at once from an object store; 4 MiB otherwise.
            cache_type: Accepted for programs that say it; reads from an object store are always read ahead.
            cache_options: As `cache_type`.
            compression: `gzip`, `bz2` or `xz`, or `infer` to tell it from the name.
            kwargs: `encoding`, `errors` and `newline` for text; others are for object stores.

        Raises:
            FileNotFoundError: There is nothing to read.
            FileExistsError: There is a file already, and the mode is `x`.
            ValueError: The mode or the compression is not known.
            flyte_storage.StorageError: The store refused it or could not be reached.
        """
        kind = mode.replace("b", "").replace("t", "")
        if kind not in ("r", "w", "a", "x") or len(mode) > 2:
            raise ValueError(f"mode {mode!r} is not one of `r`, `w`, `a`, `x`, with or without `b`")
        text = None if "b" in mode else _text_options(kwargs)
        with self._open_binary(kind, compression, block_size) as stream:
            if text is None:
                yield stream
                return
            wrapped = TextIOWrapper(cast("Any", stream), **text)
            yield wrapped
            if not wrapped.closed:
                wrapped.flush()
                wrapped.detach()

    @contextmanager
    def _open_binary(self, kind: str, compression: str | None, block_size: int | None) -> Generator[IO[bytes]]:
        if kind == "r":
            with (
                tree.open_reader(self.path, read_ahead=block_size) as raw,
                compressed(raw, "rb", compression, self.path) as stream,
            ):
                yield stream
            return
        if kind == "x" and tree.is_file(self.path):
            raise FileExistsError(f"there is a file at `{shown_uri(self.path)}` already")
        with tree.open_writer(self.path) as raw:
            method = self.hash_method
            sink = cast("IO[bytes]", HashingWriter(raw, method)) if method is not None else raw
            if kind == "a" and tree.is_file(self.path):
                with tree.open_reader(self.path) as before:
                    while chunk := before.read(1 << 20):
                        sink.write(chunk)
            with compressed(sink, "wb", compression, self.path) as stream:
                yield stream
            if isinstance(sink, HashingWriter):
                self.hash = sink.result()

    @asynccontextmanager
    async def open(
        self,
        mode: str = "rb",
        block_size: int | None = None,
        cache_type: str = "readahead",
        cache_options: dict[str, Any] | None = None,
        compression: str | None = None,
        **kwargs: Any,
    ) -> AsyncGenerator[AsyncFile]:
        """Open the file for an `async with` block; see `open_sync`.

        Bytes of a store are awaited; text, compression and all that touches the disk run in a thread.
        """
        if mode in {"rb", "wb", "xb"} and is_remote(self.path) and compression_of(compression, self.path) is None:
            async with self._open_on_store(mode, block_size) as stream:
                yield stream
            return
        from flyte_storage.threads import in_thread as entered  # noqa: PLC0415  # it brings asyncio, which async callers have

        opened = self.open_sync(mode, block_size, cache_type, cache_options, compression, **kwargs)
        async with entered(opened) as stream:
            yield AsyncFile(stream)

    @asynccontextmanager
    async def _open_on_store(self, mode: str, block_size: int | None) -> AsyncGenerator[StoreFile]:
        import flyte_storage  # noqa: PLC0415  # its verbs load with the first URI of a store

        if mode == "rb":
            async with cast("Any", await flyte_storage.open_file(self.path, read_ahead=block_size)) as reader:
                yield StoreFile(reader)
            return
        if mode == "xb" and await self.exists():
            raise FileExistsError(f"there is a file at `{shown_uri(self.path)}` already")
        async with cast("Any", await flyte_storage.open_file(self.path, "wb")) as writer:
            made = StoreFile(writer, self.hash_method)
            yield made
        if self.hash_method is not None:
            self.hash = made.result()

    def exists_sync(self) -> bool:
        """Tell whether there is a file."""
        return tree.is_file(self.path)

    async def exists(self) -> bool:
        """Do what `exists_sync` does."""
        return await async_tree().is_file(self.path)

    def download_sync(self, local_path: str | os.PathLike[str] | None = None) -> str:
        """Bring the file to a local path and return that path.

        Args:
            local_path: A file to write, or a folder (one that is there, or a path with a slash at its end) that takes it
                under its own name. Without it, a local file stays where it is, and another goes to a new temporary folder.

        Raises:
            FileNotFoundError: There is no file.
            flyte_storage.StorageError: The store refused it, could not be reached, or sent something else than it says.
        """
        target = self._download_target(local_path)
        if target is None:
            return _local(self.path)
        tree.copy_file(self.path, target)
        return target

    async def download(self, local_path: str | os.PathLike[str] | None = None) -> str:
        """Do what `download_sync` does; cancelling it leaves nothing at the local path."""
        target = await in_thread(self._download_target, local_path)
        if target is None:
            return _local(self.path)
        await async_tree().copy_file(self.path, target)
        return target

    def _download_target(self, local_path: str | os.PathLike[str] | None) -> str | None:
        if local_path is None:
            return download_path(self.path)
        name = without_query(self.path, self.name or last_part(self.path))
        return _destination(os.fspath(local_path), name or "file")


def _take_hashed(source: str, target: str, method: HashMethod, part_bytes: int | None) -> str:
    with tree.open_reader(source) as stream:
        if tree.is_same(source, target):
            return hash_stream(method, stream)
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        with tree.open_writer(target, size_hint=size, part_bytes=part_bytes) as raw:
            sink = HashingWriter(raw, method)
            while chunk := stream.read(1 << 20):
                sink.write(chunk)
        return sink.result()


def _local(path: str) -> str:
    return str(local_path(path))


def _existing_file(path: str | os.PathLike[str]) -> str:
    source = os.path.abspath(_local(os.fspath(path)))
    if os.path.isdir(source):
        raise ValueError(f"`{os.fspath(path)}` is a folder, and a file is expected\nhint: use `Dir.from_local`")
    if not os.path.exists(source):
        raise ValueError(f"file not found: `{os.fspath(path)}`\nhint: the path is relative to `{os.getcwd()}`")
    return source


def _destination(path: str, name: str) -> str:
    if path.endswith("/") or (not is_remote(path) and tree.is_folder(path)):
        return tree.join(path, name)
    return path


def _text_options(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "encoding": given.get("encoding") or "utf-8",
        "errors": given.get("errors"),
        "newline": given.get("newline"),
    }
