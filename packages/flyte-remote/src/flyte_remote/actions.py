"""`Action`: one action of a run, as listings give it."""

from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flyte_models.phases import ActionPhase
from flyte_protocol.codes import Code
from flyte_protocol.rpc_errors import RpcError
from flyte_remote.action_details import ActionDetails
from flyte_remote.connection import connection
from flyte_remote.identifiers import action_identifier, run_identifier
from flyte_remote.listing import SortBy, TimeFilter, equals, filters_of_phases, filters_of_time, pages, request_of
from flyte_remote.logs import log_lines, show_lines
from flyte_remote.messages import datetime_of
from flyte_remote.of_actions import HasFiles, NamedAction
from flyte_remote.waiting import WaitFor, is_reached, wait_for_action
from flyte_syncify import syncify

if TYPE_CHECKING:
    from flyteidl2.workflow import run_definition_pb2

__all__ = ["Action"]


class Action(NamedAction, HasFiles):
    """An action: what a listing tells of it, and what one can do with it."""

    def __init__(self, pb2: "run_definition_pb2.Action", _details: ActionDetails | None = None) -> None:
        self.pb2 = pb2
        self._details = _details

    @syncify.class_method
    @classmethod
    async def get(cls, uri: str | None = None, /, run_name: str | None = None, name: str | None = None) -> "Action":
        """Fetch an action by run and name, or as `run/action`.

        Raises:
            RpcError: There is none.
            ValueError: Neither is given.
        """
        details = await ActionDetails.fetch(action_identifier(uri, run_name, name))
        return cls(_action_of(details), details)

    @syncify.class_method
    @classmethod
    async def listall(  # noqa: PLR0917 - the public signature
        cls,
        for_run_name: str,
        in_phase: tuple[ActionPhase | str, ...] | None = None,
        parent_name: str | None = None,
        sort_by: SortBy | None = None,
        created_at: TimeFilter | None = None,
        updated_at: TimeFilter | None = None,
    ) -> "AsyncIterator[Action]":
        """Yield the actions of a run, page by page as they are used.

        Args:
            for_run_name: The run.
            in_phase: Only those in one of these phases.
            parent_name: Only the children of this action.
            sort_by: A field, and `asc` or `desc`.
            created_at: Only those made in this span.
            updated_at: Only those that changed last in this span.
        """
        from flyteidl2.workflow import run_service_pb2  # noqa: PLC0415 - messages load when used

        at = connection()
        filters = [
            *filters_of_phases(in_phase),
            *([equals("parent_name", parent_name)] if parent_name else []),
            *filters_of_time("created_at", created_at),
            *filters_of_time("updated_at", updated_at),
        ]

        async def fetch(request: Any) -> tuple[Any, str]:
            answer = await at.call(
                "RunService",
                "ListActions",
                run_service_pb2.ListActionsRequest(request=request, run_id=run_identifier(for_run_name, at)),
            )
            return answer.actions, answer.token

        async for message in pages(fetch, request_of(filters, sort_by), None):
            yield cls(message)

    @property
    def start_time(self) -> datetime:
        """When it began."""
        return datetime_of(self.pb2.status.start_time)

    async def details(self) -> ActionDetails:
        """Fetch everything that is known of it; what is over is fetched once."""
        if self._details is None or not self._details.done():
            self._details = await ActionDetails.fetch(self.action_id)
            self.pb2 = _action_of(self._details)
        return self._details

    async def sync(self) -> "Action":
        """Fetch it again."""
        self._details = await ActionDetails.fetch(self.action_id)
        self.pb2 = _action_of(self._details)
        return self

    async def wait(self, quiet: bool = False, wait_for: WaitFor = "terminal") -> None:
        """Return when it is over, or where it is waited for.

        Args:
            quiet: Show nothing meanwhile.
            wait_for: `terminal`, `running` or `logs-ready`.
        """
        details = await wait_for_action(self.action_id, wait_for=wait_for, is_quiet=quiet)
        self._details = ActionDetails(details)
        self.pb2 = _action_of(self._details)

    async def watch(
        self, cache_data_on_done: bool = False, wait_for: WaitFor = "terminal"
    ) -> "AsyncGenerator[ActionDetails]":
        """Yield it at every change, until it is over or where it is waited for."""
        details = await self.details()
        async for update in details.watch_updates(cache_data_on_done):
            self.pb2 = _action_of(update)
            yield update
            if is_reached(update.pb2, wait_for):
                return

    @syncify
    async def abort(self, reason: str = "Manually aborted from the SDK.") -> None:
        """Abort it; one that is over is left as it is.

        Raises:
            RpcError: The control plane refuses.
        """
        from flyteidl2.workflow import run_service_pb2  # noqa: PLC0415 - messages load when used

        request = run_service_pb2.AbortActionRequest(action_id=self.action_id, reason=reason)
        try:
            await connection().call("RunService", "AbortAction", request)
        except RpcError as error:
            if error.status is not Code.NOT_FOUND:
                raise

    @syncify
    async def show_logs(
        self,
        attempt: int | None = None,
        max_lines: int = 30,
        show_ts: bool = False,
        raw: bool = False,
        filter_system: bool = False,
    ) -> None:
        """Print its log.

        Args:
            attempt: From 1 on; None for the last.
            max_lines: How many of the last lines a terminal shows.
            show_ts: Begin each line with its time.
            raw: Print all lines, as they come.
            filter_system: Leave out what is not the task's own.
        """
        lines = log_lines(self.action_id, attempt, without_system=filter_system, with_time=show_ts)
        await show_lines(lines, most=max_lines, is_raw=raw)


def _action_of(details: ActionDetails) -> "run_definition_pb2.Action":
    from flyteidl2.workflow import run_definition_pb2  # noqa: PLC0415 - messages load when used

    return run_definition_pb2.Action(id=details.pb2.id, metadata=details.pb2.metadata, status=details.pb2.status)
