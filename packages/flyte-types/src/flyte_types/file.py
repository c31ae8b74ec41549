"""`File`: a typed handle to one file, local so far. Opening and copying go through `flyte_storage`."""

from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from io import TextIOWrapper
from os import PathLike, fspath
from pathlib import Path, PurePath
from typing import IO, Any, Generic, TypeVar, cast

from flyte_models.context import current_context
from flyte_storage import LocalFile, is_remote, local_path, write_atomically

__all__ = ["FILE_SCHEMA", "AsyncFile", "File"]

T = TypeVar("T")

FILE_SCHEMA: dict[str, Any] = {
    "description": "A file reference with an optional format type.",
    "properties": {
        "path": {"title": "Path", "type": "string"},
        "name": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "title": "Name"},
        "format": {"default": "", "title": "Format", "type": "string"},
        "hash": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "title": "Hash"},
    },
    "required": ["path"],
    "title": "File",
    "type": "object",
}
"""The schema of a `File` inside a dataclass, which is on the wire."""


class AsyncFile:
    """An open file whose methods run in a thread."""

    def __init__(self, stream: IO[Any]) -> None:
        """Wrap an open file."""
        self._stream = stream

    async def read(self, size: int = -1) -> Any:
        """Read `size` bytes or characters; all that is left when negative."""
        return await _in_thread(self._stream.read, size)

    async def readline(self) -> Any:
        """Read up to the next line break."""
        return await _in_thread(self._stream.readline)

    async def write(self, data: Any) -> int:
        """Write all of `data`."""
        return await _in_thread(self._stream.write, data)

    async def seek(self, offset: int, whence: int = 0) -> int:
        """Move to an offset and return the new one."""
        return await _in_thread(self._stream.seek, offset, whence)

    async def close(self) -> None:
        """Close the file."""
        await _in_thread(self._stream.close)

    def __aiter__(self) -> "AsyncFile":
        return self

    async def __anext__(self) -> Any:
        line = await self.readline()
        if not line:
            raise StopAsyncIteration
        return line


async def _in_thread(function: Callable[..., Any], *args: Any) -> Any:
    import asyncio  # noqa: PLC0415  # whoever awaits has it; importing this module must not cost it

    return await asyncio.to_thread(function, *args)


