"""The 17 names of the public `flyte.models`, and the policies, take the arguments and have the attributes of the reference."""

import importlib
import inspect
import json
from pathlib import Path

import pytest

REFERENCE = json.loads(Path(__file__).with_name("reference-2.12.1.json").read_text(encoding="utf-8"))["models"]
HOMES = {
    "ActionID": "ids",
    "ActionPhase": "phases",
    "Backoff": "policies",
    "CLUSTERED_WORKER_ENV": "task_context",
    "CallCounter": "ids",
    "CheckpointPaths": "paths",
    "CodeBundle": "bundles",
    "Docstring": "docstrings",
    "GroupData": "task_context",
    "MAX_INLINE_IO_BYTES": "policies",
    "NULL_TASK_CONTEXT": "task_context",
    "NativeInterface": "interface",
    "PathRewrite": "paths",
    "RawDataPath": "paths",
    "RetryStrategy": "policies",
    "SerializationContext": "serialization",
    "TaskContext": "task_context",
    "Timeout": "policies",
    "generate_random_name": "names",
    "is_clustered_worker_env": "task_context",
}
# Fields that only ours have; they come with a default.
OURS = {"TaskContext": {"local_attempt"}}


def find(name: str):
    return getattr(importlib.import_module(f"flyte_models.{HOMES[name]}"), name)


@pytest.mark.parametrize("name", HOMES)
def test_the_name_is_where_it_belongs(name: str):
    assert find(name) is not None


@pytest.mark.parametrize("name", REFERENCE)
def test_arguments_are_those_of_the_reference(name: str):
    parameters = [p for p in inspect.signature(find(name)).parameters.values() if p.name not in OURS.get(name, set())]
    ours = [[p.name, p.kind.name, None if p.default is p.empty else repr(p.default)] for p in parameters]
    assert REFERENCE[name]["parameters"] == ours


@pytest.mark.parametrize("name", REFERENCE)
def test_attributes_and_methods_are_those_of_the_reference(name: str):
    each = find(name)
    assert set(REFERENCE[name]["attributes"]) - set(dir(each)) == set()
    for method, parameters in REFERENCE[name].get("methods", {}).items():
        assert parameters == list(inspect.signature(getattr(each, method)).parameters)


def test_the_constants():
    assert find("MAX_INLINE_IO_BYTES") == 10 * 1024 * 1024
    assert find("CLUSTERED_WORKER_ENV") == "FLYTE_CLUSTERED_WORKER"
