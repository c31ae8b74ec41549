"""`App`: a deployed app, started, stopped and watched on the control plane that runs it."""

import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Literal

from flyte_protocol.codes import Code
from flyte_protocol.rpc_errors import RpcError
from flyte_remote.connection import connection
from flyte_remote.console import console_url
from flyte_remote.identifiers import project_identifier
from flyte_remote.listing import SortBy, equals, pages, request_of
from flyte_remote.logs import show_lines
from flyte_remote.messages import OfMessage, datetime_of
from flyte_remote.watching import rest_between, resumed
from flyte_syncify import syncify

if TYPE_CHECKING:
    from flyteidl2.app import app_definition_pb2

__all__ = ["App", "AppFailedError", "WaitFor"]

WaitFor = Literal["activated", "deactivated"]

_PREFIX = "DEPLOYMENT_STATUS_"
_UP = {"ACTIVE", "STARTED"}
_DOWN = {"STOPPED", "UNASSIGNED"}
_STARTED, _STOPPED = "DESIRED_STATE_STARTED", "DESIRED_STATE_STOPPED"
_CONFLICTS = (Code.ABORTED, Code.FAILED_PRECONDITION)
_TRIES = 3


class AppFailedError(RuntimeError):
    """An app does not come up, or is gone."""


class App(OfMessage):
    """An app as it was when it was fetched; what changes it returns it as it is then."""

    def __init__(self, pb2: "app_definition_pb2.App") -> None:
        """Wrap a message."""
        self.pb2 = pb2

    def __repr__(self) -> str:
        return f"<app `{self.name}`, {_status(self.pb2).lower()}>"

    @syncify.class_method
    @classmethod
    async def create(cls, app: "app_definition_pb2.App") -> "App":
        """Deploy an app; one of the same name gets what this one is made of.

        Raises:
            RpcError: The control plane refuses.
        """
        from flyteidl2.app import app_payload_pb2  # noqa: PLC0415 - messages load when used

        try:
            answer = await connection().call("AppService", "Create", app_payload_pb2.CreateRequest(app=app))
        except RpcError as error:
            if error.status is not Code.ALREADY_EXISTS:
                raise
            name = app.metadata.id

            def take(current: "app_definition_pb2.App") -> None:
                current.spec.CopyFrom(app.spec)
                current.metadata.labels.clear()
                current.metadata.labels.update(app.metadata.labels)

            return await _changed(name.name, take, "deployed again", name.project, name.domain)
        return cls(answer.app)

    @syncify.class_method
    @classmethod
    async def get(cls, name: str, project: str | None = None, domain: str | None = None) -> "App":
        """Fetch an app.

        Raises:
            RpcError: There is none.
        """
        return cls(await _fetch(name, project, domain))

    @syncify.class_method
    @classmethod
    async def listall(
        cls,
        created_by_subject: str | None = None,
        sort_by: SortBy | None = None,
        limit: int = 100,
        in_status: str | tuple[str, ...] | None = None,
    ) -> AsyncIterator["App"]:
        """List apps of the configured project and domain.

        Args:
            created_by_subject: Only those of this user.
            sort_by: Field and direction; default: by the time of creation.
            limit: How many at most.
            in_status: Only those in this status, or in one of these, such as `active` or `stopped`.

        Raises:
            ValueError: There is no such status.
        """
        from flyteidl2.app import app_payload_pb2  # noqa: PLC0415 - messages load when used

        at = connection()
        wanted = (in_status,) if isinstance(in_status, str) else in_status
        filters = [equals("status_phase", *map(_full_status, wanted))] if wanted else []
        if created_by_subject:
            filters.append(equals("created_by", created_by_subject))

        async def fetch(request: Any) -> tuple[Any, str]:
            asked = app_payload_pb2.ListRequest(request=request, project=project_identifier(at=at))
            answer = await at.call("AppService", "List", asked)
            return answer.apps, answer.token

        async for found in pages(fetch, request_of(filters, sort_by), limit):
            yield cls(found)

    @syncify.class_method
    @classmethod
    async def update(cls, updated_app_proto: "app_definition_pb2.App", reason: str) -> "App":
        """Replace an app by a changed one; its revision says which one was changed.

        Raises:
            RpcError: There is none, or somebody else has changed it since.
        """
        return cls(await _update(updated_app_proto, reason))

    @syncify.class_method
    @classmethod
    async def replace(  # noqa: PLR0917 - the public signature
        cls,
        name: str,
        updated_app_spec: "app_definition_pb2.Spec",
        reason: str,
        labels: Mapping[str, str] | None = None,
        project: str | None = None,
        domain: str | None = None,
    ) -> "App":
        """Give an app another specification, whatever it has now.

        Args:
            name: Of the app.
            updated_app_spec: What it is to be made of.
            reason: For those who look at its history.
            labels: In place of those that it has; default: these.
            project: Default: the configured one.
            domain: Default: the configured one.

        Raises:
            RpcError: There is no such app, or the control plane refuses.
        """

        def take(current: "app_definition_pb2.App") -> None:
            current.spec.CopyFrom(updated_app_spec)
            if labels is not None:
                current.metadata.labels.clear()
                current.metadata.labels.update(labels)

        return await _changed(name, take, reason, project, domain)

    @syncify.class_method
    @classmethod
    async def delete(cls, name: str, project: str | None = None, domain: str | None = None) -> None:
        """Delete an app. That there is none is no error.

        Raises:
            RpcError: The control plane refuses.
        """
        from flyteidl2.app import app_payload_pb2  # noqa: PLC0415 - messages load when used

        request = app_payload_pb2.DeleteRequest(app_id=_identifier(name, project, domain))
        try:
            await connection().call("AppService", "Delete", request)
        except RpcError as error:
            if error.status is not Code.NOT_FOUND:
                raise

    @syncify
    async def activate(self, wait: bool = False) -> "App":
        """Start the app; with `wait`, return when it is up.

        Raises:
            AppFailedError: It does not come up.
            RpcError: There is none any more, or the control plane refuses.
        """
        return await self._want(_STARTED, "activated", wait=wait)

    @syncify
    async def deactivate(self, wait: bool = False) -> "App":
        """Stop the app; with `wait`, return when it is down.

        Raises:
            AppFailedError: It fails instead.
            RpcError: There is none any more, or the control plane refuses.
        """
        return await self._want(_STOPPED, "deactivated", wait=wait)

    @syncify
    async def watch(self, wait_for: WaitFor = "activated") -> "App":
        """Return the app when it is up, or down. A terminal shows each status it goes through.

        Raises:
            ValueError: It is waited for something else.
            AppFailedError: It fails, or is deleted.
            RpcError: There is none, or the control plane cannot be reached.
        """
        return await _watched(self.pb2.metadata.id, wait_for)

    @asynccontextmanager
    async def ephemeral_ctx(self) -> AsyncGenerator[None]:
        """Keep the app up for the block, and stop it behind it."""
        await self._want(_STARTED, "activated", wait=True)
        try:
            yield
        finally:
            await self._want(_STOPPED, "deactivated", wait=False)

    @contextmanager
    def ephemeral_ctx_sync(self) -> Generator[None]:
        """Do what `ephemeral_ctx` does, in plain code."""
        self.activate(wait=True)
        try:
            yield
        finally:
            self.deactivate()

    @syncify
    async def show_logs(
        self,
        max_lines: int = 30,
        show_ts: bool = False,
        raw: bool = False,
        filter_system: bool = False,
        replica_name: str | None = None,
    ) -> None:
        """Print the log of the app, each line with its replica, until the control plane ends it or somebody interrupts.

        Args:
            max_lines: How many of the last lines a terminal shows.
            show_ts: Begin each line with its time.
            raw: Print all lines, as they come.
            filter_system: Leave out what is not the app's own.
            replica_name: Only of this replica.

        Raises:
            RpcError: There is no such app or replica.
        """
        lines = self._log_lines(replica_name, without_system=filter_system, with_time=show_ts)
        await show_lines(lines, most=max_lines, is_raw=raw)

    @property
    def name(self) -> str:
        """The name."""
        return self.pb2.metadata.id.name

    @property
    def revision(self) -> int:
        """How often it was changed, from 1 on."""
        return self.pb2.metadata.revision

    @property
    def endpoint(self) -> str:
        """Where it answers."""
        return self.pb2.status.ingress.public_url

    @property
    def url(self) -> str:
        """The address of its page."""
        name = self.pb2.metadata.id
        return console_url("apps", name.name, project=name.project, domain=name.domain)

    @property
    def desired_state(self) -> int:
        """What it is told to be, as `Spec.DesiredState` of the protocol."""
        return self.pb2.spec.desired_state

    @property
    def status(self) -> str:
        """What it is in words, such as `active` or `scaling_down`."""
        return _status(self.pb2).lower()

    @property
    def deployment_status(self) -> int:
        """What it is, as `Status.DeploymentStatus` of the protocol."""
        conditions = self.pb2.status.conditions
        return conditions[-1].deployment_status if conditions else 0

    def is_active(self) -> bool:
        """Tell whether it was up when it was fetched."""
        return _status(self.pb2) in _UP

    def is_deactivated(self) -> bool:
        """Tell whether it was down when it was fetched."""
        return _status(self.pb2) in _DOWN

    async def _want(self, state: str, wait_for: WaitFor, *, wait: bool) -> "App":
        from flyteidl2.app import app_definition_pb2  # noqa: PLC0415 - messages load when used

        name = self.pb2.metadata.id
        number: Any = app_definition_pb2.Spec.DesiredState.Value(state)

        def take(current: "app_definition_pb2.App") -> None:
            current.spec.desired_state = number

        changed = await _changed(name.name, take, f"{wait_for} by `flyte.remote.App`", name.project, name.domain)
        return await _watched(changed.pb2.metadata.id, wait_for) if wait else changed

    async def _log_lines(self, replica: str | None, *, without_system: bool, with_time: bool) -> AsyncIterator[str]:
        from flyteidl2.app import app_logs_payload_pb2, replica_definition_pb2  # noqa: PLC0415

        name = self.pb2.metadata.id
        request = app_logs_payload_pb2.TailLogsRequest()
        if replica is None:
            request.app_id.CopyFrom(name)
        else:
            request.replica_id.CopyFrom(replica_definition_pb2.ReplicaIdentifier(app_id=name, name=replica))
        seen, count = Counter[str](), Counter[str]()
        async for message in resumed(connection(), "AppLogsService", "TailLogs", request, count.clear):
            for of, line in _lines(message, replica or ""):
                count[of] += 1
                if count[of] <= seen[of]:
                    continue
                seen[of] = count[of]
                if isinstance(line, str):
                    yield f"{_named(of)}{line}"
                elif not without_system or line.originator != _SYSTEM:
                    text = f"{_named(of)}{line.message.removesuffix(chr(10))}"
                    yield f"{datetime_of(line.timestamp).isoformat()} {text}" if with_time else text


