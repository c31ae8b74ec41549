"""Rules of the protos hold, those that name values of enums among them."""

import pytest
from flyteidl2.common import phase_pb2
from flyteidl2.task import run_pb2

from flyte_devbox.errors import ServiceError
from flyte_devbox.validation import check

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
