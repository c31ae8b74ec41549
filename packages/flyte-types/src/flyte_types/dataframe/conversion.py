"""Frames to storage and back: the one implementation under literals, fields of other values, and both faces of `DataFrame`."""

import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, cast

import flyte_syncify
from flyte_types import wire
from flyte_types.dataframe import lookup
from flyte_types.dataframe.handlers import FrameDecoder, FrameEncoder
from flyte_types.dataframe.places import new_frame_uri, scheme_of
from flyte_types.dataframe.spec import FrameSpec, StoredFrame, read_type, write_literal
from flyte_types.handle import in_thread
from flyte_types.type_transformer import wire_objects

if TYPE_CHECKING:
    from flyte_types.dataframe.handle import DataFrame

__all__ = ["as_type", "frame_message", "iterate_frame", "load_frame", "run_blocking", "store_frame", "type_message"]

T = TypeVar("T")

_SUFFIXES = {".csv": lookup.CSV, ".parquet": lookup.PARQUET}


async def store_frame(holder: "DataFrame", spec: FrameSpec, file_format: str = "") -> StoredFrame:
    """Write the frame that a handle holds.

    Args:
        holder: The handle; where it has a URI, that is the place.
        spec: Columns and schema that were declared.
        file_format: The format to write; the default of the frame's type otherwise.

    Raises:
        ValueError: There is no encoder for the frame.
    """
    if not lookup.is_frame_type(type(holder.val)) and hasattr(holder.val, "__arrow_c_stream__"):
        holder = holder.holding(_arrow_table(holder.val))
    frame = holder.val
    frame_type = cast("type[Any]", type(frame))
    protocol = lookup.DEFAULT_PROTOCOLS.get(frame_type) or scheme_of(holder.uri)
    chosen = file_format or lookup.default_format(frame_type, protocol)
    encoder = lookup.find_encoder(frame_type, protocol, chosen)
    if isinstance(encoder, FrameEncoder):
        uri = holder.uri or new_frame_uri()
        await in_thread(encoder.store, frame, uri)
        return StoredFrame(uri, spec.with_format(encoder.supported_format or chosen), holder.hash)
    written = await encoder.encode(holder, type_message(spec.with_format(chosen)))
    found = read_type(wire_objects().to_bytes(written.metadata.structured_dataset_type))
    if not found.format:
        found = found.with_format(encoder.supported_format or chosen)
    return StoredFrame(written.uri, found, holder.hash)


async def load_frame(stored: StoredFrame, df_type: type[T]) -> T:
    """Read a stored frame whole; of its columns those that its spec names, all if it names none.

    Raises:
        ValueError: There is no decoder for the type.
        FileNotFoundError: There is no frame.
    """
    decoder = _decoder(stored, df_type)
    if isinstance(decoder, FrameDecoder):
        return await in_thread(cast("FrameDecoder[T]", decoder).load, stored.uri, stored.spec.names)
    message = frame_message(stored)
    read = await decoder.decode(message, message.metadata)
    if not isinstance(read, AsyncIterator):
        return read
    parts = [part async for part in cast("AsyncIterator[T]", read)]
    if len(parts) == 1:
        return parts[0]
    raise ValueError(
        f"the decoder of `{df_type.__name__}` gives the frame at `{stored.uri}` in {len(parts)} parts\n"
        "hint: read it with `iter()` instead of `all()`"
    )


async def iterate_frame(stored: StoredFrame, df_type: type[T]) -> AsyncIterator[T]:
    """Read a stored frame part by part, one file at a time.

    Raises:
        ValueError: There is no decoder for the type.
        FileNotFoundError: There is no frame.
    """
    decoder = _decoder(stored, df_type)
    if isinstance(decoder, FrameDecoder):
        parts = cast("FrameDecoder[T]", decoder).parts(stored.uri, stored.spec.names)
        while found := await in_thread(_next, parts):
            yield found[0]
        return
    message = frame_message(stored)
    read = await decoder.decode(message, message.metadata)
    if isinstance(read, AsyncIterator):
        async for part in cast("AsyncIterator[T]", read):
            yield part
    else:
        yield read


def _next(parts: Iterator[T]) -> tuple[T] | None:
    for part in parts:
        return (part,)
    return None


def _decoder(stored: StoredFrame, df_type: type[T]) -> Any:
    file_format = stored.spec.format or next(
        (name for suffix, name in _SUFFIXES.items() if stored.uri.endswith(suffix)), ""
    )
    _check_class(df_type)
    protocol = lookup.DEFAULT_PROTOCOLS.get(df_type) or scheme_of(stored.uri)
    return lookup.find_decoder(df_type, protocol, file_format)


def _check_class(df_type: Any) -> None:
    if not isinstance(df_type, type):
        raise TypeError(f"a frame is opened as a class such as `pandas.DataFrame`, got {df_type!r}")


def as_type(frame: Any, df_type: type[T]) -> T:
    """Give a frame in memory as another type.

    Raises:
        ValueError: It cannot be converted.
    """
    _check_class(df_type)
    if isinstance(frame, df_type):
        return frame
    name = f"{df_type.__module__}.{df_type.__qualname__}"
    if hasattr(frame, "__arrow_c_stream__"):
        if name == "pyarrow.lib.Table":
            return cast("T", _arrow_table(frame))
        if df_type.__module__.partition(".")[0] == "pandas":
            return cast("T", _arrow_table(frame).to_pandas())
    raise ValueError(f"a `{type(frame).__qualname__}` in memory cannot be opened as `{name}`")


def _arrow_table(frame: Any) -> Any:
    try:
        from flyte_types.dataframe.arrow_handlers import to_table  # noqa: PLC0415  # pyarrow is not imported for others
    except ImportError:
        raise ValueError(
            f"a `{type(frame).__qualname__}` is stored by way of pyarrow, which is not installed\nhint: `pip install pyarrow`"
        ) from None
    lookup.load_built_in("pyarrow")
    return to_table(frame)


# Protobuf faces, for encoders and decoders that others wrote


def type_message(spec: FrameSpec) -> Any:
    """Give the `StructuredDatasetType` of a spec."""
    return wire_objects().LiteralType.FromString(wire.message(8, spec.to_bytes())).structured_dataset_type


def frame_message(stored: StoredFrame) -> Any:
    """Give the `StructuredDataset` of a stored frame; its `metadata` is the `StructuredDatasetMetadata`."""
    return wire_objects().Literal.FromString(write_literal(stored)).scalar.structured_dataset


def run_blocking(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, wherever the caller is: in a coroutine too, which waits meanwhile."""
    loop = flyte_syncify.syncify.loop
    if not loop.is_current() and not getattr(_helper, "is_one", False):
        return loop.run(coroutine)
    # The background loop would wait for itself, here or in the caller of this helper.
    import asyncio  # noqa: PLC0415  # it is there, since a loop runs
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415
    from contextvars import copy_context  # noqa: PLC0415

    with ThreadPoolExecutor(1, "flyte-frames", _mark_helper) as pool:
        return pool.submit(copy_context().run, asyncio.run, coroutine).result()


_helper = threading.local()


def _mark_helper() -> None:
    _helper.is_one = True
