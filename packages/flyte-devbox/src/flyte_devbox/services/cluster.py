"""`ClusterService`: there is one cluster, this one."""

from typing import TYPE_CHECKING

from flyteidl2.cluster import payload_pb2

from flyte_devbox import rows
from flyte_devbox.connect import current_call

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox


class Service:
    """Answers the calls of `ClusterService`."""

    def __init__(self, devbox: "Devbox") -> None:
        self._devbox = devbox

    async def select_cluster(self, request: payload_pb2.SelectClusterRequest) -> payload_pb2.SelectClusterResponse:  # noqa: ARG002
        """Return this server under the name that the client has for it."""
        return payload_pb2.SelectClusterResponse(cluster_endpoint=current_call.get().host, cluster=rows.CLUSTER)
