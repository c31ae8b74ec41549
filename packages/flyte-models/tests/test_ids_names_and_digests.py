import json
import pickle
from dataclasses import FrozenInstanceError
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyte_models.digests import base36, cache_key_hash, hash_data, inputs_hash, task_identity_hash
from flyte_models.ids import ActionID, CallCounter
from flyte_models.names import child_action_name, generate_random_name

REFERENCE = json.loads(Path(__file__).with_name("reference-2.12.1.json").read_text(encoding="utf-8"))


def test_child_names_are_those_of_the_reference():
    ours = [ActionID(name=row["parent"]).new_sub_action_from(*row["arguments"]).name for row in REFERENCE["names"]]
    assert [row["name"] for row in REFERENCE["names"]] == ours


@pytest.mark.parametrize("row", REFERENCE["ids"])
def test_ids_print_and_join_as_in_the_reference(row: dict):
    action = ActionID(**row["fields"])
    assert row["repr"] == repr(action)
    assert row["unique"] == [[salt, action.unique_id_str(salt)] for salt, _ in row["unique"]]


def test_digests_are_those_of_the_reference():
    assert REFERENCE["digests"]["hash_data"] == [
        [text, hash_data(text)] for text, _ in REFERENCE["digests"]["hash_data"]
    ]
    for row in REFERENCE["digests"]["tasks"]:
        name, version = row["task_name"], row["version"]
        interface = hash_data(bytes.fromhex(row["interface_bytes"]))
        inputs = inputs_hash((name, bytes.fromhex(value)) for name, value in row["inputs"])
        assert row["interface_hash"] == interface
        assert row["inputs_hash"] == inputs
        assert row["identity"] == task_identity_hash(name, interface, version)
        assert row["cache_key"] == cache_key_hash(name, inputs, interface, version)


@given(st.integers(0, 2**200))
def test_base36_is_the_inverse_of_int(number: int):
    assert int(base36(number), 36) == number


def test_base36_has_no_negative_numbers():
    with pytest.raises(ValueError, match="-1"):
        base36(-1)


@given(st.text(), st.text(), st.text(), st.integers(0, 10**9), st.none() | st.text())
def test_child_names_are_lower_case_and_fit_a_dns_label(
    parent: str, inputs: str, task: str, call: int, group: str | None
):
    name = child_action_name(parent, inputs, task, call, group)
    assert name == child_action_name(parent, inputs, task, call, group)
    assert name.isalnum()
    assert name == name.lower()
    assert len(name) <= 25


def test_a_sub_action_stays_in_its_run():
    root = ActionID(name="a0", run_name="r", project="p", domain="d", org="o")
    child = root.new_sub_action("x")
    assert child == ActionID(name="x", run_name="r", project="p", domain="d", org="o")
    assert UUID(root.new_sub_action().name).version == 4


def test_an_action_without_a_run_is_its_own():
    assert ActionID(name="x").run_name == "x"
    random = ActionID.create_random()
    assert (random.run_name, UUID(random.name).version) == (random.name, 4)


def test_ids_are_frozen_hashable_and_keyword_only():
    action = ActionID(name="x")
    assert {action: 1}[ActionID(name="x")] == 1
    assert pickle.loads(pickle.dumps(action)) == action
    with pytest.raises(FrozenInstanceError):
        action.name = "y"
    with pytest.raises(TypeError):
        ActionID("x")


def test_random_names_differ():
    assert generate_random_name() != generate_random_name()


def test_calls_are_counted_by_key_from_one():
    counter = CallCounter()
    assert [counter.next("a"), counter.next("a"), counter.next("b")] == [1, 2, 1]
    assert repr(counter) == "CallCounter({'a': 2, 'b': 1})"
