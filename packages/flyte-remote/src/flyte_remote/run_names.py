"""Runs by the beginning of their name: the control plane is asked for names from there on, in their order."""

from typing import TYPE_CHECKING, Any

from flyte_protocol.codes import Code
from flyte_protocol.rpc_errors import RpcError
from flyte_remote.connection import connection
from flyte_remote.identifiers import project_identifier
from flyte_remote.listing import request_of
from flyte_remote.runs import Run

if TYPE_CHECKING:
    from flyteidl2.common import list_pb2

__all__ = ["runs_beginning"]

_NOT_UNDERSTOOD = {Code.INVALID_ARGUMENT, Code.UNIMPLEMENTED, Code.INTERNAL, Code.UNKNOWN, Code.FAILED_PRECONDITION}


async def runs_beginning(beginning: str, most: int) -> list[Run] | None:
    """Return the runs of the configured project and domain whose names begin so, by name.

    Args:
        beginning: Of the names.
        most: How many at most.

    Returns:
        None if the control plane does not look for names so: whether there are any is not known then.
    """
    from flyteidl2.workflow import run_service_pb2  # noqa: PLC0415 - messages load when used

    at = connection()
    request: Any = request_of([_not_before(beginning)], ("name", "asc"), most)
    message = run_service_pb2.ListRunsRequest(request=request, project_id=project_identifier(None, None, at))
    try:
        answer = await at.call("RunService", "ListRuns", message)
    except RpcError as error:
        if error.status in _NOT_UNDERSTOOD:
            return None
        raise
    runs = [Run(each) for each in answer.runs]
    names = [run.name for run in runs]
    if names != sorted(names) or any(name < beginning for name in names):
        # It has another order, or has not looked at what was asked: what was asked for may be on any page.
        return None
    return [run for run in runs if run.name.startswith(beginning)]


def _not_before(name: str) -> "list_pb2.Filter":
    from flyteidl2.common import list_pb2  # noqa: PLC0415 - as above

    return list_pb2.Filter(function=list_pb2.Filter.Function.GREATER_THAN_OR_EQUAL, field="name", values=[name])
