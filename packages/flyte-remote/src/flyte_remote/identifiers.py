"""Identifiers of runs and actions, from what a caller names."""

from typing import TYPE_CHECKING

from flyte_remote.connection import Connection, connection

if TYPE_CHECKING:
    from flyteidl2.common import identifier_pb2

__all__ = ["action_identifier", "project_identifier", "run_identifier"]


def run_identifier(name: str, at: Connection | None = None) -> "identifier_pb2.RunIdentifier":
    """Name a run of the configured project and domain."""
    from flyteidl2.common import identifier_pb2  # noqa: PLC0415 - messages load when used

    place = at or connection()
    return identifier_pb2.RunIdentifier(org=place.org, project=place.project(), domain=place.domain(), name=name)


def action_identifier(
    uri: str | None, run_name: str | None = None, name: str | None = None
) -> "identifier_pb2.ActionIdentifier":
    """Name an action, by run and name or by `run/action`.

    Raises:
        ValueError: Not both are named.
    """
    from flyteidl2.common import identifier_pb2  # noqa: PLC0415

    if uri is not None:
        run_name, _, name = uri.strip("/").rpartition("/")
        run_name = run_name.rpartition("/")[2]
    if not run_name or not name:
        raise ValueError(
            "an action needs two names, of its run and its own\nhint: `Action.get(run_name=..., name=...)`"
        )
    return identifier_pb2.ActionIdentifier(run=run_identifier(run_name), name=name)


def project_identifier(
    project: str | None = None, domain: str | None = None, at: Connection | None = None
) -> "identifier_pb2.ProjectIdentifier":
    """Name a project and domain, the configured ones by default."""
    from flyteidl2.common import identifier_pb2  # noqa: PLC0415

    place = at or connection()
    return identifier_pb2.ProjectIdentifier(
        organization=place.org, name=place.project(project), domain=place.domain(domain)
    )
