"""Addresses of the console's pages."""

from urllib.parse import quote, urlsplit

from flyte_protocol.endpoints import Endpoint
from flyte_remote.connection import current_target

__all__ = ["console_url"]


def console_url(kind: str, name: str, *, project: str, domain: str, action: str | None = None) -> str:
    """Return the address of a page: of a run, a task, a trigger.

    Args:
        kind: `runs`, `tasks`, `triggers`, `apps`, `artifacts` or `tracked-runs`.
        name: Of the thing.
        project: Its project.
        domain: Its domain.
        action: Of a run, the action that is selected.
    """
    target = current_target()
    endpoint = Endpoint.of(target.endpoint, is_insecure=target.is_insecure).url
    parts = urlsplit(endpoint)
    if parts.hostname == "localhost" and parts.port == 8090:
        endpoint = "http://localhost:8080"
    selected = f"?i={quote(action)}" if action else ""
    return f"{endpoint}/v2/domain/{quote(domain)}/project/{quote(project)}/{kind}/{quote(name, safe='')}{selected}"
