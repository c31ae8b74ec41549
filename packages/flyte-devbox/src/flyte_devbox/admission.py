"""Who may run: actions are let in by what they declare, fairly among runs and the deepest of a run first, within limits."""

import heapq
import itertools
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from flyte_devbox.policies import Demand
from flyte_models.values import value

__all__ = ["Admission", "Capacity", "Ticket"]

_T = TypeVar("_T")
_Kind = tuple[Demand, tuple[str, ...]]
_Rank = tuple[int, int]
_Key = tuple[int, int, _Rank]

_GIGABYTE = 1024**3
_SLACK = 1e-9


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

    def explain_excess(self, demand: Demand) -> str:
        """Say what an action asks for that this machine does not have; empty if it has everything."""
        asked = ((demand.cpu, self.cpu, _cores), (demand.memory, self.memory, _memory), (demand.gpu, self.gpu, _gpus))
        return ", ".join(f"{show(wanted)} of {show(there)}" for wanted, there, show in asked if wanted > there + _SLACK)


class Ticket(Generic[_T]):
    """An action that waits to run, or runs. Made by `Admission.enter`."""

    __slots__ = ("demand", "group", "holds", "is_waiting", "item", "limits", "rank")

    def __init__(self, item: _T, demand: Demand, limits: tuple[str, ...], group: int, rank: _Rank) -> None:
        self.item = item
        self.demand = demand
        self.limits = limits
        self.group = group
        self.rank = rank
        self.holds = False
        """Whether it occupies its resources now; a parent that waits for children does not."""
        self.is_waiting = True


class _Line(Generic[_T]):
    """The tickets that wait for the same: what cannot be let in now is passed over in one step, however much of it waits.

    Groups are found by a heap of keys, which are corrected when they come up: one that is there may be too good, and is never
    too bad.
    """

    def __init__(self) -> None:
        self.tickets: dict[int, list[tuple[_Rank, Ticket[_T]]]] = {}
        self.left: list[int] = []
        """Groups of which nothing waits any more; for the owner to take note of."""
        self._front: list[tuple[_Key, int]] = []
        self._told: dict[int, _Key] = {}

    def offer(self, group: int, running: int, turn: int) -> None:
        """Take note that a group may be better now."""
        waiting = self.tickets.get(group)
        if waiting:
            self._put(group, (running, turn, waiting[0][0]))

    def _put(self, group: int, key: _Key) -> None:
        known = self._told.get(group)
        if known is None or key < known:
            self._told[group] = key
            heapq.heappush(self._front, (key, group))

    def best(self, running: Mapping[int, int], turns: Mapping[int, int]) -> tuple[_Key, Ticket[_T]] | None:
        """Return the ticket that comes first, and its key."""
        while self._front:
            told, group = self._front[0]
            if self._told.get(group) == told:
                waiting = self.tickets[group]
                while waiting and not waiting[0][1].is_waiting:
                    heapq.heappop(waiting)
                if waiting:
                    rank, ticket = waiting[0]
                    key = (running.get(group, 0), turns.get(group, 0), rank)
                    if key == told:
                        return key, ticket
                    heapq.heappop(self._front)
                    del self._told[group]
                    self._put(group, key)
                    continue
                del self.tickets[group], self._told[group]
                self.left.append(group)
            heapq.heappop(self._front)
        return None


