"""Values to literal bytes and back: ours beside upb protobuf and betterproto2, in one process of the workspace.

Every codec is first held to the same values and to bytes that upb reads alike; only then is it timed.
"""

from collections.abc import Callable
from typing import Any

from flyteidl2.core import literals_pb2 as upb

from bench.cases import betterproto_messages as betterproto
from bench.cases.our_literals import our_codec
from bench.harness.case import CallCase, Goal
from bench.programs.literal_values import literal_values

OURS = "ours"
UPB = "upb"
UPB_VALUES = "upb and Python"
BETTERPROTO = "betterproto2"

# Against upb on the built message (encoding) and into a message (decoding): issue 3 for list[int], the others inform
# until issue 4 sets theirs.
ENCODE_GOALS = {"list-int": Goal(0.5, 1.0)}
DECODE_GOALS = {"list-int": Goal(1.0, 1.5)}


def cases() -> list[CallCase]:
    """Build the messages and return the cases.

    Raises:
        LookupError: Our codec has no verb for a type.
        AssertionError: A codec does not give back what went in.
    """
    built: list[CallCase] = []
    for name, (kind, value) in literal_values().items():
        built.extend(_pair(name, kind, value))
    return built


def _pair(name: str, kind: object, value: object) -> list[CallCase]:
    encode, decode = our_codec(kind)
    message = upb_literal(value)
    data = message.SerializeToString()
    other = betterproto_literal(value)
    _check(name=name, value=value, encode=encode, decode=decode, message=message, data=data, other=bytes(other))
    title = str(kind) if name != "int" else "one int"
    title += " of 10,000" if name != "int" else ""
    return [
        CallCase(
            id=f"encode-{name}",
            title=f"{title}, values to bytes",
            contestants={
                OURS: lambda: encode(value),
                UPB: message.SerializeToString,
                UPB_VALUES: lambda: upb_literal(value).SerializeToString(),
                BETTERPROTO: lambda: bytes(other),
            },
            goals={UPB: ENCODE_GOALS[name]} if name in ENCODE_GOALS else {},
        ),
        CallCase(
            id=f"decode-{name}",
            title=f"{title}, bytes to values",
            contestants={
                OURS: lambda: decode(data),
                UPB: lambda: upb.Literal().ParseFromString(data),
                UPB_VALUES: lambda: upb_value(upb.Literal.FromString(data)),
                BETTERPROTO: lambda: betterproto.Literal.parse(data),
            },
            goals={UPB: DECODE_GOALS[name]} if name in DECODE_GOALS else {},
        ),
    ]


def _check(
    *,
    name: str,
    value: object,
    encode: Callable[[object], bytes],
    decode: Callable[[bytes], object],
    message: upb.Literal,
    data: bytes,
    other: bytes,
) -> None:
    if upb.Literal.FromString(encode(value)) != message:
        raise AssertionError(f"case `{name}`: our bytes are not the literal that upb builds")
    if decode(data) != value or decode(encode(value)) != value:
        raise AssertionError(f"case `{name}`: our codec does not give back the value")
    if upb.Literal.FromString(other) != message or upb_value(message) != value:
        raise AssertionError(f"case `{name}`: the oracles do not agree")


def upb_literal(value: Any) -> upb.Literal:
    """Build the protobuf message of a value, as a Python SDK without a codec does."""
    literal = upb.Literal()
    if isinstance(value, list):
        append = literal.collection.literals.add
        for item in value:
            _set_primitive(append().scalar.primitive, item)
    elif isinstance(value, dict):
        entries = literal.map.literals
        for key, item in value.items():
            _set_primitive(entries[key].scalar.primitive, item)
    else:
        _set_primitive(literal.scalar.primitive, value)
    return literal


def _set_primitive(primitive: upb.Primitive, value: object) -> None:
    if isinstance(value, int):
        primitive.integer = value
    elif isinstance(value, float):
        primitive.float_value = value
    elif isinstance(value, str):
        primitive.string_value = value
    else:
        raise TypeError(f"no primitive for {type(value).__name__}")


def upb_value(literal: upb.Literal) -> object:
    """Read the native value out of a message."""
    kind = literal.WhichOneof("value")
    if kind == "collection":
        return [_primitive(item) for item in literal.collection.literals]
    if kind == "map":
        return {key: _primitive(item) for key, item in literal.map.literals.items()}
    return _primitive(literal)


def _primitive(literal: upb.Literal) -> object:
    primitive = literal.scalar.primitive
    return getattr(primitive, primitive.WhichOneof("value"))


def betterproto_literal(value: Any) -> betterproto.Literal:
    """Build the betterproto2 message of a value."""
    if isinstance(value, list):
        items = [_betterproto_primitive(item) for item in value]
        return betterproto.Literal(collection=betterproto.LiteralCollection(literals=items))
    if isinstance(value, dict):
        entries = {key: _betterproto_primitive(item) for key, item in value.items()}
        return betterproto.Literal(map=betterproto.LiteralMap(literals=entries))
    return _betterproto_primitive(value)


def _betterproto_primitive(value: Any) -> betterproto.Literal:
    names: dict[type, str] = {int: "integer", float: "float_value", str: "string_value"}
    primitive = betterproto.Primitive(**{names[type(value)]: value})
    return betterproto.Literal(scalar=betterproto.Scalar(primitive=primitive))
