"""The classes of `flyte.remote` have the methods of PyPI flyte 2.12.1, with their parameters in the same order."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent
RECORDED: dict[str, list[list[Any]] | None] = json.loads((FOLDER / "remote-methods-2.12.1.json").read_text())
OTHERWISE = {
    "TaskDetails.override": "takes its settings by keyword, and says which there are when one is none",
    "auth_metadata": "its pairs have no name that anybody could give",
    "FunctionCallError": "an exception",
}

SET_ON_OBJECTS = {"Trigger.details"}


@pytest.fixture(scope="module")
def ours() -> dict[str, list[list[Any]] | None]:
    spec = importlib.util.spec_from_file_location("remote_methods", FOLDER / "remote_methods.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.methods()


def test_every_method_is_there(ours: dict[str, Any]) -> None:
    assert sorted(RECORDED.keys() - ours.keys() - SET_ON_OBJECTS) == []


@pytest.mark.parametrize("name", [name for name, found in RECORDED.items() if found and name not in OTHERWISE])
def test_parameters_are_those_of_the_reference(name: str, ours: dict[str, Any]) -> None:
    wanted, found = RECORDED[name], ours[name]
    assert wanted is not None
    by_name = {each[0]: each for each in found}
    for parameter, kind, is_optional in wanted:
        assert parameter in by_name
        assert by_name[parameter][1] == kind
        assert by_name[parameter][2] or not is_optional
    order = [each[0] for each in wanted if each[1] == "POSITIONAL_OR_KEYWORD"]
    assert [each[0] for each in found if each[1] == "POSITIONAL_OR_KEYWORD"][: len(order)] == order
    # What is new has a default, so that every call of before goes on working.
    assert all(each[2] for each in found if each[0] not in {one[0] for one in wanted} and "VAR" not in each[1])
