"""Who may run: slots under named limits, given to the deepest action first. A parent that waits for children holds none."""

import asyncio
import heapq
import itertools
from collections.abc import Iterable

__all__ = ["Seat", "Slots"]

_Priority = tuple[int, int, int]


class Seat:
    """What an action holds, or waits for: one slot under each of its limits, all or none.

    Args:
        keys: the limits it falls under.
        depth: how many actions stand above it.
        order: its number among all actions.
    """

    __slots__ = ("children", "depth", "future", "is_held", "is_started", "keys", "order")

    def __init__(self, keys: tuple[str, ...], depth: int, order: int) -> None:
        self.keys = keys
        self.depth = depth
        self.order = order
        self.is_held = False
        self.is_started = False
        """Whether its body runs, so that it comes back for its slot rather than begins."""
        self.children = 0
        """How many children it waits for."""
        self.future: asyncio.Future[bool] | None = None
        """Set while it waits: to `True` when it has its slots, to `False` when it wants them no more."""

    @property
    def priority(self) -> _Priority:
        """Return what decides who is next, the least first: who had begun, then the deepest, then the oldest."""
        return (not self.is_started, -self.depth, self.order)


class Slots:
    """Gives out slots. Belongs to one event loop."""

    def __init__(self) -> None:
        self._limits: dict[str, int] = {}
        self._used: dict[str, int] = {}
        # One queue for each set of limits, so that a full pool is passed over in one step however many wait for it.
        self._queues: dict[tuple[str, ...], list[tuple[_Priority, int, Seat, asyncio.Future[bool]]]] = {}
        self._tickets = itertools.count()
        self._is_grant_due = False

    def set_limit(self, key: str, limit: int | None) -> None:
        """Allow `limit` slots under a name, or any number; what is held stays held.

        Raises:
            ValueError: the limit is below 1.
        """
        if limit is None:
            self._limits.pop(key, None)
        elif limit < 1:
            raise ValueError(f"the limit of `{key}` must be at least 1, got {limit}\nhint: leave it out for no limit")
        else:
            self._limits[key] = limit
        self._grant()

    def limited(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Return those of the names that have a limit now."""
        return tuple(key for key in keys if key in self._limits)

    def enter(self, seat: Seat) -> "asyncio.Future[bool] | None":
        """Ask for the slots of a seat: `None` when it has them at once, else what to wait for."""
        if seat.is_held:
            return None
        if seat.future is not None:
            return seat.future
        if self._has_room(seat.keys):
            self.seize(seat)
            return None
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        seat.future = future
        heapq.heappush(self._queues.setdefault(seat.keys, []), (seat.priority, next(self._tickets), seat, future))
        return future

    def seize(self, seat: Seat) -> None:
        """Take the slots of a seat even beyond the limit: for a body that already runs."""
        if seat.is_held:
            return
        self._withdraw(seat, granted=True)
        seat.is_held = True
        for key in seat.keys:
            self._used[key] = self._used.get(key, 0) + 1

    def leave(self, seat: Seat) -> None:
        """Give the slots back, or the place among those who wait."""
        self._withdraw(seat, granted=False)
        if seat.is_held:
            seat.is_held = False
            for key in seat.keys:
                self._used[key] -= 1
            self._grant_soon()

    def _withdraw(self, seat: Seat, *, granted: bool) -> None:
        future, seat.future = seat.future, None
        if future is not None and not future.done():
            future.set_result(granted)

    def _has_room(self, keys: tuple[str, ...]) -> bool:
        limits, used = self._limits, self._used
        return all(key not in limits or used.get(key, 0) < limits[key] for key in keys)

    def _grant_soon(self) -> None:
        # Not at once: the child for which a parent leaves its slot, or the parent whose child is over, is about to ask.
        if self._is_grant_due or not self._queues:
            return
        try:
            asyncio.get_running_loop().call_soon(self._grant)
        except RuntimeError:
            self._grant()
        else:
            self._is_grant_due = True

    def _grant(self) -> None:
        self._is_grant_due = False
        while (seat := self._next()) is not None:
            self.seize(seat)

    def _next(self) -> Seat | None:
        best: tuple[_Priority, int, Seat, asyncio.Future[bool]] | None = None
        for keys in list(self._queues):
            queue = self._queues[keys]
            while queue and queue[0][3].done():
                heapq.heappop(queue)
            if not queue:
                del self._queues[keys]
            elif self._has_room(keys) and (best is None or queue[0] < best):
                best = queue[0]
        return best[2] if best is not None else None
