"""Values of protobuf classes: their JSON form as a `generic` struct, and back."""

from typing import Any, cast

from google.protobuf import json_format, struct_pb2
from google.protobuf.message import Message

from flyte_native import LiteralError
from flyte_types.literals import DecodeError, Literal, plain_of_struct, to_bytes

__all__ = ["of_literal", "of_plain", "to_literal", "to_plain"]


def to_literal(value: Any, t: type[Message]) -> bytes:
    """Write a message as literal bytes; a `ListValue` as a collection.

    Raises:
        LiteralError: It is of another class, or its JSON form is no object.
    """
    _check(value, t)
    if isinstance(value, struct_pb2.ListValue):
        literal = _of_value(struct_pb2.Value(list_value=value))
    else:
        literal = Literal()
        literal.scalar.generic.CopyFrom(_struct(to_plain(value, t)))
    return to_bytes(literal)


def of_literal(data: bytes, t: type[Message]) -> Message:
    """Read a message from literal bytes.

    Raises:
        LiteralError: They hold no message of the class.
    """
    try:
        literal = Literal.FromString(data)
    except DecodeError as error:
        raise LiteralError("wire", "", str(error), t.__name__) from None
    if issubclass(t, struct_pb2.ListValue) and literal.HasField("collection"):
        return t.FromString(to_bytes(_to_value(literal).list_value))
    if literal.scalar.WhichOneof("value") != "generic":
        raise LiteralError("type", "", "a literal without a struct", t.__name__)
    return of_plain(plain_of_struct(literal.scalar.generic), t)


def to_plain(value: Any, t: type[Message]) -> dict[str, Any]:
    """Give the JSON form of a message.

    Raises:
        LiteralError: It is of another class, or its JSON form is no object, as that of a `Timestamp`.
    """
    _check(value, t)
    plain: Any = json_format.MessageToDict(value)
    if not isinstance(plain, dict):
        raise LiteralError("type", "", f"{plain!r:.80} as the JSON form of a {t.__name__}", "a message with fields")
    return cast("dict[str, Any]", plain)


def of_plain(plain: Any, t: type[Message]) -> Message:
    """Read a message from its JSON form.

    Raises:
        LiteralError: It is not one of the class.
    """
    try:
        return json_format.ParseDict(plain, t())
    except (json_format.ParseError, TypeError, AttributeError) as error:
        raise LiteralError("value", "", str(error), f"the JSON form of a {t.__name__}") from None


def _check(value: Any, t: type[Message]) -> None:
    if not isinstance(value, t):
        raise LiteralError("type", "", f"{value!r:.80} ({type(value).__name__})", t.__name__)


def _struct(plain: dict[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(plain)
    return struct


def _of_value(value: struct_pb2.Value) -> Literal:
    literal = Literal()
    match value.WhichOneof("kind"):
        case "list_value":
            literal.collection.SetInParent()
            literal.collection.literals.extend(_of_value(item) for item in value.list_value.values)
        case "struct_value":
            literal.scalar.generic.CopyFrom(value.struct_value)
        case "number_value":
            literal.scalar.primitive.float_value = value.number_value
        case "string_value":
            literal.scalar.primitive.string_value = value.string_value
        case "bool_value":
            literal.scalar.primitive.boolean = value.bool_value
        case _:
            literal.scalar.none_type.SetInParent()
    return literal


def _to_value(literal: Literal) -> struct_pb2.Value:
    if literal.HasField("collection"):
        items = [_to_value(item) for item in literal.collection.literals]
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=items))
    match literal.scalar.WhichOneof("value"):
        case "generic":
            return struct_pb2.Value(struct_value=literal.scalar.generic)
        case "none_type":
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case _:
            primitive = literal.scalar.primitive
            if primitive.WhichOneof("value") == "string_value":
                return struct_pb2.Value(string_value=primitive.string_value)
            if primitive.WhichOneof("value") == "boolean":
                return struct_pb2.Value(bool_value=primitive.boolean)
            return struct_pb2.Value(number_value=primitive.float_value)
