"""`Project`: what tasks and runs belong to."""

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from flyte_remote.connection import connection
from flyte_remote.listing import SortBy, pages
from flyte_remote.messages import OfMessage
from flyte_syncify import syncify

if TYPE_CHECKING:
    from flyteidl2.project import project_service_pb2

__all__ = ["Project"]

_ACTIVE, _ARCHIVED = 0, 1
_PAGE = 100


class Project(OfMessage):
    """A project with its domains."""

    def __init__(self, pb2: "project_service_pb2.Project") -> None:
        """Wrap a message."""
        self.pb2 = pb2

    def __repr__(self) -> str:
        return f"<project `{self.pb2.id}`>"

    @property
    def id(self) -> str:
        """The identifier, which never changes."""
        return self.pb2.id

    @property
    def name(self) -> str:
        """The name that it is shown by."""
        return self.pb2.name

    @property
    def is_archived(self) -> bool:
        """Whether it is archived."""
        return self.pb2.state == _ARCHIVED

    @syncify.class_method
    @classmethod
    async def create(cls, id: str, name: str, description: str = "", labels: dict[str, str] | None = None) -> "Project":  # noqa: A002
        """Make a project.

        Raises:
            RpcError: There is one of this identifier, or the identifier is not allowed.
        """
        from flyteidl2.project import project_service_pb2  # noqa: PLC0415

        at = connection()
        project = project_service_pb2.Project(id=id, name=name, description=description)
        project.labels.values.update(labels or {})
        await at.call("ProjectService", "CreateProject", project_service_pb2.CreateProjectRequest(project=project))
        return cls(project)

    @syncify.class_method
    @classmethod
    async def get(cls, name: str) -> "Project":
        """Fetch a project by its identifier.

        Raises:
            RpcError: There is none.
        """
        return await _fetch(name)

    @syncify.class_method
    @classmethod
    async def listall(
        cls, filters: str | None = None, sort_by: SortBy | None = None, archived: bool = False
    ) -> AsyncIterator["Project"]:
        """List projects.

        Args:
            filters: A filter in the form of the protocol, such as `eq(name,x)`; default: by `archived`.
            sort_by: Field and direction; default: by the time of creation.
            archived: List those that are archived instead of the active ones.
        """
        from flyteidl2.common import list_pb2  # noqa: PLC0415
        from flyteidl2.project import project_service_pb2  # noqa: PLC0415

        at = connection()
        field, order = sort_by or ("created_at", "asc")
        direction = list_pb2.Sort.ASCENDING if order == "asc" else list_pb2.Sort.DESCENDING
        request = project_service_pb2.ListProjectsRequest(
            limit=_PAGE,
            filters=filters or f"eq(state, {_ARCHIVED if archived else _ACTIVE})",
            sort_by=list_pb2.Sort(key=field, direction=direction),
        )

        async def fetch(request: Any) -> tuple[Any, str]:
            answer = (await at.call("ProjectService", "ListProjects", request)).projects
            return answer.projects, answer.token

        async for found in pages(fetch, request, None):
            yield cls(found)

    @syncify.class_method
    @classmethod
    async def update(
        cls,
        id: str,  # noqa: A002
        name: str | None = None,
        description: str | None = None,
        labels: dict[str, str] | None = None,
        state: Literal["archived", "active"] | None = None,
    ) -> "Project":
        """Change a project; what is None stays as it is.

        Raises:
            RpcError: There is none.
            ValueError: The state is none of the two.
        """
        return await _update(id, name, description, labels, state)

    def archive(self) -> "Project":
        """Archive it: it is listed no more. What runs goes on."""
        return Project.update(self.id, state="archived")

    def unarchive(self) -> "Project":
        """Take it out of the archive."""
        return Project.update(self.id, state="active")


async def _fetch(identifier: str) -> Project:
    from flyteidl2.project import project_service_pb2  # noqa: PLC0415

    request = project_service_pb2.GetProjectRequest(id=identifier)
    return Project((await connection().call("ProjectService", "GetProject", request)).project)


async def _update(
    identifier: str,
    name: str | None,
    description: str | None,
    labels: Mapping[str, str] | None,
    state: str | None,
) -> Project:
    from flyteidl2.project import project_service_pb2  # noqa: PLC0415

    if state not in {None, "archived", "active"}:
        raise ValueError(f"the state of a project is `archived` or `active`, got {state!r}")
    known = (await _fetch(identifier)).pb2
    kept: Any = known.state if state is None else _ARCHIVED if state == "archived" else _ACTIVE
    message = project_service_pb2.Project(
        id=identifier,
        name=known.name if name is None else name,
        description=known.description if description is None else description,
        state=kept,
    )
    message.labels.values.update(known.labels.values if labels is None else labels)
    request = project_service_pb2.UpdateProjectRequest(project=message)
    await connection().call("ProjectService", "UpdateProject", request)
    known.labels.CopyFrom(message.labels)
    known.name, known.description, known.state = message.name, message.description, message.state
    return Project(known)
