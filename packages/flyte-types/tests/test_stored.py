"""Values that stand for stored ones: as inputs they are what is stored, and the literals say what they come from."""

import asyncio
from typing import Any

import pytest
from flyteidl2.core import artifact_id_pb2, literals_pb2
from flyteidl2.task import common_pb2

from flyte_types.codec import InterfaceCodec, encode_literal, encode_literal_async
from flyte_types.errors import InputTypeError
from flyte_types.file import File
from flyte_types.stored import StoredValue


class Version(StoredValue):
    def __init__(self, value: Any, kind: Any, version: str) -> None:
        self._literal = encode_literal(value, kind)
        self._version = version

    def __repr__(self) -> str:
        return f"<version {self._version}>"

    def stored_literal(self) -> bytes:
        return self._literal

    def stored_identity(self) -> bytes:
        return artifact_id_pb2.ArtifactVersionId(version=self._version).SerializeToString()


FILE = File(path="s3://data/a")
CODEC = InterfaceCodec({"one": File, "several": list[File], "perhaps": File | None, "n": int}, {}, task_name="use")


def test_inputs_say_what_they_come_from() -> None:
    one, other = Version(FILE, File, "1"), Version(FILE, File, "2")
    several: list[Any] = [one, FILE, other]
    given = {"one": one, "several": several, "perhaps": other, "n": 1}
    data = CODEC.encode_inputs(given, {"key": "text"})
    assert asyncio.run(CODEC.encode_inputs_async(given, {"key": "text"})) == data
    assert several == [one, FILE, other]
    inputs = common_pb2.Inputs.FromString(data)
    literals = {pair.name: pair.value for pair in inputs.literals}
    assert literals["one"].artifact_id.version == "1"
    assert [each.artifact_id.version for each in literals["several"].collection.literals] == ["1", "", "2"]
    assert literals["perhaps"].artifact_id.version == "2"
    for literal in literals.values():
        literal.ClearField("artifact_id")
        for each in literal.collection.literals:
            each.ClearField("artifact_id")
    plain = CODEC.encode_inputs({"one": FILE, "several": [FILE] * 3, "perhaps": FILE, "n": 1}, {"key": "text"})
    assert inputs == common_pb2.Inputs.FromString(plain)
    assert CODEC.decode_inputs(data)["one"] == FILE


def test_a_literal_says_it_too() -> None:
    literal = literals_pb2.Literal.FromString(asyncio.run(encode_literal_async(Version(FILE, File, "1"), File)))
    assert literal.artifact_id.version == "1"
    literal = literals_pb2.Literal.FromString(
        asyncio.run(encode_literal_async([Version(FILE, File, "1")], list[File] | None))
    )
    assert literal.scalar.union.value.collection.literals[0].artifact_id.version == "1"


def test_what_is_stored_must_fit() -> None:
    with pytest.raises(InputTypeError, match=r"input `one` cannot be <version 1>"):
        CODEC.encode_inputs({"one": Version(3, int, "1"), "several": [], "perhaps": None, "n": 1})
    with pytest.raises(InputTypeError, match=r"must be int, got <version 1>"):
        InterfaceCodec({"d": dict[str, int]}, {}, task_name="use").encode_inputs({"d": {"a": Version(3, int, "1")}})
