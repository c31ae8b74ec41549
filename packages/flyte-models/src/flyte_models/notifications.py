"""Whom to tell when a run ends: what an author declares of notifications; sending them is not done here."""

from typing import Any, Literal

from flyte_models.phases import ActionPhase
from flyte_models.values import light_dataclass

__all__ = ["Email", "NamedDelivery", "NamedRule", "Notification", "Slack", "Teams", "Webhook"]

# The templates are the reference's defaults: the backend fills them in.
_SUBJECT = "Run {{.Run.Name}} {{.Phase}}"
_TEXT = "Run: {{.Run.Name}}\nProject/Domain: {{.Run.Project}}/{{.Run.Domain}}\nPhase: {{.Phase}}\nError: {{.Error}}\n"
_SLACK_TEXT = "Run: {{.Run.Name}} finished with phase {{.Phase}}\n | {{.Run.Project}}/{{.Run.Domain}}\n"
_WEBHOOK_BODY = {
    "run": "{{.Run.Name}}",
    "project": "{{.Run.Project}}",
    "domain": "{{.Run.Domain}}",
    "phase": "{{.Phase}}",
    "error": "{{.Error}}",
}

_PHASES = frozenset({ActionPhase.SUCCEEDED, ActionPhase.FAILED, ActionPhase.TIMED_OUT, ActionPhase.ABORTED})


@light_dataclass(frozen=True)
class NamedRule:
    """A rule that stands on the server: which phases, and whom to tell.

    Raises:
        ValueError: The name is empty.
    """

    name: str

    def __post_init__(self) -> None:
        _refuse_empty(self, "name")


@light_dataclass(frozen=True, kw_only=True)
class Notification:
    """When to tell somebody: the phases a run ends in. Its subclasses say how.

    A single phase becomes a tuple of one.

    Raises:
        ValueError: There is no phase, or one that no run ends in: only succeeded, failed, aborted and timed out count.
        TypeError: `on_phase` is neither a phase nor several.
    """

    on_phase: ActionPhase | tuple[ActionPhase, ...]

    def __post_init__(self) -> None:
        phases: Any = self.on_phase
        if isinstance(phases, str):
            phases = (phases,)
        elif isinstance(phases, list):
            phases = tuple(phases)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        if not phases:
            raise ValueError(f"`{type(self).__name__}.on_phase` needs at least one phase, got {self.on_phase!r}")
        for phase in phases:
            if phase not in _PHASES:
                raise ValueError(
                    f"`{type(self).__name__}.on_phase` takes phases that a run ends in, got {phase!s}\n"
                    "hint: SUCCEEDED, FAILED, ABORTED and TIMED_OUT of `flyte.models.ActionPhase`"
                )
        object.__setattr__(self, "on_phase", phases)


@light_dataclass(frozen=True, kw_only=True)
class NamedDelivery(Notification):
    """A way of telling that stands on the server, by its name.

    Raises:
        ValueError: As of `Notification`, or the name is empty.
    """

    name: str

    def __post_init__(self) -> None:
        Notification.__post_init__(self)
        _refuse_empty(self, "name")


@light_dataclass(frozen=True, kw_only=True)
class Email(Notification):
    """An e-mail.

    Raises:
        ValueError: As of `Notification`, or there are no recipients.
    """

    recipients: tuple[str, ...]
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    subject: str = _SUBJECT
    body: str = _TEXT
    html_body: str | None = None
    """The same as HTML, for readers that show it."""

    def __post_init__(self) -> None:
        Notification.__post_init__(self)
        _make_tuples(self, "recipients", "cc", "bcc")
        _refuse_empty(self, "recipients")


@light_dataclass(frozen=True, kw_only=True)
class Slack(Notification):
    """A message through a Slack webhook: text, or blocks of Slack's Block Kit.

    Raises:
        ValueError: As of `Notification`, or there is no `webhook_url`.
    """

    webhook_url: str
    message: str | None = None
    """The text; without it and without blocks there is a default."""
    blocks: tuple[dict[str, Any], ...] | None = None

    def __post_init__(self) -> None:
        Notification.__post_init__(self)
        _refuse_empty(self, "webhook_url")
        _make_tuples(self, "blocks")
        if self.message is None and self.blocks is None:
            object.__setattr__(self, "message", _SLACK_TEXT)


@light_dataclass(frozen=True, kw_only=True)
class Teams(Notification):
    """A message through a Microsoft Teams webhook: text, or an adaptive card.

    Raises:
        ValueError: As of `Notification`, or there is no `webhook_url`.
    """

    webhook_url: str
    title: str = _SUBJECT
    message: str | None = None
    """The text; without it and without a card there is a default."""
    card: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        Notification.__post_init__(self)
        _refuse_empty(self, "webhook_url")
        if self.message is None and self.card is None:
            object.__setattr__(self, "message", _TEXT)


@light_dataclass(frozen=True, kw_only=True)
class Webhook(Notification):
    """An HTTP request to any address.

    Raises:
        ValueError: As of `Notification`, or there is no `url`.
    """

    url: str
    method: Literal["POST", "PUT", "PATCH", "GET", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT"] = "POST"
    headers: dict[str, str] | None = None
    body: dict[str, Any] | None = None
    """The JSON body; without one it tells the run, its place, its phase and its error."""

    def __post_init__(self) -> None:
        Notification.__post_init__(self)
        _refuse_empty(self, "url")
        if self.body is None:
            object.__setattr__(self, "body", dict(_WEBHOOK_BODY))


def _refuse_empty(declared: object, name: str) -> None:
    item = getattr(declared, name)
    if not item:
        raise ValueError(f"`{type(declared).__name__}.{name}` must not be empty, got {item!r}")


def _make_tuples(declared: object, *names: str) -> None:
    for name in names:
        item: Any = getattr(declared, name)
        if isinstance(item, list):
            object.__setattr__(declared, name, tuple(item))  # pyright: ignore[reportUnknownArgumentType]
