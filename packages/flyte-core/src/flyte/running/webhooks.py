"""Tells an address that a condition waits. What goes wrong costs a warning: the condition waits all the same."""

import json
import logging
import time
import urllib.error
import urllib.request
from typing import Any, cast

from flyte_models.conditions import ConditionWebhook

__all__ = ["tell"]

_logger = logging.getLogger("flyte")
_SECONDS = 10.0
"""How long one try may take."""
_WAITS = (0.2, 1.0)
"""The waits before further tries."""


def tell(webhook: ConditionWebhook, run_name: str, condition_name: str) -> None:
    """Post the payload of a webhook, at most three times; blocks for as long.

    `{callback_uri}` in its texts becomes the command that answers the condition: a local run has no address to call back.
    """
    callback = f"flyte signal condition {run_name} {condition_name}"
    body = json.dumps(_filled(webhook.payload or {}, callback)).encode()
    if not webhook.url.startswith(("http://", "https://")):
        _logger.warning("condition `%s`: its webhook `%s` is no web address", condition_name, webhook.url)
        return
    request = urllib.request.Request(  # noqa: S310 - of the two schemes above
        webhook.url, data=body, headers={"Content-Type": "application/json"}, method="POST"
    )
    problem = ""
    for wait in (0.0, *_WAITS):
        time.sleep(wait)
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310 - as above
                return
        except urllib.error.HTTPError as error:
            problem = str(error)
            if error.code < 500:
                break
        except OSError as error:
            problem = str(error)
    _logger.warning("condition `%s`: its webhook `%s` was not reached: %s", condition_name, webhook.url, problem)


def _filled(item: Any, callback: str) -> Any:
    if isinstance(item, str):
        return item.replace("{callback_uri}", callback)
    if isinstance(item, dict):
        return {key: _filled(each, callback) for key, each in cast("dict[str, Any]", item).items()}
    if isinstance(item, list):
        return [_filled(each, callback) for each in cast("list[Any]", item)]
    return item
