"""Values to literal bytes and back: ours beside upb protobuf, msgspec, pydantic, pickle and betterproto2, in one process.

Every codec is first held to the same values and to bytes that upb reads alike; only then is it timed.
"""

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from flyteidl2.core import literals_pb2 as upb
from flyteidl2.task.common_pb2 import Inputs

from bench.cases import betterproto_messages as betterproto
from bench.harness.case import CallCase, Goal, Limit
from bench.programs.literal_values import Model, Point, literal_value, literal_values
from bench.programs.our_literals import our_inputs, our_plan

OURS = "ours"
UPB = "upb"
UPB_VALUES = "upb and Python"
BETTERPROTO = "betterproto2"
MSGSPEC = "msgspec msgpack"
PYDANTIC = "pydantic"
PICKLE = "pickle"

# Issue 4. `encode`: values to `Inputs` bytes against upb encoding the built message; `decode`: against upb parsing them. The
# gates leave room for two shared cores.
THIRD = {UPB: Goal(1 / 3, 0.5)}
EVEN = {UPB: Goal(1.0, 1.5)}
GOALS: dict[str, dict[str, Goal]] = {
    "encode-list-int": THIRD,
    "encode-list-str": THIRD,
    "encode-list-str-wide": THIRD,
    "encode-dict-str-float": THIRD,
    "encode-list-list-int": THIRD,
    "decode-list-int": EVEN,
    "decode-list-str": EVEN,
    "decode-list-str-wide": {UPB: Goal(1.3, 1.7)},
    "decode-dict-str-float": EVEN,
    "decode-list-list-int": EVEN,
    "encode-list-point": {MSGSPEC: Goal(1.0, 1.6)},
    "decode-list-point": {MSGSPEC: Goal(1.0, 1.5)},
    "encode-list-model": {PYDANTIC: Goal(1.0, 1.3)},
    "decode-list-model": {PYDANTIC: Goal(1.0, 1.3)},
}
# Issue 4, in seconds: the whole conversion, and that of an int in the codec alone.
LIMITS = {
    "encode-int": Limit(5e-6),
    "decode-int": Limit(5e-6),
    "encode-int-alone": Limit(0.3e-6),
    "decode-int-alone": Limit(0.3e-6),
    "encode-point": Limit(1e-6),
    "decode-point": Limit(1e-6),
}
TITLES = {
    "int": "one int",
    "point": "one dataclass",
    "list-int": "list[int] of 10,000",
    "list-str": "list[str] of 10,000, ASCII",
    "list-str-wide": "list[str] of 10,000, not ASCII",
    "dict-str-float": "dict[str, float] of 10,000",
    "list-list-int": "list[list[int]], 100 by 100",
    "list-point": "1,000 dataclasses",
    "list-model": "1,000 pydantic models",
}


def cases() -> list[CallCase]:
    """Build the messages and return the cases.

    Raises:
        LookupError: Our codec is not there.
        AssertionError: A codec does not give back what went in.
    """
    built: list[CallCase] = []
    for name, (kind, value) in literal_values().items():
        built.extend(_pair(name, kind, value))
    built.extend(_plans())
    return built


def _pair(name: str, kind: Any, value: Any) -> Iterator[CallCase]:
    encode, decode = our_inputs(kind)
    data = encode(value)
    if decode(data) != value:
        raise AssertionError(f"case `{name}`: our codec does not give back the value")
    encoders: dict[str, Callable[[], object]] = {OURS: lambda: encode(value)}
    decoders: dict[str, Callable[[], object]] = {OURS: lambda: decode(data)}
    foreign = _OTHERS.get(name, _literals)(name, kind, value, data)
    for other, (encoder, decoder) in foreign.items():
        encoders[other], decoders[other] = encoder, decoder
    yield _case(f"encode-{name}", f"{TITLES[name]}, values to bytes", encoders)
    yield _case(f"decode-{name}", f"{TITLES[name]}, bytes to values", decoders)


def _case(name: str, title: str, contestants: dict[str, Callable[[], object]]) -> CallCase:
    return CallCase(id=name, title=title, contestants=contestants, goals=GOALS.get(name, {}), limit=LIMITS.get(name))


Others = dict[str, tuple[Callable[[], object], Callable[[], object]]]


