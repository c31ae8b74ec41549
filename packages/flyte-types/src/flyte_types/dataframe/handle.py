"""`DataFrame`: a typed handle to a frame, one in memory that will be stored or one that is stored."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Generator, Mapping
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

from flyte_types.dataframe.conversion import (
    as_type,
    frame_message,
    iterate_frame,
    load_frame,
    run_blocking,
    store_frame,
)
from flyte_types.dataframe.spec import FrameSpec, StoredFrame, spec_of
from flyte_types.handle import Handle, misfit, shown_uri
from flyte_types.hashing import HashMethod, as_method
from flyte_types.noted import note
from flyte_types.places import add_place
from flyte_types.plans import Description

__all__ = ["DataFrame"]

DF = TypeVar("DF")

_OPTIONAL_TEXT = [{"type": "string"}, {"type": "null"}]


class DataFrame(Handle):
    """A handle to tabular data. The frame is stored once the handle leaves the task, and read when it is opened.

    ```python
    from flyte_types.dataframe import DataFrame

    handle = DataFrame.from_existing_remote("s3://bucket/sales", format="parquet")
    assert handle.val is None
    ```

    With a frame: `DataFrame.wrap_df(frame)`; and back: `await handle.open(pandas.DataFrame).all()`.
    """

    __slots__ = ("_opened", "_spec", "_val", "format", "hash", "uri")

    FIELDS: ClassVar[tuple[str, ...]] = ("uri", "format")
    KIND: ClassVar[str] = "dataframe"
    SCHEMA: ClassVar[dict[str, Any]] = {
        "description": "A handle to a stored frame.",
        "properties": {
            "uri": {"anyOf": _OPTIONAL_TEXT, "default": None, "title": "Uri"},
            "format": {"anyOf": _OPTIONAL_TEXT, "default": "", "title": "Format"},
            "hash": {"anyOf": _OPTIONAL_TEXT, "default": None, "title": "Hash"},
        },
        "title": "DataFrame",
        "type": "object",
    }
    model_fields: ClassVar[dict[str, Any]] = dict.fromkeys(("uri", "format", "hash"), str)

    uri: str | None
    """Where it is, or will be put; None for a new place."""
    format: str | None
    """Such as `parquet`; empty when nobody said."""
    hash: str | None
    """What stands for the content when inputs are compared."""

    def __init__(
        self,
        *,
        uri: str | None = None,
        format: str | None = "",  # noqa: A002  # the public name
        hash: str | None = None,  # noqa: A002  # the public name
    ) -> None:
        """Make a handle; nothing is opened or checked."""
        self.uri = uri
        self.format = format
        self.hash = hash
        self._val: Any = None
        self._spec: FrameSpec | None = None
        self._opened: Any = None

    def __repr__(self) -> str:
        shown = None if self.uri is None else shown_uri(self.uri)
        return f"DataFrame(uri={shown!r}, format={self.format!r}, hash={self.hash!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DataFrame):
            return NotImplemented
        return (self.uri, self.format, self.hash) == (other.uri, other.format, other.hash) and self._val is other._val

    __hash__ = None  # type: ignore[assignment]  # its fields may be set

    # Making handles

    @classmethod
    def from_existing_remote(cls, remote_path: str, format: str | None = None, **kwargs: Any) -> Self:  # noqa: A002
        """Point at a frame that is stored already: a file, or a folder of files.

        Args:
            remote_path: Path or URI.
            format: Such as `parquet` or `csv`.
            kwargs: `hash` stands for the content in cache keys; others say nothing.
        """
        return cls(uri=remote_path, format=format or "", hash=kwargs.get("hash"))

    @classmethod
    def wrap_df(cls, val: Any = None, uri: str | None = None) -> Self:
        """Hold a frame, stored once the handle leaves the task.

        Args:
            val: A frame of pandas or pyarrow, of a type with a registered encoder, or anything with `__arrow_c_stream__`.
            uri: Where it will be put; a new place under the task's data otherwise.
        """
        made = cls(uri=uri)
        made._val = val
        return made

    def holding(self, val: Any) -> Self:
        """Give a copy that holds another frame."""
        made = self.wrap_df(val, self.uri)
        made.format, made.hash = self.format, self.hash
        return made

    @classmethod
    def from_df(cls, val: Any = None, uri: str | None = None) -> Self:
        """Do what `wrap_df` does; the older name."""
        return cls.wrap_df(val, uri)

    @classmethod
    def from_local_sync(
        cls,
        df: Any,
        columns: "OrderedDict[str, type[Any]] | None" = None,
        remote_destination: str | None = None,
        hash_method: HashMethod | str | None = None,
    ) -> Self:
        """Hold a frame, and hash it.

        Args:
            df: See `wrap_df`.
            columns: Its columns with their types, for `metadata`.
            remote_destination: Where it will be put; a new place under the task's data otherwise.
            hash_method: How the frame is hashed, or the hash.
        """
        made = cls(uri=remote_destination)
        made._val = df
        made._spec = spec_of(Annotated[DataFrame, columns or {}])[1]
        method = as_method(hash_method)
        if method is not None:
            method.reset()
            method.update(df)
            made.hash = method.result()
        return made

    @classmethod
    async def from_local(
        cls,
        df: Any,
        columns: "OrderedDict[str, type[Any]] | None" = None,
        remote_destination: str | None = None,
        hash_method: HashMethod | str | None = None,
    ) -> Self:
        """Do what `from_local_sync` does."""
        return cls.from_local_sync(df, columns, remote_destination, hash_method)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """Make a handle of stored fields; others are ignored.

        Raises:
            ValueError: A field is not text.
        """
        made = super().from_fields(fields)
        found = fields.get("hash")
        made.hash = found if isinstance(found, str) else None
        return made

    @classmethod
    def from_stored(cls, stored: StoredFrame) -> Self:
        """Make a handle of what a literal says."""
        made = cls(uri=stored.uri, format=stored.spec.format, hash=stored.hash)
        made._spec = stored.spec
        return made

    # What is known of it

    @property
    def val(self) -> Any:
        """The frame that the handle holds; None for one that is stored."""
        return self._val

    @classmethod
    def columns(cls) -> dict[str, type]:
        """Give the columns that the class declares: none, since columns are declared with `Annotated`."""
        return {}

    @classmethod
    def column_names(cls) -> list[str]:
        """Give the names of `columns`."""
        return list(cls.columns())

    @property
    def metadata(self) -> Any:
        """What is known of a frame that came as a literal, as a protobuf `StructuredDatasetMetadata`; None otherwise."""
        if self._spec is None:
            return None
        return frame_message(StoredFrame(self.uri or "", self._spec)).metadata

    @property
    def literal(self) -> Any:
        """A stored frame as a protobuf `StructuredDataset`; None before it is stored."""
        return None if self._val is not None or self.uri is None else frame_message(self._stored())

    def _stored(self) -> StoredFrame:
        if self.uri is None:
            raise ValueError("the frame has no place: the handle has no `uri`, and holds no frame")
        spec = self._spec or FrameSpec()
        return StoredFrame(self.uri, spec.with_format(self.format or spec.format), self.hash)

    # Opening

    def open(self, dataframe_type: Any) -> Self:
        """Choose the type in which `all` and `iter` give the frame, and give this handle.

        Args:
            dataframe_type: Such as `pandas.DataFrame`, or `Annotated` of it with the columns that are wanted.
        """
        self._opened = dataframe_type
        return self

    def _wanted(self) -> tuple[type[Any], StoredFrame | None]:
        if self._opened is None:
            raise ValueError(
                "it was not said in which type the frame is wanted\nhint: `handle.open(pandas.DataFrame).all()`"
            )
        df_type, wanted, _ = spec_of(self._opened)
        if self._val is not None:
            return df_type, None
        stored = self._stored()
        columns = wanted.columns or stored.spec.columns
        file_format = stored.spec.format or wanted.format
        return df_type, StoredFrame(stored.uri, FrameSpec(columns, file_format), stored.hash)

    async def all(self) -> Any:
        """Give the whole frame.

        Raises:
            ValueError: `open` was not called, or its type has no decoder.
            FileNotFoundError: There is no frame at the URI.
        """
        df_type, stored = self._wanted()
        return as_type(self._val, df_type) if stored is None else await load_frame(stored, df_type)

    def all_sync(self) -> Any:
        """Do what `all` does, and wait for it."""
        return run_blocking(self.all())

    def iter(self) -> "FrameParts[Any]":
        """Give the frame part by part, such as one file after the other: `async for part in await handle.open(T).iter()`.

        The `await` may be left out.

        Raises:
            ValueError: `open` was not called.
        """
        df_type, stored = self._wanted()
        return FrameParts(_single(as_type(self._val, df_type)) if stored is None else iterate_frame(stored, df_type))

    # Inside other values

    def wire_fields(self) -> dict[str, Any]:
        """Store the frame that the handle holds, and give the stored fields."""
        return run_blocking(self.store_fields())

    async def store_fields(self) -> dict[str, Any]:
        """Do what `wire_fields` does, in a coroutine."""
        stored = await self.store(FrameSpec())
        return note({"uri": stored.uri, "format": stored.spec.format})

    async def store(self, declared: FrameSpec) -> StoredFrame:
        """Store the frame that the handle holds, if any, and say what its literal says.

        Raises:
            ValueError: There is neither a frame nor a place, or no encoder.
        """
        if self._val is not None:
            return await store_frame(self, declared, self.format or declared.format)
        stored = self._stored()
        return StoredFrame(stored.uri, declared.with_format(self.format or declared.format), self.hash)

    @classmethod
    def pack_description(cls) -> Description:
        """Describe to a native plan how a handle stands inside a msgpack payload: frames are stored in a coroutine."""
        if not _slot:
            _slot.append(add_place(_encode_field, _decode_field))
        return ("custom", _slot[0], "DataFrame", None, cls.read_fields)


_slot: list[int] = []


async def _encode_field(value: Any) -> dict[str, Any]:
    if not isinstance(value, DataFrame):
        raise misfit(value, "DataFrame", "`DataFrame.wrap_df(...)` takes a frame")
    return await value.store_fields()


async def _decode_field(fields: Any) -> DataFrame:
    return DataFrame.read_fields(fields)


class FrameParts(Generic[DF]):
    """The parts of a frame, to be iterated with `async for`, before or after an `await`."""

    def __init__(self, parts: AsyncIterator[DF]) -> None:
        """Wrap the iterator."""
        self._parts = parts

    def __aiter__(self) -> AsyncIterator[DF]:
        return self._parts

    def __await__(self) -> Generator[Any, Any, AsyncIterator[DF]]:
        return _given(self._parts).__await__()


async def _given(value: DF) -> DF:
    return value


async def _single(value: DF) -> AsyncIterator[DF]:
    yield value
