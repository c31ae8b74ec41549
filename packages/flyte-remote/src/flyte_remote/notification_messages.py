"""Notifications as protocol messages: whom the backend tells when a run ends, and what."""

import json
from typing import Any

from flyteidl2.notification import definition_pb2
from flyteidl2.task import run_pb2

from flyte_models.notifications import Email, NamedDelivery, NamedRule, Notification, Slack, Teams, Webhook

__all__ = ["add_notifications"]

_NO_HTML = "No HTML body"
"""What the protocol wants where an e-mail has text only."""


def add_notifications(
    spec: run_pb2.RunSpec, notifications: "NamedRule | Notification | tuple[Notification, ...] | None"
) -> None:
    """Add to the specification of a run whom to tell.

    Raises:
        TypeError: There is something else than notifications among them.
    """
    if notifications is None:
        return
    if isinstance(notifications, NamedRule):
        spec.notification_rule_name = notifications.name
        return
    several = notifications if isinstance(notifications, tuple) else (notifications,)
    spec.notification_rules.rules.extend(_rule(each) for each in several)


def _rule(notification: Notification) -> run_pb2.InlineRule:
    phases: Any = notification.on_phase
    rule = run_pb2.InlineRule(on_phases=[f"ACTION_PHASE_{phase.name}" for phase in phases])
    if isinstance(notification, NamedDelivery):
        rule.delivery_config_name = notification.name
    elif isinstance(notification, Email):
        rule.delivery_template.email.CopyFrom(_email(notification))
    else:
        rule.delivery_template.webhook.CopyFrom(_webhook(notification))
    return rule


def _email(email: Email) -> definition_pb2.EmailDeliveryTemplate:
    def recipients(addresses: tuple[str, ...]) -> list[definition_pb2.EmailRecipient]:
        return [definition_pb2.EmailRecipient(address=address) for address in addresses]

    return definition_pb2.EmailDeliveryTemplate(
        to=recipients(email.recipients),
        cc=recipients(email.cc),
        bcc=recipients(email.bcc),
        inline=definition_pb2.InlineEmailTemplate(
            subject=email.subject, text_template=email.body, html_template=email.html_body or _NO_HTML
        ),
    )


def _webhook(notification: Notification) -> definition_pb2.WebhookDeliveryTemplate:
    method = "POST"
    headers = {"Content-Type": "application/json"}
    match notification:
        case Slack():
            url = notification.webhook_url
            body: Any = {"text": notification.message} if not notification.blocks else {"blocks": notification.blocks}
            if notification.blocks and notification.message:
                body = {"text": notification.message, "blocks": notification.blocks}
        case Teams():
            url = notification.webhook_url
            body = notification.card or {"title": notification.title, "text": notification.message}
        case Webhook():
            url, method, body = notification.url, notification.method, notification.body
            headers = notification.headers or {}
        case _:
            raise TypeError(
                f"a notification says how somebody is told, got {notification!r}\n"
                "hint: use `Email`, `Slack`, `Teams`, `Webhook` or `NamedDelivery` of `flyte.notify`"
            )
    return definition_pb2.WebhookDeliveryTemplate(
        url=url,
        method=f"HTTP_METHOD_{method}",
        headers=headers,
        body_template=json.dumps(body) if body is not None else "",
    )
