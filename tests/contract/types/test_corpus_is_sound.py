"""The recorded corpus is complete, parses with flyteidl2, and obeys the protocol's hash formulas."""

import base64
import hashlib
import json
from pathlib import Path

import msgpack
import pytest
from flyteidl2.core import interface_pb2, literals_pb2, types_pb2
from flyteidl2.task import common_pb2
from google.protobuf import json_format
from google.protobuf.message import Message

from .corpus import HERE, MODULES, NEEDS_FLYTE_IO, canonical_json, load_cases, load_recorded, load_rows

CORPUS = load_recorded()
ROWS = load_rows()
IMPORTABLE = [name for name in MODULES if name not in NEEDS_FLYTE_IO]
VALUES = [record for record in CORPUS.values.values() if record.literal is not None]
CALLS = [record for record in CORPUS.interfaces.values() if record.inputs is not None]


def as_json(message: Message) -> object:
    return json.loads(canonical_json(json_format.MessageToJson(message, preserving_proto_field_name=True)))


def hashed(data: str | bytes) -> str:
    data = data.encode() if isinstance(data, str) else data
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def canonical(value: object) -> object:
    if isinstance(value, dict):
        return {key: canonical(value[key]) for key in sorted(value, key=msgpack.packb)}
    return [canonical(item) for item in value] if isinstance(value, list) else value


def representation(literal: literals_pb2.Literal) -> bytes:
    """What the inputs hash takes for a literal (inventory, section 4, Hashing)."""
    if literal.hash:
        return literal.hash.encode()
    if literal.HasField("collection"):
        return b"".join(map(representation, literal.collection.literals))
    if literal.HasField("map"):
        entries = sorted(literal.map.literals.items())
        return b"".join(key.encode() + representation(item) for key, item in entries)
    if literal.scalar.binary.tag == "msgpack":
        copy = literals_pb2.Literal()
        copy.CopyFrom(literal)
        payload = msgpack.unpackb(literal.scalar.binary.value, strict_map_key=False)
        copy.scalar.binary.value = msgpack.packb(canonical(payload))
        literal = copy
    return literal.SerializeToString(deterministic=True)


def inputs_hash(inputs: bytes, ignored: tuple[str, ...] = ()) -> str:
    literals = [one for one in common_pb2.Inputs.FromString(inputs).literals if one.name not in ignored]
    text = b"".join(b"%s:%s;" % (one.name.encode(), representation(one.value)) for one in literals)
    return hashed(text) if text else ""


def base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits


def test_ids_are_unique_and_all_lines_are_kept():
    ids = [row["id"] for row in ROWS[1:]]
    assert len(ids) == len(set(ids))
    assert len(ids) == len(CORPUS.values) + len(CORPUS.reads) + len(CORPUS.interfaces)


def test_there_are_enough_of_each():
    assert len(CORPUS.values) >= 350
    assert len(VALUES) >= 350
    assert len(CORPUS.interfaces) >= 60
    assert len(CALLS) >= 60
    assert len(CORPUS.reads) >= 40


def test_header_says_what_made_the_record():
    assert CORPUS.header["packages"]["flyte"] == "2.12.1"
    assert {"flyteidl2", "protobuf", "cloudpickle", "mashumaro", "pydantic", "msgpack"} <= set(
        CORPUS.header["packages"]
    )
    assert "record.py" in CORPUS.header["rerun"]


@pytest.mark.parametrize("module", IMPORTABLE)
def test_the_record_holds_exactly_the_cases_of(module: str):
    recorded = [row["id"] for row in ROWS[1:] if row["module"] == module]
    assert [case.id for _, case in load_cases([module])] == recorded


def test_every_recorded_module_is_listed():
    assert {row["module"] for row in ROWS[1:]} == set(MODULES)
    files = {path.stem for path in Path(HERE, "cases").glob("*.py")} - {"__init__", "_case"}
    assert files == set(MODULES)


