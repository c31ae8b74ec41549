"""Tells streams what has changed: a subscriber has a set of changed actions and empties it at its own pace; none is dropped.

A subscriber that does not empty it is cut off.
"""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import islice
from typing import TypeAlias

from flyte_devbox.errors import ServiceError
from flyte_devbox.live import LiveAction

__all__ = ["Change", "Hub", "Listener", "Subscription"]

Listener: TypeAlias = "Callable[[int, Change], None]"
"""Is told at once of the row of a child that has changed, and how."""

_MOST_TOGETHER = 500
_MOST_KEPT = 200_000
"""How many changed actions are kept for a stream: 20 MB. A stream that is cut is opened again, and begins with how all are."""


class Subscription:
    """What has changed since a stream last looked."""

    __slots__ = ("_changed", "_event", "_is_behind", "parent", "run")

    def __init__(self, run: int | None, parent: str | None) -> None:
        self.run = run
        self.parent = parent
        self._changed: dict[int, None] = {}
        self._event = asyncio.Event()
        self._is_behind = False

    def add(self, action: int) -> None:
        """Note a change."""
        self._event.set()
        if not self._is_behind:
            self._changed[action] = None
            if len(self._changed) > _MOST_KEPT:
                self._is_behind = True
                self._changed.clear()

    async def changes(self, timeout: float | None = None) -> list[int]:  # noqa: ASYNC109 - none is an answer, not an error
        """Return the rows of the actions that changed, at least one, or none after `timeout` seconds.

        They are 500 at most, so that no message has all of a large run: the others are returned by the next call.

        Raises:
            ServiceError: UNAVAILABLE: more have changed than are kept for a reader that does not read.
        """
        try:
            await asyncio.wait_for(self._event.wait(), timeout)
        except TimeoutError:
            return []
        if self._is_behind:
            raise ServiceError(
                "unavailable",
                f"more than {_MOST_KEPT:,} actions have changed while nobody read this stream\nhint: open it again",
            )
        changed = list(islice(self._changed, _MOST_TOGETHER))
        for action in changed:
            del self._changed[action]
        if not self._changed:
            self._event.clear()
        return changed


class Change:
    """What is known about a committed change, beyond the row."""

    __slots__ = ("ended", "is_alive", "outputs")

    def __init__(self, ended: LiveAction | None, outputs: bytes | None, is_alive: bool) -> None:
        self.ended = ended
        """The action, when this change is its end."""
        self.outputs = outputs
        """Its outputs then, if they are at hand."""
        self.is_alive = is_alive
        """Whether the action was certainly not over when it changed."""


_UNKNOWN = Change(None, None, False)
_ALIVE = Change(None, None, True)


class Hub:
    """Brings committed changes to the subscribers. Belongs to the event loop."""

    def __init__(self) -> None:
        self._by_run: dict[int, list[Subscription]] = {}
        self._of_all: list[Subscription] = []
        self._listeners: dict[tuple[int, str], list[Listener]] = {}

    @contextmanager
    def subscribe(self, run: int | None, parent: str | None = None) -> Generator[Subscription]:
        """Watch the actions of a run, only the children of `parent` if given, or the root actions of all runs."""
        subscription = Subscription(run, parent)
        subscribers = self._of_all if run is None else self._by_run.setdefault(run, [])
        subscribers.append(subscription)
        try:
            yield subscription
        finally:
            subscribers.remove(subscription)
            if run is not None and not subscribers and self._by_run.get(run) is subscribers:
                del self._by_run[run]

    @contextmanager
    def listen(self, run: int, parent: str, listener: Listener) -> Generator[None]:
        """Tell of every change of a child of `parent` within the call that publishes it."""
        listeners = self._listeners.setdefault((run, parent), [])
        listeners.append(listener)
        try:
            yield
        finally:
            listeners.remove(listener)
            if not listeners and self._listeners.get((run, parent)) is listeners:
                del self._listeners[run, parent]

    def publish(
        self,
        run: int,
        action: int,
        parent: str,
        *,
        ended: LiveAction | None = None,
        outputs: bytes | None = None,
        is_alive: bool = False,
    ) -> None:
        """Say that the committed row of an action is new; `Change` has the rest."""
        for subscription in self._by_run.get(run, ()):
            if subscription.parent is None or subscription.parent == parent:
                subscription.add(action)
        if not parent:
            for subscription in self._of_all:
                subscription.add(action)
            return
        listeners = self._listeners.get((run, parent))
        if listeners:
            change = Change(ended, outputs, False) if ended is not None else _ALIVE if is_alive else _UNKNOWN
            for listener in tuple(listeners):
                listener(action, change)
