"""What `flyte_types` makes of recorded files, folders and frames equals what PyPI flyte makes of them, but for the deviations.

Frames are written and read by coroutines, so this compares the async face; the rest of the corpus is compared in
`test_corpus_equality.py`.
"""

import asyncio
import json
from typing import Any

import pytest

pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

from flyteidl2.core import types_pb2
from google.protobuf import json_format

from flyte_models.digests import hash_data
from flyte_native import literal_repr
from flyte_types.codec import decode_literal_async, encode_literal_async, literal_type_of

from .corpus import NEEDS_FLYTE_IO, Recorded, canonical_json, describe, load_cases, load_recorded, load_rows
from .equality import case_context

CORPUS = load_recorded()
ROWS = load_rows()
CASES = [case for _, case in load_cases(NEEDS_FLYTE_IO)]

DEVIATIONS = {
    "typed-handle": "`File[T]` accepts a plain `File`: what `T` is says nothing about the bytes",
}
"""Every way in which ours differs on purpose, and why."""

SAME_AFTER_ALL = {"frame-format-ignored"}
"""Named by cases whose bytes are those of the reference nevertheless: the declared format counts on reading only."""

HANDLES = ("File", "Dir", "DataFrame")


def without_descriptions(schema: Any) -> Any:
    """Drop the descriptions of our classes, which are ours (deviation `own-description`)."""
    if isinstance(schema, list):
        return [without_descriptions(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    own = schema.get("title") in HANDLES and "description" in schema
    return {key: without_descriptions(item) for key, item in schema.items() if not (own and key == "description")}


def as_json(literal_type: bytes) -> Any:
    message = types_pb2.LiteralType.FromString(literal_type)
    assert message.SerializeToString(deterministic=True) == literal_type
    return json.loads(canonical_json(json_format.MessageToJson(message, preserving_proto_field_name=True)))


def same_type(ours: bytes, expected: Recorded) -> bool:
    if ours == expected.literal_type:
        return True
    return without_descriptions(as_json(ours)) == without_descriptions(expected.literal_type_json)


async def differences(case: Any, expected: Recorded) -> list[str]:
    return [found async for found in _differences(case, expected)]


async def _differences(case: Any, expected: Recorded) -> Any:
    stage = expected.error["stage"] if expected.error else ""
    try:
        literal_type = literal_type_of(case.type)
    except Exception as error:
        if stage != "type":
            yield f"refused as a type: {error}"
        return
    if stage == "type":
        yield "accepted a type that is refused"
        return
    if not same_type(literal_type, expected):
        yield f"literal type: {as_json(literal_type)} instead of {expected.literal_type_json}"
    try:
        literal = await encode_literal_async(case.value, case.type)
    except Exception as error:
        if stage != "value":
            yield f"refused as a value: {error}"
        return
    if stage == "value":
        yield "accepted a value that is refused"
        return
    if case.comparable and literal != expected.literal:
        yield f"literal: {literal!r} instead of {expected.literal!r}"
    if case.comparable and hash_data(literal_repr(literal)) != expected.repr_hash:
        yield "hash"
    back = describe(await decode_literal_async(literal, case.type))
    if case.comparable and back != expected.back:
        yield f"back: {back} instead of {expected.back}"


def compare(case: Any) -> list[str]:
    with case_context(case.id):
        return asyncio.run(differences(case, CORPUS.values[case.id]))


@pytest.mark.parametrize("case", [case for case in CASES if case.deviation not in DEVIATIONS], ids=lambda case: case.id)
def test_ours_equals_the_record(case: Any) -> None:
    assert case.deviation == "" or case.deviation in SAME_AFTER_ALL
    assert [] == compare(case)


@pytest.mark.parametrize("case", [case for case in CASES if case.deviation in DEVIATIONS], ids=lambda case: case.id)
def test_a_deviation_is_still_one(case: Any) -> None:
    assert ["accepted a value that is refused"] == compare(case)


def test_every_recorded_case_is_compared() -> None:
    recorded = {row["id"] for row in ROWS if row.get("module") in NEEDS_FLYTE_IO}
    assert recorded == {case.id for case in CASES}


def test_the_schemas_of_handles_differ_in_their_descriptions_alone() -> None:
    """Deviation `own-description`: the texts of the reference's classes are not ours to copy."""
    ours = as_json(literal_type_of(next(case.type for case in CASES if case.id == "handles-model")))
    theirs = CORPUS.values["handles-model"].literal_type_json
    assert ours != theirs
    assert without_descriptions(ours) == without_descriptions(theirs)
