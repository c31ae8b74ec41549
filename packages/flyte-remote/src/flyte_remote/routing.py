"""Which cluster of a control plane a call goes to: data, logs and secrets live where the work runs. The requests are 2.12.1's."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flyte_protocol.codes import Code
from flyte_protocol.endpoints import Endpoint
from flyte_protocol.rpc_errors import RpcError
from flyte_protocol.transport import Transport
from flyte_remote.services import method

if TYPE_CHECKING:
    from flyteidl2.cluster import payload_pb2
    from google.protobuf.message import Message

__all__ = ["ROUTED", "Routes", "selection_of"]

ROUTED = frozenset({"AppLogsService", "DataProxyService", "SecretService"})
"""Services that each cluster has its own of."""

_MOST_KEPT = 4096
_NO_ROUTING = {Code.UNIMPLEMENTED, Code.NOT_FOUND}
"""What a control plane of one cluster says, which has no such service."""


def selection_of(
    service: str, name: str, request: "Message", *, pool: str | None = None
) -> "payload_pb2.SelectClusterRequest | None":
    """Return the question where a call belongs; None when it goes to the control plane itself.

    Args:
        service: Such as `DataProxyService`.
        name: Of the method.
        request: Its request, which says what it is about.
        pool: The cluster pool that it is about.
    """
    if service not in ROUTED:
        return None
    from flyteidl2.cluster import payload_pb2  # noqa: PLC0415 - messages load when used

    if service == "SecretService":
        return _of_secrets(request, pool)
    asked: Any = request
    question = payload_pb2.SelectClusterRequest()
    kinds = payload_pb2.SelectClusterRequest.Operation
    if name == "CreateUploadLocation":
        question.operation = kinds.OPERATION_CREATE_UPLOAD_LOCATION
        _project(question, asked.org, asked.project, asked.domain)
    elif name == "UploadInputs":
        # Without a run they are the inputs of a trigger.
        has_run = asked.WhichOneof("id") == "run_id"
        question.operation = kinds.OPERATION_UPLOAD_INPUTS if has_run else kinds.OPERATION_UPLOAD_TRIGGER
        if has_run:
            _project(question, asked.run_id.org, asked.run_id.project, asked.run_id.domain)
        else:
            question.project_id.CopyFrom(asked.project_id)
    elif service == "AppLogsService":
        question.operation = kinds.OPERATION_TAIL_LOGS
        is_replica = asked.WhichOneof("target") == "replica_id"
        question.app_id.CopyFrom(asked.replica_id.app_id if is_replica else asked.app_id)
    elif name in {"GetActionData", "TailLogs"}:
        question.operation = kinds.OPERATION_TAIL_LOGS if name == "TailLogs" else kinds.OPERATION_GET_ACTION_DATA
        question.action_id.CopyFrom(asked.action_id)
    elif name == "CreateDownloadLink":
        question.operation = kinds.OPERATION_CREATE_DOWNLOAD_LINK
        source = asked.WhichOneof("source")
        if source == "action_attempt_id":
            question.action_id.CopyFrom(asked.action_attempt_id.action_id)
        elif source is not None:
            getattr(question, source).CopyFrom(getattr(asked, source))
    else:
        return None
    return question


def _project(question: "payload_pb2.SelectClusterRequest", org: str, project: str, domain: str) -> None:
    question.project_id.organization, question.project_id.name, question.project_id.domain = org, project, domain


def _of_secrets(request: "Message", pool: str | None) -> "payload_pb2.SelectClusterRequest":
    from flyteidl2.cluster import payload_pb2  # noqa: PLC0415 - as above

    asked: Any = request
    place = asked.id if "id" in asked.DESCRIPTOR.fields_by_name else asked
    question = payload_pb2.SelectClusterRequest(operation=payload_pb2.SelectClusterRequest.OPERATION_USE_SECRETS)
    if pool is not None:
        question.cluster_pool_id.organization, question.cluster_pool_id.name = place.organization, pool
    elif place.project and place.domain:
        _project(question, place.organization, place.project, place.domain)
    elif place.domain:
        question.domain_id.organization, question.domain_id.name = place.organization, place.domain
    else:
        question.org_id.name = place.organization
    return question


def _place(endpoint: Endpoint) -> tuple[str, int]:
    return endpoint.host, urlsplit(endpoint.url).port or (443 if endpoint.has_tls else 80)


class Routes:
    """The clusters of one control plane, for the calls of one event loop: asked for once for each operation and resource.

    Who asks while somebody asks the same waits for that answer, or fails with it; others are not held up.
    """

    def __init__(self, home: Transport, open_at: Callable[[str], Transport]) -> None:
        """Prepare the routes; nobody is asked yet.

        Args:
            home: The control plane itself.
            open_at: Makes the client of a cluster's endpoint, which signs in at the control plane.
        """
        self._home = home
        self._open_at = open_at
        self._asking: dict[bytes, asyncio.Task[Transport]] = {}
        self._known: OrderedDict[bytes, Transport] = OrderedDict()
        self._clusters: dict[str, Transport] = {}
        self._has_none = False

    async def find(self, question: "payload_pb2.SelectClusterRequest") -> Transport:
        """Return the client of the cluster that a call belongs to.

        Raises:
            RpcError: The control plane does not say it, or names an endpoint that cannot be used.
        """
        if self._has_none:
            return self._home
        key = question.SerializeToString(deterministic=True)
        found = self._known.get(key)
        if found is not None:
            return found
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.create_task(self._ask(key, question))
            asking.add_done_callback(lambda done: self._asked(key, done))
        # Who is cancelled leaves the others waiting for the answer, which comes, or fails, within the limits of one call.
        return await asyncio.shield(asking)

    def forget(self, question: "payload_pb2.SelectClusterRequest") -> None:
        """Ask again the next time: the cluster did not answer, and there may be another by then."""
        self._known.pop(question.SerializeToString(deterministic=True), None)

    def _asked(self, key: bytes, done: "asyncio.Task[Transport]") -> None:
        self._asking.pop(key, None)
        if not done.cancelled():
            # All who wanted it may be gone.
            done.exception()

    async def _ask(self, key: bytes, question: "payload_pb2.SelectClusterRequest") -> Transport:
        found = self._known[key] = await self._answered(question)
        if len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)
        return found

    async def _answered(self, question: "payload_pb2.SelectClusterRequest") -> Transport:
        try:
            answer = await self._home.call(method("ClusterService", "SelectCluster"), question)
        except RpcError as error:
            if error.status not in _NO_ROUTING:
                raise
            self._has_none = error.status is Code.UNIMPLEMENTED
            return self._home
        return self._at(answer.cluster_endpoint)

    def _at(self, text: str) -> Transport:
        if not text:
            return self._home
        home = self._home.endpoint
        try:
            endpoint = Endpoint.of(text, is_insecure=not home.has_tls)
        except ValueError as error:
            raise RpcError(
                Code.FAILED_PRECONDITION, f"`{home.url}` names a cluster whose endpoint cannot be used: {error}"
            ) from None
        if _place(endpoint) == _place(home):
            return self._home
        if home.has_tls and not endpoint.has_tls:
            raise RpcError(
                Code.FAILED_PRECONDITION,
                f"`{home.url}` names the cluster `{endpoint.url}`, which does not speak TLS: no token is sent to it\n"
                "hint: ask who runs the control plane",
            )
        found = self._clusters.get(endpoint.url)
        if found is None:
            found = self._clusters[endpoint.url] = self._open_at(endpoint.url)
        return found
