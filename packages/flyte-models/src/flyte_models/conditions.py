"""What an author declares of a condition: the webhook that tells somebody that a run waits for an answer."""

from typing import Any

from flyte_models.values import light_dataclass

__all__ = ["ConditionWebhook"]


@light_dataclass()
class ConditionWebhook:
    """A web address that is called when a condition starts to wait."""

    url: str
    payload: dict[str, Any] | None = None
    """The JSON body; `{callback_uri}` in its strings stands for the address that takes the answer."""
