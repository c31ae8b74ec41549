"""Records how actions stand, then tells who watches them. What nobody waits for becomes durable with what somebody waits for."""

import asyncio
import logging
import sqlite3
import time

from flyte_devbox.contents import keep_content
from flyte_devbox.database import Database, DatabaseError
from flyte_devbox.live import LiveAction
from flyte_devbox.records import AttemptUpdate, update_action, update_attempt
from flyte_devbox.scheduling.decisions import advance
from flyte_devbox.watching import Hub
from flyte_models.lifecycle import Event
from flyte_models.phases import ActionPhase

__all__ = ["Recorder"]

_logger = logging.getLogger(__name__)

_HELD_SECONDS = 0.1
_RUNNING = ActionPhase.RUNNING.to_protobuf_value()
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0


class Recorder:
    """Brings actions from one state to the next, and that to the database.

    Args:
        database: where they are recorded.
        hub: told of every recorded change.
    """

    def __init__(self, database: Database, hub: Hub) -> None:
        self._database = database
        self._hub = hub
        self.is_stopping = False
        """Whether what cannot be recorded is left to the next server."""
        self._held: dict[int, LiveAction] = {}
        self._held_longer: dict[int, LiveAction] = {}
        self._holder: asyncio.TimerHandle | None = None

    def advance(self, action: LiveAction, event: Event) -> None:
        """Let an event happen to an action; nothing is recorded yet."""
        before = action.state
        action.state = advance(before, event)
        if action.state.attempt == before.attempt:
            action.transitions.append((action.state.phase.to_protobuf_value(), time.time()))

    def record(self, action: LiveAction, attempt: AttemptUpdate | None = None) -> None:
        """Record without waiting; the next write that is waited for makes it durable too."""
        try:
            future = self._write(action, attempt, None, None)
        except DatabaseError:
            return
        run, row, parent = action.run.id, action.id, action.parent
        future.add_done_callback(lambda done: done.exception() or self._hub.publish(run, row, parent, is_alive=True))

    def record_running(self, action: LiveAction) -> None:
        """Record that an attempt runs, after one to two tenths of a second; when it is over by then, with its end.

        Short actions are written once less. A server that finds the action QUEUED reckons with a process that was started: it
        ends it, and looks at what it left.
        """
        self._held[action.id] = action
        if self._holder is None:
            self._holder = asyncio.get_running_loop().call_later(_HELD_SECONDS, self._record_held)

    def hold_no_longer(self, action: LiveAction) -> None:
        """Record now that an attempt runs, if that is held back: before anything is recorded that it has made."""
        if action.id in self._held or action.id in self._held_longer:
            self.record(action, action.attempt_update(action.number, _RUNNING))

    def _record_held(self) -> None:
        due, self._held_longer, self._held = self._held_longer, self._held, {}
        for action in due.values():
            self.record(action, action.attempt_update(action.number, _RUNNING))
        loop = asyncio.get_running_loop()
        self._holder = loop.call_later(_HELD_SECONDS, self._record_held) if self._held_longer else None

    async def record_surely(
        self,
        action: LiveAction,
        attempt: AttemptUpdate | None,
        *,
        ended_at: float | None = None,
        value: bytes | None = None,
        outputs: bytes | None = None,
    ) -> None:
        """Record and wait until it is durable, however long the disk is full.

        Raises:
            DatabaseError: the server stops.
        """
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._write(action, attempt, ended_at, value, outputs)
                break
            except DatabaseError as error:
                if self.is_stopping:
                    raise
                _logger.warning("action `%s` cannot be recorded, trying again: %s", action.name, error)
                await asyncio.sleep(pause)
                pause = min(_LONGEST_PAUSE, pause * 2)
        # Recorded with it was what the action is now only if nothing follows its end.
        ended = None if ended_at is None else action
        self._hub.publish(action.run.id, action.id, action.parent, ended=ended, outputs=outputs, is_alive=ended is None)

    def _write(
        self,
        action: LiveAction,
        attempt: AttemptUpdate | None,
        ended_at: float | None,
        value: bytes | None,
        outputs: bytes | None = None,
    ) -> "asyncio.Future[None]":
        self._held.pop(action.id, None)
        self._held_longer.pop(action.id, None)
        update = action.update(time.time(), ended_at, value)
        output_uri, run = action.output_uri, action.run.id

        def work(connection: sqlite3.Connection) -> None:
            update_action(connection, update)
            if attempt is not None:
                update_attempt(connection, update.id, attempt)
            if outputs is not None and output_uri is not None:
                keep_content(connection, run, output_uri, outputs)

        return self._database.write_later(work)
