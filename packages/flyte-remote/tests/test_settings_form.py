"""Settings between the protocol, flat values and YAML: nothing is lost on the way, whatever the texts are."""

from typing import Any

import hypothesis.strategies as st
from hypothesis import given

from flyte_remote.settings_form import UNSET, available_keys, empty_of, flat_of, message_of, parse_yaml, yaml_of

TEXT = st.text(max_size=20).filter(lambda text: text != "~unset")


def values_of(key: str) -> st.SearchStrategy[Any]:
    kinds: dict[type, st.SearchStrategy[Any]] = {
        dict: st.dictionaries(TEXT, TEXT, max_size=3),
        bool: st.booleans(),
        int: st.integers(-(2**63), 2**63 - 1),
        str: TEXT,
    }
    return st.one_of(st.just(UNSET), kinds[type(empty_of(key))])


SETTINGS = st.lists(st.sampled_from(available_keys()), unique=True).flatmap(
    lambda keys: st.fixed_dictionaries({key: values_of(key) for key in keys})
)


@given(SETTINGS)
def test_flat_values_come_back_from_the_protocol(settings: dict[str, Any]) -> None:
    assert flat_of(message_of(settings)) == settings


@given(SETTINGS)
def test_flat_values_come_back_from_yaml(settings: dict[str, Any]) -> None:
    lines = [line for key, value in settings.items() for line in yaml_of(key, value)]
    assert flat_of(message_of(parse_yaml("\n".join(lines)))) == settings


@given(SETTINGS)
def test_what_is_off_is_not_there(settings: dict[str, Any]) -> None:
    lines = [line for key, value in settings.items() for line in yaml_of(key, value, is_off=True, comment="from ORG")]
    assert parse_yaml("\n".join(lines)) == {}
    without = [line.removeprefix("# ") for line in lines]
    assert flat_of(message_of(parse_yaml("\n".join(without)))) == settings


def test_groups_may_be_nested() -> None:
    assert parse_yaml("run:\n  default_queue: x\ntask_resource: {min: {cpu: 2}}\nlabels: {a: b}\n") == {
        "run.default_queue": "x",
        "task_resource.min.cpu": 2,
        "labels": {"a": "b"},
    }