def _lines(message: Any, replica: str) -> Iterator[tuple[str, Any]]:
    """Yield replica and line of a message of a log: lines with their times, or of older servers texts."""
    if message.HasField("batches"):
        for batch in message.batches.logs:
            for line in batch.structured_lines or batch.lines:
                yield batch.replica_id.name, line
    elif message.HasField("log_lines"):
        for line in message.log_lines.structured_lines or message.log_lines.lines:
            yield replica, line


def _named(replica: str) -> str:
    return f"[{replica}] " if replica else ""


_SYSTEM = 2
"""`LogLineOriginator.SYSTEM`."""


async def _watched(identifier: "app_definition_pb2.Identifier", wait_for: str) -> App:
    if wait_for not in ("activated", "deactivated"):
        raise ValueError(f"`wait_for` must be `activated` or `deactivated`, got {wait_for!r}")
    name, shows, began, shown = identifier.name, sys.stderr.isatty(), time.monotonic(), ""
    async for app in _states(identifier):
        status = _status(app)
        if shows and status != shown:
            shown = status
            print(f"app {name} is {_spoken(status)} ({time.monotonic() - began:.1f} s)", file=sys.stderr)  # noqa: T201
        if not _is_settled(app):
            continue
        if status == "FAILED":
            raise AppFailedError(_failure(app))
        if status in (_UP if wait_for == "activated" else _DOWN):
            return App(app)
    raise AppFailedError(f"app `{name}` is deleted, and will not be {wait_for}")


