"""Carries actions out: queue, admission, attempts, retries, limits, abort. Phases come from `flyte_models.lifecycle` alone.

Everything runs in one event loop. What an action is now is recorded before anybody hears of it.
"""

import asyncio
import logging
import random
import sqlite3
import time
from collections.abc import Coroutine
from functools import lru_cache

from flyteidl2.core import catalog_pb2
from flyteidl2.workflow import run_definition_pb2

from flyte_devbox.admission import Admission, Capacity
from flyte_devbox.caching import CacheTable
from flyte_devbox.contents import keep_content
from flyte_devbox.database import Database, DatabaseError
from flyte_devbox.executors import Exit, Handle, LaunchError
from flyte_devbox.live import LiveAction, LiveRun
from flyte_devbox.outcomes import Outcome, abort_error, limit_error, lost
from flyte_devbox.policies import TaskPolicy
from flyte_devbox.records import AttemptUpdate, update_action, update_attempt
from flyte_devbox.starting import AttemptStarter
from flyte_devbox.watching import Hub
from flyte_engine.retries import retry_delay
from flyte_models import lifecycle
from flyte_models.lifecycle import (
    Abort,
    ActionState,
    Create,
    Event,
    Fail,
    Recover,
    Resume,
    Start,
    Succeed,
    TimeOut,
    Wait,
)
from flyte_models.phases import ActionPhase

__all__ = ["Scheduler", "initial_state"]

_logger = logging.getLogger(__name__)

advance = lru_cache(maxsize=4096)(lifecycle.advance)

_WAITING_AFTER_SECONDS = 1.0
"""An action that waits longer is shown as WAITING_FOR_RESOURCES."""
_TICK_SECONDS = 1.0
_WAITING_BATCH = 500
_STOP_GRACE_SECONDS = 3.0

_TASK = run_definition_pb2.ACTION_TYPE_TASK
_CONDITION = run_definition_pb2.ACTION_TYPE_CONDITION


@lru_cache(maxsize=64)
def initial_state(max_attempts: int, attempts_before: int = 0) -> ActionState:
    """Return the state of an action that was just created."""
    return advance(None, Create(max_attempts=max_attempts, attempts_before=attempts_before))


