"""The protobuf faces of literals and their types: bytes to `flyteidl2` messages and back.

The only module of flyte_types that imports protobuf. Whoever needs it loads it when a wire object is asked for (`wire_objects`
in `flyte_types.type_transformer`), so that values and bytes alone never cost the import.
"""

from collections.abc import Mapping
from typing import Any, cast

from flyteidl2.core import literals_pb2
from flyteidl2.core.interface_pb2 import TypedInterface, Variable, VariableEntry, VariableMap
from flyteidl2.core.literals_pb2 import Binary, Literal, LiteralMap
from flyteidl2.core.types_pb2 import (
    BOOLEAN,
    DATETIME,
    DURATION,
    FLOAT,
    INTEGER,
    NONE,
    STRING,
    STRUCT,
    LiteralType,
)
from flyteidl2.task.common_pb2 import Inputs, NamedLiteral, NamedParameter, Outputs
from google.protobuf import struct_pb2
from google.protobuf.message import DecodeError, Message

from flyte_native import Plan

__all__ = [
    "BOOLEAN",
    "Binary",
    "DATETIME",
    "DURATION",
    "DecodeError",
    "FLOAT",
    "INTEGER",
    "Inputs",
    "Literal",
    "LiteralMap",
    "LiteralType",
    "Message",
    "NONE",
    "NamedLiteral",
    "NamedParameter",
    "Outputs",
    "STRING",
    "STRUCT",
    "TypedInterface",
    "Variable",
    "VariableEntry",
    "VariableMap",
    "literal_of_plain",
    "plain_of_literal",
    "plain_of_struct",
    "schema_of_literal_type",
    "to_bytes",
    "unpack_msgpack",
]

MSGPACK = "msgpack"
_ANYTHING = Plan(("msgpack", ("any",)), {})
_PRIMITIVES: Mapping[str, str] = {
    "integer": "integer",
    "float_value": "number",
    "string_value": "string",
    "boolean": "boolean",
}
_SIMPLE_SCHEMAS: Mapping[int, dict[str, Any]] = {
    INTEGER: {"type": "integer"},
    FLOAT: {"type": "number"},
    STRING: {"type": "string"},
    BOOLEAN: {"type": "boolean"},
}


def to_bytes(message: Message) -> bytes:
    """Serialise in deterministic form."""
    return message.SerializeToString(deterministic=True)


def unpack_msgpack(payload: bytes) -> Any:
    """Read a msgpack payload as plain data.

    Raises:
        LiteralError: It is not msgpack.
    """
    literal = Literal(scalar=literals_pb2.Scalar(binary=Binary(value=payload, tag=MSGPACK)))
    return _ANYTHING.decode(to_bytes(literal))


def plain_of_literal(literal: Literal) -> Any:
    """Give the plain data that stands for a literal inside msgpack.

    Numbers, text and flags stand for themselves, as do maps and lists stored as msgpack; every other literal is kept whole, as
    its bytes. `literal_of_plain` is the way back.
    """
    if not literal.hash and not literal.metadata and literal.WhichOneof("value") == "scalar":
        scalar = literal.scalar
        kind = scalar.WhichOneof("value")
        if kind == "primitive":
            name = scalar.primitive.WhichOneof("value")
            if name in _PRIMITIVES:
                return getattr(scalar.primitive, name)
        elif kind == "binary" and scalar.binary.tag == MSGPACK:
            plain = unpack_msgpack(scalar.binary.value)
            if isinstance(plain, (dict, list)):
                return cast("Any", plain)
    return to_bytes(literal)


def literal_of_plain(plain: Any) -> Literal:
    """Give the literal that plain data inside msgpack stands for: see `plain_of_literal`.

    Raises:
        ValueError: Bytes are not a literal.
    """
    primitive = literals_pb2.Primitive()
    match plain:
        case bytes():
            try:
                return Literal.FromString(plain)
            except DecodeError as error:
                raise ValueError(f"{len(plain)} bytes are not a `Literal`: {error}") from None
        case bool():
            primitive.boolean = plain
        case int():
            primitive.integer = plain
        case float():
            primitive.float_value = plain
        case str():
            primitive.string_value = plain
        case _:
            return Literal.FromString(_ANYTHING.encode(plain))
    return Literal(scalar=literals_pb2.Scalar(primitive=primitive))


def schema_of_literal_type(literal_type: LiteralType) -> dict[str, Any]:
    """Give the JSON schema of what `plain_of_literal` makes of literals of a type."""
    if literal_type.WhichOneof("type") == "simple":
        if literal_type.simple in _SIMPLE_SCHEMAS:
            return dict(_SIMPLE_SCHEMAS[literal_type.simple])
        if literal_type.simple == STRUCT:
            if literal_type.HasField("metadata"):
                return plain_of_struct(literal_type.metadata)
            return {"type": "object"}
    if literal_type.HasField("enum_type"):
        return {"enum": list(literal_type.enum_type.values)}
    return {"type": "string", "format": "base64"}


def plain_of_struct(struct: struct_pb2.Struct, *, keep_floats: bool = False) -> dict[str, Any]:
    """Read a `Struct`; whole numbers become ints unless `keep_floats`, since a `Struct` knows doubles only."""
    return {key: _plain_of_value(value, keep_floats) for key, value in struct.fields.items()}


def _plain_of_value(value: struct_pb2.Value, keep_floats: bool) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            return plain_of_struct(value.struct_value, keep_floats=keep_floats)
        case "list_value":
            return [_plain_of_value(item, keep_floats) for item in value.list_value.values]
        case "number_value":
            number = value.number_value
            return number if keep_floats or not number.is_integer() else int(number)
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case _:
            return None
