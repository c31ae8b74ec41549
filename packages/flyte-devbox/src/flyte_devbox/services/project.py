"""`ProjectService`: projects, each with the same three domains."""

import re
import sqlite3
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flyteidl2.common import list_pb2
from flyteidl2.project import project_service_pb2
from flyteidl2.task import run_pb2

from flyte_devbox.errors import already_exists, invalid_argument, not_found
from flyte_devbox.services.listing import page_of, refuse_too_many

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox

DOMAINS = ("development", "staging", "production")
_FIRST_PROJECT = "flytesnacks"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9_]{0,61}[a-z0-9])?")
_FILTER = re.compile(r"(eq|ne|value_in)\((\w+),\s*(.*?)\)")
_COLUMNS = {"id": "id", "identifier": "id", "name": "name", "state": "state", "created_at": "created_at"}


class Service:
    """Answers the calls of `ProjectService`."""

    def __init__(self, devbox: "Devbox") -> None:
        self._database = devbox.database

    async def create_project(
        self, request: project_service_pb2.CreateProjectRequest
    ) -> project_service_pb2.CreateProjectResponse:
        """Make a project."""
        project = request.project
        if _NAME.fullmatch(project.id) is None:
            raise invalid_argument(
                f"`{project.id[:70]}` is no name of a project: lower-case letters, digits, `-` and `_`, 63 at most"
            )

        def work(connection: sqlite3.Connection) -> None:
            try:
                connection.execute(
                    "INSERT INTO projects (id, name, description, labels, state, created_at) VALUES (?, ?, ?, ?, ?, ?)",
                    (*_values(project), time.time()),
                )
            except sqlite3.IntegrityError:
                raise already_exists(
                    f"project `{project.id}` exists\nhint: `flyte update project {project.id}` changes it"
                ) from None

        await self._database.write(work)
        return project_service_pb2.CreateProjectResponse()

    async def update_project(
        self, request: project_service_pb2.UpdateProjectRequest
    ) -> project_service_pb2.UpdateProjectResponse:
        """Replace name, description, labels and state of a project."""
        identifier, name, description, labels, state = _values(request.project)

        def work(connection: sqlite3.Connection) -> int:
            return connection.execute(
                "UPDATE projects SET name = ?, description = ?, labels = ?, state = ? WHERE id = ?",
                (name, description, labels, state, identifier),
            ).rowcount

        if not await self._database.write(work):
            raise not_found(f"there is no project `{request.project.id[:100]}`")
        return project_service_pb2.UpdateProjectResponse()

    async def get_project(
        self, request: project_service_pb2.GetProjectRequest
    ) -> project_service_pb2.GetProjectResponse:
        """Return a project."""
        row = self._database.read_one("SELECT * FROM projects WHERE id = ?", (request.id,))
        if row is None:
            raise not_found(f"there is no project `{request.id[:100]}`\nhint: `flyte get project` lists them")
        return project_service_pb2.GetProjectResponse(project=_project(row, request.org))

    async def list_projects(
        self, request: project_service_pb2.ListProjectsRequest
    ) -> project_service_pb2.ListProjectsResponse:
        """List projects by name. Archived ones are left out unless the filter asks for a state."""
        conditions, parameters = _conditions(request.filters)
        if "state" not in request.filters:
            conditions.append("state != 1")
        asked = list_pb2.ListRequest(limit=request.limit, token=request.token)
        if request.HasField("sort_by"):
            asked.sort_by.CopyFrom(request.sort_by)
        page = page_of(asked, _COLUMNS, default="id ASC", unique="id")
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        sql = f"SELECT * FROM projects {where} {page.tail}"
        found, token = page.cut(self._database.read(sql, parameters))
        projects = [_project(row, request.org) for row in found]
        return project_service_pb2.ListProjectsResponse(
            projects=project_service_pb2.Projects(projects=projects, token=token)
        )


def add_first_project(connection: sqlite3.Connection) -> None:
    """Make the project that an empty devbox has."""
    if connection.execute("SELECT 1 FROM projects LIMIT 1").fetchone() is None:
        project = project_service_pb2.Project(id=_FIRST_PROJECT, name=_FIRST_PROJECT, description="To begin with")
        connection.execute(
            "INSERT INTO projects (id, name, description, labels, state, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            (*_values(project), time.time()),
        )


def _values(project: project_service_pb2.Project) -> tuple[str, str, str, bytes, int]:
    labels = project.labels.SerializeToString(deterministic=True)
    return project.id, project.name or project.id, project.description, labels, int(project.state)


def _project(row: sqlite3.Row, org: str) -> project_service_pb2.Project:
    return project_service_pb2.Project(
        id=row["id"],
        name=row["name"],
        domains=[project_service_pb2.Domain(id=domain, name=domain.capitalize()) for domain in DOMAINS],
        description=row["description"],
        labels=run_pb2.Labels.FromString(row["labels"]),
        state=row["state"],
        org=org,
    )


def _conditions(filters: str) -> tuple[list[str], list[str]]:
    """Read the filter language of projects: `eq(state,1)+ne(name,x)+value_in(id,a;b)`."""
    conditions: list[str] = []
    parameters: list[str] = []
    for part in _split(filters):
        match = _FILTER.fullmatch(part.strip())
        column = None if match is None else _COLUMNS.get(match[2].removeprefix("project."))
        if match is None or column is None:
            raise invalid_argument(f"`{part[:100]}` is no filter of projects\nhint: write it as in `eq(state,0)`")
        values = match[3].split(";") if match[1] == "value_in" else [match[3]]
        operator = {"eq": "=", "ne": "!=", "value_in": "IN"}[match[1]]
        places = f"({', '.join('?' * len(values))})" if match[1] == "value_in" else "?"
        conditions.append(f"CAST({column} AS TEXT) {operator} {places}")
        parameters += values
        refuse_too_many(len(conditions), len(parameters))
    return conditions, parameters


def _split(filters: str) -> Iterable[str]:
    return (part for part in filters.split("+") if part.strip())
