"""How runs and actions come to be: checked, recorded, then handed to the scheduler. Repeating a request is harmless."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import replace

from flyteidl2.actions import actions_service_pb2
from flyteidl2.common import run_pb2 as common_run_pb2
from flyteidl2.settings import settings_definition_pb2
from flyteidl2.task import task_definition_pb2

from flyte_devbox.contents import keep_content, read_small, sync_file
from flyte_devbox.database import Database
from flyte_devbox.defaults import levels_of, merged, settled
from flyte_devbox.errors import ServiceError, already_exists, invalid_argument, not_found
from flyte_devbox.finding import find_run_row
from flyte_devbox.live import LiveAction, LiveRun
from flyte_devbox.new_actions import (
    DONE,
    ROOT,
    TASK,
    ChildTask,
    NewChild,
    check_name,
    initial_paused,
    new_child,
)
from flyte_devbox.new_runs import RunRequest, new_root, new_run_name, new_run_of
from flyte_devbox.objects import ObjectFolder
from flyte_devbox.policies import TaskPolicy
from flyte_devbox.records import (
    NewAction,
    add_action,
    add_run,
    find_run,
    keep_spec,
    keep_spec_data,
    spec_digest,
    update_action,
)
from flyte_devbox.rows import TERMINAL
from flyte_devbox.scheduler import Scheduler, initial_state
from flyte_devbox.starting import AttemptStarter
from flyte_devbox.watching import Hub
from flyte_models import lifecycle

__all__ = ["Submission"]

_TINY_BYTES = 512
"""Inputs up to this are kept in memory until the action begins: tens of thousands may wait."""


class Submission:
    """Records new runs and actions."""

    def __init__(
        self, *, database: Database, objects: ObjectFolder, starter: AttemptStarter, scheduler: Scheduler, hub: Hub
    ) -> None:
        self._database = database
        self._objects = objects
        self._starter = starter
        self._scheduler = scheduler
        self._hub = hub
        self._kept_specs: set[bytes] = set()
        """Digests of specifications that are recorded for sure: no specification is ever removed."""

    async def create_run(self, request: RunRequest) -> int:
        """Record a run and its root action, hand it over, and return its row; durable when this returns.

        Raises:
            ServiceError: ALREADY_EXISTS: a run of the name exists. INVALID_ARGUMENT: it can never work.
        """
        now = time.time()
        name = request.name or new_run_name()
        check_name(name)
        request = self._settled(request)
        spec, run_spec = request.spec, request.run_spec
        run_base = self._run_base(request, name)
        recover_from = self._recover_from(request)
        new_run = new_run_of(request, name, recover_from, now)

        def work(connection: sqlite3.Connection) -> tuple[int, int, TaskPolicy, NewAction]:
            if find_run(connection, request.project, request.domain, name) is not None:
                raise already_exists(
                    f"a run named `{name}` exists in `{request.project}/{request.domain}`\n"
                    "hint: choose another name, or none: then it gets one of its own"
                )
            digest = keep_spec(connection, spec)
            policy = self._starter.policy(digest, spec)
            run = add_run(connection, new_run)
            root = new_root(request, policy, digest, run_base, now)
            return run, add_action(connection, run, root), policy, root

        run_row, action_row, policy, root = await self._database.write(work)
        run = LiveRun(
            run_row,
            request.org,
            request.project,
            request.domain,
            name,
            run_spec,
            request.started_at,
            run_spec.max_action_concurrency,
            recover_from,
        )
        self._scheduler.add_run(run)
        self._scheduler.add(
            LiveAction(
                action_row,
                run,
                ROOT,
                "",
                0,
                TASK,
                initial_state(root.max_attempts),
                policy,
                root.digest,
                root.input_uri,
                root.run_base,
                root.cache_key,
                root.cache_status,
                now,
                now,
            )
        )
        self._hub.publish(run_row, action_row, "")
        return run_row

    async def enqueue(self, action: actions_service_pb2.Action) -> None:
        """Record a child action and hand it over; one that is known already stays as it is.

        Raises:
            ServiceError: NOT_FOUND: there is no such run. ABORTED: it is over. INVALID_ARGUMENT: it can never work.
        """
        spec = action.task.spec if action.WhichOneof("spec") == "task" else None
        child = self.prepare(action, None if spec is None else self.describe(spec))
        if child is None:
            return
        if spec is not None:
            child.inputs = await self._kept_inputs(action.input_uri)
        error = (await self.take([child]))[0]
        if error is not None:
            raise error

    def describe(self, spec: task_definition_pb2.TaskSpec) -> ChildTask:
        """Return what is to be known of a specification before actions of it are taken."""
        data = spec.SerializeToString(deterministic=True)
        digest = spec_digest(data)
        policy = self._starter.policy(digest, spec)
        return ChildTask(spec, data, digest, policy)

    def prepare(
        self, action: actions_service_pb2.Action, task: ChildTask | None, inputs: bytes | None = None
    ) -> NewChild | None:
        """Check a child action; return what is to be recorded, or `None` when it is alive already.

        Args:
            action: what is to be taken.
            task: what it is an action of; the specification in the action is not looked at. `None` for a trace or condition.
            inputs: its inputs, when they are small and need no file.

        Raises:
            ServiceError: as `enqueue`.
        """
        run_id, name = action.action_id.run, action.action_id.name
        check_name(name)
        run = self._scheduler.find_run(run_id.project, run_id.domain, run_id.name)
        if run is None:
            find_run_row(self._database, run_id)
            raise ServiceError("aborted", f"run `{run_id.name}` is over, so it takes no further actions")
        self._check_places(action)
        parent = run.actions.get(action.parent_action_name)
        if parent is None and action.parent_action_name:
            self._check_parent(run, action.parent_action_name)
        if parent is not None:
            self._scheduler.show_running(parent)
        kind = action.WhichOneof("spec")
        if kind is None:
            raise invalid_argument("an action is a task, a trace or a condition, and this one is none")
        asked_in = parent.number if parent is not None else 0
        alive = run.actions.get(name)
        if alive is not None:
            alive.asked_in = max(alive.asked_in, asked_in)
            return None
        depth = parent.depth + 1 if parent is not None else 1
        return NewChild(
            action, kind, run, task, new_child(action, kind, run, task, depth=depth, asked_in=asked_in), inputs
        )

    async def take(self, children: Sequence[NewChild]) -> list[ServiceError | None]:
        """Record child actions in one transaction and hand them over; return for each why it was not taken, if it was not.

        Raises:
            flyte_devbox.database.DatabaseError: none of them is recorded.
        """
        unknown = {
            child.task.digest: child.task.data
            for child in children
            if child.task is not None and child.task.digest not in self._kept_specs
        }

        def work(connection: sqlite3.Connection) -> list[tuple[int, sqlite3.Row | None]]:
            for digest, data in unknown.items():
                keep_spec_data(connection, digest, data)
            return [_record_child(connection, child) for child in children]

        rows = await self._database.write(work)
        self._kept_specs |= unknown.keys()
        answers: list[ServiceError | None] = []
        for child, (row, known) in zip(children, rows, strict=True):
            try:
                await self._hand_over(child, row, known)
            except ServiceError as error:
                answers.append(error)
            else:
                answers.append(None)
        return answers

    async def _hand_over(self, child: NewChild, row: int, known: sqlite3.Row | None) -> None:
        run, new, action = child.run, child.new, child.action
        if new.name in run.actions:
            # Two requests for the same action crossed.
            return
        policy = None if child.task is None else child.task.policy
        live = LiveAction(
            row,
            run,
            new.name,
            new.parent,
            new.depth,
            new.type,
            initial_state(new.max_attempts),
            policy,
            new.digest,
            new.input_uri,
            new.run_base,
            new.cache_key,
            new.cache_status,
            new.created_at,
            new.created_at,
            inputs=child.inputs if child.inputs is not None and len(child.inputs) <= _TINY_BYTES else None,
            asked_in=new.asked_in,
        )
        if self._scheduler.runs.get(run.id) is not run:
            await self._withdraw(live)
            raise ServiceError("aborted", f"run `{run.name}` has ended, so it takes no further actions")
        if known is not None and not await self._revive(live, known, new.asked_in):
            self._hub.publish(run.id, row, new.parent)
            return
        if child.kind == "condition":
            live.state = initial_paused()
            live.started_at = new.created_at
        if child.kind != "trace":
            self._scheduler.add(live)
            if child.kind == "condition" and action.condition.HasField("timeout"):
                timeout = action.condition.timeout
                self._scheduler.limit_condition(live, timeout.seconds + timeout.nanos / 1e9)
        self._hub.publish(run.id, row, new.parent, is_alive=child.kind == "task")

    async def _revive(self, live: LiveAction, known: sqlite3.Row, asked_in: int) -> bool:
        """Let an action that failed run again for a later attempt of its parent; tell whether it does."""
        if known["phase"] in DONE or live.type != TASK or asked_in <= known["asked_in"]:
            return False
        live.state = initial_state(known["max_attempts"], known["attempt"])
        live.created_at = known["created_at"]
        live.born -= max(0.0, time.time() - live.created_at)
        update = live.update(time.time(), None)

        def work(connection: sqlite3.Connection) -> None:
            update_action(connection, update)
            connection.execute("UPDATE actions SET asked_in = ? WHERE id = ?", (asked_in, live.id))

        await self._database.write(work)
        return True

    async def _withdraw(self, live: LiveAction) -> None:
        """End an action that was recorded while its run ended."""
        live.state = lifecycle.advance(live.state, lifecycle.Abort())
        live.abort_reason = "the run ended before this action began"
        now = time.time()
        update = live.update(now, now)
        await self._database.write(lambda connection: update_action(connection, update))

    async def _kept_inputs(self, uri: str) -> bytes | None:
        """Return inputs that are small enough to be recorded; larger ones are on disk then."""
        path = uri.removeprefix("file://")
        content = read_small(path)
        if content is None and os.path.exists(path):  # noqa: ASYNC240, PTH110 - of every action
            await asyncio.to_thread(sync_file, path)
        return content

    def _settled(self, request: RunRequest) -> RunRequest:
        """Give a run the defaults of its project, its domain and of all."""
        levels = levels_of(self._database, request.domain, request.project)
        if not levels:
            return request
        settings = merged(settings_definition_pb2.Settings.FromString(row["settings"]) for row in levels)
        return replace(request, run_spec=settled(request.run_spec, settings))

    def _run_base(self, request: RunRequest, name: str) -> str:
        given = request.run_spec.run_base_dir.rstrip("/")
        if not given:
            return self._objects.uri(f"{request.project}/{request.domain}/{name}")
        if self._objects.key_of(given) is None:
            raise invalid_argument(
                f"`run_base_dir` is `{given[:200]}`, which is not in the devbox's object folder\n"
                "hint: leave it out, of the settings too (`flyte get settings`); the devbox keeps inputs and outputs itself"
            )
        return f"{given}/{name}"

    def _check_places(self, action: actions_service_pb2.Action) -> None:
        for name, uri in (("input_uri", action.input_uri), ("run_output_base", action.run_output_base)):
            if action.WhichOneof("spec") == "task" and self._objects.key_of(uri) is None:
                raise invalid_argument(f"`{name}` is `{uri[:200]}`, which is not in the devbox's object folder")

    def _check_parent(self, run: LiveRun, name: str) -> None:
        row = self._database.read_one("SELECT phase FROM actions WHERE run_id = ? AND name = ?", (run.id, name))
        if row is None:
            raise not_found(f"there is no action `{name[:50]}` in run `{run.name}`, so it can have no children")
        if row["phase"] in TERMINAL:
            raise ServiceError("aborted", f"action `{name}` is over, so it takes no further children")

    def _recover_from(self, request: RunRequest) -> int | None:
        relation = request.run_spec.relation
        # The relation says it. `recover` only has what is not taken over, and PyPI flyte leaves it out when that is nothing.
        if relation.relation_type != common_run_pb2.RELATION_TYPE_RECOVER and not request.run_spec.HasField("recover"):
            return None
        related = relation.related_to
        return int(find_run_row(self._database, related)["id"])


def _record_child(connection: sqlite3.Connection, child: NewChild) -> tuple[int, sqlite3.Row | None]:
    """Record a child; return its row, and what was recorded of it before, if it was."""
    run, new = child.run.id, child.new
    known: sqlite3.Row | None = connection.execute(
        "SELECT * FROM actions WHERE run_id = ? AND name = ?", (run, new.name)
    ).fetchone()
    if known is not None:
        if child.kind == "trace" and known["phase"] not in DONE:
            # An attempt has made a call again that failed for an earlier one.
            connection.execute(
                "UPDATE actions SET phase = ?, detail = ?, output_uri = ?, started_at = ?, ended_at = ?, updated_at = ?"
                " WHERE id = ?",
                (new.phase, new.detail, new.output_uri, new.started_at, new.ended_at, new.created_at, known["id"]),
            )
        return int(known["id"]), known
    if child.inputs is not None:
        keep_content(connection, run, new.input_uri, child.inputs)
    return add_action(connection, run, new), None
