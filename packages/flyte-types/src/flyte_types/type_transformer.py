"""`TypeTransformer`: the base class of transformers that users and plugins write, and how one joins the registry."""

import html
import types
import typing
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from flyte_native import LiteralError, Plan
from flyte_types.errors import UnsupportedTypeError
from flyte_types.names import describe_type
from flyte_types.packing import pack_node
from flyte_types.places import add_place
from flyte_types.plans import Definitions, Description, TypePlan
from flyte_types.registry import Transformer, register_note

if TYPE_CHECKING:
    from flyteidl2.core.literals_pb2 import Binary, Literal
    from flyteidl2.core.types_pb2 import LiteralType

__all__ = ["CustomTransformer", "TypeTransformer", "TypeTransformerFailedError", "adapt", "wire_objects"]

T = TypeVar("T")


class TypeTransformerFailedError(TypeError, AssertionError, ValueError):
    """A value that a transformer cannot convert."""


def wire_objects() -> Any:
    """Load and give `flyte_types.literals`, where the protobuf classes are."""
    from flyte_types import literals  # noqa: PLC0415  # protobuf loads once a wire object is asked for

    return literals


class TypeTransformer(Generic[T]):
    """Converts the values of one type. Write a subclass and give an instance to `TypeEngine.register`.

    A registered type may stand anywhere: as an input or output, in lists, dicts, unions and the fields of dataclasses. The
    conversions of one value are awaited together.

    ```python
    from dataclasses import dataclass

    from flyteidl2.core.literals_pb2 import Literal, Primitive, Scalar
    from flyteidl2.core.types_pb2 import FLOAT, LiteralType

    from flyte_types.type_engine import TypeEngine
    from flyte_types.type_transformer import TypeTransformer

    @dataclass
    class Celsius:
        degrees: float

    class CelsiusTransformer(TypeTransformer[Celsius]):
        def __init__(self) -> None:
            super().__init__("Celsius", Celsius)

        def get_literal_type(self, t: type[Celsius]) -> LiteralType:
            return LiteralType(simple=FLOAT)

        async def to_literal(self, python_val: Celsius, python_type: type[Celsius], expected: LiteralType) -> Literal:
            return Literal(scalar=Scalar(primitive=Primitive(float_value=python_val.degrees)))

        async def to_python_value(self, lv: Literal, expected_python_type: type[Celsius]) -> Celsius:
            return Celsius(lv.scalar.primitive.float_value)

    TypeEngine.register(CelsiusTransformer())
    ```
    """

    def __init__(self, name: str, t: type[T], enable_type_assertions: bool = True) -> None:
        """Name the transformer and its type.

        Args:
            name: Stands in the literal types of unions as the variant's tag: keep it once values are stored.
            t: The type, which `TypeEngine.register` puts it in charge of.
            enable_type_assertions: Whether `assert_type` is called before `to_literal`.
        """
        self._name = name
        self._t = t
        self._type_assertions_enabled = enable_type_assertions

    @property
    def name(self) -> str:
        """The transformer's name."""
        return self._name

    @property
    def python_type(self) -> type[T]:
        """The type that it converts."""
        return self._t

    @property
    def type_assertions_enabled(self) -> bool:
        """Whether `assert_type` is called before `to_literal`."""
        return self._type_assertions_enabled

    def get_literal_type(self, t: type[T]) -> "LiteralType":
        """Give the literal type of a Python type."""
        raise NotImplementedError(f"the transformer `{self.name}` has no `get_literal_type`")

    async def to_literal(self, python_val: T, python_type: type[T], expected: "LiteralType") -> "Literal":
        """Convert a value.

        Args:
            python_val: The value, after `assert_type`.
            python_type: Its declared type.
            expected: What `get_literal_type` gave.
        """
        raise NotImplementedError(f"the transformer `{self.name}` has no `to_literal`")

    async def to_python_value(self, lv: "Literal", expected_python_type: type[T]) -> T | None:
        """Convert a literal back.

        Args:
            lv: The literal.
            expected_python_type: The declared type.
        """
        raise NotImplementedError(f"the transformer `{self.name}` has no `to_python_value`")

    def guess_python_type(self, literal_type: "LiteralType") -> type[T]:  # noqa: ARG002  # for subclasses
        """Give the Python type that a literal type stands for.

        Raises:
            ValueError: It is none of this transformer's. The base class knows none.
        """
        raise ValueError(f"the transformer `{self.name}` does not rebuild Python types")

    def assert_type(self, t: type[T], v: T) -> None:
        """Check a value before it is converted.

        Raises:
            TypeTransformerFailedError: It is no instance of the type. Items of containers are not looked at.
        """
        if not _is_instance(v, t):
            came = f"{v!r:.80} ({type(v).__name__})"
            raise TypeTransformerFailedError(f"the value must be {describe_type(t)}, got {came}")

    def isinstance_generic(self, obj: Any, generic_alias: Any) -> None:
        """Check a value against the origin of a generic type.

        Raises:
            TypeTransformerFailedError: It is no instance of it.
        """
        origin = typing.get_origin(generic_alias)
        if not isinstance(obj, origin or generic_alias):
            came = f"{obj!r:.80} ({type(obj).__name__})"
            raise TypeTransformerFailedError(f"the value must be {describe_type(generic_alias)}, got {came}")

    def schema_match(self, schema: dict[str, Any]) -> bool:
        """Tell whether this transformer is in charge of classes with a JSON schema, where a type is rebuilt from one."""
        _ = schema
        return False

    def from_binary_idl(self, binary_idl_object: "Binary", expected_python_type: type[T]) -> T | None:
        """Read a binary scalar tagged `msgpack` as a value of a type.

        Raises:
            TypeTransformerFailedError: It has another tag, or the content does not fit.
        """
        literals = wire_objects()
        tag = binary_idl_object.tag
        if tag != literals.MSGPACK:
            raise TypeTransformerFailedError(
                f"a binary scalar must be tagged `{literals.MSGPACK}` to be read, got `{tag}`"
            )
        definitions: Definitions = {}
        try:
            packed = pack_node(expected_python_type, definitions)
        except UnsupportedTypeError:
            packed = ("any",)
        literal = literals.Literal()
        literal.scalar.binary.CopyFrom(binary_idl_object)
        try:
            return Plan(("msgpack", packed), definitions).decode(literals.to_bytes(literal))
        except LiteralError as error:
            _, path, came, expected = error.args
            where = f"the value{' at `' + path + '`' if path else ''}"
            raise TypeTransformerFailedError(f"{where} must be {expected}, got {came}") from error.__cause__

    def to_html(self, python_val: T, expected_python_type: type[T]) -> str:
        """Draw a value for reports, as escaped text unless overridden."""
        _ = expected_python_type
        return html.escape(str(python_val))

    def __repr__(self) -> str:
        return f"{self.name} transforms ({self.python_type}) to literals"