class File(Generic[T]):
    """A handle to a file: where it is, not its content.

    ```python
    from flyte_types.file import File

    handle = File.from_existing_remote("s3://bucket/data.csv")
    assert handle.name == "data.csv"
    ```
    """

    __slots__ = ("format", "hash", "hash_method", "name", "path")

    path: str
    """Path or URI."""
    name: str | None
    """The last part of the path, unless named otherwise."""
    format: str
    """Format of the content, such as `csv`; empty when nobody said."""
    hash: str | None
    """What stands for the content when inputs are compared; without it the path does."""
    hash_method: Any

    def __init__(
        self,
        *,
        path: str,
        name: str | None = None,
        format: str = "",  # noqa: A002  # the public name
        hash: str | None = None,  # noqa: A002  # the public name
        hash_method: Any = None,
    ) -> None:
        """Make a handle; nothing is opened or checked."""
        self.path = path
        self.name = PurePath(path).name if name is None else name
        self.format = format
        self.hash = hash
        self.hash_method = hash_method

    def __repr__(self) -> str:
        return (
            f"File(path={self.path!r}, name={self.name!r}, format={self.format!r}, hash={self.hash!r}, "
            f"hash_method={self.hash_method!r})"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, File):
            return NotImplemented
        theirs = cast("File[Any]", other)
        return self.to_fields() == theirs.to_fields() and self.hash_method == theirs.hash_method

    def __hash__(self) -> int:
        return hash((self.path, self.name, self.format, self.hash))

    def to_fields(self: "File[Any]") -> dict[str, str | None]:
        """Give the fields that are stored, in the order in which they are written."""
        return {"path": self.path, "name": self.name, "format": self.format, "hash": self.hash}

    @staticmethod
    def from_fields(fields: Mapping[str, Any]) -> "File[Any]":
        """Make a handle of stored fields."""
        return File[Any](
            path=fields["path"], name=fields.get("name"), format=fields.get("format") or "", hash=fields.get("hash")
        )

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Let pydantic models hold files; only pydantic calls this."""
        from pydantic_core import core_schema  # noqa: PLC0415  # there when pydantic is

        def build(value: Any) -> "File[Any]":
            if isinstance(value, File):
                return cast("File[Any]", value)
            if isinstance(value, Mapping) and "path" in value:
                return File.from_fields(cast("Mapping[str, Any]", value))
            raise ValueError(f"{value!r} is not a File or a dict with a `path`")

        return core_schema.no_info_plain_validator_function(
            build, serialization=core_schema.plain_serializer_function_ser_schema(File[Any].to_fields)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        """Describe a file to pydantic as the reference does."""
        return FILE_SCHEMA | {"x-flyte-type": "file"}

    # Making handles

    @classmethod
    def from_existing_remote(cls, remote_path: str, file_cache_key: str | None = None) -> "File[T]":
        """Point at a file that is there already; `file_cache_key` stands for its content in cache keys."""
        return cls(path=remote_path, hash=file_cache_key)

    @classmethod
    def new_remote(cls, file_name: str | None = None, hash_method: Any = None) -> "File[T]":
        """Point at a file to be written under this run's data, at a new path.

        Raises:
            ValueError: Called outside of a task.
        """
        path = _raw_data_path(file_name)
        if isinstance(hash_method, str):
            return cls(path=path, hash=hash_method)
        return cls(path=path, hash_method=hash_method)

    @classmethod
    def from_local_sync(
        cls,
        local_path: str | PathLike[str],
        remote_destination: str | None = None,
        hash_method: Any = None,
        chunk_size: int | None = None,  # noqa: ARG003  # for object stores
        max_concurrency: int | None = None,  # noqa: ARG003  # for object stores
    ) -> "File[T]":
        """Point at a local file, copied to `remote_destination` when that is given.

        Raises:
            ValueError: There is no such file.
        """
        source = Path(local_path)
        if not source.exists():
            raise ValueError(f"file not found: `{fspath(local_path)}`\nhint: the path is relative to `{Path.cwd()}`")
        given = hash_method if isinstance(hash_method, str) else None
        if remote_destination is None:
            return cls(path=str(source.absolute()), name=source.name, hash=given)
        with source.open("rb") as stream, write_atomically(remote_destination) as target:
            _copy(stream, target)
        return cls(path=remote_destination, name=source.name, hash=given)

    @classmethod
    async def from_local(
        cls,
        local_path: str | PathLike[str],
        remote_destination: str | None = None,
        hash_method: Any = None,
        chunk_size: int | None = None,  # noqa: ARG003  # for object stores
        max_concurrency: int | None = None,  # noqa: ARG003  # for object stores
    ) -> "File[T]":
        """Do what `from_local_sync` does, in a thread."""
        made = await _in_thread(cls.from_local_sync, local_path, remote_destination, hash_method)
        return cast("File[T]", made)

    # Reading and writing

    @contextmanager
    def open_sync(self, mode: str = "rb", **options: Any) -> Generator[IO[Any]]:
        """Open the file for a `with` block.

        Args:
            mode: `rb` or `r` to read, `wb` or `w` to write; what is written appears whole when the block ends.
            options: Those of object stores (`block_size`, `cache_type`, `compression`, ...), which a local file does not need;
                `encoding` for text.
        """
        encoding = None if "b" in mode else str(options.get("encoding") or "utf-8")
        match mode.replace("b", "").replace("t", ""):
            case "r":
                with LocalFile(self.path).open() as raw:
                    yield raw if encoding is None else TextIOWrapper(raw, encoding=encoding)
            case "w":
                with write_atomically(self.path) as raw:
                    if encoding is None:
                        yield raw
                    else:
                        wrapped = TextIOWrapper(raw, encoding=encoding)
                        yield wrapped
                        wrapped.flush()
                        wrapped.detach()
            case _:
                raise ValueError(f"mode {mode!r} is not one of `rb`, `r`, `wb`, `w`")

    @asynccontextmanager
    async def open(self, mode: str = "rb", **options: Any) -> AsyncGenerator[AsyncFile]:
        """Open the file for an `async with` block; see `open_sync`. Reads and writes run in a thread."""
        with self.open_sync(mode, **options) as stream:
            yield AsyncFile(stream)

    def exists_sync(self) -> bool:
        """Tell whether there is a file."""
        return LocalFile(self.path).exists()

    async def exists(self) -> bool:
        """Do what `exists_sync` does, in a thread."""
        return bool(await _in_thread(self.exists_sync))

    def download_sync(self, local_path: str | PathLike[str] | None = None) -> str:
        """Bring the file to a local path and return that path.

        Args:
            local_path: A file to write, or a folder that takes it under its own name. Without it, a local file stays where it is.
        """
        source = _local(self.path)
        if local_path is None:
            return str(source)
        target = Path(local_path)
        if target.is_dir() or fspath(local_path).endswith("/"):
            target = target / (self.name or source.name)
        with source.open("rb") as stream, write_atomically(target) as sink:
            _copy(stream, sink)
        return str(target)

    async def download(self, local_path: str | PathLike[str] | None = None) -> str:
        """Do what `download_sync` does, in a thread."""
        return str(await _in_thread(self.download_sync, local_path))


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    while chunk := source.read(1 << 20):
        target.write(chunk)


def _local(path: str) -> Path:
    return local_path(path)


def _raw_data_path(file_name: str | None) -> str:
    context = current_context()
    if not context:
        raise ValueError(
            "there is no run here whose data a new file could belong to\n"
            "hint: call it inside a task, or use `File.from_local` or `File.from_existing_remote`"
        )
    path = context.raw_data_path.get_random_remote_path(file_name=file_name)
    return str(local_path(path)) if not is_remote(path) else path
