"""Values of actions beside their messages, and settings as plain data."""

import copy
import json

from flyteidl2.core import literals_pb2
from flyteidl2.task import common_pb2

from flyte_remote.settings import UNSET, EffectiveSetting, LocalSetting, SettingOrigin, Settings
from flyte_remote.values import ActionInputs, ActionOutputs


def three() -> literals_pb2.Literal:
    return literals_pb2.Literal(scalar=literals_pb2.Scalar(primitive=literals_pb2.Primitive(integer=3)))


def test_inputs_may_be_changed_and_their_message_stays() -> None:
    inputs = ActionInputs(common_pb2.Inputs(literals=[common_pb2.NamedLiteral(name="x", value=three())]), {"x": 3})
    other = inputs.copy()
    inputs["y"] = 2
    inputs.update(x=4)
    assert {**inputs} == {"x": 4, "y": 2}
    assert inputs == {"x": 4, "y": 2}
    assert inputs.pop("y") == 2
    assert dict(other) == dict(copy.copy(other)) == {"x": 3}
    stored = {"literals": [{"name": "x", "value": {"scalar": {"primitive": {"integer": "3"}}}}]}
    assert inputs.to_dict() == json.loads(inputs.to_json()) == other.to_dict() == stored


def test_outputs_are_a_tuple_and_have_a_message() -> None:
    outputs = ActionOutputs(common_pb2.Outputs(literals=[common_pb2.NamedLiteral(name="o0", value=three())]), (3,))
    assert outputs == (3,)
    assert outputs.named_outputs == {"o0": 3}
    assert outputs.to_dict()["literals"][0]["name"] == "o0"


def test_settings_are_plain_data() -> None:
    settings = Settings(
        [EffectiveSetting("run.default_queue", "fast", SettingOrigin("DOMAIN", "development"))],
        [LocalSetting("labels", {"a": "b"}), LocalSetting("run.default_queue", UNSET)],
        project="shop",
        domain="development",
    )
    assert json.loads(settings.to_json()) == {
        "effective_settings": [
            {
                "key": "run.default_queue",
                "value": "fast",
                "origin": {"scope_type": "DOMAIN", "domain": "development", "project": None},
            }
        ],
        "local_settings": [{"key": "labels", "value": {"a": "b"}}, {"key": "run.default_queue", "value": "~unset"}],
        "domain": "development",
        "project": "shop",
    }
