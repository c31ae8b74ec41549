"""What `flyte_types` makes of every recorded case equals what PyPI flyte makes of it, but for the deviations listed here.

Values by reference, by model, by pickle: literal types, literals, hashes, what is read back, whole interfaces with their calls,
cache keys, task identities and the names of children. Cases with handles and frames are compared where those are tested.
"""

from pathlib import Path
from typing import Any

import pytest

from .corpus import HERE, load_cases, load_recorded
from .equality import COMPARED, differences

CORPUS = load_recorded()
CASES = [case for _, case in load_cases(COMPARED)]

DEVIATIONS = {
    "int-for-float": "an `int` where `float` is declared is accepted and written as a float",
    "union-read-by-tag-only": "two variants of one kind can be read back: the stored type says which it is",
    "reads-another-kind": "a literal of another kind is refused instead of read as `False` or `[]`",
    "alias-not-readable": "a field with an alias is written by its name, and read by its name as well as by the alias",
    "typeddict-total-false": "absent keys of a `total=False` TypedDict are accepted like those of `NotRequired`",
    "none-is-a-type": "`None` as an annotation means what `type(None)` means",
    "list-of-none": "`list[None]` is a list like any other",
    "refused-earlier": "a type whose values could never be written is refused when it is declared, not at the first value",
    "dataclass-field-type": "a field whose value is not of its type is refused when written, not coerced or found out when read",
    "model-in-dataclass": "a pydantic model may stand in a dataclass or in the values of a dict, written as on its own",
    "enum-of-mixed-values": "every member can be written: its name is what is stored",
    "namedtuple-untyped": "a `collections.namedtuple` is refused; it would be written without its content",
    "namedtuple-longer": "a named tuple with more fields is refused for another; the rest would be lost",
    "annotated-tuple": "`Annotated[tuple[...], Field(...)]` is accepted, the notes go to the metadata",
    "union-container-by-class": "a list chooses the list variant of a union, even beside a pickled one that would take anything",
    "bare-tuple-unwrapped": "a tuple of one, returned under `-> tuple`, stays a tuple",
    "datetime-in-utc": "a datetime stored as msgpack text without a zone is read as UTC, like every other",
    "union-without-tag": "a union literal whose type has no tag is read by the one variant that takes it",
    "lambda": "that a task is no lambda is checked by the decorator, not by the types",
}
"""Every way in which ours differs on purpose, and why; `docs/types.md` shows them."""

DEVIATING = {
    "none-literal": "none-is-a-type",
    "list-none": "list-of-none",
    "ordered-dict": "refused-earlier",
    "counter": "refused-earlier",
    "defaultdict": "refused-earlier",
    "dict-tuple-int": "refused-earlier",
    "dc-plain-class-field": "refused-earlier",
    "dc-point-wrong-field": "dataclass-field-type",
    "dc-point-none-field": "dataclass-field-type",
    "dc-with-model": "model-in-dataclass",
    "dict-int-model": "model-in-dataclass",
    "model-keyword-alias": "alias-not-readable",
    "enum-mixed": "enum-of-mixed-values",
    "namedtuple-untyped": "namedtuple-untyped",
    "namedtuple-from-other": "namedtuple-longer",
    "annotated-tuple": "annotated-tuple",
    "every-union-with-list-bytes": "union-container-by-class",
    "if-bare-tuple": "bare-tuple-unwrapped",
    "if-lambda": "lambda",
    "read-float-from-msgpack-int": "int-for-float",
    "read-datetime-from-msgpack": "datetime-in-utc",
    "read-optional-no-tag": "union-without-tag",
}
"""Deviations that the case itself does not name."""


def slug_of(case: Any) -> str:
    return DEVIATING.get(case.id, case.deviation)


@pytest.mark.parametrize("case", [case for case in CASES if not slug_of(case)], ids=lambda case: case.id)
def test_ours_equals_the_record(case: Any) -> None:
    assert [] == differences(case, CORPUS)


@pytest.mark.parametrize("case", [case for case in CASES if slug_of(case)], ids=lambda case: case.id)
def test_a_deviation_is_known_and_still_one(case: Any) -> None:
    assert slug_of(case) in DEVIATIONS
    found = differences(case, CORPUS)
    if getattr(case, "ours_like", ""):
        assert [] == found
    else:
        assert found


# Those whose field drops something on the way, as declared.
LOSSY = {"union-dataclass-subclass"}


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in CASES
        if slug_of(case) in ("union-read-by-tag-only", "alias-not-readable") and case.id not in LOSSY
    ],
    ids=lambda case: case.id,
)
def test_what_only_ours_reads_back_is_what_was_written(case: Any) -> None:
    found = differences(case, CORPUS)
    assert found in (["read a value that is refused"], found if case.id == "model-keyword-alias" else [])


def test_every_deviation_has_a_case() -> None:
    assert set(DEVIATIONS) == {slug_of(case) for case in CASES} - {""}


def test_the_readme_lists_every_deviation() -> None:
    readme = Path(HERE, "README.md").read_text(encoding="utf-8")
    assert [] == [slug for slug, reason in DEVIATIONS.items() if f"`{slug}`: {reason}." not in readme]
