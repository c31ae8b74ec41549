import json
from pathlib import Path

import pytest

from flyte_models.phases import ActionPhase

REFERENCE = json.loads(Path(__file__).with_name("reference-2.12.1.json").read_text(encoding="utf-8"))


def test_members_are_those_of_the_reference():
    ours = [[p.name, p.value, p.is_terminal, p.to_protobuf_name(), p.to_protobuf_value()] for p in ActionPhase]
    assert REFERENCE["phases"] == ours


def test_a_phase_is_text_and_prints_as_its_member():
    assert ActionPhase.QUEUED == "queued"
    assert str(ActionPhase.QUEUED) == "ActionPhase.QUEUED"


@pytest.mark.parametrize("phase", ActionPhase)
def test_numbers_go_both_ways(phase: ActionPhase):
    assert ActionPhase.from_protobuf(phase.to_protobuf_value()) is phase


def test_unspecified_is_no_phase():
    with pytest.raises(ValueError, match="UNSPECIFIED"):
        ActionPhase.from_protobuf(0)


@pytest.mark.parametrize("number", [-1, 11, 99])
def test_an_unknown_number_is_a_value_error(number: int):
    with pytest.raises(ValueError, match=f"{number} is no phase.*\nhint: "):
        ActionPhase.from_protobuf(number)


@pytest.mark.parametrize("value", ["running", None, 1.0])
def test_what_is_no_number_is_a_type_error(value: object):
    with pytest.raises(TypeError):
        ActionPhase.from_protobuf(value)
