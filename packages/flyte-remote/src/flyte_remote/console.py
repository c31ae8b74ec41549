"""Addresses of the console's pages."""

from urllib.parse import quote, urljoin, urlsplit

from flyte_protocol.endpoints import Endpoint
from flyte_remote.connection import Target, current_target

__all__ = ["console_link", "console_of", "console_url"]


def console_of(target: Target) -> str:
    """Return where the console of a control plane is: `console.endpoint` if it is set, else the host of its API.

    A path before the API is not one of the console. The console of a local cluster (port 8090) listens on port 8080.
    """
    if target.console:
        return Endpoint.of(target.console, is_insecure=target.is_insecure).url
    parts = urlsplit(Endpoint.of(target.endpoint, is_insecure=target.is_insecure).url)
    is_local_cluster = parts.hostname == "localhost" and parts.port == 8090
    return f"{parts.scheme}://{'localhost:8080' if is_local_cluster else parts.netloc}"


def console_link(uri: str) -> str:
    """Return the address of a link of an action: where it is a path, that is one of the console."""
    return urljoin(f"{console_of(current_target())}/", uri)


def console_url(kind: str, *names: str, project: str, domain: str, action: str | None = None) -> str:
    """Return the address of a page: of a run, a task, a trigger.

    Args:
        kind: `runs`, `tasks`, `triggers`, `apps`, `artifacts` or `tracked-runs`.
        names: Of the thing; of a trigger those of its task and its own.
        project: Its project.
        domain: Its domain.
        action: Of a run, the action that is selected.
    """
    selected = f"?i={quote(action)}" if action else ""
    path = "/".join(quote(name, safe="") for name in names)
    place = f"domain/{quote(domain)}/project/{quote(project)}"
    return f"{console_of(current_target())}/v2/{place}/{kind}/{path}{selected}"
