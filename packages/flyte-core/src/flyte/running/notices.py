"""Telling somebody how a local run ended: e-mail, Slack, Teams, any webhook. What cannot be told is a warning, never a failure.

A control plane fills in `{{.Run.Name}}`; programs written for PyPI flyte also say `{run.name}`. Both are filled in here.
"""

import asyncio
import json
import logging
import os
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from flyte.running.outputs import LocalRun
from flyte_models.notifications import Email, NamedDelivery, NamedRule, Notification, Slack, Teams, Webhook
from flyte_models.values import value

__all__ = ["RunFacts", "as_notices", "filled", "tell"]

logger = logging.getLogger("flyte.notify")

_TIME_LIMIT = 10
"""Seconds for one message."""
_TEMPLATE = re.compile(r"\{\{\s*\.([A-Za-z.]+)\s*\}\}|\{run\.(\w+)\}")
_SMTP = ("FLYTE_SMTP_HOST", "localhost", "FLYTE_SMTP_PORT", "25")


@value
class RunFacts:
    """What a message can say of a run."""

    name: str
    project: str
    domain: str
    phase: str
    error: str
    url: str
    task: str
    duration: str
    timestamp: str

    @classmethod
    def of(cls, run: LocalRun) -> "RunFacts":
        """Take the facts of a finished run."""
        record = run.record
        seconds = (record.ended_at or record.created_at) - record.created_at
        return cls(
            name=run.name,
            project=record.project,
            domain=record.domain,
            phase=run.phase.value,
            error=run.error_record.message if run.error_record is not None else "",
            url=run.url,
            task=record.task_name,
            duration=f"{seconds:.1f}s",
            timestamp=datetime.now(UTC).isoformat(timespec="seconds"),
        )


def as_notices(given: Any) -> tuple[Notification | NamedRule, ...]:
    """Give one or several notifications as a tuple.

    Raises:
        TypeError: There is something else among them.
    """
    if given is None:
        return ()
    notices = cast("tuple[Any, ...]", tuple(given) if isinstance(given, list | tuple) else (given,))  # pyright: ignore[reportUnknownArgumentType]
    for each in notices:
        if not isinstance(each, Notification | NamedRule):
            raise TypeError(f"`notifications` must hold notifications of `flyte.notify`, got {each!r}")
    return notices


async def tell(run: LocalRun, notices: Iterable[Notification | NamedRule]) -> None:
    """Send what shall be sent of a finished run, all at once, each for 10 seconds at most."""
    facts = RunFacts.of(run)
    due = [each for each in notices if isinstance(each, NamedRule) or run.phase in _phases(each)]
    await asyncio.gather(*(_send(each, facts) for each in due))


def filled(template: Any, facts: RunFacts) -> Any:
    """Fill in the facts wherever a text, also inside lists and dicts, names one; other names stay as they are."""
    if isinstance(template, str):
        return _TEMPLATE.sub(lambda found: _fact(found, facts), template)
    if isinstance(template, Mapping):
        pairs = cast("Mapping[str, Any]", template)
        return {key: filled(item, facts) for key, item in pairs.items()}
    if isinstance(template, list | tuple):
        return [filled(item, facts) for item in cast("list[Any]", template)]
    return template


def _fact(found: re.Match[str], facts: RunFacts) -> str:
    name = found[2] or found[1].removeprefix("Run.").lower()
    fact = getattr(facts, name, None)
    return found[0] if fact is None else str(fact)


def _phases(notice: Notification) -> tuple[Any, ...]:
    return notice.on_phase if isinstance(notice.on_phase, tuple) else (notice.on_phase,)


async def _send(notice: Notification | NamedRule, facts: RunFacts) -> None:
    kind = type(notice).__name__
    if isinstance(notice, NamedRule | NamedDelivery):
        logger.warning(
            "`%s` `%s` is known to a control plane only: nothing was sent of this local run", kind, notice.name
        )
        return
    try:
        # A thread: the standard library's clients block.
        await asyncio.wait_for(asyncio.to_thread(_deliver, notice, facts), _TIME_LIMIT + 1)
    except Exception as error:
        # Whatever goes wrong with a message, the run is over and keeps its outcome.
        logger.warning("the notification by `%s` could not be sent: %s: %s", kind, type(error).__name__, error)


def _deliver(notice: Notification, facts: RunFacts) -> None:
    match notice:
        case Slack():
            body = {"blocks": list(notice.blocks)} if notice.blocks is not None else {"text": notice.message}
            _request("POST", notice.webhook_url, filled(body, facts), {})
        case Teams():
            card = notice.card
            body = card if card is not None else {"title": notice.title, "text": notice.message}
            _request("POST", notice.webhook_url, filled(body, facts), {})
        case Webhook():
            url, headers = filled(notice.url, facts), filled(notice.headers or {}, facts)
            _request(notice.method, url, filled(notice.body, facts), headers)
        case Email():
            _mail(notice, facts)
        case _:
            raise TypeError(f"`{type(notice).__name__}` is no way of telling that is known here")


def _request(method: str, url: str, body: Any, headers: Mapping[str, str]) -> None:
    from urllib.error import HTTPError  # noqa: PLC0415 - as below
    from urllib.request import Request, urlopen  # noqa: PLC0415 - only runs that tell somebody

    if not url.startswith(("http://", "https://")):
        raise ValueError(f"the address must begin with `https://` or `http://`, got {url!r}")
    request = Request(  # noqa: S310 - checked above
        url,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Content-Type": "application/json", **headers},
        method=method,
    )
    try:
        with urlopen(request, timeout=_TIME_LIMIT):  # noqa: S310 - as above
            pass
    except HTTPError as error:
        # It holds the connection.
        error.close()
        raise ConnectionError(f"the server answered {error.code} {error.reason}") from None


def _mail(notice: Email, facts: RunFacts) -> None:
    import smtplib  # noqa: PLC0415 - only runs that tell somebody
    from email.message import EmailMessage  # noqa: PLC0415 - as above

    message = EmailMessage()
    message["Subject"] = filled(notice.subject, facts)
    message["From"] = os.environ.get("FLYTE_SMTP_FROM", "flyte@localhost")
    message["To"] = ", ".join(notice.recipients)
    if notice.cc:
        message["Cc"] = ", ".join(notice.cc)
    message.set_content(filled(notice.body, facts))
    if notice.html_body is not None:
        message.add_alternative(filled(notice.html_body, facts), subtype="html")
    host_variable, host, port_variable, port = _SMTP
    address = os.environ.get(host_variable, host), int(os.environ.get(port_variable, port))
    with smtplib.SMTP(*address, timeout=_TIME_LIMIT) as server:
        server.send_message(message, to_addrs=[*notice.recipients, *notice.cc, *notice.bcc])
