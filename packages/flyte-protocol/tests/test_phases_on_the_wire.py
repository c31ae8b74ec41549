import subprocess
import sys

import pytest
from flyteidl2.common import phase_pb2
from hypothesis import given
from hypothesis import strategies as st

from flyte_models.phases import ActionPhase
from flyte_protocol.phases import phase_from_wire, phase_to_wire

WIRE = phase_pb2.DESCRIPTOR.enum_types_by_name["ActionPhase"].values_by_name


def test_the_phases_are_those_of_the_protocol():
    ours = {phase.to_protobuf_name(): phase.to_protobuf_value() for phase in ActionPhase}
    assert {name: value.number for name, value in WIRE.items()} == {"ACTION_PHASE_UNSPECIFIED": 0, **ours}


@pytest.mark.parametrize("phase", [None, *ActionPhase])
def test_phases_go_both_ways(phase: ActionPhase | None):
    assert phase_from_wire(phase_to_wire(phase)) is phase


@given(st.integers(-(2**31), 2**31 - 1))
def test_a_watcher_takes_any_number(number: int):
    phase = phase_from_wire(number)
    assert phase is (ActionPhase.from_protobuf(number) if 1 <= number <= 10 else None)


@pytest.mark.parametrize("module", ["flyte_protocol", "flyte_protocol.phases", "flyte_protocol.waits"])
def test_no_protobuf_is_loaded(module: str):
    code = f"import sys, {module}; print([m for m in sys.modules if m.startswith(('google.protobuf', 'flyteidl2'))])"
    assert (
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip() == "[]"
    )
