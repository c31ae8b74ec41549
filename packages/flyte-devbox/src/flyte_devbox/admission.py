"""Who may run: actions are let in by what they declare, the deepest first, within the limits of runs and environments."""

import heapq
import itertools
from collections.abc import Iterator
from typing import Generic, TypeVar

from flyte_devbox.policies import Demand
from flyte_models.values import value

__all__ = ["Admission", "Capacity", "Ticket"]

_T = TypeVar("_T")


@value
class Capacity:
    """What this machine gives to actions."""

    cpu: float
    memory: float
    """Bytes."""
    gpu: float = 0.0

    def clamp(self, demand: Demand) -> Demand:
        """Let an action that asks for more than there is have all of it: then it runs alone."""
        return Demand(min(demand.cpu, self.cpu), min(demand.memory, self.memory), min(demand.gpu, self.gpu))


class Ticket(Generic[_T]):
    """An action that waits to run, or runs. Made by `Admission.enter`."""

    __slots__ = ("demand", "holds", "is_waiting", "item", "limits", "rank")

    def __init__(self, item: _T, demand: Demand, limits: tuple[str, ...], rank: tuple[int, int]) -> None:
        self.item = item
        self.demand = demand
        self.limits = limits
        self.rank = rank
        self.holds = False
        """Whether it occupies its resources now; a parent that waits for children does not."""
        self.is_waiting = True


class Admission(Generic[_T]):
    """Gives out the machine. Pure bookkeeping: the caller asks `admit` after every change.

    Args:
        capacity: what there is.
    """

    def __init__(self, capacity: Capacity) -> None:
        self.capacity = capacity
        self._cpu = self._memory = self._gpu = 0.0
        self._limits: dict[str, int] = {}
        self._used: dict[str, int] = {}
        # One queue for each kind of ticket: what cannot be let in now is passed over in one step, however much of it waits.
        self._queues: dict[tuple[Demand, tuple[str, ...]], list[tuple[tuple[int, int], Ticket[_T]]]] = {}
        self._order = itertools.count()
        self.waiting = 0
        """How many tickets wait."""

    def set_limit(self, name: str, limit: int) -> None:
        """Let at most `limit` actions under a name run at once; 0 takes the limit away."""
        if limit > 0:
            self._limits[name] = limit
        else:
            self._limits.pop(name, None)

    def enter(self, item: _T, demand: Demand, *, limits: tuple[str, ...] = (), depth: int = 0) -> Ticket[_T]:
        """Queue an item; it is given back by `admit` when it may run."""
        demand = self.capacity.clamp(demand)
        ticket = Ticket(
            item, demand, tuple(name for name in limits if name in self._limits), (-depth, next(self._order))
        )
        heapq.heappush(self._queues.setdefault((demand, ticket.limits), []), (ticket.rank, ticket))
        self.waiting += 1
        return ticket

    def admit(self) -> Iterator[Ticket[_T]]:
        """Yield the tickets that may run now; each holds its resources from then on."""
        while True:
            best: tuple[tuple[int, int], Ticket[_T]] | None = None
            for kind in list(self._queues):
                queue = self._queues[kind]
                while queue and not queue[0][1].is_waiting:
                    heapq.heappop(queue)
                if not queue:
                    del self._queues[kind]
                elif (best is None or queue[0][0] < best[0]) and self._fits(*kind):
                    best = queue[0]
            if best is None:
                return
            ticket = best[1]
            heapq.heappop(self._queues[ticket.demand, ticket.limits])
            ticket.is_waiting = False
            self.waiting -= 1
            self.take(ticket)
            yield ticket

    def take(self, ticket: Ticket[_T]) -> None:
        """Let a ticket hold its resources, even beyond what there is: for what runs already."""
        if not ticket.holds:
            ticket.holds = True
            self._count(ticket, 1)

    def release(self, ticket: Ticket[_T]) -> None:
        """Give back what a ticket holds, or its place in the queue."""
        if ticket.is_waiting:
            ticket.is_waiting = False
            self.waiting -= 1
        if ticket.holds:
            ticket.holds = False
            self._count(ticket, -1)

    def _count(self, ticket: Ticket[_T], sign: int) -> None:
        self._cpu += sign * ticket.demand.cpu
        self._memory += sign * ticket.demand.memory
        self._gpu += sign * ticket.demand.gpu
        for name in ticket.limits:
            self._used[name] = self._used.get(name, 0) + sign
            if not self._used[name]:
                del self._used[name]

    def _fits(self, demand: Demand, limits: tuple[str, ...]) -> bool:
        capacity = self.capacity
        slack = 1e-9
        return (
            self._cpu + demand.cpu <= capacity.cpu + slack
            and self._memory + demand.memory <= capacity.memory + slack
            and self._gpu + demand.gpu <= capacity.gpu + slack
            and all(name not in self._limits or self._used.get(name, 0) < self._limits[name] for name in limits)
        )
