"""The one stream of a browser: it tells which of the things that are looked at have changed, and nothing else.

What changed is fetched by short requests, so that a browser needs one lasting connection for any number of tabs.
"""

import asyncio
import json
import logging
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from flyteidl2.common import identifier_pb2

from flyte_devbox.connect import Receive, Send
from flyte_devbox.console.log_parts import is_log_name
from flyte_devbox.errors import ServiceError, invalid_argument
from flyte_devbox.finding import find_run_row

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox

__all__ = ["EventStreams", "parse_topics", "when_changed"]

_log = logging.getLogger(__name__)

_MOST_TOPICS = 64
_HEARTBEAT_SECONDS = 10.0
_TOGETHER_SECONDS = 0.15
"""Changes that come close together travel together."""
_LOG_SECONDS = 0.3
_REPORT_SECONDS = 1.0
_TRIGGER_SECONDS = 1.0


def parse_topics(texts: Sequence[str]) -> list[tuple[str, ...]]:
    """Read what a browser looks at: `runs`, `triggers`, `run/PROJECT/DOMAIN/RUN`, `log/PROJECT/DOMAIN/RUN/ACTION/ATTEMPT`.

    Raises:
        ServiceError: INVALID_ARGUMENT: there is no such thing to look at, or too many.
    """
    if len(texts) > _MOST_TOPICS:
        raise invalid_argument(f"a stream tells of {_MOST_TOPICS} things at most, got {len(texts)}")
    lengths = {"runs": 1, "triggers": 1, "run": 4, "log": 6}
    topics = [tuple(text.split("/")) for text in dict.fromkeys(texts)]
    for topic in topics:
        is_log = topic[0] == "log"
        if len(topic) != lengths.get(topic[0]) or (is_log and not is_log_name(topic[1:5], topic[5])):
            raise invalid_argument(f"`{'/'.join(topic)[:100]}` is nothing that can be looked at")
    return topics


class EventStreams:
    """Serves streams of events."""

    def __init__(self, devbox: "Devbox") -> None:
        self._devbox = devbox
        self._wakes: set[asyncio.Event] = set()
        self._is_over = False

    @property
    def open(self) -> int:
        """How many streams there are."""
        return len(self._wakes)

    def end(self) -> None:
        """End all streams: the server is about to."""
        self._is_over = True
        for wake in self._wakes:
            wake.set()

    async def serve(self, topics: Sequence[tuple[str, ...]], receive: Receive, send: Send) -> None:
        """Send the names of topics whenever they change, until the browser is gone."""
        headers = [
            (b"content-type", b"text/event-stream"),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        changed: dict[str, None] = {}
        wake = asyncio.Event()

        def note(topic: str) -> None:
            changed[topic] = None
            wake.set()

        def failed(follower: asyncio.Future[None]) -> None:
            nonlocal has_failed
            if not follower.cancelled() and (error := follower.exception()) is not None:
                # The browser opens another stream: it must not wait for what nobody looks at any more.
                _log.error("a stream of events has failed", exc_info=error)
                has_failed = True
                wake.set()

        has_failed = False
        gone = asyncio.ensure_future(_until_gone(receive))
        gone.add_done_callback(lambda _: wake.set())
        followers = [asyncio.ensure_future(self._follow(topic, note)) for topic in topics]
        for follower in followers:
            follower.add_done_callback(failed)
        self._wakes.add(wake)
        try:
            # Subscribed before the browser hears that the stream is open: what it fetches then is not out of date.
            await asyncio.sleep(0)
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"retry: 1000\n\n", "more_body": True})
            while not gone.done() and not self._is_over and not has_failed:
                text = ": nothing new\n\n"
                try:
                    await asyncio.wait_for(wake.wait(), _HEARTBEAT_SECONDS)
                except TimeoutError:
                    pass
                else:
                    if self._is_over or has_failed:
                        break
                    await asyncio.sleep(_TOGETHER_SECONDS)
                    wake.clear()
                    text = f"data: {json.dumps(list(changed))}\n\n"
                    changed.clear()
                await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._wakes.discard(wake)
            for follower in (gone, *followers):
                follower.cancel()
            await asyncio.wait({gone, *followers})

    async def _follow(self, topic: tuple[str, ...], note: Callable[[str], None]) -> None:
        name = "/".join(topic)
        if topic[0] == "log":
            log, report = self._devbox.logs.path("/".join(topic[1:4]), topic[4], int(topic[5])), self._report_of(topic)
            page = "/".join(("run", *topic[1:4]))
            async with asyncio.TaskGroup() as group:
                group.create_task(_until_cancelled(lambda: _size(log), _LOG_SECONDS, lambda: note(name)))
                # Nobody tells of a report that a task makes while it goes on, either.
                if report is not None:
                    group.create_task(
                        _until_cancelled(lambda: when_changed(report), _REPORT_SECONDS, lambda: note(page))
                    )
        if topic[0] == "triggers":
            await _until_cancelled(self._triggers, _TRIGGER_SECONDS, lambda: note(name))
        run: int | None = None
        if topic[0] == "run":
            names = identifier_pb2.RunIdentifier(project=topic[1], domain=topic[2], name=topic[3])
            try:
                run = find_run_row(self._devbox.database, names)["id"]
            except ServiceError:
                # It was deleted: nothing of it will ever change.
                return
        with self._devbox.hub.subscribe(run) as subscription:
            while True:
                await subscription.changes()
                note(name)

    def _report_of(self, topic: tuple[str, ...]) -> Path | None:
        """Return the file of the report of an attempt whose log is looked at; `None` if that is nowhere here."""
        sql = (
            "SELECT t.output_uri FROM attempts t JOIN actions a ON a.id = t.action_id JOIN runs r ON r.id = a.run_id"
            " WHERE r.project = ? AND r.domain = ? AND r.name = ? AND a.name = ? AND t.number = ?"
        )
        row = self._devbox.database.read_one(sql, (*topic[1:5], int(topic[5])))
        key = None if row is None else self._devbox.objects.key_of(f"{row['output_uri']}/report.html")
        try:
            return None if key is None else self._devbox.objects.path(key)
        except ServiceError:
            # A task has left a link that leads out.
            return None

    def _triggers(self) -> object:
        # Few rows, and nobody tells of them.
        sql = "SELECT count(*) AS n, max(updated_at) AS changed, max(triggered_at) AS started FROM triggers"
        row = self._devbox.database.read_one(sql)
        return None if row is None else tuple(row)


async def _until_cancelled(look: Callable[[], object], seconds: float, note: Callable[[], None]) -> NoReturn:
    """Look again and again whether something is another than before."""
    known = look()
    while True:
        await asyncio.sleep(seconds)
        now = look()
        if now != known:
            known = now
            note()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def when_changed(path: Path) -> int:
    """Return a number that is another one after each change of a file; 0 if there is none."""
    try:
        status = path.stat()
    except OSError:
        return 0
    return status.st_mtime_ns if stat.S_ISREG(status.st_mode) else 0


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
