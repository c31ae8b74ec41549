"""How many workers a reusable environment has, and which of them gets the next attempt. Pure bookkeeping."""

from collections.abc import Iterable
from dataclasses import dataclass

from flyte_devbox.executors import Reuse

__all__ = ["Pool", "WorkerState"]

DEFAULT_IDLE_SECONDS = 30.0


@dataclass(slots=True)
class WorkerState:
    """A worker that lives."""

    number: int
    is_ready: bool = False
    is_ending: bool = False
    """It gets no more attempts."""
    busy: int = 0
    """How many attempts it has."""
    idle_since: float = 0.0


class Pool:
    """The workers of one environment.

    Args:
        reuse: what the environment says.
    """

    def __init__(self, reuse: Reuse) -> None:
        self.reuse = reuse
        self.workers: dict[int, WorkerState] = {}
        self._count = 0
        self._idle_since: float | None = None

    @property
    def alive(self) -> list[WorkerState]:
        """The workers that may get attempts."""
        return [worker for worker in self.workers.values() if not worker.is_ending]

    def wants_worker(self) -> bool:
        """Tell whether one more attempt is a reason to start a worker: none is free of work, and there may be more."""
        alive = self.alive
        return len(alive) < self.reuse.max_replicas and all(worker.busy for worker in alive)

    def add(self, now: float) -> WorkerState:
        """Count a worker that is being started."""
        self._count += 1
        worker = self.workers[self._count] = WorkerState(self._count, idle_since=now)
        return worker

    def place(self) -> WorkerState | None:
        """Give an attempt to the worker with the least to do, one that is ready if possible; `None` when all have enough."""
        free = [worker for worker in self.alive if worker.busy < self.reuse.concurrency]
        if not free:
            return None
        worker = min(free, key=lambda one: (not one.is_ready, one.busy, one.number))
        worker.busy += 1
        self._idle_since = None
        return worker

    def leave(self, number: int, now: float) -> None:
        """Note that an attempt of a worker is over."""
        worker = self.workers.get(number)
        if worker is not None and worker.busy:
            worker.busy -= 1
            if not worker.busy:
                worker.idle_since = now
        if not any(worker.busy for worker in self.workers.values()):
            self._idle_since = now

    def remove(self, number: int, now: float) -> None:
        """Note that a worker is over, whatever it had to do."""
        if self.workers.pop(number, None) is not None and not any(worker.busy for worker in self.workers.values()):
            self._idle_since = self._idle_since or now

    def end_idle(self, now: float) -> list[WorkerState]:
        """Return the workers that have had nothing to do for long enough to be ended; they get no more attempts."""
        ending = [worker for worker in self._idle(now) if not worker.is_ending and not worker.busy]
        for worker in ending:
            worker.is_ending = True
        return ending

    def next_end(self) -> float | None:
        """Return when `end_idle` may next find something; `None` while every worker has something to do."""
        idle = [worker.idle_since for worker in self.alive if not worker.busy]
        times = [min(idle) + self._scaledown] if idle and len(self.alive) > self.reuse.min_replicas else []
        if self._idle_since is not None and self.alive:
            times.append(self._idle_since + self._idle_limit)
        return min(times) if times else None

    def _idle(self, now: float) -> Iterable[WorkerState]:
        if self._idle_since is not None and now >= self._idle_since + self._idle_limit:
            return self.alive
        spare = max(0, len(self.alive) - self.reuse.min_replicas)
        waiting = [one for one in self.alive if not one.busy and now >= one.idle_since + self._scaledown]
        return sorted(waiting, key=lambda one: one.idle_since)[:spare]

    @property
    def _idle_limit(self) -> float:
        return DEFAULT_IDLE_SECONDS if self.reuse.idle_seconds is None else self.reuse.idle_seconds

    @property
    def _scaledown(self) -> float:
        return self._idle_limit if self.reuse.scaledown_seconds is None else self.reuse.scaledown_seconds
