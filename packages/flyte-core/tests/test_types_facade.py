"""`flyte.types`: the names of the reference, and that importing them costs no protobuf."""

import asyncio
import inspect
import subprocess
import sys

import pytest
from flyteidl2.core.interface_pb2 import TypedInterface, Variable

import flyte
from flyte.types import (
    FlytePickle,
    Renderable,
    TypeEngine,
    TypeTransformer,
    TypeTransformerFailedError,
    guess_interface,
    literal_string_repr,
)


def test_the_names_are_those_of_the_reference():
    expected = {
        "FlytePickle", "Renderable", "TypeEngine", "TypeTransformer", "TypeTransformerFailedError", "guess_interface",
        "literal_string_repr",
    }  # fmt: skip
    assert expected == set(flyte.types.__all__)
    assert issubclass(TypeTransformerFailedError, AssertionError)
    assert hasattr(Renderable, "to_html")


METHODS = {
    "register": ["transformer", "additional_types"],
    "register_additional_type": ["transformer", "additional_type", "override"],
    "register_restricted_type": ["name", "type"],
    "lazy_import_transformers": [],
    "get_transformer": ["python_type"],
    "get_available_transformers": [],
    "to_literal_type": ["python_type"],
    "to_literal_checks": ["python_val", "python_type", "expected"],
    "to_literal": ["python_val", "python_type", "expected"],
    "unwrap_offloaded_literal": ["lv"],
    "to_python_value": ["lv", "expected_python_type"],
    "to_html": ["python_val", "expected_python_type"],
    "named_tuple_to_variable_map": ["t"],
    "literal_map_to_kwargs": ["lm", "python_types", "literal_types"],
    "dict_to_literal_map": ["d", "type_hints"],
    "guess_python_types": ["flyte_variable_list"],
    "guess_python_type": ["flyte_type"],
}
COROUTINES = {
    "to_literal",
    "to_python_value",
    "unwrap_offloaded_literal",
    "literal_map_to_kwargs",
    "dict_to_literal_map",
}
TRANSFORMER = {
    "get_literal_type": ["t"],
    "to_literal": ["python_val", "python_type", "expected"],
    "to_python_value": ["lv", "expected_python_type"],
    "guess_python_type": ["literal_type"],
    "assert_type": ["t", "v"],
    "isinstance_generic": ["obj", "generic_alias"],
    "schema_match": ["schema"],
    "from_binary_idl": ["binary_idl_object", "expected_python_type"],
    "to_html": ["python_val", "expected_python_type"],
}


@pytest.mark.parametrize(("name", "parameters"), METHODS.items())
def test_the_signatures_of_the_engine(name, parameters):
    method = getattr(TypeEngine, name)
    assert parameters == list(inspect.signature(method).parameters)
    assert (name in COROUTINES) == inspect.iscoroutinefunction(method)


@pytest.mark.parametrize(("name", "parameters"), TRANSFORMER.items())
def test_the_signatures_of_transformers(name, parameters):
    method = getattr(TypeTransformer, name)
    assert ["self", *parameters] == list(inspect.signature(method).parameters)
    assert (name in {"to_literal", "to_python_value"}) == inspect.iscoroutinefunction(method)


def test_the_two_functions_reach_what_they_name():
    interface = TypedInterface()
    interface.inputs.variables.add(key="n", value=Variable(type=TypeEngine.to_literal_type(list[int])))
    assert guess_interface(interface).get_input_types() == {"n": list[int]}
    literal = asyncio.run(TypeEngine.to_literal([1], list[int], TypeEngine.to_literal_type(list[int])))
    assert literal_string_repr({"n": literal}) == {"n": [1]}


def test_pickles_can_be_stored_by_hand(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert FlytePickle[int].python_type() is int
    assert FlytePickle.python_type() is type(None)
    assert issubclass(FlytePickle[int], FlytePickle)

    async def check():
        return await FlytePickle.from_pickle(await FlytePickle.to_pickle({"a": {1, 2}}))

    assert asyncio.run(check()) == {"a": {1, 2}}


def test_importing_loads_no_protobuf():
    script = "import sys, flyte.types\nprint(any(m.startswith(('google', 'flyteidl2', 'pydantic', 'asyncio')) for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
