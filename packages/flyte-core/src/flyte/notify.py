"""Whom to tell when a run ends: `flyte.notify`."""

from flyte_models.notifications import Email, NamedDelivery, NamedRule, Notification, Slack, Teams, Webhook

__all__ = ["Email", "NamedDelivery", "NamedRule", "Notification", "Slack", "Teams", "Webhook"]
