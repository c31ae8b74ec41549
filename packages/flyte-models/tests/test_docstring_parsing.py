import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyte_models.docstrings import Docstring

REFERENCE = json.loads(Path(__file__).with_name("reference-2.12.1.json").read_text(encoding="utf-8"))
PARTS = ("short_description", "long_description", "input_descriptions", "output_descriptions")


@pytest.mark.parametrize("row", REFERENCE["docstrings"], ids=lambda row: row["style"])
def test_docstrings_are_read_as_by_the_reference(row: dict):
    doc = Docstring(row["text"])
    assert {part: row[part] for part in PARTS} == {part: getattr(doc, part) for part in PARTS}


def count_words(path: str) -> int:
    """Count words.

    Args:
        path: the file to read
    """
    return len(path)


def test_a_callable_brings_its_docstring():
    assert Docstring(callable_=count_words).input_descriptions == {"path": "the file to read"}
    assert Docstring("Else.", callable_=count_words).short_description == "Else."


@pytest.mark.parametrize("doc", [Docstring(), Docstring(""), Docstring(callable_=lambda: None)])
def test_no_docstring_is_no_error(doc: Docstring):
    assert [getattr(doc, part) for part in PARTS] == [None, None, {}, {}]


def test_docstrings_compare_by_their_text():
    assert Docstring("a") == Docstring("a") != Docstring("b")


LINES = st.sampled_from(
    ["", "Args:", "Parameters", "----------", "    x: y", "  z", ":param a: b", ":param:", "Returns:", "x : int", "*"]
)


@given(st.lists(LINES | st.text(max_size=10), max_size=12).map("\n".join))
def test_no_text_is_an_error(text: str):
    doc = Docstring(text)
    assert all(isinstance(name, str) for name in doc.input_descriptions)
    assert doc.short_description is None or doc.short_description in text.expandtabs()