def test_what_a_case_expects_is_what_was_recorded():
    for _, case in load_cases(IMPORTABLE):
        if case.id in CORPUS.values:
            error = CORPUS.values[case.id].error
            assert (case.id, case.rejects) == (case.id, error["stage"] if error else "")
        else:
            record = CORPUS.reads.get(case.id) or CORPUS.interfaces[case.id]
            assert (case.id, case.rejects) == (case.id, record.error is not None)


def test_a_deviation_that_names_another_case_names_one_with_a_literal():
    for _, case in load_cases(IMPORTABLE):
        if getattr(case, "ours_like", ""):
            assert case.deviation
            assert CORPUS.values[case.ours_like].literal is not None


def test_every_deviation_is_explained_in_the_readme():
    readme = Path(HERE, "README.md").read_text(encoding="utf-8")
    slugs = {case.deviation for _, case in load_cases(IMPORTABLE) if case.deviation}
    assert {slug for slug in slugs if f"`{slug}`" not in readme} == set()


@pytest.mark.parametrize("record", CORPUS.values.values(), ids=lambda record: record.id)
def test_a_value_parses_and_its_json_says_the_same(record):
    if record.literal_type is not None:
        literal_type = types_pb2.LiteralType.FromString(record.literal_type)
        assert as_json(literal_type) == record.literal_type_json
        assert literal_type.SerializeToString(deterministic=True) == record.literal_type
    if record.literal is None:
        assert record.error is not None
        return
    literal = literals_pb2.Literal.FromString(record.literal)
    assert as_json(literal) == record.literal_json
    assert literal.SerializeToString(deterministic=True) == record.literal
    assert literal.hash == record.literal_hash
    assert representation(literal) == record.repr
    assert hashed(record.repr) == record.repr_hash
    assert (record.back is None) == (record.error is not None)


def test_every_stored_literal_parses():
    for record in CORPUS.reads.values():
        assert as_json(literals_pb2.Literal.FromString(record.literal)) == record.literal_json


@pytest.mark.parametrize("record", CORPUS.interfaces.values(), ids=lambda record: record.id)
def test_an_interface_parses_and_its_json_says_the_same(record):
    for name, kind in {
        "interface": interface_pb2.TypedInterface,
        "inputs": common_pb2.Inputs,
        "outputs": common_pb2.Outputs,
    }.items():
        data = getattr(record, name)
        if data is not None:
            assert as_json(kind.FromString(data)) == record.json[name]
    for data, expected in zip(record.default_inputs or (), record.json.get("default_inputs", ()), strict=True):
        assert as_json(common_pb2.NamedParameter.FromString(data)) == expected
    assert (record.outputs_back is None) == (record.error is not None)


@pytest.mark.parametrize("record", CALLS, ids=lambda record: record.id)
def test_the_hashes_follow_from_the_bytes(record):
    ignored = {case.id: case.ignored for _, case in load_cases(["interfaces"])}[record.id]
    hashes = record.hashes
    assert hashed(record.interface) == hashes["interface"]
    assert inputs_hash(record.inputs) == hashes["inputs"]
    assert inputs_hash(record.inputs, ignored) == hashes["inputs_filtered"]
    parts = (hashes["inputs_filtered"], record.task_name, hashes["interface"], hashes["cache_version"])
    assert hashed("".join(parts)) == hashes["cache_key"]
    identity = f"{record.task_name}-{hashes['interface']}-{hashes['discovery_version_uncached']}"
    assert hashed(identity) == hashes["task_identity"]
    assert record.child_names


@pytest.mark.parametrize("record", CALLS, ids=lambda record: record.id)
def test_the_childrens_names_follow_from_the_hashes(record):
    inputs, identity = record.hashes["inputs"], record.hashes["task_identity"]
    for parent, sequence, group, name in record.child_names:
        text = f"{parent}-{inputs}-{identity}-{sequence}" + (f"-{group}" if group else "")
        assert base36(int.from_bytes(hashlib.md5(text.encode()).digest(), "big")) == name
