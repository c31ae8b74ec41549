"""Tells a control plane of a local run while it goes on. What is told is read from the run's records, so nothing waits for it."""

import asyncio
import logging
import random
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from flyteidl2.cluster import payload_pb2
from flyteidl2.common import identifier_pb2
from flyteidl2.common import run_pb2 as common_run_pb2
from flyteidl2.core import execution_pb2
from flyteidl2.task import run_pb2, task_definition_pb2
from flyteidl2.workflow import run_service_pb2, tracked_run_service_pb2

from flyte.running.conditions import CONDITION_TASK
from flyte.running.tracked.messages import Seen, TracedAction, action_update, steps_since, trace_update
from flyte_engine.actions import EngineEvent
from flyte_engine.records import ActionRecord, AttemptRecord, TraceRecord
from flyte_engine.store import ActionStore
from flyte_models.phases import ActionPhase
from flyte_models.values import value
from flyte_protocol.codes import Code, code_of_number
from flyte_protocol.rpc_errors import RpcError
from flyte_protocol.transport import CallOptions
from flyte_remote.connection import Connection
from flyte_remote.console import console_url
from flyte_remote.uploads import upload_bytes
from flyte_storage.errors import StorageError

if TYPE_CHECKING:
    from flyte.tasks.template import TaskTemplate
    from flyte.tracing.calls import TracedCall

__all__ = ["Mirror", "TrackedRun", "register"]

_logger = logging.getLogger("flyte")

_TRACKED_RUN_DATA = payload_pb2.SelectClusterRequest.OPERATION_TRACKED_RUN_DATA
_AT_ONCE = 16
"""How many files are uploaded at once."""
_PER_REQUEST = 100
_GATHERED_SECONDS = 0.05
"""How long changes are gathered before they are told."""
_LONGEST_SECONDS = 30.0
"""The longest wait between two tries to reach a control plane that does not answer."""
_STILL_SECONDS = 30.0
"""How long the end of a run waits for a control plane that takes nothing."""
_INTERRUPTED_SECONDS = 5.0
_MOST_TRACE_BYTES = 64 * 1024 * 1024
"""Inputs and outputs of traced calls that wait for a control plane; what is beyond is not told of."""
_TRACE_BYTES = 1000
"""About what a call takes beside them: names, times, the interface."""
_MOST_TRIES = 8
"""How often a change by itself is told to a control plane that answers with an error which may pass."""
_REFUSED = frozenset(
    {Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.ALREADY_EXISTS, Code.FAILED_PRECONDITION, Code.OUT_OF_RANGE}
)
_UNHEARD = frozenset({Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.UNAUTHENTICATED, Code.PERMISSION_DENIED})
"""Errors that are no matter of what was told."""
_WITH_OUTPUTS = frozenset({ActionPhase.SUCCEEDED, ActionPhase.RECOVERED})

Describe = Callable[["TaskTemplate[..., Any]"], task_definition_pb2.TaskSpec]


@value
class TrackedRun:
    """A run as the control plane gets to know it."""

    run_id: identifier_pb2.RunIdentifier
    spec: task_definition_pb2.TaskSpec
    run_spec: run_pb2.RunSpec
    inputs: bytes
    inputs_hash: str
    started_at: float
    is_resumed: bool


