"""Runs actions: phases, attempts, retries, limits, abort, events, and records that are durable before a result is seen."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from flyte_engine.actions import ActionOutcome, ActionRequest, Attempt, Completed, EngineEvent
from flyte_engine.caching import OutputCache
from flyte_engine.carrying import Carrier, restored
from flyte_engine.clock import Clock, SystemClock
from flyte_engine.executors import Executor, InlineExecutor
from flyte_engine.journal import Journal
from flyte_engine.limits import Slots
from flyte_engine.live import LiveAction, LiveRun
from flyte_engine.processes import current_process
from flyte_engine.queueing import Queue, pool_key
from flyte_engine.records import ActionRecord, ErrorRecord, RunRecord
from flyte_engine.resuming import FINISHED, attempts_made, claim_run, finished_actions, load_actions
from flyte_engine.steps import ABORT, first_state, next_state
from flyte_engine.stopping import CODE_ABORTED, abort_alive, abort_children, cancelled_error, current_task
from flyte_engine.store import ActionChange, ActionStore
from flyte_engine.waiting import settle
from flyte_models.phases import ActionPhase

__all__ = [
    "ActionOutcome",
    "ActionRequest",
    "Attempt",
    "Completed",
    "Engine",
    "EngineEvent",
    "name_taken",
]

GRACE_SECONDS = 5.0
"""How long clean-up code of a cancelled body may take before it is left alone."""


class Engine:
    """Runs actions of any number of runs in one event loop.

    The caller starts a run, awaits its root action, whose body awaits `run_action` for its children, and finishes the
    run. The store stays the caller's: close it after the engine.

    Args:
        store: where records go.
        executor: where attempts run; in the caller's task if not given.
        clock: tells the time and waits between attempts.
        jitter: spread the waits between attempts, see `retry_delay`; without it they are exactly what the policy says.
        cache: where outputs of actions with a `CacheUse` are kept; the caller's too, to be closed after the engine.
        pools: how many actions of each `ActionRequest.pools` run at once, over all runs.
        grace_seconds: how long the clean-up code of cancelled bodies may take before they are left alone.
    """

    def __init__(
        self,
        store: ActionStore,
        *,
        executor: Executor | None = None,
        clock: Clock | None = None,
        jitter: bool = False,
        cache: OutputCache | None = None,
        pools: Mapping[str, int] | None = None,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._store = store
        self._clock: Clock = clock if clock is not None else SystemClock()
        self._grace = grace_seconds
        self._slots = Slots()
        self._journal = Journal(store, self._clock)
        self._queue = Queue(self._slots, self._journal)
        self._carrier = Carrier(
            self._journal,
            self._queue,
            self._slots,
            executor if executor is not None else InlineExecutor(),
            cache,
            jitter=jitter,
            grace_seconds=grace_seconds,
        )
        for pool, limit in (pools or {}).items():
            self.set_pool(pool, limit)
        self._runs: dict[str, LiveRun] = {}
        self._is_closed = False

    @property
    def store(self) -> ActionStore:
        """Where records go."""
        return self._store

    @property
    def clock(self) -> Clock:
        """What tells the time and waits."""
        return self._clock

    def set_pool(self, name: str, limit: int | None) -> None:
        """Let at most `limit` actions of a pool run at once from now on, or any number; what runs is left alone.

        An action that waits for its children does not count, here as under a run's limit.

        Raises:
            ValueError: the limit is below 1.
        """
        self._slots.set_limit(pool_key(name), limit)

    def start_run(
        self,
        run: RunRecord,
        *,
        max_action_concurrency: int | None = None,
        recover_from: str | None = None,
        force_rerun: Collection[str] = (),
    ) -> None:
        """Record a run, durably, and take actions for it from now on.

        Args:
            run: its record.
            max_action_concurrency: how many of its actions run at once; `None` or 0 for any number. One that waits for its
                children does not count; of those that wait for a slot the deepest is first.
            recover_from: another run of this store: an action that finished there is not run, but RECOVERED with its outputs.
            force_rerun: names of actions that are run all the same.

        Raises:
            ValueError: a run of this name exists, or none that is to be recovered from.
            RuntimeError: the engine is closed.
        """
        self._check_open()
        source = {} if recover_from is None else finished_actions(self._store, recover_from, force_rerun)
        # Durable before anything runs: from now on the run can be resumed.
        if run.run_name in self._runs or not self._store.add_run(run, current_process()):
            raise name_taken(run.run_name)
        live = self._open_run(run, max_action_concurrency)
        live.source_name, live.source = recover_from, source

    def resume_run(self, run_name: str, *, max_action_concurrency: int | None = None, force: bool = False) -> RunRecord:
        """Continue a recorded run whose process has ended, or which failed: take actions for it from now on.

        Ask for its root action as the first time, with the recorded inputs. An action that had finished gives its recorded
        outputs (see `ActionRequest.restore`) and is not run; any other runs again, as a further attempt with its full retries.

        Args:
            run_name: the run.
            max_action_concurrency: as for `start_run`.
            force: resume although its process may still live.

        Raises:
            ValueError: there is no such run, or this engine carries it out.
            RunOwnedError: its process lives.
            StoreError: the records cannot be read or kept.
            RuntimeError: the engine is closed.
        """
        self._check_open()
        if run_name in self._runs:
            raise ValueError(f"run `{run_name}` is being carried out by this engine\nhint: await its root action")
        record = claim_run(self._store, run_name, force=force)
        run = self._open_run(record, max_action_concurrency)
        run.earlier = load_actions(self._store, run_name)
        self._journal.record_run(run, ActionPhase.QUEUED, None)
        return run.record

    async def run_action(self, request: ActionRequest) -> ActionOutcome:
        """Run an action to its end, with as many attempts as its policy grants.

        When this returns, the outcome, outputs included, is durable. A failure of the task is never raised, it is in
        the outcome. The body runs in the caller's task and context (with the inline executor, without a time limit).
        When an attempt fails, is cancelled or times out, its children that still run are aborted before that is recorded.

        A later attempt of the same parent may ask for a name again: a finished action gives its recorded outputs, any
        other runs again.

        Raises:
            asyncio.CancelledError: the caller was cancelled; the action is recorded as ABORTED. `KeyboardInterrupt` and
                `GeneratorExit` likewise.
            StoreError: the records cannot be kept.
            ValueError: the run was not started, or an action of this name was run before.
            RuntimeError: the engine is closed.
        """
        self._check_open()
        name = request.action_id.name
        run = self._get_run(request.action_id.run_name or name)
        parent = run.alive.get(request.parent_name) if request.parent_name is not None else None
        number = parent.state.attempt if parent is not None else 0
        earlier: ActionRecord | None = None
        if run.earlier or name in run.asked:
            earlier = await self._find_earlier(run, request, number)
            if earlier is not None and earlier.phase in FINISHED:
                return await self._replay(run, request, earlier)
        run.asked[name] = number
        action = self._create(request, run, parent, earlier)
        waiting = parent.seat if parent is not None else None
        if waiting is not None:
            waiting.children += 1
            self._slots.leave(waiting)
        try:
            if action.is_plain:
                outcome = await self._carrier.make_attempts(action, is_begun=action.attempt_started_at is not None)
            else:
                outcome = await self._carrier.carry_out(action)
        except (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit) as exception:
            tasks = abort_children(self._journal, action)
            self._journal.abort(action, cancelled_error(exception))
            if tasks and isinstance(exception, asyncio.CancelledError):
                await settle(self._clock, tasks, self._grace)
            raise
        finally:
            run.alive.pop(name, None)
            action.task = action.body = None
            if parent is not None and parent.children is not None:
                parent.children.pop(name, None)
            if waiting is not None:
                waiting.children -= 1
        if waiting is not None and parent is not None:
            await self._queue.come_back(parent, waiting)
        return outcome

    async def finish_run(self, run_name: str) -> RunRecord:
        """Close a run with the phase of its root action; the record is durable when this returns.

        Actions that nobody waited for are aborted, and their clean-up code is given its time of grace. A run that has no
        action is ABORTED.

        Raises:
            ValueError: the run is not known, or its root action is not over.
            StoreError: the record cannot be kept.
        """
        run = self._get_run(run_name)
        root = run.root
        if root is not None and not root.state.is_terminal:
            raise ValueError(
                f"run `{run_name}` cannot be finished: its action `{root.record.name}` is {root.record.phase.name}\n"
                "hint: await `run_action`, or call `abort_run`"
            )
        tasks = {action.task for action in run.alive.values()} - {None, current_task()}
        await self.abort_run(run_name, "the run ended before this action did")
        if tasks:
            await settle(self._clock, (task for task in tasks if task is not None), self._grace)
        self._abort_forgotten(run)
        if root is None and not run.record.phase.is_terminal:
            aborted = next_state(first_state(0), ABORT)
            self._journal.record_run(run, aborted.phase, self._journal.now(run.record.created_at))
        del self._runs[run_name]
        if run.limit_key is not None:
            self._slots.set_limit(run.limit_key, None)
        await self._store.flush()
        return run.record

    async def abort_run(self, run_name: str, reason: str) -> tuple[ActionRecord, ...]:
        """Mark every action of a run that is not over as ABORTED and cancel what carries it out.

        Bodies see `asyncio.CancelledError`, except one that calls this itself. Finished actions stay as they are.

        Returns:
            The actions that were aborted, children before their parents; durable when this returns.

        Raises:
            ValueError: the run is not known.
            StoreError: the records cannot be kept.
        """
        run = self._get_run(run_name)
        aborted = abort_alive(self._journal, run, ErrorRecord(CODE_ABORTED, reason, recoverable=False))
        await self._store.flush()
        return aborted

    def subscribe(self, callback: Callable[[EngineEvent], None]) -> Callable[[], None]:
        """Call `callback` in the engine's loop at every change of an action, until the returned function is called.

        What it raises is logged once and otherwise ignored.
        """
        return self._journal.subscribe(callback)

    def close(self) -> None:
        """Abort what still runs and take no more. Does not close the store; repeating it does nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        error = ErrorRecord(CODE_ABORTED, "the engine was closed", recoverable=False)
        for run in self._runs.values():
            abort_alive(self._journal, run, error)
        self._runs.clear()
        self._journal.subscribers = ()

    async def _find_earlier(self, run: LiveRun, request: ActionRequest, number: int) -> ActionRecord | None:
        """Return the record of an action that an earlier process, or an earlier attempt of its parent, has asked for."""
        name, run_name = request.action_id.name, run.record.run_name
        earlier = run.earlier.pop(name, None)
        if earlier is not None:
            run.asked[name] = number
            known = self._store.inputs(run_name, name) if request.parent_name is None else None
            if known is not None and request.inputs is not None and known != request.inputs:
                raise ValueError(
                    f"run `{run_name}` was made with other inputs than it is resumed with\n"
                    "hint: resume it with the recorded inputs, or start a new run"
                )
            return earlier
        if name not in run.asked:
            return None
        if run.asked[name] == number or name in run.alive:
            raise _repeated_error(run_name, name)
        run.asked[name] = number
        await self._store.flush()
        earlier = self._store.action(run_name, name)
        if earlier is not None and earlier.phase in FINISHED and request.restore is None:
            raise _repeated_error(run_name, name)
        return earlier

    async def _replay(self, run: LiveRun, request: ActionRequest, earlier: ActionRecord) -> ActionOutcome:
        outputs = self._store.outputs(earlier.run_name, earlier.name)
        value = await restored(request, outputs)
        if request.parent_name is None:
            self._journal.record_run(run, earlier.phase, earlier.ended_at)
        if self._journal.subscribers:
            queued = first_state(0).phase
            self._journal.emit(replace(earlier, phase=queued), None)
            self._journal.emit(earlier, queued)
        return ActionOutcome(earlier, value, None, outputs, is_replayed=True)

    def _open_run(self, record: RunRecord, limit: int | None) -> LiveRun:
        key = None
        if limit:
            key = f"run {record.run_name}"
            self._slots.set_limit(key, limit)
        run = self._runs[record.run_name] = LiveRun(record, key)
        return run

    def _abort_forgotten(self, run: LiveRun) -> None:
        """Record the end of what an earlier process left and the resumed run did not ask for."""
        error = ErrorRecord(CODE_ABORTED, "the resumed run did not ask for this action again", recoverable=False)
        for record in run.earlier.values():
            if record.phase.is_terminal:
                continue
            _, lost = attempts_made(self._store.attempts(record.run_name, record.name))
            phase = next_state(first_state(0), ABORT).phase
            ended = replace(record, phase=phase, ended_at=self._journal.now(record.created_at), error=error)
            self._store.record(ActionChange(ended, lost))
            self._journal.emit(ended, record.phase)

    def _create(
        self, request: ActionRequest, run: LiveRun, parent: LiveAction | None, earlier: ActionRecord | None
    ) -> LiveAction:
        name, journal = request.action_id.name, self._journal
        state, lost, previous = first_state(request.retry.count), None, None
        if earlier is not None:
            made, lost = attempts_made(self._store.attempts(earlier.run_name, name))
            state = first_state(request.retry.count, made)
            previous = earlier.phase if lost is None else None
        action = LiveAction(request, run, state, journal.now(run.record.created_at), parent=parent, earlier=earlier)
        self._queue.give_seat(action)
        if action.is_plain and earlier is None and not journal.subscribers:
            journal.begin(action)
        else:
            journal.create(action, lost)
        run.alive[name] = action
        if parent is not None:
            if parent.children is None:
                parent.children = {}
            parent.children[name] = action
        elif run.root is None and request.parent_name is None:
            run.root = action
        journal.emit(action.record, previous)
        return action

    def _get_run(self, run_name: str) -> LiveRun:
        run = self._runs.get(run_name)
        if run is None:
            raise ValueError(
                f"run `{run_name}` is not running in this engine\nhint: call `start_run` first; `finish_run` ends it"
            )
        return run

    def _check_open(self) -> None:
        if self._is_closed:
            raise RuntimeError("the engine is closed\nhint: make a new one; it can use the same store")


def name_taken(run_name: str) -> ValueError:
    """Return the error of a new run whose name another recorded run has."""
    return ValueError(
        f"a run named `{run_name}` exists already\nhint: leave the name out, and one is made up; "
        "`resume_run` continues one that was interrupted"
    )


def _repeated_error(run_name: str, name: str) -> ValueError:
    return ValueError(
        f"action `{name}` of run `{run_name}` was run before\n"
        "hint: names are derived from the call; two equal calls need different call numbers, and a later attempt of the "
        "parent needs `ActionRequest.restore`"
    )
