"""Protobuf messages as values: the struct of their JSON form, as recorded from the reference."""

import subprocess
import sys
from dataclasses import dataclass

import pytest
from flyteidl2.core.literals_pb2 import LiteralOffloadedMetadata, Primitive
from flyteidl2.core.types_pb2 import INTEGER, LiteralType
from google.protobuf.struct_pb2 import ListValue, Struct
from google.protobuf.timestamp_pb2 import Timestamp

from flyte_types import decode_literal, encode_literal
from flyte_types.errors import InputTypeError, InputValueError
from flyte_types.type_engine import TypeEngine


def struct(**fields):
    made = Struct()
    made.update(fields)
    return made


def items(*values):
    made = ListValue()
    made.extend(values)
    return made


@dataclass
class Holder:
    primitive: Primitive
    many: list[Primitive]


@pytest.mark.parametrize(("value", "data"), [
    (Primitive(integer=2**60), b"\n$:\"\n \n\x07integer\x12\x15\x1a\x131152921504606846976"),
    (LiteralType(simple=INTEGER), b"\n\x17:\x15\n\x13\n\x06simple\x12\t\x1a\x07INTEGER"),
    (LiteralType(), b"\n\x02:\x00"),
    (LiteralOffloadedMetadata(uri="x", size_bytes=3), None), (struct(a=1, b=[1, "x"]), None),
    (items(1, "x", None, True, [2, {"a": 1}]), None),
])  # fmt: skip
def test_messages_come_back(value, data):
    t = type(value)
    assert data in (None, encode_literal(value, t))
    assert value == decode_literal(encode_literal(value, t), t)
    assert value == decode_literal(encode_literal(value, t | None), t | None)
    assert TypeEngine.guess_python_type(TypeEngine.to_literal_type(t)) is t


def test_the_literal_type_names_the_class():
    found = TypeEngine.to_literal_type(Primitive).metadata.fields["pb_type"].string_value
    assert found == "flyteidl2.core.literals_pb2.Primitive"
    assert TypeEngine.get_transformer(Primitive).name == "Protobuf-Transformer"


def test_messages_stand_inside_dataclasses():
    value = Holder(Primitive(integer=1), [Primitive(string_value="a")])
    assert value == decode_literal(encode_literal(value, Holder), Holder)


@pytest.mark.parametrize(("value", "t"), [(Struct(), Primitive), (3, Primitive), (Timestamp(seconds=5), Timestamp)])
def test_what_is_no_such_message_is_an_error(value, t):
    with pytest.raises((InputTypeError, InputValueError)):
        encode_literal(value, t)


def test_literals_that_hold_no_such_message_are_an_error():
    with pytest.raises((InputTypeError, InputValueError)):
        decode_literal(encode_literal(1, int), Primitive)
    with pytest.raises((InputTypeError, InputValueError)):
        decode_literal(encode_literal(struct(nonsense=1), Struct), Primitive)


def test_a_stored_type_imports_nothing():
    script = (
        "import sys\n"
        "from flyteidl2.core.types_pb2 import LiteralType, STRUCT\n"
        "from flyte_types.type_engine import TypeEngine\n"
        "stored = LiteralType(simple=STRUCT)\n"
        "stored.metadata.update({'pb_type': 'this.Message'})\n"
        "print(TypeEngine.guess_python_type(stored).__name__, 'this' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "dict False"