async def register(at: Connection, run: TrackedRun) -> str:
    """Make a run known to the control plane, and return the name of the cluster that keeps its data.

    Raises:
        RpcError: the control plane refuses; ALREADY_EXISTS when another run has the name.
        flyte_storage.StorageError: its store does not take the inputs.
    """
    run_id = run.run_id
    project = identifier_pb2.ProjectIdentifier(organization=run_id.org, domain=run_id.domain, name=run_id.project)
    cluster = ""
    try:
        selected = await at.call(
            "ClusterService",
            "SelectCluster",
            payload_pb2.SelectClusterRequest(project_id=project, operation=_TRACKED_RUN_DATA),
        )
        cluster = selected.cluster
    except RpcError as error:
        # A control plane of one cluster has no such service.
        if error.status not in {Code.UNIMPLEMENTED, Code.NOT_FOUND}:
            raise
    if not run.is_resumed:
        await _refuse_taken(at, run_id)
    request = tracked_run_service_pb2.CreateTrackedRunRequest(run_id=run_id, task_spec=run.spec, run_spec=run.run_spec)
    # A task without inputs has no hash of them, and a place without one is refused.
    if run.inputs_hash:
        uri = await upload_bytes(
            run.inputs, "inputs.pb", root=f"tracked-runs/{run_id.name}/a0", project=run_id.project, domain=run_id.domain
        )
        request.offloaded_input_data.CopyFrom(common_run_pb2.OffloadedInputData(uri=uri, inputs_hash=run.inputs_hash))
    request.run_start_time.FromNanoseconds(int(run.started_at * 1e9))
    try:
        await at.call("TrackedRunService", "CreateRun", request)
    except RpcError as error:
        if error.status is not Code.ALREADY_EXISTS or not run.is_resumed:
            raise
    return cluster


async def _refuse_taken(at: Connection, run_id: identifier_pb2.RunIdentifier) -> None:
    """Refuse a name before the files of the run that has it are replaced; `CreateRun` refuses it as well."""
    try:
        await at.call("TrackedRunService", "GetRunDetails", run_service_pb2.GetRunDetailsRequest(run_id=run_id))
    except RpcError as error:
        if error.status is not Code.NOT_FOUND:
            raise
        return
    raise RpcError(Code.ALREADY_EXISTS, f"there is a run `{run_id.name}` in `{run_id.project}/{run_id.domain}` already")


