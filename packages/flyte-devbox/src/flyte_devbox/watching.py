"""Tells streams what has changed: a subscriber has a set of changed actions and empties it at its own pace; none is dropped."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["Hub", "Subscription"]


class Subscription:
    """What has changed since a stream last looked."""

    __slots__ = ("_changed", "_event", "parent", "run")

    def __init__(self, run: int | None, parent: str | None) -> None:
        self.run = run
        self.parent = parent
        self._changed: dict[int, None] = {}
        self._event = asyncio.Event()

    def add(self, action: int) -> None:
        """Note a change."""
        self._changed[action] = None
        self._event.set()

    async def changes(self, timeout: float | None = None) -> list[int]:  # noqa: ASYNC109 - none is an answer, not an error
        """Return the rows of the actions that changed, at least one, or none after `timeout` seconds."""
        try:
            await asyncio.wait_for(self._event.wait(), timeout)
        except TimeoutError:
            return []
        self._event.clear()
        changed = list(self._changed)
        self._changed.clear()
        return changed


class Hub:
    """Brings committed changes to the subscribers. Belongs to the event loop."""

    def __init__(self) -> None:
        self._by_run: dict[int, list[Subscription]] = {}
        self._of_all: list[Subscription] = []

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

    def publish(self, run: int, action: int, parent: str) -> None:
        """Say that the committed row of an action is new."""
        for subscription in self._by_run.get(run, ()):
            if subscription.parent is None or subscription.parent == parent:
                subscription.add(action)
        if not parent:
            for subscription in self._of_all:
                subscription.add(action)
