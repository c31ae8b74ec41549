"""A control plane of apps over the real Connect protocol: `AppService` and `AppLogsService`, in a process of its own.

Apps come up and go down in steps that can be watched. What the names say of an app is done: `broken-...` never comes up,
`slow-...` stays where it is, and of the streams of `cut-...` each breaks behind its first message.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from flyteidl2.app import (
    app_definition_pb2,
    app_logs_payload_pb2,
    app_logs_service_pb2,
    app_payload_pb2,
    app_service_pb2,
)
from flyteidl2.auth import identity_pb2
from flyteidl2.common import list_pb2

from flyte_devbox.connect import ConnectApp, Route
from flyte_devbox.errors import ServiceError, already_exists, failed_precondition, not_found
from flyte_protocol.methods import methods_of

STATUS = app_definition_pb2.Status
SPEC = app_definition_pb2.Spec
STEP_SECONDS = 0.1
UP = (STATUS.DEPLOYMENT_STATUS_PENDING, STATUS.DEPLOYMENT_STATUS_DEPLOYING, STATUS.DEPLOYMENT_STATUS_ACTIVE)
DOWN = (STATUS.DEPLOYMENT_STATUS_SCALING_DOWN, STATUS.DEPLOYMENT_STATUS_STOPPED)


class Apps:
    """What the services work on."""

    def __init__(self) -> None:
        self.apps: dict[tuple[str, str, str], app_definition_pb2.App] = {}
        self.changed = asyncio.Condition()
        self.calls: Counter[str] = Counter()
        self.rows = 0
        self._background: set[asyncio.Task[None]] = set()

    def find(self, identifier: app_definition_pb2.Identifier) -> app_definition_pb2.App:
        app = self.apps.get(_key(identifier))
        if app is None:
            raise not_found(f"there is no app `{identifier.name}`")
        return app

    async def create(self, request: app_payload_pb2.CreateRequest) -> app_payload_pb2.CreateResponse:
        key = _key(request.app.metadata.id)
        if key in self.apps:
            raise already_exists(f"there is an app `{key[2]}`")
        app = app_definition_pb2.App()
        app.CopyFrom(request.app)
        app.metadata.revision = 1
        app.status.ingress.public_url = f"https://{key[2]}.apps.example.org"
        app.status.created_at.GetCurrentTime()
        self.apps[key] = app
        await self._note(app, STATUS.DEPLOYMENT_STATUS_UNASSIGNED)
        self._move(app)
        return app_payload_pb2.CreateResponse(app=app)

    async def get(self, request: app_payload_pb2.GetRequest) -> app_payload_pb2.GetResponse:
        return app_payload_pb2.GetResponse(app=self.find(request.app_id))

    async def update(self, request: app_payload_pb2.UpdateRequest) -> app_payload_pb2.UpdateResponse:
        app = self.find(request.app.metadata.id)
        if request.app.metadata.revision != app.metadata.revision:
            raise failed_precondition(f"the app has revision {app.metadata.revision} by now")
        app.spec.CopyFrom(request.app.spec)
        app.metadata.labels.clear()
        app.metadata.labels.update(request.app.metadata.labels)
        app.metadata.revision += 1
        self._move(app)
        return app_payload_pb2.UpdateResponse(app=app)

    async def userinfo(self, _: identity_pb2.UserInfoRequest) -> identity_pb2.UserInfoResponse:
        return identity_pb2.UserInfoResponse(subject="me")

    async def delete(self, request: app_payload_pb2.DeleteRequest) -> app_payload_pb2.DeleteResponse:
        del self.apps[_key(self.find(request.app_id).metadata.id)]
        async with self.changed:
            self.changed.notify_all()
        return app_payload_pb2.DeleteResponse()

    async def list(self, request: app_payload_pb2.ListRequest) -> app_payload_pb2.ListResponse:
        place = (request.project.name, request.project.domain)
        found = [app for key, app in sorted(self.apps.items()) if key[:2] == place]
        for one in request.request.filters:
            found = [app for app in found if _passes(app, one)]
        if request.request.sort_by.direction == list_pb2.Sort.DESCENDING:
            found.reverse()
        start = int(request.request.token or "0")
        end = start + (request.request.limit or 100)
        self.rows += len(found[start:end])
        return app_payload_pb2.ListResponse(apps=found[start:end], token=str(end) if end < len(found) else "")

    async def watch(self, request: app_payload_pb2.WatchRequest) -> AsyncIterator[app_payload_pb2.WatchResponse]:
        shown: app_definition_pb2.App | None = None
        while True:
            app = self.apps.get(_key(request.app_id))
            if app is None:
                if shown is not None:
                    yield app_payload_pb2.WatchResponse(delete_event=app_payload_pb2.DeleteEvent(app=shown))
                return
            if app != shown:
                old, shown = shown, app_definition_pb2.App()
                shown.CopyFrom(app)
                yield app_payload_pb2.WatchResponse(
                    update_event=app_payload_pb2.UpdateEvent(updated_app=shown, old_app=old)
                )
                if request.app_id.name.startswith("cut-"):
                    raise ServiceError("unavailable", "the connection is cut")
            async with self.changed:
                await self.changed.wait_for(lambda: self.apps.get(_key(request.app_id)) != shown)

    async def tail_logs(
        self, request: app_logs_payload_pb2.TailLogsRequest
    ) -> AsyncIterator[app_logs_payload_pb2.TailLogsResponse]:
        app = self.find(request.app_id if request.HasField("app_id") else request.replica_id.app_id)
        names = [request.replica_id.name] if request.HasField("replica_id") else ["r1", "r2"]
        replicas = app_logs_payload_pb2.ReplicaIdentifierList()
        for name in names:
            replicas.replicas.add(app_id=app.metadata.id, name=name)
        yield app_logs_payload_pb2.TailLogsResponse(replicas=replicas)
        for name, identifier in zip(names, replicas.replicas, strict=True):
            lines = app_logs_payload_pb2.LogLines(replica_id=identifier)
            for number in range(3):
                line = lines.structured_lines.add(message=f"line {number} of {name}")
                line.timestamp.FromSeconds(1_700_000_000 + number)
            batch = app_logs_payload_pb2.LogLinesBatch(logs=[lines])
            yield app_logs_payload_pb2.TailLogsResponse(batches=batch)

    async def _note(self, app: app_definition_pb2.App, status: Any, message: str = "") -> None:
        condition = app.status.conditions.add(deployment_status=status, message=message, revision=app.metadata.revision)
        condition.last_transition_time.GetCurrentTime()
        async with self.changed:
            self.changed.notify_all()

    def _move(self, app: app_definition_pb2.App) -> None:
        task = asyncio.create_task(self._moving(app, app.metadata.revision))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _moving(self, app: app_definition_pb2.App, revision: int) -> None:
        name = app.metadata.id.name
        stops = app.spec.desired_state == SPEC.DESIRED_STATE_STOPPED
        for status in DOWN if stops else UP:
            if app.metadata.revision != revision or name.startswith("slow-"):
                return
            if name.startswith("broken-") and status == UP[-1]:
                await self._note(app, STATUS.DEPLOYMENT_STATUS_FAILED, "the image cannot be pulled")
                return
            await self._note(app, status)
            await asyncio.sleep(STEP_SECONDS)


def _passes(app: app_definition_pb2.App, one: list_pb2.Filter) -> bool:
    status = STATUS.DeploymentStatus.Name(app.status.conditions[-1].deployment_status)
    value = {
        "status_phase": status,
        "created_by": app.spec.creator.user.id.subject,
    }.get(one.field)
    return value in one.values


def _key(identifier: app_definition_pb2.Identifier) -> tuple[str, str, str]:
    return identifier.project, identifier.domain, identifier.name


def application(apps: Apps) -> Any:
    """Serve apps; `/counts` tells how often which method was called, and how many rows lists have had."""
    routes: dict[str, Route] = {}
    services = (
        (app_service_pb2, "AppService"),
        (app_logs_service_pb2, "AppLogsService"),
        (identity_pb2, "IdentityService"),
    )
    for file, service in services:
        for method in methods_of(file.DESCRIPTOR.services_by_name[service]).values():
            name = {"TailLogs": "tail_logs"}.get(method.name, method.name.lower())
            routes[method.path] = Route(method, getattr(apps, name, None), "not here")
    connect = ConnectApp(routes.get, lambda _: None)

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] == "/counts":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": json.dumps([apps.calls, apps.rows]).encode()})
            return
        apps.calls[scope["path"].rpartition("/")[2]] += 1
        await connect(scope, receive, send)

    return answer


async def _serve(port_file: Path) -> None:
    config = uvicorn.Config(application(Apps()), port=0, lifespan="off", log_level="warning")
    socket = config.bind_socket()
    new = port_file.with_suffix(".new")
    new.write_text(str(socket.getsockname()[1]))
    new.rename(port_file)
    await uvicorn.Server(config).serve([socket])


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