class Mirror:
    """Tells a control plane of one run, in the loop that runs it.

    Args:
        at: The control plane.
        run_id: The run, which it knows.
        store: Where the run is recorded.
        describe: Gives the specification of a task.
        cluster: The name of the cluster that keeps the data.
        is_strict: Whether the run is ended when it cannot be told of.
    """

    def __init__(
        self,
        at: Connection,
        run_id: identifier_pb2.RunIdentifier,
        store: ActionStore,
        describe: Describe,
        cluster: str,
        *,
        is_strict: bool,
    ) -> None:
        """Begin to tell in the running loop; `finish` ends it."""
        self._at = at
        self._run = run_id
        self._store = store
        self._describe = describe
        self._cluster = cluster
        self._is_strict = is_strict
        self._loop = asyncio.get_running_loop()
        self._tasks: dict[str, TaskTemplate[..., Any]] = {}
        self._links: dict[str, list[execution_pb2.TaskLog]] = {}
        """Of actions whose tasks declare some, as long as they are not over."""
        self._lost_links: set[tuple[str, int]] = set()
        """Links that gave no address, by their tasks: one warning of each is enough."""
        self._changed: dict[str, None] = {}
        """Names of actions there is something to tell of, in the order in which they changed first: parents before children."""
        self._traces: deque[TracedAction] = deque()
        self._trace_bytes = 0
        self._trace_lock = threading.Lock()
        self._dropped_traces = 0
        self._skipped = 0
        """Changes that the control plane refuses for good."""
        self._most = _PER_REQUEST
        self._reports: set[str] = set()
        self._report_uris: dict[str, tuple[int, str]] = {}
        """Attempt and place of reports that are uploaded, for the next that is told of their actions."""
        self._seen: dict[str, Seen] = {}
        self._versions: dict[str, int] = {}
        self._woken = asyncio.Event()
        self._closing = asyncio.Event()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._progress = 0
        self._failures = 0
        self._on_failure: Callable[[], Awaitable[Any]] | None = None
        self._is_refusal_told = False
        self.error: Exception | None = None
        """Why a strictly tracked run was ended."""
        self._serving = self._loop.create_task(self._serve())

    @property
    def page(self) -> str:
        """The address of the run's page at the console."""
        run = self._run
        return console_url("tracked-runs", run.name, project=run.project, domain=run.domain)

    # --- what the run says -----------------------------------------------------------------------------------------

    def end_by(self, on_failure: Callable[[], Awaitable[Any]]) -> None:
        """Say how a run that has to be told of is ended when it cannot be."""
        self._on_failure = on_failure

    def know(
        self, action_name: str, parent_name: str | None, task: "TaskTemplate[..., Any]", custom_context: dict[str, str]
    ) -> None:
        """Take the task of an action that is about to begin, and the links that it declares."""
        self._tasks[action_name] = task
        if task.links:
            self._links[action_name] = list(self._links_of(action_name, parent_name, task, custom_context))

    def _links_of(
        self, action_name: str, parent_name: str | None, task: "TaskTemplate[..., Any]", custom_context: dict[str, str]
    ) -> Iterator[execution_pb2.TaskLog]:
        # Nobody else fills them in: a control plane does so only for what runs in its clusters.
        run = self._run
        for link in task.links:
            try:
                uri = link.get_link(
                    run_name=run.name,
                    project=run.project,
                    domain=run.domain,
                    context=dict(custom_context),
                    parent_action_name=parent_name or action_name,
                    action_name=action_name,
                    pod_name="",
                )
                yield execution_pb2.TaskLog(
                    name=link.name, uri=uri, icon_uri=getattr(link, "icon_uri", None) or "", ready=True
                )
            except Exception as error:
                if (task.name, id(link)) in self._lost_links:
                    continue
                self._lost_links.add((task.name, id(link)))
                _logger.warning(
                    "action `%s` is shown without link `%s` of task `%s`: %s: %s",
                    action_name,
                    getattr(link, "name", link),
                    task.name,
                    type(error).__name__,
                    error,
                )

    def observe(self, event: EngineEvent) -> None:
        """Take a change of an action."""
        self._changed[event.record.name] = None
        self._woken.set()

    def trace(self, trace: TraceRecord, call: "TracedCall") -> None:
        """Take a traced call that has ended. Safe from any thread."""
        assert call.action is not None  # it was made
        traced = TracedAction(trace, call.action.name, call.function_name, call.group, call.interface, call.inputs_sent)
        with self._trace_lock:
            if self._traces and self._trace_bytes + _size(traced) > _MOST_TRACE_BYTES:
                self._dropped_traces += 1
                return
            self._traces.append(traced)
            self._trace_bytes += _size(traced)
        self._loop.call_soon_threadsafe(self._woken.set)

    def report(self, action_name: str) -> None:
        """Take that an action has another report."""
        self._reports.add(action_name)
        self._changed[action_name] = None
        self._woken.set()

    async def finish(self, *, is_interrupted: bool = False) -> None:
        """Tell what is left to tell. Waits for a control plane that takes nothing no longer than 30 seconds, interrupted 5."""
        self._closing.set()
        self._woken.set()
        patience = _INTERRUPTED_SECONDS if is_interrupted else _STILL_SECONDS
        try:
            while not self._serving.done():
                before = self._progress
                await asyncio.wait({self._serving}, timeout=patience)
                if self._progress == before:
                    break
        finally:
            self._serving.cancel()
            await asyncio.wait({self._serving})
        self._tell_of_gaps()
        left = len(self._changed) + len(self._traces)
        if not left or self.error is not None:
            return
        message = f"the control plane was not told of the last changes of {left} actions of run `{self._run.name}`"
        if self._is_strict and not is_interrupted:
            self.error = RpcError(Code.DEADLINE_EXCEEDED, f"{message}: it took nothing for {patience:g} seconds")
            self.error.add_note("hint: the run is tracked strictly; what it did is recorded on this machine")
        else:
            _logger.warning("%s", message)

    def _tell_of_gaps(self) -> None:
        name = self._run.name
        if self._dropped_traces:
            _logger.warning(
                "the control plane was not told of %d traced calls of run `%s`: it took nothing, and no more than %s wait for it"
                "\nhint: the run itself has their results",
                self._dropped_traces,
                name,
                f"{_MOST_TRACE_BYTES / 2**20:g} MiB",
            )
        if self._skipped:
            _logger.warning(
                "the control plane refused %d changes of run `%s`, so it shows less than what is recorded on this machine",
                self._skipped,
                name,
            )

    # --- telling ---------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        while True:
            await self._woken.wait()
            if not self._closing.is_set():
                await self._pause(_GATHERED_SECONDS)
            self._woken.clear()
            names, traces = self._taken()
            if not names and not traces:
                if self._closing.is_set():
                    return
                continue
            if self._changed or self._traces or self._closing.is_set():
                self._woken.set()
            try:
                await self._tell(names, traces)
            except BaseException as error:
                if isinstance(error, Exception) and self._skips(error, len(names) + len(traces)):
                    self._woken.set()
                    continue
                # Once more, before what has changed meanwhile.
                self._changed = dict.fromkeys(names) | self._changed
                with self._trace_lock:
                    self._traces.extendleft(reversed(traces))
                    self._trace_bytes += sum(map(_size, traces))
                self._woken.set()
                if not isinstance(error, Exception):
                    raise
                # Whatever it is, the run itself must not suffer.
                if await self._failed(error):
                    return
            else:
                self._failures = 0
                self._progress += 1
                self._most = min(_PER_REQUEST, self._most * 2)

    def _skips(self, error: Exception, count: int) -> bool:
        """Tell whether what could not be told is let go: a change that is refused for good must not stand before all others."""
        if self._is_strict or count > 1:
            return False
        if not _is_for_good(error) and (_is_unheard(error) or self._failures + 1 < _MOST_TRIES):
            return False
        self._skipped += 1
        self._failures = 0
        self._progress += 1
        if self._skipped == 1:
            _logger.warning("run `%s` is not reported whole: a change was refused: %s", self._run.name, error)
        return True

    def _taken(self) -> tuple[list[str], list[TracedAction]]:
        most = self._most
        names = list(self._changed)[:most]
        for name in names:
            del self._changed[name]
        # A traced call comes after its action, which has changed before it.
        with self._trace_lock:
            traces = [self._traces.popleft() for _ in range(min(len(self._traces), most - len(names)))]
            self._trace_bytes -= sum(map(_size, traces))
        return names, traces

    async def _failed(self, error: Exception) -> bool:
        """Take that the control plane could not be told; tell whether that is the end."""
        self._failures += 1
        # The less at once, the more often it fails: a request may be too large, or one change be refused with all others.
        was_alone, self._most = self._most == 1, max(1, self._most // 2)
        if self._is_strict:
            error.add_note(f"hint: run `{self._run.name}` is tracked strictly, so it ends where it cannot be reported")
            self.error = error
            if self._on_failure is not None:
                await self._on_failure()
            return True
        if self._failures == 1:
            _logger.warning("run `%s` goes on, but could not be reported just now: %s", self._run.name, error)
        if _is_for_good(error) and not was_alone:
            # There is nothing to wait for: the one that is refused is looked for.
            return False
        delay = min(_LONGEST_SECONDS, 2 ** min(self._failures, 10) / 2) * random.uniform(0.5, 1.5)  # noqa: S311 - jitter
        if self._closing.is_set():
            await asyncio.sleep(min(delay, 1.0))
        else:
            await self._pause(delay)
        return False

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            pass

    async def _tell(self, names: list[str], traces: list[TracedAction]) -> None:
        await self._store.flush()
        actions = await asyncio.to_thread(self._read, names)
        updates: list[tracked_run_service_pb2.TrackedActionUpdate] = []
        for told in await asyncio.gather(*(self._updates_of(*action) for action in actions)):
            updates += told
        updates += await asyncio.gather(*map(self._update_of_trace, traces))
        if not updates:
            return
        request = tracked_run_service_pb2.ReportTrackedActionsRequest(run_id=self._run, updates=updates)
        answer = await self._at.call("TrackedRunService", "ReportActions", request, CallOptions(is_idempotent=True))
        for update in updates:
            name, event = update.event.id.name, update.event
            self._seen[name] = Seen(event.attempt, ActionPhase.from_protobuf(event.phase))
            self._versions[name] = event.version + 1
            self._tasks.pop(name, None)
        for action, _ in actions:
            # An attempt that has failed may have a next one.
            if action.phase.is_terminal:
                self._links.pop(action.name, None)
        self._take_refusals(answer)

    def _take_refusals(self, answer: tracked_run_service_pb2.ReportTrackedActionsResponse) -> None:
        refused = [status for status in answer.statuses if status.code]
        if not refused:
            return
        message = f"{len(refused)} changes of actions were refused, the first: {refused[0].message}"
        if self._is_strict:
            raise RpcError(code_of_number(refused[0].code), message)
        if not self._is_refusal_told:
            # What is refused once is refused again, so it is not repeated.
            self._is_refusal_told = True
            _logger.warning("run `%s` is not reported whole: %s", self._run.name, message)

    def _read(self, names: Iterable[str]) -> list[tuple[ActionRecord, tuple[AttemptRecord, ...]]]:
        run = self._run.name
        found = ((self._store.action(run, name), tuple(self._store.attempts(run, name))) for name in names)
        return [(action, attempts) for action, attempts in found if action is not None]

    async def _updates_of(
        self, action: ActionRecord, attempts: tuple[AttemptRecord, ...]
    ) -> list[tracked_run_service_pb2.TrackedActionUpdate]:
        run, name = self._run.name, action.name
        seen = self._seen.get(name)
        steps = list(steps_since(seen, action, attempts))
        if name in self._reports and (steps or seen is not None):
            await self._upload_report(action)
        if not steps:
            return []
        report_attempt, report_uri = self._report_uris.get(name, (0, ""))
        if report_attempt != steps[-1].attempt:
            report_uri = ""
        spec, output_uri = None, ""
        if seen is None and action.parent_name is not None:
            task = self._tasks.get(name)
            spec = self._describe(task) if task is not None else None
            inputs = await asyncio.to_thread(self._store.inputs, run, name)
            if inputs is not None:
                await self._upload(inputs, "inputs.pb", name)
        if steps[-1].phase in _WITH_OUTPUTS:
            outputs = await asyncio.to_thread(self._store.outputs, run, name)
            if outputs is not None:
                output_uri = await self._upload(outputs, "outputs.pb", f"{name}/{steps[-1].attempt}")
        version = self._versions.get(name, 0)
        last = len(steps) - 1
        return [
            action_update(
                self._run,
                action,
                step,
                version + number if seen is not None and step.attempt == seen.attempt else number,
                self._cluster,
                spec=spec if number == 0 else None,
                is_condition=action.task_name == CONDITION_TASK and seen is None and number == 0,
                output_uri=output_uri if number == last else "",
                report_uri=report_uri if number == last else "",
                links=self._links.get(name, ()),
            )
            for number, step in enumerate(steps)
        ]

    async def _upload_report(self, action: ActionRecord) -> None:
        name = action.name
        # Before it is read: there may be another while this one travels.
        self._reports.discard(name)
        try:
            page = await asyncio.to_thread(self._store.report, self._run.name, name)
            if page is not None:
                uri = await self._upload(page, "report.html", f"{name}/{action.attempt}")
                self._report_uris[name] = action.attempt, uri
        except BaseException:
            self._reports.add(name)
            raise

    async def _update_of_trace(self, traced: TracedAction) -> tracked_run_service_pb2.TrackedActionUpdate:
        folder = traced.action_name
        await self._upload(traced.inputs, "inputs.pb", folder)
        outputs = traced.trace.outputs
        uri = await self._upload(outputs, "outputs.pb", f"{folder}/1") if outputs is not None else ""
        return trace_update(self._run, traced, self._cluster, uri)

    async def _upload(self, content: bytes, name: str, folder: str) -> str:
        run = self._run
        async with self._slots:
            return await upload_bytes(
                content, name, root=f"tracked-runs/{run.name}/{folder}", project=run.project, domain=run.domain
            )


def _size(traced: TracedAction) -> int:
    return _TRACE_BYTES + len(traced.inputs) + len(traced.trace.outputs or b"")


def _is_for_good(error: Exception) -> bool:
    """Tell whether telling the same again cannot help."""
    if isinstance(error, RpcError):
        return error.status in _REFUSED
    return not isinstance(error, OSError)


def _is_unheard(error: Exception) -> bool:
    """Tell whether nobody has looked at what was told."""
    if isinstance(error, RpcError):
        return error.status in _UNHEARD
    return isinstance(error, StorageError) and error.is_retry_safe
