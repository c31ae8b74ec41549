"""`DataProxyService`: uploads, downloads, inputs and outputs, logs."""

import base64
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING

from flyteidl2.common import run_pb2 as common_run_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.logs.dataplane import payload_pb2
from flyteidl2.task import task_definition_pb2
from google.protobuf import duration_pb2
from google.protobuf.message import Message

from flyte_devbox import rows
from flyte_devbox.connect import Prepared
from flyte_devbox.errors import failed_precondition, invalid_argument, not_found
from flyte_devbox.new_runs import inputs_hash
from flyte_devbox.services.logging import log_lines
from flyte_devbox.services.lookups import attempts, data_answer, find_action, find_task
from flyte_devbox.services.run import check_project

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox

_UPLOAD_SECONDS = 3600.0
_DOWNLOAD_SECONDS = 3600.0
_LONGEST_SECONDS = 7 * 24 * 3600.0


class Service:
    """Answers the calls of `DataProxyService`."""

    def __init__(self, devbox: "Devbox") -> None:
        self._devbox = devbox

    async def create_upload_location(
        self, request: dataproxy_service_pb2.CreateUploadLocationRequest
    ) -> dataproxy_service_pb2.CreateUploadLocationResponse:
        """Return a URL that takes one object until it expires."""
        check_project(self._devbox, request.project)
        digest = bytes(request.content_md5)
        folder = request.filename_root or (
            base64.b32encode(digest).decode().rstrip("=").lower() if digest else secrets.token_hex(12)
        )
        name = request.filename or "data"
        key = f"{request.project}/{request.domain}/uploads/{folder.strip('/')}/{name}"
        uri = self._devbox.objects.uri(key)
        expires_at = time.time() + _lifetime(request.expires_in, _UPLOAD_SECONDS)
        url = self._devbox.signer.sign(
            self._devbox.base_url,
            "PUT",
            key,
            expires_at=expires_at,
            md5=digest or None,
            length=request.content_length or None,
        )
        headers = {"Content-MD5": base64.b64encode(digest).decode()} if digest else {}
        return dataproxy_service_pb2.CreateUploadLocationResponse(
            signed_url=url, native_url=uri, expires_at=rows.timestamp(expires_at), headers=headers
        )

    async def upload_inputs(
        self, request: dataproxy_service_pb2.UploadInputsRequest
    ) -> dataproxy_service_pb2.UploadInputsResponse:
        """Store the inputs of a run that is to be created."""
        kind = request.WhichOneof("id")
        if kind == "run_id":
            project, domain = request.run_id.project, request.run_id.domain
        elif kind == "project_id":
            project, domain = request.project_id.name, request.project_id.domain
        else:
            raise invalid_argument("the inputs belong to neither a run (`run_id`) nor a project (`project_id`)")
        check_project(self._devbox, project)
        ignored = self._ignored(request)
        digest = inputs_hash(request.inputs, ignored)
        content = request.inputs.SerializeToString(deterministic=True)
        # By all of the content: what does not count for the cache is read all the same.
        folder = inputs_hash(request.inputs) if ignored else digest
        uri = await self._devbox.objects.write(f"{project}/{domain}/inputs/{folder}/inputs.pb", content)
        return dataproxy_service_pb2.UploadInputsResponse(
            offloaded_input_data=common_run_pb2.OffloadedInputData(uri=uri, inputs_hash=digest)
        )

    def _ignored(self, request: dataproxy_service_pb2.UploadInputsRequest) -> tuple[str, ...]:
        kind = request.WhichOneof("task")
        spec = task_definition_pb2.TaskSpec()
        if kind == "task_spec":
            spec = request.task_spec
        elif kind == "task_id":
            spec = self._devbox.starter.spec(find_task(self._devbox.database, request.task_id)["digest"])
        return tuple(spec.task_template.metadata.cache_ignore_input_vars)

    async def get_action_data(self, request: dataproxy_service_pb2.GetActionDataRequest) -> Message | Prepared:
        """Return inputs and outputs of an action, and where they are."""
        row = find_action(self._devbox.database, request.action_id)
        answer = dataproxy_service_pb2.GetActionDataResponse(inputs_uri=row["input_uri"], outputs_uri=row["output_uri"])
        return await data_answer(self._devbox, row, answer)

    async def create_download_link(
        self, request: dataproxy_service_pb2.CreateDownloadLinkRequest
    ) -> dataproxy_service_pb2.CreateDownloadLinkResponse:
        """Return a URL of a report or a code bundle."""
        uri = self._report(request) if request.artifact_type == 1 else self._bundle(request)
        key = self._devbox.objects.key_of(uri)
        if key is None or not self._devbox.objects.path(key).is_file():
            what = "report" if request.artifact_type == 1 else "code bundle"
            raise not_found(f"there is no {what}: `{uri}` does not exist")
        expires_at = time.time() + _lifetime(request.expires_in, _DOWNLOAD_SECONDS)
        url = self._devbox.signer.sign(self._devbox.base_url, "GET", key, expires_at=expires_at)
        urls = dataproxy_service_pb2.PreSignedURLs(signed_url=[url], expires_at=rows.timestamp(expires_at))
        return dataproxy_service_pb2.CreateDownloadLinkResponse(pre_signed_urls=urls)

    def _report(self, request: dataproxy_service_pb2.CreateDownloadLinkRequest) -> str:
        if request.WhichOneof("source") != "action_attempt_id":
            raise invalid_argument("a report belongs to an attempt (`action_attempt_id`)")
        row = find_action(self._devbox.database, request.action_attempt_id.action_id)
        for attempt in attempts(self._devbox.database, row["id"]):
            if attempt["number"] == request.action_attempt_id.attempt:
                return f"{attempt['output_uri']}/report.html"
        raise not_found(f"action `{row['name']}` has no attempt {request.action_attempt_id.attempt}")

    def _bundle(self, request: dataproxy_service_pb2.CreateDownloadLinkRequest) -> str:
        kind = request.WhichOneof("source")
        if kind == "action_attempt_id":
            digest = find_action(self._devbox.database, request.action_attempt_id.action_id)["digest"]
        elif kind == "task_id":
            digest = find_task(self._devbox.database, request.task_id)["digest"]
        else:
            raise invalid_argument("a code bundle belongs to an attempt (`action_attempt_id`) or a task (`task_id`)")
        template = self._devbox.starter.spec(digest or b"").task_template
        uri = template.metadata.code_bundle_uri
        arguments = list(template.container.args)
        for option in ("--tgz", "--pkl"):
            if not uri and option in arguments[:-1]:
                uri = arguments[arguments.index(option) + 1]
        if not uri:
            raise failed_precondition(f"task `{template.id.name}` has no code bundle: its code is in its image")
        return uri

    async def tail_logs(
        self, request: dataproxy_service_pb2.TailLogsRequest
    ) -> AsyncIterator[dataproxy_service_pb2.TailLogsResponse]:
        """Send the log of an attempt, following it to its end."""
        row: sqlite3.Row = find_action(self._devbox.database, request.action_id)
        name = rows.pod_name(row, request.attempt)
        container = payload_pb2.ContainerIdentifier(
            cluster_name=rows.CLUSTER,
            kubernetes_namespace=rows.NAMESPACE,
            kubernetes_pod_name=name,
            kubernetes_container_name=name,
        )
        async with aclosing(log_lines(self._devbox, row, request.attempt)) as batches:
            async for lines in batches:
                logs = dataproxy_service_pb2.TailLogsResponse.Logs(lines=lines, container=container)
                yield dataproxy_service_pb2.TailLogsResponse(logs=[logs])


def _lifetime(asked: duration_pb2.Duration, usual: float) -> float:
    seconds = asked.seconds + asked.nanos / 1e9
    return min(seconds, _LONGEST_SECONDS) if seconds > 0 else usual
