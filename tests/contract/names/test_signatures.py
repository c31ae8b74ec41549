"""Everything public takes the parameters of PyPI flyte 2.12.1, in their order, of their kinds and with their defaults.

Ours may take more, by keyword and with a default, so that every call written for the reference is a call of ours.
"""

import importlib.util
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("signatures", FOLDER / "signatures.py")
assert _spec is not None
assert _spec.loader is not None
recorder: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(recorder)

RECORDED: dict[str, list[list[Any]]] = json.loads((FOLDER / "signatures-2.12.1.json").read_text())
PENDING = {
    f"{module}.{name}"
    for module, names in tomllib.loads((FOLDER / "pending_names.toml").read_text())["pending"].items()
    for name in names
}
OF_PYDANTIC = ("Config", "model_post_init", "pre_init", "schema_match", "deserialize_", "serialize_", "set_literal")
"""Methods that only a model of pydantic has, which our handles are not."""
NOT_CALLED = {
    "flyte.SecretRequest",
    "flyte.extras.shell.OutputSpec",
    "flyte.extras.ContainerTask.MetadataFormat",
    "flyte.models.ActionPhase",
}
"""Unions of types, which Python takes for callable, and an enum, whose parameters are those of the version of Python."""
OTHERWISE = {
    "_call_as_synchronous": "a field of the reference's own workings",
    "obj": "the one parameter of `syncify`, which nobody names",
}


@pytest.fixture(scope="module")
def ours() -> dict[str, Any]:
    return recorder.signatures()


def is_compared(name: str) -> bool:
    of_pydantic = name.startswith("flyte.io.") and name.rpartition(".")[2].startswith(OF_PYDANTIC)
    return not (name in PENDING or name in NOT_CALLED or of_pydantic)


@pytest.mark.parametrize("name", [name for name in RECORDED if is_compared(name)])
def test_parameters_are_those_of_the_reference(name: str, ours: dict[str, Any]) -> None:
    found = {each[0]: each for each in ours[name]}
    wanted = [each for each in RECORDED[name] if each[0] not in OTHERWISE]
    for parameter, kind, default in wanted:
        assert parameter in found
        _, our_kind, our_default = found[parameter]
        assert our_kind == kind, parameter
        # What is required there may have a default here; a default that is some object is an object here as well.
        if default == "...":
            assert our_default is not None, parameter
        elif default is not None:
            assert our_default == default, parameter
    positional = [each[0] for each in wanted if each[1] == "POSITIONAL_OR_KEYWORD"]
    assert [each for each in found if each in positional] == positional
    more = [
        each for key, each in found.items() if key not in {each[0] for each in RECORDED[name]} and key != "function"
    ]
    for parameter, kind, default in more:
        is_open = kind.startswith("VAR_")
        assert is_open or default is not None, f"{parameter} is required here only"
        assert is_open or kind == "KEYWORD_ONLY" or parameter == "_tag", f"{parameter} must be by keyword"
