"""What authors declare beside their tasks takes the arguments, gives the values and refuses what PyPI flyte 2.12.1 does.

`declarations-2.12.1.json` holds its answers to `declaration_cases.py`; `record_declarations.py` recorded them.
"""

import dataclasses
import importlib
import inspect
import sys
import typing
from hashlib import sha256
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[3] / "tests" / "contract"))

import by_python
import declaration_cases as declared

REFERENCE = by_python.load(Path(__file__).with_name("declarations-2.12.1.json"))
MODULES = {
    "accelerators": "Accelerators DeviceClass",
    "artifacts": "KIND_KEY MAX_PARENTS Artifact Card CardFormat CardType Granularity Kind Metadata TimePartition",
    "caching": "Cache CachePolicy VersionParameters",
    "conditions": "ConditionWebhook",
    "documentation": "Documentation",
    "links": "Link",
    "notifications": "Email NamedDelivery NamedRule Notification Slack Teams Webhook",
    "phases": "ActionPhase",
    "pod_templates": "PodTemplate",
    "resources": "AMD_GPU APPLE_SILICON Device GPU HABANA_GAUDI Neuron Resources TPU",
    "reuse": "ReusePolicy",
    "secrets": "Secret",
    "triggers": "Cron FixedRate OnArtifact Trigger TriggerTime TriggeredArtifact TriggeredPartition",
}
NAMES = {
    name: getattr(importlib.import_module(f"flyte_models.{module}"), name)
    for module, names in MODULES.items()
    for name in names.split()
}
SINGLETONS = {name: NAMES[name] for name in ("TriggerTime", "TriggeredArtifact")}

# Where ours does another thing on purpose: case -> outcome.
DEVIATING = {
    # A name that no process could read is refused.
    r"Secret('a',as_env_var='X\n')": {"error": "ValueError"},
    # All default policies are the same policy.
    "Cache('auto')==Cache('auto')": {"value": "True"},
    # A tuple of policies is several policies, not one that has no `get_version`.
    **{
        f"Cache({behavior!r}, salt='s', policies=(FixedPolicy('a'),)).get_version(VersionParameters(add_one))": {
            "value": repr(sha256(b"as").hexdigest())
        }
        for behavior in ("auto", "override")
    },
    # What no schedule can have is refused where it is written, not when it is deployed.
    **{f"FixedRate({minutes})": {"error": "TypeError"} for minutes in ("'5'", "1.5", "None")},
    # A frozen class with slots says so in a less helpful way.
    "setattr(Device(2, 'GPU', 'T4'), 'something_else', 'x')": {"error": "FrozenInstanceError"},
}
TYPE_ERRORS = {"AttributeError"}
"""What the reference's code raises where it trips over a value of another type; ours says what is wrong, as a `TypeError`."""
KEPT = ("PodTemplate.from_spec(", "shown(PodTemplate", "delattr(")
"""Where an `AttributeError` is the answer: a specification is whatever has the attributes of one."""


def parameters_of(function: object) -> list:
    return [
        [p.name, p.kind.name, None if p.default is p.empty else repr(p.default)]
        for p in inspect.signature(function).parameters.values()
    ]


def expected(case: str, recorded: dict) -> dict:
    if recorded.get("error") in TYPE_ERRORS and not case.startswith(KEPT):
        return {"error": "TypeError"}
    return DEVIATING.get(case, recorded)


@pytest.mark.parametrize("name", declared.CLASSES)
def test_a_class_has_the_shape_of_the_reference(name: str):
    each = NAMES[name]
    row = REFERENCE["classes"][name]
    assert row["parameters"] == parameters_of(each)
    assert row["fields"] == [[f.name, f.init, f.repr, f.compare, f.kw_only] for f in dataclasses.fields(each)]
    assert row["frozen"] == each.__dataclass_params__.frozen
    for method, parameters in row["methods"].items():
        if (name, method) != ("Card", "create_from"):
            assert parameters == parameters_of(getattr(each, method))
    assert row["properties"] == [n for n in row["properties"] if isinstance(inspect.getattr_static(each, n), property)]


@pytest.mark.parametrize("name", declared.FUNCTIONS)
def test_a_function_takes_what_that_of_the_reference_takes(name: str):
    assert REFERENCE["functions"][name] == parameters_of(NAMES[name])


@pytest.mark.parametrize("name", declared.ALIASES)
def test_the_words_that_a_type_allows_are_those_of_the_reference(name: str):
    assert REFERENCE["aliases"][name] == list(typing.get_args(NAMES[name]))


@pytest.mark.parametrize("name", declared.PROTOCOLS)
def test_a_protocol_asks_for_what_that_of_the_reference_asks_for(name: str):
    assert REFERENCE["protocols"][name] == parameters_of(getattr(NAMES[name], declared.PROTOCOLS[name]))


def test_constants_are_those_of_the_reference():
    assert REFERENCE["constants"] == {name: NAMES[name] for name in REFERENCE["constants"]}


def test_the_recorded_cases_are_the_written_ones():
    assert list(REFERENCE["cases"]) == declared.CASES
    assert list(REFERENCE["pod_cases"]) == declared.POD_CASES


def test_values_and_refusals_are_those_of_the_reference():
    names = NAMES | declared.STANDARD | declared.OWN
    outcomes = {case: declared.outcome(case, names, SINGLETONS) for case in declared.CASES}
    differing = {
        case: (expected(case, recorded), outcomes[case])
        for case, recorded in REFERENCE["cases"].items()
        if expected(case, recorded) != outcomes[case]
    }
    assert {} == differing


def test_pods_are_those_of_the_reference():
    pytest.importorskip("kubernetes.client")
    names = NAMES | declared.STANDARD | declared.names_of_kubernetes()
    outcomes = {case: declared.outcome(case, names, SINGLETONS) for case in declared.POD_CASES}
    differing = {
        case: (expected(case, recorded), outcomes[case])
        for case, recorded in REFERENCE["pod_cases"].items()
        if expected(case, recorded) != outcomes[case]
    }
    assert {} == differing
