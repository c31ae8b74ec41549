"""`DataFrameTransformerEngine`: where encoders and decoders of frames are registered and looked up, with protobuf faces."""

from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar, Union, cast

from flyte_types.dataframe import lookup
from flyte_types.dataframe.conversion import iterate_frame, load_frame, store_frame, type_message
from flyte_types.dataframe.handle import DataFrame
from flyte_types.dataframe.handlers import DataFrameDecoder, DataFrameEncoder
from flyte_types.dataframe.renderers import draw
from flyte_types.dataframe.spec import FrameSpec, StoredFrame, read_type, spec_of, write_literal
from flyte_types.places import convert_places
from flyte_types.registry import plan_of, register
from flyte_types.transformers.dataframe import FRAMES, TAG
from flyte_types.type_transformer import TypeTransformer, wire_objects

if TYPE_CHECKING:
    from flyteidl2.core.literals_pb2 import Literal, StructuredDataset, StructuredDatasetMetadata
    from flyteidl2.core.types_pb2 import LiteralType, StructuredDatasetType

__all__ = ["DataFrameTransformerEngine"]

DF = TypeVar("DF")


class DataFrameTransformerEngine(TypeTransformer[DataFrame]):
    """Knows which encoder and decoder there is for a type of frames, a protocol and a format.

    A registered type may be an input or output of tasks, and `DataFrame` opens as it.

    ```python
    from flyteidl2.core.literals_pb2 import StructuredDataset, StructuredDatasetMetadata
    from flyteidl2.core.types_pb2 import StructuredDatasetType

    from flyte_types.dataframe.engine import DataFrameTransformerEngine
    from flyte_types.dataframe.handlers import DataFrameEncoder

    class Grid: ...

    class GridEncoder(DataFrameEncoder[Grid]):
        def __init__(self) -> None:
            super().__init__(Grid, supported_format="grid")

        async def encode(self, dataframe, structured_dataset_type) -> StructuredDataset:
            metadata = StructuredDatasetMetadata(structured_dataset_type=structured_dataset_type)
            return StructuredDataset(uri="s3://bucket/grid", metadata=metadata)

    DataFrameTransformerEngine.register(GridEncoder())
    ```
    """

    ENCODERS: ClassVar[lookup.Table] = lookup.ENCODERS
    DECODERS: ClassVar[lookup.Table] = lookup.DECODERS
    DEFAULT_FORMATS: ClassVar[dict[type, str]] = lookup.DEFAULT_FORMATS
    DEFAULT_PROTOCOLS: ClassVar[dict[type, str]] = lookup.DEFAULT_PROTOCOLS
    Renderers: ClassVar[dict[type, Any]] = {}
    Handlers = Union[DataFrameEncoder[Any], DataFrameDecoder[Any]]  # noqa: UP007  # a name that is used in annotations

    def __init__(self) -> None:
        """Make one; all share what is registered."""
        super().__init__(TAG, DataFrame)

    # Registering

    @classmethod
    def register(
        cls,
        h: Any,
        default_for_type: bool = False,
        override: bool = False,  # noqa: ARG003  # the last one registered counts, as in the reference
        default_format_for_type: bool = False,
        default_storage_for_type: bool = False,
    ) -> None:
        """Register an encoder or a decoder; one for the same type, protocol and format is replaced.

        Args:
            h: The handler.
            default_for_type: Whether its format and its protocol become the defaults of the type.
            override: Says that another may be replaced.
            default_format_for_type: Whether its format becomes the default.
            default_storage_for_type: Whether its protocol becomes the default.

        Raises:
            TypeError: It is neither an encoder nor a decoder.
            ValueError: A handler for all protocols is to be the default one.
        """
        if not isinstance(h, (DataFrameEncoder, DataFrameDecoder)):
            raise TypeError(f"{h!r} is neither a `DataFrameEncoder` nor a `DataFrameDecoder`")
        handler = cast("DataFrameEncoder[Any] | DataFrameDecoder[Any]", h)
        if handler.protocol is None and (default_for_type or default_storage_for_type):
            raise ValueError(
                f"{h!r} is for all protocols, so it cannot say which one is the default\n"
                "hint: pass `default_format_for_type=True` for the format alone"
            )
        protocols = (
            handler.protocol or lookup.ANY_PROTOCOL,
            *getattr(cast("Any", handler), "additional_protocols", ()),
        )
        for protocol in protocols:
            cls.register_for_protocol(
                h, protocol, default_for_type, True, default_format_for_type, default_storage_for_type
            )

    @classmethod
    def register_for_protocol(  # noqa: PLR0917  # as in the reference
        cls,
        h: Any,
        protocol: str,
        default_for_type: bool,
        override: bool,  # noqa: ARG003  # the last one registered counts, as in the reference
        default_format_for_type: bool,
        default_storage_for_type: bool,
    ) -> None:
        """Register a handler for one protocol: see `register`."""
        python_type = h.python_type
        lookup.is_frame_type(python_type)
        lookup.add_handler(h, protocol, override=True)
        if default_for_type or default_format_for_type:
            lookup.DEFAULT_FORMATS[python_type] = h.supported_format
        if (default_for_type or default_storage_for_type) and protocol != lookup.ANY_PROTOCOL:
            lookup.DEFAULT_PROTOCOLS[python_type] = protocol
        if python_type is not DataFrame:
            register(FRAMES, python_type)

    @classmethod
    def register_renderer(cls, python_type: type, renderer: Any) -> None:
        """Say how reports draw frames of a type.

        Args:
            python_type: The type.
            renderer: Has `to_html(frame) -> str`.
        """
        cls.Renderers[python_type] = renderer

    @classmethod
    def get_encoder(cls, df_type: type, protocol: str, format: str) -> Any:  # noqa: A002  # the public name
        """Give the encoder for a type.

        Raises:
            ValueError: There is none.
        """
        return lookup.find_encoder(df_type, protocol, format)

    @classmethod
    def get_decoder(cls, df_type: type, protocol: str, format: str) -> Any:  # noqa: A002  # the public name
        """Give the decoder for a type.

        Raises:
            ValueError: There is none.
        """
        return lookup.find_decoder(df_type, protocol, format)

    # As a transformer

    def get_literal_type(self, t: Any) -> "LiteralType":
        """Give the literal type of a frame type."""
        return wire_objects().LiteralType.FromString(plan_of(t).literal_type)

    def get_structured_dataset_type(
        self,
        storage_format: str | None = None,
        pa_schema: Any = None,
        column_map: "OrderedDict[str, type[Any]] | None" = None,
    ) -> "StructuredDatasetType":
        """Write the type of a frame of some format, schema and columns."""
        notes = (note for note in (storage_format, pa_schema, column_map) if note is not None)
        t: Any = DataFrame
        for note in notes:
            t = Annotated[t, note]
        return type_message(spec_of(t)[1])

    async def to_literal(self, python_val: Any, python_type: Any, expected: "LiteralType") -> "Literal":
        """Store a frame, or what a handle holds.

        Raises:
            TypeError: The value is not of the type.
            ValueError: There is no encoder for it.
        """
        _ = expected
        return wire_objects().Literal.FromString(await _convert(python_val, python_type, encoding=True))

    async def to_python_value(self, lv: "Literal", expected_python_type: Any) -> Any:
        """Give a handle, or read the frame, as the type says.

        Raises:
            ValueError: The literal is not a frame, or there is no decoder for the type.
        """
        return await _convert(wire_objects().to_bytes(lv), expected_python_type, encoding=False)

    async def encode(
        self,
        df: DataFrame,
        df_type: type,
        protocol: str,
        format: str,  # noqa: A002  # the public name
        structured_literal_type: "StructuredDatasetType",
    ) -> "Literal":
        """Store the frame that a handle holds in a format."""
        _ = df_type, protocol
        spec = read_type(wire_objects().to_bytes(structured_literal_type))
        return wire_objects().Literal.FromString(write_literal(await store_frame(df, spec, format)))

    async def open_as(
        self, sd: "StructuredDataset", df_type: type[DF], updated_metadata: "StructuredDatasetMetadata"
    ) -> DF:
        """Read a stored frame; of its columns those that the metadata names."""
        return await load_frame(_stored(sd, updated_metadata), df_type)

    def iter_as(
        self, sd: "StructuredDataset", df_type: type[DF], updated_metadata: "StructuredDatasetMetadata"
    ) -> AsyncIterator[DF]:
        """Read a stored frame part by part."""
        return iterate_frame(_stored(sd, updated_metadata), df_type)

    def guess_python_type(self, literal_type: "LiteralType") -> type[DataFrame]:
        """Give `DataFrame` for the literal types of frames.

        Raises:
            ValueError: It is the literal type of something else.
        """
        if not literal_type.HasField("structured_dataset_type"):
            raise ValueError(f"the literal type is not one of frames: {literal_type}")
        return DataFrame

    def schema_match(self, schema: dict[str, Any]) -> bool:
        """Tell whether a JSON schema is that of `DataFrame`."""
        return schema.get("x-flyte-type") == DataFrame.KIND or (
            schema.get("title") == "DataFrame" and set(schema.get("properties", ())) == set(DataFrame.model_fields)
        )

    def to_html(self, python_val: Any, expected_python_type: Any) -> str:
        """Draw a frame, or the frame that a handle holds, for reports.

        Raises:
            NotImplementedError: There is no renderer for it.
        """
        _ = expected_python_type
        frame = python_val
        if isinstance(python_val, DataFrame):
            frame = python_val.val
            if frame is None:
                return draw(python_val)
        renderer = self.Renderers.get(cast("Any", type(frame)))
        return renderer.to_html(frame) if renderer is not None else draw(frame)


async def _convert(value: Any, t: Any, *, encoding: bool) -> Any:
    results, failure = await convert_places([(plan_of(t).description[1], value)], encoding=encoding)
    if failure is not None:
        raise failure.error
    return results[0]


def _stored(sd: "StructuredDataset", metadata: "StructuredDatasetMetadata") -> StoredFrame:
    to_bytes = wire_objects().to_bytes
    own = read_type(to_bytes(sd.metadata.structured_dataset_type))
    wanted = read_type(to_bytes(metadata.structured_dataset_type))
    return StoredFrame(sd.uri, FrameSpec(wanted.columns, own.format or wanted.format))