class Admission(Generic[_T]):
    """Gives out the machine. Pure bookkeeping: the caller asks `admit` after every change.

    Of the tickets that fit and are within their limits, that of the group comes first which has the fewest places, then of the
    one that got its last place the longest ago; of a group the deepest, then the oldest. What does not fit is passed over: the
    machine is never left idle for something that needs more.

    Args:
        capacity: what there is.
    """

    def __init__(self, capacity: Capacity) -> None:
        self.capacity = capacity
        self._cpu = self._memory = self._gpu = 0.0
        self._limits: dict[str, int] = {}
        self._used: dict[str, int] = {}
        self._lines: dict[_Kind, _Line[_T]] = {}
        self._kinds: dict[int, set[_Kind]] = {}
        self._running: dict[int, int] = {}
        self._turns: dict[int, int] = {}
        self._order = itertools.count()
        self.waiting = 0
        """How many tickets wait."""

    def set_limit(self, name: str, limit: int) -> None:
        """Let at most `limit` actions under a name run at once; 0 takes the limit away."""
        if limit > 0:
            self._limits[name] = limit
        else:
            self._limits.pop(name, None)

    def enter(
        self, item: _T, demand: Demand, *, limits: tuple[str, ...] = (), depth: int = 0, group: int = 0
    ) -> Ticket[_T]:
        """Queue an item; it is given back by `admit` when it may run.

        Args:
            item: what waits.
            demand: what it occupies while it runs.
            limits: names of limits that it counts against.
            depth: how many are above it.
            group: which others it shares its turns with.
        """
        number = next(self._order)
        limits = tuple(name for name in limits if name in self._limits)
        ticket = Ticket(item, self.capacity.clamp(demand), limits, group, (-depth, number))
        kind = ticket.demand, limits
        line = self._lines.get(kind)
        if line is None:
            line = self._lines[kind] = _Line()
        heapq.heappush(line.tickets.setdefault(group, []), (ticket.rank, ticket))
        self._kinds.setdefault(group, set()).add(kind)
        line.offer(group, self._running.get(group, 0), self._turns.setdefault(group, number))
        self.waiting += 1
        return ticket

    def admit(self) -> Iterator[Ticket[_T]]:
        """Yield the tickets that may run now; each holds its resources from then on."""
        while (ticket := self._first()) is not None:
            heapq.heappop(self._lines[ticket.demand, ticket.limits].tickets[ticket.group])
            ticket.is_waiting = False
            self.waiting -= 1
            self._turns[ticket.group] = next(self._order)
            self.take(ticket)
            yield ticket

    def _first(self) -> Ticket[_T] | None:
        best: tuple[_Key, Ticket[_T]] | None = None
        for kind in [kind for kind in self._lines if self._fits(*kind)]:
            line = self._lines[kind]
            found = line.best(self._running, self._turns)
            while line.left:
                self._forget(line.left.pop(), kind)
            if found is None:
                del self._lines[kind]
            elif best is None or found[0] < best[0]:
                best = found
        return None if best is None else best[1]

    def _forget(self, group: int, kind: _Kind) -> None:
        kinds = self._kinds[group]
        kinds.discard(kind)
        if not kinds:
            del self._kinds[group]
            if group not in self._running:
                del self._turns[group]

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

    def obstacles(self, ticket: Ticket[_T]) -> dict[str, str]:
        """Return what a ticket that waits is waiting for: names, and a sentence of each. None if it would be let in."""
        found = {
            name: f"{self._used[name]} of at most {self._limits[name]} actions of its {name.partition(' ')[0]} are running"
            for name in ticket.limits
            if name in self._limits and self._used.get(name, 0) >= self._limits[name]
        }
        demand, there = ticket.demand, self.capacity
        for name, wanted, used, all_of_it, show in (
            ("cpu", demand.cpu, self._cpu, there.cpu, _cores),
            ("memory", demand.memory, self._memory, there.memory, _memory),
            ("gpu", demand.gpu, self._gpu, there.gpu, _gpus),
        ):
            if used + wanted > all_of_it + _SLACK:
                found[name] = f"it needs {show(wanted)}, and {show(used)} of {show(all_of_it)} are taken"
        return found

    def _count(self, ticket: Ticket[_T], sign: int) -> None:
        self._cpu += sign * ticket.demand.cpu
        self._memory += sign * ticket.demand.memory
        self._gpu += sign * ticket.demand.gpu
        for name in ticket.limits:
            self._used[name] = self._used.get(name, 0) + sign
            if not self._used[name]:
                del self._used[name]
        group = ticket.group
        running = self._running[group] = self._running.get(group, 0) + sign
        if not running:
            del self._running[group]
        if sign > 0:
            # One that takes its place again, after the group had neither any that runs nor any that waits.
            self._turns.setdefault(group, next(self._order))
            return
        kinds = self._kinds.get(group)
        if kinds:
            for kind in kinds:
                self._lines[kind].offer(group, running, self._turns[group])
        elif not running:
            del self._turns[group]

    def _fits(self, demand: Demand, limits: tuple[str, ...]) -> bool:
        capacity = self.capacity
        return (
            self._cpu + demand.cpu <= capacity.cpu + _SLACK
            and self._memory + demand.memory <= capacity.memory + _SLACK
            and self._gpu + demand.gpu <= capacity.gpu + _SLACK
            and all(name not in self._limits or self._used.get(name, 0) < self._limits[name] for name in limits)
        )


def _cores(number: float) -> str:
    return f"{number:g} core{'' if number == 1 else 's'}"


def _gpus(number: float) -> str:
    return f"{number:g} GPU{'' if number == 1 else 's'}"


def _memory(number: float) -> str:
    return f"{number / _GIGABYTE:.1f} GiB"