async def _states(identifier: "app_definition_pb2.Identifier") -> "AsyncIterator[app_definition_pb2.App]":
    """Yield an app as it is now, and at every change, until it is deleted."""
    from flyteidl2.app import app_payload_pb2  # noqa: PLC0415 - messages load when used

    at = connection()
    yield await _fetch(identifier.name, identifier.project, identifier.domain)
    rounds = 0
    while True:
        request = app_payload_pb2.WatchRequest(app_id=identifier)
        async for message in resumed(at, "AppService", "Watch", request):
            which = message.WhichOneof("event")
            if which == "delete_event":
                return
            if which is not None:
                yield message.create_event.app if which == "create_event" else message.update_event.updated_app
        # Servers and gateways end streams that last long; what happened meanwhile is seen by looking.
        rounds += 1
        await rest_between(rounds)
        try:
            yield await _fetch(identifier.name, identifier.project, identifier.domain)
        except RpcError as error:
            if error.status is Code.NOT_FOUND:
                return
            raise


async def _fetch(name: str, project: str | None, domain: str | None) -> "app_definition_pb2.App":
    from flyteidl2.app import app_payload_pb2  # noqa: PLC0415 - messages load when used

    request = app_payload_pb2.GetRequest(app_id=_identifier(name, project, domain))
    return (await connection().call("AppService", "Get", request)).app