def _literals(name: str, kind: Any, value: Any, data: bytes) -> Others:
    message = Inputs()
    message.literals.add(name="v", value=upb_literal(value))
    other = betterproto_literal(value)
    if Inputs.FromString(data) != message:
        raise AssertionError(f"case `{name}`: our bytes are not the literal that upb builds")
    if upb.Literal.FromString(bytes(other)) != message.literals[0].value or upb_value(upb_literal(value)) != value:
        raise AssertionError(f"case `{name}`: the oracles do not agree")
    literal = bytes(other)
    others: Others = {
        UPB: (message.SerializeToString, lambda: Inputs().ParseFromString(data)),
        UPB_VALUES: (
            lambda: upb_literal(value).SerializeToString(),
            lambda: upb_value(Inputs.FromString(data).literals[0].value),
        ),
        **_msgspec(name, kind),
        **_pickle(name),
    }
    # Half a second a call: one collection says it for all.
    if name in ("int", "list-int"):
        others[BETTERPROTO] = (lambda: bytes(other), lambda: betterproto.Literal.parse(literal))
    return others


def _points(name: str, kind: Any, _value: Any, _data: bytes) -> Others:
    return {**_msgspec(name, kind), **_pickle(name)}


def _own(name: str) -> Any:
    # Each codec has objects of its own: who asks for the `__dict__` of an instance, as msgspec and pickle do, makes every later
    # read of its attributes slower, and his own faster.
    return literal_value(name)[1]


def _models(name: str, _kind: Any, _value: Any, _data: bytes) -> Others:
    own: list[Model] = _own(name)
    dumped = [each.model_dump() for each in own]
    return {
        PYDANTIC: (
            lambda: [each.model_dump() for each in own],
            lambda: [Model.model_validate(each) for each in dumped],
        ),
        **_pickle(name),
    }


_OTHERS: dict[str, Callable[[str, Any, Any, bytes], Others]] = {
    "point": _points,
    "list-point": _points,
    "list-model": _models,
}


def _msgspec(name: str, kind: Any) -> Others:
    own = _own(name)
    encoder, decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(kind)
    data = encoder.encode(own)
    if decoder.decode(data) != own:
        raise AssertionError(f"msgspec does not give back the {kind}")
    return {MSGSPEC: (lambda: encoder.encode(own), lambda: decoder.decode(data))}


def _pickle(name: str) -> Others:
    own = _own(name)
    data = pickle.dumps(own, pickle.HIGHEST_PROTOCOL)
    return {PICKLE: (lambda: pickle.dumps(own, pickle.HIGHEST_PROTOCOL), lambda: pickle.loads(data))}


def _plans() -> Iterator[CallCase]:
    """One value through the native plan alone; how much more the whole conversion costs is what the ratio says."""
    for name, kind, value in (("int", int, 42), ("point", Point, literal_value("point")[1])):
        encode, decode = our_plan(kind)
        whole_encode, whole_decode = our_inputs(kind)
        literal, data = encode(value), whole_encode(value)
        yield _plan_case(
            name, "encode", "value to bytes", call=encode, argument=value, whole=lambda v=value, e=whole_encode: e(v)
        )
        yield _plan_case(
            name, "decode", "bytes to value", call=decode, argument=literal, whole=lambda d=data, e=whole_decode: e(d)
        )


def _plan_case(
    name: str, verb: str, words: str, *, call: Callable[[Any], object], argument: object, whole: Callable[[], object]
) -> CallCase:
    return CallCase(
        id=f"{verb}-{name}-alone",
        title=f"{TITLES[name]}, {words}, in the codec alone",
        contestants={OURS: lambda: call(argument), "ours, whole": whole},
        goals={},
        limit=LIMITS.get(f"{verb}-{name}-alone"),
    )


def upb_literal(value: Any) -> upb.Literal:
    """Build the protobuf message of a value, as a Python SDK without a codec does."""
    literal = upb.Literal()
    if isinstance(value, list):
        append = literal.collection.literals.add
        for item in value:
            if isinstance(item, list):
                append().CopyFrom(upb_literal(item))
            else:
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
        return [upb_value(item) for item in literal.collection.literals]
    if kind == "map":
        return {key: _primitive(item) for key, item in literal.map.literals.items()}
    return _primitive(literal)


def _primitive(literal: upb.Literal) -> object:
    primitive = literal.scalar.primitive
    return getattr(primitive, primitive.WhichOneof("value"))


def betterproto_literal(value: Any) -> betterproto.Literal:
    """Build the betterproto2 message of a value."""
    if isinstance(value, list):
        items = [betterproto_literal(item) for item in value]
        return betterproto.Literal(collection=betterproto.LiteralCollection(literals=items))
    if isinstance(value, dict):
        entries = {key: _betterproto_primitive(item) for key, item in value.items()}
        return betterproto.Literal(map=betterproto.LiteralMap(literals=entries))
    return _betterproto_primitive(value)


def _betterproto_primitive(value: Any) -> betterproto.Literal:
    names: dict[type, str] = {int: "integer", float: "float_value", str: "string_value"}
    primitive = betterproto.Primitive(**{names[type(value)]: value})
    return betterproto.Literal(scalar=betterproto.Scalar(primitive=primitive))