def _is_instance(value: Any, t: Any) -> bool:
    if t is None:
        return value is None
    origin = typing.get_origin(t)
    if origin is typing.Annotated:
        return _is_instance(value, typing.get_args(t)[0])
    if origin in (typing.Union, types.UnionType):
        return any(_is_instance(value, variant) for variant in typing.get_args(t))
    kind = origin or t
    # What is no class, such as `Any` or a `NewType`, cannot be checked.
    return isinstance(value, kind) if isinstance(kind, type) and not _is_protocol(kind) else True


def _is_protocol(kind: Any) -> bool:
    return bool(getattr(kind, "_is_protocol", False))


class CustomTransformer:
    """Puts a `TypeTransformer` into plans: as a place that is awaited."""

    def __init__(self, transformer: TypeTransformer[Any]) -> None:
        """Wrap a transformer."""
        self.transformer = transformer
        self._packed: dict[Any, Description] = {}

    def plan(self, t: Any) -> TypePlan:
        """Plan a type as a literal of its own."""
        transformer, literals = self.transformer, wire_objects()
        declared = _without_notes(t)
        expected = self._expected(declared)

        async def encode(value: Any) -> bytes:
            return literals.to_bytes(await _write(transformer, value, declared, expected))

        async def decode(data: bytes) -> Any:
            return await transformer.to_python_value(literals.Literal.FromString(data), declared)

        kind = typing.get_origin(declared) or declared
        return TypePlan(
            python_type=t,
            tag=transformer.name,
            literal_type=literals.to_bytes(expected),
            description=("custom", add_place(encode, decode), describe_type(declared), None, None),
            exact=kind if isinstance(kind, type) else None,
            is_tagged=expected.HasField("structure"),
            needs_await=True,
        )

    def pack(self, t: Any) -> Description:
        """Describe a type as a place inside msgpack."""
        declared = _without_notes(t)
        found = self._packed.get(declared)
        if found is not None:
            return found
        transformer, literals = self.transformer, wire_objects()
        expected = self._expected(declared)

        async def encode(value: Any) -> Any:
            return literals.plain_of_literal(await _write(transformer, value, declared, expected))

        async def decode(plain: Any) -> Any:
            return await transformer.to_python_value(literals.literal_of_plain(plain), declared)

        found = self._packed[declared] = ("custom", add_place(encode, decode), describe_type(declared), None, None)
        return found

    def inner_schema(self, t: Any) -> dict[str, Any]:
        """Give the JSON schema of a type inside msgpack."""
        return wire_objects().schema_of_literal_type(self._expected(_without_notes(t)))

    def _expected(self, t: Any) -> "LiteralType":
        expected = self.transformer.get_literal_type(t)
        if not isinstance(expected, wire_objects().LiteralType):
            raise UnsupportedTypeError(
                f"the transformer `{self.transformer.name}` must give a `LiteralType` for `{describe_type(t)}`, "
                f"got {expected!r:.80}"
            )
        return expected


async def _write(transformer: TypeTransformer[Any], value: Any, t: Any, expected: "LiteralType") -> "Literal":
    if transformer.type_assertions_enabled:
        transformer.assert_type(t, value)
    literal = await transformer.to_literal(value, t, expected)
    if not isinstance(literal, wire_objects().Literal):
        raise TypeTransformerFailedError(
            f"the transformer `{transformer.name}` must give a `Literal`, got {literal!r:.80} ({type(literal).__name__})"
        )
    return literal


def _without_notes(t: Any) -> Any:
    return typing.get_args(t)[0] if typing.get_origin(t) is typing.Annotated else t


_adapted: dict[int, CustomTransformer] = {}


def adapt(transformer: Any) -> Transformer | None:
    """Give what puts a `TypeTransformer` into plans; None for anything else."""
    if not isinstance(transformer, TypeTransformer):
        return None
    known = cast("TypeTransformer[Any]", transformer)
    found = _adapted.get(id(known))
    if found is None:
        found = _adapted[id(known)] = CustomTransformer(known)
    return found


register_note(adapt)