async def _update(app: "app_definition_pb2.App", reason: str) -> "app_definition_pb2.App":
    from flyteidl2.app import app_payload_pb2  # noqa: PLC0415 - messages load when used

    return (await connection().call("AppService", "Update", app_payload_pb2.UpdateRequest(app=app, reason=reason))).app


async def _changed(
    name: str, change: "Callable[[app_definition_pb2.App], None]", reason: str, project: str | None, domain: str | None
) -> App:
    """Change an app as it is now; if somebody else changes it at the same time, change that."""
    left = _TRIES
    while True:
        left -= 1
        current = await _fetch(name, project, domain)
        before = current.SerializeToString(deterministic=True)
        change(current)
        if current.SerializeToString(deterministic=True) == before:
            return App(current)
        try:
            return App(await _update(current, reason))
        except RpcError as error:
            if error.status not in _CONFLICTS or not left:
                raise
            now = await _fetch(name, project, domain)
            if now.metadata.revision == current.metadata.revision:
                raise


def _identifier(name: str, project: str | None, domain: str | None) -> "app_definition_pb2.Identifier":
    from flyteidl2.app import app_definition_pb2  # noqa: PLC0415 - messages load when used

    at = connection()
    return app_definition_pb2.Identifier(org=at.org, project=at.project(project), domain=at.domain(domain), name=name)


def _status(app: "app_definition_pb2.App") -> str:
    """Return the status without its prefix, such as `ACTIVE`."""
    from flyteidl2.app import app_definition_pb2  # noqa: PLC0415 - as above

    conditions = app.status.conditions
    number = conditions[-1].deployment_status if conditions else 0
    return app_definition_pb2.Status.DeploymentStatus.Name(number).removeprefix(_PREFIX)


def _is_settled(app: "app_definition_pb2.App") -> bool:
    """Tell whether the status is about the revision that was asked for, and not about the one before it."""
    conditions = app.status.conditions
    return not conditions or not conditions[-1].revision or conditions[-1].revision >= app.metadata.revision


def _full_status(name: str) -> str:
    from flyteidl2.app import app_definition_pb2  # noqa: PLC0415 - as above

    full = name.upper() if name.upper().startswith(_PREFIX) else f"{_PREFIX}{name.upper()}"
    known = app_definition_pb2.Status.DeploymentStatus.keys()
    if full not in known:
        names = ", ".join(f"`{each.removeprefix(_PREFIX).lower()}`" for each in known[1:])
        raise ValueError(f"there is no status `{name}` of apps; there are {names}")
    return full


def _spoken(status: str) -> str:
    return status.lower().replace("_", " ")


def _failure(app: "app_definition_pb2.App") -> str:
    last = app.status.conditions[-1]
    reason = f": {last.message}" if last.message else ""
    return f"app `{app.metadata.id.name}` has failed{reason}\nhint: `App.get(...).show_logs()` may say more"
