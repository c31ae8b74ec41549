"""`DataFrame`, and frames of pandas, pyarrow and registered types, as `structured_dataset`."""

from dataclasses import dataclass
from typing import Any

from flyte_types import wire
from flyte_types.dataframe.conversion import load_frame, store_frame
from flyte_types.dataframe.handle import DataFrame
from flyte_types.dataframe.lookup import is_frame_type
from flyte_types.dataframe.spec import FrameSpec, StoredFrame, read_literal, spec_of, write_literal
from flyte_types.handle import misfit
from flyte_types.hashing import HashMethod
from flyte_types.names import describe_type
from flyte_types.places import add_place
from flyte_types.plans import TypePlan
from flyte_types.registry import register, register_matcher

__all__ = ["FRAMES", "FrameTransformer", "frame_type_tag"]

TAG = "DataFrame Transformer"


@dataclass(frozen=True, slots=True, kw_only=True)
class FramePlan(TypePlan):
    """The plan of a frame type, whose own tag gives way to the transformer's in a union."""

    untagged: bytes = b""
    """The literal type without a tag."""

    @property
    def listed_type(self) -> bytes:
        """The literal type as a union lists it."""
        return wire.tag_structure(self.untagged, self.tag)


class FrameTransformer:
    """Plans handles and frames, with what the notes of `Annotated` say of them."""

    takes_notes = True

    def __init__(self) -> None:
        """Start without plans."""
        self._slots: dict[Any, tuple[int, Any]] = {}

    def plan(self, t: Any) -> TypePlan:
        """Plan a frame: it is stored and read in a coroutine."""
        base, spec, method = spec_of(t)
        untagged = wire.message(8, spec.to_bytes())
        is_handle = base is DataFrame
        return FramePlan(
            python_type=t,
            tag=TAG,
            untagged=untagged,
            literal_type=untagged if is_handle else wire.tag_structure(untagged, frame_type_tag(base)),
            description=("custom", self._slot(base, spec, method), describe_type(base), None, None),
            exact=base,
            is_tagged=not is_handle,
            needs_await=True,
        )

    def _slot(self, base: Any, spec: FrameSpec, method: HashMethod | None) -> int:
        # Slots are for good, and types may be planned again.
        key = (base, spec, None if method is None else id(method))
        found = self._slots.get(key)
        if found is None:
            place = _Handles(spec) if base is DataFrame else _Frames(base, spec, method)
            found = self._slots[key] = (add_place(place.encode, place.decode), place)
        return found[0]


class _Handles:
    """Converts `DataFrame`."""

    def __init__(self, declared: FrameSpec) -> None:
        self._declared = declared

    async def encode(self, value: Any) -> bytes:
        if not isinstance(value, DataFrame):
            hint = "`DataFrame.wrap_df(...)` takes a frame" if is_frame_type(type(value)) else ""
            raise misfit(value, "DataFrame", hint)
        return write_literal(await value.store(self._declared))

    async def decode(self, data: bytes) -> DataFrame:
        stored = read_literal(data)
        return DataFrame.from_stored(_narrowed(stored, self._declared))


class _Frames:
    """Converts frames of one type."""

    def __init__(self, base: type[Any], declared: FrameSpec, method: HashMethod | None) -> None:
        self._base = base
        self._declared = declared
        self._method = method

    async def encode(self, value: Any) -> bytes:
        if not isinstance(value, self._base):
            raise misfit(value, frame_type_tag(self._base))
        holder = DataFrame.wrap_df(value)
        if self._method is not None:
            self._method.reset()
            self._method.update(value)
            holder.hash = self._method.result()
        # The declared format is that of the type; plain frames are written in their own, and the literal says which.
        return write_literal(await store_frame(holder, self._declared))

    async def decode(self, data: bytes) -> Any:
        return await load_frame(_narrowed(read_literal(data), self._declared), self._base)


def _narrowed(stored: StoredFrame, declared: FrameSpec) -> StoredFrame:
    spec = FrameSpec(
        declared.columns or stored.spec.columns,
        stored.spec.format or declared.format,
        stored.spec.schema_type or declared.schema_type,
        stored.spec.schema_bytes or declared.schema_bytes,
    )
    return StoredFrame(stored.uri, spec, stored.hash)


def frame_type_tag(base: type) -> str:
    """Give the tag of a frame type's literal type."""
    return f"{base.__module__}.{base.__qualname__}"


FRAMES = FrameTransformer()
register(FRAMES, DataFrame)
# Before classes that are registered: what pandas and pyarrow define is known on sight.
register_matcher(45, is_frame_type, FRAMES)
