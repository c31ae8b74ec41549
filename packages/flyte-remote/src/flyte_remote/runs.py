"""`Run`: one execution on a control plane, and all that can be done with it."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal

from flyte_models.bundles import CodeBundle
from flyte_models.debugging import DEBUG_VARIABLE
from flyte_models.phases import ActionPhase
from flyte_protocol.codes import Code
from flyte_protocol.rpc_errors import RpcError
from flyte_remote.action_details import ActionDetails
from flyte_remote.connection import connection
from flyte_remote.console import console_link, console_url
from flyte_remote.failures import failure_of
from flyte_remote.identifiers import project_identifier, run_identifier
from flyte_remote.listing import (
    SortBy,
    TimeFilter,
    equals,
    exists,
    filters_of_phases,
    filters_of_time,
    pages,
    request_of,
)
from flyte_remote.logs import log_lines, show_lines
from flyte_remote.of_actions import HasFiles
from flyte_remote.run_details import RunDetails
from flyte_remote.values import ActionInputs, ActionOutputs, Types
from flyte_remote.waiting import wait_for_action
from flyte_remote.watching import watch_details
from flyte_syncify import syncify

if TYPE_CHECKING:
    from flyteidl2.core import literals_pb2
    from flyteidl2.workflow import run_definition_pb2

    from flyte_remote.actions import Action

__all__ = ["Run"]


class Run(HasFiles):
    """A run: what a listing tells of it, and what one can do with it."""

    def __init__(
        self,
        pb2: "run_definition_pb2.Run",
        _details: RunDetails | None = None,
        _preserve_original_types: bool = False,
        *,
        _types: tuple[Types, Types] | None = None,
    ) -> None:
        """Wrap a message.

        Args:
            pb2: The message.
            _details: What was fetched of it already.
            _preserve_original_types: Of the reference; types are those of the task where it is known.
            _types: Types of inputs and outputs, when the task is at hand; otherwise they are made of the stored ones.
        """
        self.pb2 = pb2
        self._details = _details
        self._types = _types

    @property
    def action(self) -> "Action":
        """Its root action, with what is known of it."""
        from flyte_remote.actions import Action  # noqa: PLC0415 - which knows of runs

        return Action(self.pb2.action, self._details.action_details if self._details is not None else None)

    def __repr__(self) -> str:
        return f"<run `{self.name}`, {self.phase.value if self.phase else 'unknown'}>"

    @syncify.class_method
    @classmethod
    async def get(cls, name: str) -> "Run":
        """Fetch a run of the configured project and domain.

        Raises:
            RpcError: There is none.
        """
        details = await RunDetails.fetch(run_identifier(name))
        return cls(_run_of(details), details)

    @syncify.class_method
    @classmethod
    async def listall(  # noqa: PLR0917 - the public signature
        cls,
        in_phase: tuple[ActionPhase | str, ...] | None = None,
        task_name: str | None = None,
        task_version: str | None = None,
        created_by_subject: str | None = None,
        sort_by: SortBy | None = None,
        limit: int = 100,
        project: str | None = None,
        domain: str | None = None,
        created_at: TimeFilter | None = None,
        updated_at: TimeFilter | None = None,
        with_labels: dict[str, str] | None = None,
        with_label_keys: list[str] | tuple[str, ...] | None = None,
        paused_actions_only: bool = False,
    ) -> "AsyncIterator[Run]":
        """Yield runs of a project and domain, page by page as they are used.

        Args:
            in_phase: Only those in one of these phases.
            task_name: Only those of this task.
            task_version: Only those of this version of it.
            created_by_subject: Only those of this user.
            sort_by: A field, and `asc` or `desc`; default: the oldest first.
            limit: How many at most; below 0: all.
            project: Default: the configured one.
            domain: Default: the configured one.
            created_at: Only those made in this span.
            updated_at: Only those that changed last in this span.
            with_labels: Only those with these labels.
            with_label_keys: Only those that have labels of these names, whatever their values.
            paused_actions_only: Only those with an action that waits for an answer.
        """
        from flyteidl2.workflow import run_service_pb2  # noqa: PLC0415 - messages load when used

        at = connection()
        named = {"task_name": task_name, "task_version": task_version, "created_by": created_by_subject}
        filters = [
            *filters_of_phases(in_phase),
            *(equals(field, text) for field, text in named.items() if text),
            *filters_of_time("created_at", created_at),
            *filters_of_time("updated_at", updated_at),
            *(equals(f"labels.{name}", text) for name, text in (with_labels or {}).items()),
            *(exists(f"labels.{name}") for name in with_label_keys or ()),
        ]
        place = project_identifier(project, domain, at)

        async def fetch(request: Any) -> tuple[Any, str]:
            message = run_service_pb2.ListRunsRequest(
                request=request, project_id=place, paused_actions_only=paused_actions_only
            )
            answer = await at.call("RunService", "ListRuns", message)
            return answer.runs, answer.token

        async for message in pages(fetch, request_of(filters, sort_by, limit if limit >= 0 else None), limit):
            yield cls(message)

    @property
    def _action(self) -> Any:
        return self.pb2.action

    @property
    def name(self) -> str:
        """The run's name."""
        return self.pb2.action.id.run.name

    @property
    def url(self) -> str:
        """The console's page of it."""
        run = self.pb2.action.id.run
        return console_url("runs", run.name, project=run.project, domain=run.domain)

    def sync(self) -> "Run":
        """Fetch it again; from code that is not async."""
        self._details = None
        self.details()
        return self

    @syncify
    async def details(self) -> RunDetails:
        """Fetch everything that is known of it; what is over is fetched once."""
        return await self._fetched()

    @syncify
    async def wait(self, quiet: bool = False, wait_for: Literal["terminal", "running"] = "terminal") -> None:
        """Return when it is over, or runs. Whether it succeeded says `phase`, or `raise_for_status`.

        On a terminal each new phase is a line on standard error.

        Args:
            quiet: Show nothing meanwhile.
            wait_for: `terminal` or `running`.
        """
        details = await wait_for_action(self.pb2.action.id, wait_for=wait_for, is_quiet=quiet)
        self._take(details)

    async def watch(self, cache_data_on_done: bool = False) -> "AsyncGenerator[ActionDetails]":
        """Yield its root action at every change, until it is over."""
        details = (await self._fetched()).action_details
        async for update in details.watch_updates(cache_data_on_done):
            self._take(update.pb2)
            yield update

    @syncify
    async def raise_for_status(self) -> None:
        """Return when it has succeeded, and raise when it has failed; it is waited for.

        Raises:
            RuntimeUserError: Its task failed; its subclasses and siblings of `flyte.errors` say how.
            ActionAbortedError: It was aborted.
        """
        if not self.done():
            self._take(await wait_for_action(self.pb2.action.id, is_quiet=True))
        if self.phase in (ActionPhase.SUCCEEDED, ActionPhase.RECOVERED):
            return
        details = (await self._fetched()).action_details
        raise failure_of(details)

    @syncify
    async def abort(self, reason: str = "Manually aborted from the SDK api.") -> None:
        """Abort it with everything that it has started.

        Raises:
            RpcError: The control plane refuses: it is over.
        """
        from flyteidl2.workflow import run_service_pb2  # noqa: PLC0415 - messages load when used

        request = run_service_pb2.AbortRunRequest(run_id=self.pb2.action.id.run, reason=reason)
        try:
            await connection().call("RunService", "AbortRun", request)
        except RpcError as error:
            if error.status is not Code.NOT_FOUND:
                raise

    @syncify
    async def inputs(self) -> ActionInputs:
        """Return the inputs of the root action."""
        return await (await self._fetched()).inputs()

    @syncify
    async def outputs(self) -> ActionOutputs:
        """Return the outputs of the root action; a run that is not over is waited for.

        Raises:
            RuntimeError: It did not succeed.
        """
        if not self.done():
            self._take(await wait_for_action(self.pb2.action.id, is_quiet=True))
        return await (await self._fetched()).outputs()

    @syncify
    async def input_literals(self) -> "dict[str, literals_pb2.Literal]":
        """Return the inputs as literals."""
        return await (await self._fetched()).input_literals()

    @syncify
    async def output_literals(self) -> "dict[str, literals_pb2.Literal]":
        """Return the outputs as literals."""
        return await (await self._fetched()).output_literals()

    @syncify
    async def typed_inputs(
        self, types: dict[str, type], deserializers: dict[type, Callable[[Any], Any]] | None = None
    ) -> dict[str, Any]:
        """Return inputs as the types that are asked for.

        Args:
            types: Python types by name.
            deserializers: What is made of a value, by its type.
        """
        return await (await self._fetched()).typed_inputs(types, deserializers)

    @syncify
    async def typed_outputs(
        self, types: dict[str, type], deserializers: dict[type, Callable[[Any], Any]] | None = None
    ) -> dict[str, Any]:
        """Return outputs as the types that are asked for; see `typed_inputs`."""
        return await (await self._fetched()).typed_outputs(types, deserializers)

    @syncify
    async def first_failure(self) -> ActionDetails | None:
        """Return the action that failed first, which is where a failed run went wrong; None when none did."""
        from flyte_remote.actions import Action  # noqa: PLC0415 - which knows of runs

        failed = [action async for action in Action.listall.aio(self.name, in_phase=(ActionPhase.FAILED, "timed_out"))]
        if not failed:
            return None
        first = min(failed, key=lambda action: (action.pb2.status.end_time.ToNanoseconds(), action.name == "a0"))
        return await ActionDetails.fetch(first.action_id)

    @syncify
    async def show_logs(
        self,
        attempt: int | None = None,
        max_lines: int = 100,
        show_ts: bool = False,
        raw: bool = False,
        filter_system: bool = False,
    ) -> None:
        """Print the log of the root action.

        Args:
            attempt: From 1 on; None for the last.
            max_lines: How many of the last lines a terminal shows.
            show_ts: Begin each line with its time.
            raw: Print all lines, as they come.
            filter_system: Leave out what is not the task's own.
        """
        lines = log_lines(self.pb2.action.id, attempt, without_system=filter_system, with_time=show_ts)
        await show_lines(lines, most=max_lines, is_raw=raw)

    @syncify
    async def code_bundle(self) -> CodeBundle | None:
        """Return which code it runs with, or None."""
        return (await self._fetched()).action_details.code_bundle

    @syncify
    async def get_debug_url(self) -> str | None:
        """Return where the editor of a run in debug mode listens, as soon as it does; None when the run is over, or has none.

        A run that was not started in debug mode is looked at once.
        """
        details = await self._fetched()
        url = _debugger(details.action_details.pb2)
        if url is None and any(pair.key == DEBUG_VARIABLE for pair in details.pb2.run_spec.envs.values):
            async with aclosing(watch_details(connection(), self.pb2.action.id)) as messages:
                async for message in messages:
                    url = _debugger(message)
                    if url is not None:
                        break
        return None if url is None else console_link(url)

    async def _fetched(self) -> RunDetails:
        if self._details is None or not self._details.done():
            self._details = await RunDetails.fetch(self.pb2.action.id.run, self._types)
            labels = dict(self.pb2.labels)
            self.pb2 = _run_of(self._details)
            self.pb2.labels.update(labels)
        return self._details

    def _take(self, details: Any) -> None:
        """Keep what a watch told of the root action."""
        action = self.pb2.action
        action.metadata.CopyFrom(details.metadata)
        action.status.CopyFrom(details.status)


def _run_of(details: RunDetails) -> "run_definition_pb2.Run":
    from flyteidl2.workflow import run_definition_pb2  # noqa: PLC0415 - messages load when used

    action = details.pb2.action
    run = run_definition_pb2.Run(
        action=run_definition_pb2.Action(id=action.id, metadata=action.metadata, status=action.status)
    )
    run.labels.update(dict(details.pb2.run_spec.labels.values))
    return run


def _debugger(details: "run_definition_pb2.ActionDetails") -> str | None:
    """Return the link to an editor that is ready, of the last attempt."""
    from flyteidl2.core import execution_pb2  # noqa: PLC0415 - messages load when used

    for log in details.attempts[-1].log_info if details.attempts else ():
        if log.link_type == execution_pb2.TaskLog.IDE and log.ready:
            return log.uri
    return None