class Scheduler:
    """Owns the actions that are not over.

    Args:
        database: where they are recorded.
        starter: starts attempts.
        hub: told of every recorded change.
        capacity: what the machine gives.
        cache: outputs of earlier actions.
    """

    def __init__(
        self, *, database: Database, starter: AttemptStarter, hub: Hub, capacity: Capacity, cache: CacheTable
    ) -> None:
        self.runs: dict[int, LiveRun] = {}
        """Those whose root action is not over, by row."""
        self._by_name: dict[tuple[str, str, str], LiveRun] = {}
        self._database = database
        self._starter = starter
        self._hub = hub
        self._admission: Admission[LiveAction] = Admission(capacity)
        self._cache = cache
        self._is_kick_due = False
        self._is_stopping = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._ticker: asyncio.Task[None] | None = None
        self._queued: dict[int, LiveAction] = {}

    # --- for services ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to let actions in."""
        self._ticker = asyncio.create_task(self._tick())
        self._kick()

    def add_run(self, run: LiveRun) -> None:
        """Take a recorded run."""
        self.runs[run.id] = run
        self._by_name[run.project, run.domain, run.name] = run
        self._admission.set_limit(run.limit_name, run.max_concurrency)

    def find_run(self, project: str, domain: str, name: str) -> LiveRun | None:
        """Return a run whose root action is not over."""
        return self._by_name.get((project, domain, name))

    def add(self, action: LiveAction) -> None:
        """Take a recorded action that is QUEUED, or a condition that is PAUSED."""
        self._enrol(action)
        if not action.transitions:
            # Only what waits is added here; an attempt that runs brings its own.
            action.transitions.append((action.state.phase.to_protobuf_value(), action.created_at))
        if action.type == _CONDITION:
            return
        assert action.policy is not None
        source = self._recovered(action)
        if source is not None:
            self._spawn(self._guard(action, self._take_over(action, source)))
        elif action.cache_key and action.policy.is_cached:
            self._spawn(self._guard(action, self._look_up(action)))
        else:
            self._queue(action)

    def limit_condition(self, action: LiveAction, seconds: float) -> None:
        """Let a condition time out."""
        loop = asyncio.get_running_loop()
        action.timer = loop.call_later(seconds, self._time_out_condition, action, seconds)

    async def abort(self, run: LiveRun, name: str, reason: str) -> bool:
        """Abort an action and all below it, durably; tell whether it was not over."""
        action = run.actions.get(name)
        if action is None or action.state.is_terminal:
            return False
        below = self._below(action)
        ends = [self._abort(one, reason) for one in (action, *below)]
        await asyncio.wait([end for end in ends if end is not None])
        return True

    async def signal(self, action: LiveAction, value: bytes) -> None:
        """Give a paused condition its value; durable when this returns."""
        self._cancel_timer(action)
        self._advance(action, Resume())
        self._advance(action, Succeed())
        await self._finish(action, value=value)

    async def stop(self) -> None:
        """End what runs, without recording it as ended: the next server goes on with it."""
        self._is_stopping = True
        if self._ticker is not None:
            self._ticker.cancel()
        handles = [action.handle for run in self.runs.values() for action in run.actions.values() if action.handle]
        for handle in handles:
            handle.terminate(_STOP_GRACE_SECONDS)
        if handles:
            await asyncio.wait(
                [asyncio.ensure_future(handle.wait()) for handle in handles], timeout=_STOP_GRACE_SECONDS + 2
            )
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    def usage(self) -> dict[str, int]:
        """Count what there is, for the health page."""
        actions = sum(len(run.actions) for run in self.runs.values())
        return {"runs": len(self.runs), "actions": actions, "waiting": self._admission.waiting}

    def resume(self, action: LiveAction, handle: Handle | None) -> None:
        """Take an action that an earlier server left RUNNING: attend to its process, or see what it left when there is none."""
        run = action.run
        # Those that wait were added before.
        action.children = sum(other.parent == action.name for other in run.actions.values())
        self._enrol(action)
        assert action.policy is not None
        ticket = self._admission.enter(action, action.policy.demand, limits=self._limits(action), depth=action.depth)
        ticket.is_waiting = False
        self._admission.waiting -= 1
        if not action.children:
            self._admission.take(ticket)
        action.ticket = ticket
        self._spawn(self._guard(action, self._go_on(action, handle)))

    def _enrol(self, action: LiveAction) -> None:
        run = action.run
        run.actions[action.name] = action
        parent = run.actions.get(action.parent)
        if parent is None:
            return
        parent.children += 1
        if parent.children == 1 and parent.ticket is not None and parent.ticket.holds:
            # It waits for its children, and must not keep them from running.
            self._admission.release(parent.ticket)
            self._kick()

    # --- queue ----------------------------------------------------------------------------------------------------

    def _queue(self, action: LiveAction) -> None:
        policy = action.policy
        assert policy is not None
        if action.state.is_terminal:
            return
        action.queued_at = time.time()
        if policy.reuse is not None:
            self._admission.set_limit(_environment_limit(policy), policy.reuse.max_replicas * policy.reuse.concurrency)
        action.ticket = self._admission.enter(action, policy.demand, limits=self._limits(action), depth=action.depth)
        self._queued[action.id] = action
        limit = self._queue_limit(action)
        if limit is not None:
            kind, left, seconds = limit
            loop = asyncio.get_running_loop()
            action.timer = loop.call_later(max(0.0, left), self._time_out_queued, action, kind, seconds)
        self._kick()

    def _limits(self, action: LiveAction) -> tuple[str, ...]:
        policy = action.policy
        assert policy is not None
        names = [action.run.limit_name] if action.run.max_concurrency else []
        if policy.reuse is not None:
            names.append(_environment_limit(policy))
        return tuple(names)

    def _queue_limit(self, action: LiveAction) -> tuple[str, float, float] | None:
        policy = action.policy
        assert policy is not None
        found: list[tuple[str, float, float]] = []
        if policy.max_queued is not None:
            found.append(("max_queued_time", policy.max_queued, policy.max_queued))
        if policy.deadline is not None:
            left = policy.deadline - (time.time() - action.created_at)
            found.append(("deadline", left, policy.deadline))
        return min(found, key=lambda limit: limit[1]) if found else None

    def _kick(self) -> None:
        if not self._is_kick_due and not self._is_stopping:
            self._is_kick_due = True
            asyncio.get_running_loop().call_soon(self._admit)

    def _admit(self) -> None:
        self._is_kick_due = False
        if self._is_stopping:
            return
        for ticket in self._admission.admit():
            action = ticket.item
            self._queued.pop(action.id, None)
            self._cancel_timer(action)
            if action.children:
                # Of an earlier attempt: it will wait for them.
                self._admission.release(ticket)
            action.task = self._spawn(self._guard(action, self._run(action)))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            before = time.time() - _WAITING_AFTER_SECONDS
            waiting: list[LiveAction] = []
            for action in self._queued.values():
                if len(waiting) >= _WAITING_BATCH:
                    break
                if action.state.phase is ActionPhase.QUEUED and action.queued_at < before:
                    waiting.append(action)
            for action in waiting:
                self._advance(action, Wait())
                self._record(action)
            for run in self.runs.values():
                for action in run.actions.values():
                    if action.handle is not None:
                        self._starter.rotate_log(action)

    # --- attempts -------------------------------------------------------------------------------------------------

    async def _run(self, action: LiveAction) -> None:
        self._advance(action, Start())
        now = time.time()
        action.attempt_started_at = now
        action.started_at = now if action.started_at is None else action.started_at
        try:
            handle = await self._starter.start(action)
        except LaunchError as error:
            self._record(action, action.attempt_update(action.number, 4))
            await self._end_attempt(action, lost(str(error)), Exit(None))
            return
        action.handle = handle
        action.worker = handle.worker
        if action.state.is_terminal:
            # Aborted while it was being started.
            handle.kill()
            await self._attend(action, handle)
            return
        # Not awaited: a server that finds the action QUEUED reckons with a process that was started.
        self._record(action, action.attempt_update(action.number, 4))
        await self._attend(action, handle)

    async def _go_on(self, action: LiveAction, handle: Handle | None) -> None:
        if handle is None:
            await self._end_attempt(action, self._starter.judge(action, Exit(None)), Exit(None))
            return
        action.handle = handle
        await self._attend(action, handle)

    async def _attend(self, action: LiveAction, handle: Handle) -> None:
        policy = action.policy
        assert policy is not None
        ended = asyncio.ensure_future(handle.wait())
        limit = self._run_limit(action, policy)
        outcome: Outcome | None = None
        done, _ = await asyncio.wait({ended}, timeout=None if limit is None else max(0.0, limit[1]))
        if not done and limit is not None and not action.state.is_terminal:
            kind, _, seconds = limit
            error = limit_error(kind, seconds, self._starter.label(action))
            is_final = kind == "deadline"
            if is_final or not action.state.retries_left:
                # On time, whatever the clean-up takes.
                action.error = error
                await self._end_below(action, f"its parent `{action.name}` timed out")
                self._finish_later(action, TimeOut(recoverable=False), error)
            outcome = Outcome(Fail(recoverable=True), error)
            handle.terminate(policy.grace_seconds)
        result = await ended
        action.handle = None
        if self._is_stopping:
            return
        if action.state.is_terminal:
            self._leave(action)
            return
        await self._end_attempt(
            action, outcome or self._starter.judge(action, result), result, is_limit=outcome is not None
        )

    async def _end_attempt(self, action: LiveAction, outcome: Outcome, ended: Exit, *, is_limit: bool = False) -> None:
        number = action.number
        now = time.time()
        started = action.attempt_started_at
        usage = (ended.cpu_seconds, ended.max_rss_bytes, None if started is None else max(0.0, now - started))
        if isinstance(outcome.event, Succeed):
            action.output_uri = f"{action.output_prefix()}/outputs.pb"
            action.error = None
            outputs = await self._starter.outputs(action)
            if action.state.is_terminal:
                # Aborted meanwhile.
                self._leave(action)
                return
            self._advance(action, outcome.event)
            if action.cache_key and action.policy is not None and action.policy.is_cached:
                action.cache_status = await self._cache.keep(
                    action.run.project, action.run.domain, action.cache_key, action.output_uri, str(action.id)
                )
            await self._finish(action, usage=usage, outputs=outputs)
            return
        failed = ActionPhase.TIMED_OUT if is_limit else ActionPhase.FAILED
        event: Event = TimeOut(recoverable=True) if is_limit else outcome.event
        action.error = outcome.error
        self._advance(action, event)
        if action.state.is_terminal:
            await self._end_below(action, f"its parent `{action.name}` failed")
            await self._finish(action, usage=usage)
            return
        # Another attempt: the one that failed keeps its error.
        phase = failed.to_protobuf_value()
        action.transitions[-1] = (phase, now)
        update = action.attempt_update(number, phase, ended_at=now, error=outcome.error, usage=usage)
        action.transitions = [(1, now)]
        action.attempt_started_at = None
        action.worker = ""
        self._leave_place(action)
        await self._record_surely(action, update)
        self._starter.clean(action, number)
        policy = action.policy
        assert policy is not None
        is_system = outcome.event.system
        retries = action.number - 2 - action.state.system_failures - action.state.attempts_before
        rng = random.Random()  # noqa: S311 - spreads load, keeps no secret
        delay = min(5.0, 0.5 * 2.0 ** (action.state.system_failures - 1)) if is_system else 0.0
        if not is_system:
            delay = retry_delay(policy.retry, max(0, retries), rng)
        if delay > 0:
            action.timer = asyncio.get_running_loop().call_later(delay, self._queue, action)
        else:
            self._queue(action)

    def _run_limit(self, action: LiveAction, policy: TaskPolicy) -> tuple[str, float, float] | None:
        now = time.time()
        found: list[tuple[str, float, float]] = []
        if policy.max_runtime is not None:
            passed = now - (action.attempt_started_at or now)
            found.append(("max_runtime", policy.max_runtime - passed, policy.max_runtime))
        if policy.deadline is not None:
            found.append(("deadline", policy.deadline - (now - action.created_at), policy.deadline))
        return min(found, key=lambda limit: limit[1]) if found else None

    # --- cache and recovery ---------------------------------------------------------------------------------------

    def _recovered(self, action: LiveAction) -> str | None:
        if action.run.recover_from is None or action.name in action.run.spec.recover.force_rerun_actions:
            return None
        row = self._database.read_one(
            "SELECT output_uri FROM actions WHERE run_id = ? AND name = ? AND phase IN (5, 10)",
            (action.run.recover_from, action.name),
        )
        return None if row is None or not row["output_uri"] else str(row["output_uri"])

    async def _take_over(self, action: LiveAction, output_uri: str) -> None:
        action.output_uri = output_uri
        self._advance(action, Recover())
        await self._finish(action)

    async def _look_up(self, action: LiveAction) -> None:
        policy, run = action.policy, action.run
        assert policy is not None
        if run.spec.overwrite_cache or run.spec.cache_config.overwrite_cache:
            action.cache_status = catalog_pb2.CACHE_SKIPPED
            self._queue(action)
            return
        is_owner = False
        while not action.state.is_terminal:
            found = self._cache.find(run.project, run.domain, action.cache_key, policy.cache_max_age)
            if found is not None:
                if is_owner:
                    await self._cache.release(run.project, run.domain, action.cache_key, str(action.id))
                action.cache_status = catalog_pb2.CACHE_HIT
                action.output_uri = found
                self._advance(action, Succeed())
                await self._finish(action)
                return
            action.cache_status = catalog_pb2.CACHE_MISS
            if is_owner or not policy.is_serialized:
                self._queue(action)
                return
            is_owner = await self._cache.reserve(run.project, run.domain, action.cache_key, str(action.id))
            if is_owner:
                # Whoever had it may have put its outputs there since we looked.
                continue
            if action.state.phase is ActionPhase.QUEUED:
                self._advance(action, Wait())
                self._record(action)
            await asyncio.sleep(0.5)

    # --- ends -----------------------------------------------------------------------------------------------------

    async def _finish(
        self,
        action: LiveAction,
        *,
        value: bytes | None = None,
        usage: tuple[float | None, int | None, float | None] = (None, None, None),
        outputs: bytes | None = None,
    ) -> None:
        """Record the end of an action whose state is terminal, then tell everybody."""
        now = time.time()
        phase = action.state.phase.to_protobuf_value()
        update = action.attempt_update(
            action.number, phase, ended_at=now, error=action.error if action.abort_reason is None else None, usage=usage
        )
        if action.type == _CONDITION:
            action.started_at = action.started_at or action.created_at
        if not action.parent:
            await self._end_below(action, "the run ended before this action did")
        await self._record_surely(action, update, ended_at=now, value=value, outputs=outputs)
        self._forget(action)
        if action.handle is None:
            self._leave(action)
        if (
            action.policy is not None
            and action.policy.is_serialized
            and action.state.phase is not ActionPhase.SUCCEEDED
        ):
            await self._cache.release(action.run.project, action.run.domain, action.cache_key, str(action.id))

    def _finish_later(self, action: LiveAction, event: Event, error: run_definition_pb2.ErrorInfo | None) -> None:
        action.error = error
        self._advance(action, event)
        self._spawn(self._finish(action))

    def _abort(self, action: LiveAction, reason: str) -> "asyncio.Task[None] | None":
        """Abort one action; return what records it, or `None` if it is over."""
        if action.state.is_terminal:
            return None
        self._cancel_timer(action)
        action.abort_reason = reason
        action.error = abort_error(reason)
        self._advance(action, Abort())
        if action.handle is not None and action.policy is not None:
            action.handle.terminate(action.policy.grace_seconds)
        self._queued.pop(action.id, None)
        if action.handle is None and action.ticket is not None and action.ticket.is_waiting:
            self._admission.release(action.ticket)
        return self._spawn(self._finish(action))

    async def _end_below(self, action: LiveAction, reason: str) -> None:
        ends = [end for child in self._below(action) if (end := self._abort(child, reason)) is not None]
        if ends:
            await asyncio.wait(ends)

    def _below(self, action: LiveAction) -> list[LiveAction]:
        """Return what is not over below an action, children after their own children."""
        if not action.children and action.parent:
            return []
        if not action.parent:
            found = [other for other in action.run.actions.values() if other is not action]
            return sorted(found, key=lambda other: -other.depth)
        by_parent: dict[str, list[LiveAction]] = {}
        for other in action.run.actions.values():
            by_parent.setdefault(other.parent, []).append(other)
        found: list[LiveAction] = []
        pending = [action.name]
        while pending:
            children = by_parent.get(pending.pop(), [])
            found.extend(children)
            pending.extend(child.name for child in children)
        found.reverse()
        return found

    def _forget(self, action: LiveAction) -> None:
        run = action.run
        self._cancel_timer(action)
        if run.actions.pop(action.name, None) is None:
            return
        parent = run.actions.get(action.parent)
        if parent is not None:
            parent.children -= 1
            if not parent.children and parent.handle is not None and parent.ticket is not None:
                self._admission.take(parent.ticket)
        if not action.parent:
            self.runs.pop(run.id, None)
            self._by_name.pop((run.project, run.domain, run.name), None)
            self._admission.set_limit(run.limit_name, 0)

    def _leave(self, action: LiveAction) -> None:
        """Free what an action occupied, once nothing of it runs."""
        self._leave_place(action)
        if action.worker:
            self._starter.clean(action, action.number)

    def _leave_place(self, action: LiveAction) -> None:
        if action.ticket is not None:
            self._admission.release(action.ticket)
            action.ticket = None
        self._kick()

    def _time_out_queued(self, action: LiveAction, kind: str, seconds: float) -> None:
        action.timer = None
        if action.state.is_terminal or action.id not in self._queued:
            return
        self._queued.pop(action.id, None)
        if action.ticket is not None:
            self._admission.release(action.ticket)
        self._finish_later(action, TimeOut(), limit_error(kind, seconds, self._starter.label(action)))

    def _time_out_condition(self, action: LiveAction, seconds: float) -> None:
        action.timer = None
        if not action.state.is_terminal:
            self._finish_later(action, TimeOut(), limit_error("timeout", seconds, f"condition `{action.name}`"))

    # --- records --------------------------------------------------------------------------------------------------

    def _advance(self, action: LiveAction, event: Event) -> None:
        before = action.state
        action.state = advance(before, event)
        if action.state.attempt == before.attempt:
            action.transitions.append((action.state.phase.to_protobuf_value(), time.time()))

    def _record(self, action: LiveAction, attempt: AttemptUpdate | None = None) -> None:
        """Record without waiting; the next write that is waited for makes it durable too."""
        try:
            future = self._write(action, attempt, None, None)
        except DatabaseError:
            return
        run, row, parent = action.run.id, action.id, action.parent
        future.add_done_callback(lambda done: done.exception() or self._hub.publish(run, row, parent))

    async def _record_surely(
        self,
        action: LiveAction,
        attempt: AttemptUpdate | None,
        *,
        ended_at: float | None = None,
        value: bytes | None = None,
        outputs: bytes | None = None,
    ) -> None:
        """Record and wait until it is durable, however long the disk is full."""
        pause = 0.2
        while True:
            try:
                await self._write(action, attempt, ended_at, value, outputs)
                break
            except DatabaseError as error:
                if self._is_stopping:
                    raise
                _logger.warning("action `%s` cannot be recorded, trying again: %s", action.name, error)
                await asyncio.sleep(pause)
                pause = min(5.0, pause * 2)
        self._hub.publish(action.run.id, action.id, action.parent)

    def _write(
        self,
        action: LiveAction,
        attempt: AttemptUpdate | None,
        ended_at: float | None,
        value: bytes | None,
        outputs: bytes | None = None,
    ) -> "asyncio.Future[None]":
        update = action.update(time.time(), ended_at, value)
        output_uri, run = action.output_uri, action.run.id

        def work(connection: sqlite3.Connection) -> None:
            update_action(connection, update)
            if attempt is not None:
                update_attempt(connection, update.id, attempt)
            if outputs is not None and output_uri is not None:
                keep_content(connection, run, output_uri, outputs)

        return self._database.write_later(work)

    # --- small things ---------------------------------------------------------------------------------------------

    async def _guard(self, action: LiveAction, work: Coroutine[object, object, None]) -> None:
        """Let a fault of the devbox end the action: a run must not wait for ever for it."""
        try:
            await work
        except Exception as error:
            _logger.exception("action `%s` of run `%s` cannot be carried out", action.name, action.run.name)
            if action.handle is not None:
                action.handle.kill()
                action.handle = None
            if action.state.is_terminal:
                self._forget(action)
                self._leave(action)
                return
            said = f"the devbox failed: {type(error).__name__}: {error}\nhint: its log says more"
            action.error = run_definition_pb2.ErrorInfo(
                code="DevboxError", message=said, kind=run_definition_pb2.ErrorInfo.KIND_SYSTEM
            )
            self._advance(action, Fail(recoverable=False, system=True))
            await self._finish(action)

    def _spawn(self, work: Coroutine[object, object, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _logger.error("the scheduler failed", exc_info=error)

    def _cancel_timer(self, action: LiveAction) -> None:
        if action.timer is not None:
            action.timer.cancel()
            action.timer = None


def _environment_limit(policy: TaskPolicy) -> str:
    assert policy.reuse is not None
    return f"environment {policy.reuse.name} {policy.reuse.version}"
