"""What a control plane keeps of an action, by signed link: its report and its code."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from flyte_remote.connection import Connection, connection

if TYPE_CHECKING:
    from flyteidl2.common import identifier_pb2

__all__ = ["download_link", "report_of"]


async def download_link(
    at: Connection,
    action_id: "identifier_pb2.ActionIdentifier",
    attempt: int,
    kind: Literal["REPORT", "CODE_BUNDLE"],
) -> str:
    """Return a signed URL.

    Raises:
        RpcError: there is no such thing.
    """
    from flyteidl2.common import identifier_pb2  # noqa: PLC0415 - messages load when used
    from flyteidl2.dataproxy import dataproxy_service_pb2  # noqa: PLC0415

    request = dataproxy_service_pb2.CreateDownloadLinkRequest(
        artifact_type=dataproxy_service_pb2.ARTIFACT_TYPE_REPORT
        if kind == "REPORT"
        else dataproxy_service_pb2.ARTIFACT_TYPE_CODE_BUNDLE,
        action_attempt_id=identifier_pb2.ActionAttemptIdentifier(action_id=action_id, attempt=max(attempt, 1)),
    )
    answer = await at.call("DataProxyService", "CreateDownloadLink", request)
    return answer.pre_signed_urls.signed_url[0]


async def report_of(action_id: "identifier_pb2.ActionIdentifier", attempt: int) -> str:
    """Return the report of an attempt, as HTML.

    Raises:
        RpcError: it has none.
    """
    from flyte_storage.signed import get_signed  # noqa: PLC0415 - loads a client

    url = await download_link(connection(), action_id, attempt, "REPORT")
    with tempfile.TemporaryDirectory(prefix="flyte-report-") as folder:
        path = await get_signed(url, Path(folder) / "report.html")
        return path.read_text(encoding="utf-8")
