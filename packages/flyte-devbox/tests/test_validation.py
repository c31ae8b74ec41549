"""Rules of the protos hold, those that name values of enums among them."""

from typing import Any

import pytest
from flyteidl2.actions import actions_service_pb2
from flyteidl2.common import phase_pb2
from flyteidl2.settings import settings_definition_pb2, settings_service_pb2
from flyteidl2.task import run_pb2, task_definition_pb2, task_service_pb2
from flyteidl2.trigger import trigger_service_pb2
from flyteidl2.workflow import queue_service_pb2, run_service_pb2
from google.protobuf.message import Message

from flyte_devbox.errors import ServiceError
from flyte_devbox.validation import check
from flyte_devbox.variables import check_variables

PAUSED, FAILED, SUCCEEDED = (
    phase_pb2.ACTION_PHASE_PAUSED,
    phase_pb2.ACTION_PHASE_FAILED,
    phase_pb2.ACTION_PHASE_SUCCEEDED,
)


def rules(*phases: int) -> run_pb2.InlineRuleList:
    rule = run_pb2.InlineRule(on_phases=phases)
    rule.delivery_template.webhook.url = "https://example.org/hook"
    rule.delivery_template.webhook.method = 2
    return run_pb2.InlineRuleList(rules=[rule])


@pytest.mark.parametrize("phases", [(FAILED,), (FAILED, SUCCEEDED), (PAUSED,)])
def test_notifications_of_one_or_more_phases_pass(phases) -> None:
    check(rules(*phases))


def test_a_rule_that_names_an_enum_holds() -> None:
    with pytest.raises(ServiceError, match="PAUSED must not subscribe to other phases"):
        check(rules(PAUSED, FAILED))


def test_the_other_rules_of_such_a_request_hold_too() -> None:
    with pytest.raises(ServiceError, match=r"on_phases`.*in list"):
        check(rules(1))


def with_variable(request: Message, *path: str) -> Message:
    """A request with a variable that no process can have: `path` leads to a list of pairs, or to what is added to on the way."""
    at: Any = request
    for field in path[:-1]:
        at = getattr(at, field)
        at = at.add() if hasattr(at, "add") else at
    getattr(at, path[-1]).add(key="A=B", value="secret")
    return request


def setting() -> settings_definition_pb2.Settings:
    settings = settings_definition_pb2.Settings()
    settings.environment_variables.map_value.entries["A=B"] = "secret"
    return settings


def pod() -> task_definition_pb2.TaskSpec:
    spec = task_definition_pb2.TaskSpec()
    spec.task_template.k8s_pod.primary_container_name = "main"
    variables = [{"name": "A=B", "value": "secret"}, "no variable"]
    spec.task_template.k8s_pod.pod_spec.update({"containers": [{"name": "main", "env": variables}]})
    return spec


@pytest.mark.parametrize(
    "request_",
    [
        with_variable(task_definition_pb2.TaskSpec(), "task_template", "container", "env"),
        with_variable(task_service_pb2.DeployTaskRequest(), "spec", "task_template", "container", "env"),
        with_variable(task_service_pb2.DeployTaskRequest(), "triggers", "spec", "run_spec", "envs", "values"),
        with_variable(run_service_pb2.CreateRunRequest(), "task_spec", "task_template", "container", "env"),
        with_variable(run_service_pb2.CreateRunRequest(), "run_spec", "envs", "values"),
        with_variable(
            actions_service_pb2.EnqueueRequest(), "action", "task", "spec", "task_template", "container", "env"
        ),
        with_variable(queue_service_pb2.EnqueueActionRequest(), "task", "spec", "task_template", "container", "env"),
        with_variable(trigger_service_pb2.DeployTriggerRequest(), "spec", "run_spec", "envs", "values"),
        settings_service_pb2.CreateSettingsRequest(settings=setting()),
        settings_service_pb2.UpdateSettingsRequest(settings=setting()),
        pod(),
    ],
    ids=lambda request: request.DESCRIPTOR.name,
)
def test_variables_that_no_process_can_have_are_refused_wherever_they_stand(request_: Message) -> None:
    with pytest.raises(ServiceError, match="'A=B' cannot be the name") as refused:
        check_variables(request_)
    assert refused.value.code == "invalid_argument"
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(("name", "text"), [("", "x"), ("A\0", "x"), ("A", "x\0y")])
def test_names_and_values_of_variables(name: str, text: str) -> None:
    request = run_service_pb2.CreateRunRequest()
    request.run_spec.envs.values.add(key="FINE", value="a=b")
    check_variables(request)
    request.run_spec.envs.values.add(key=name, value=text)
    with pytest.raises(ServiceError, match=r"environment variable"):
        check_variables(request)
