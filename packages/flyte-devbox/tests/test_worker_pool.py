"""The pool of workers of a reusable environment, driven at random."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from flyte_devbox.executors import Reuse
from flyte_devbox.executors.pool import Pool

IDLE, SCALEDOWN = 100.0, 10.0


class PoolMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.attempts: list[int] = []
        self.ended: set[int] = set()

    @initialize(fewest=st.integers(0, 3), more=st.integers(0, 3), concurrency=st.integers(1, 4))
    def make(self, fewest: int, more: int, concurrency: int) -> None:
        self.reuse = Reuse("env", "v", fewest, max(1, fewest + more), concurrency, IDLE, SCALEDOWN)
        self.pool = Pool(self.reuse)

    @rule()
    def begin(self) -> None:
        could = len(self.attempts_of_alive()) < self.reuse.max_replicas * self.reuse.concurrency
        if self.pool.wants_worker():
            self.pool.add(self.now)
        worker = self.pool.place()
        # As many as the environment allows find a place.
        assert (worker is not None) == could
        if worker is not None:
            assert not worker.is_ending
            self.attempts.append(worker.number)

    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        if self.attempts:
            number = self.attempts.pop(data.draw(st.integers(0, len(self.attempts) - 1)))
            self.pool.leave(number, self.now)

    @rule(data=st.data())
    def get_ready(self, data: st.DataObject) -> None:
        if self.pool.workers:
            self.pool.workers[data.draw(st.sampled_from(sorted(self.pool.workers)))].is_ready = True

    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        if self.pool.workers:
            number = data.draw(st.sampled_from(sorted(self.pool.workers)))
            self.pool.remove(number, self.now)
            self.attempts = [other for other in self.attempts if other != number]
            self.ended.discard(number)

    @rule(seconds=st.floats(0, 150))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def end_idle(self) -> None:
        for worker in self.pool.end_idle(self.now):
            assert not worker.busy
            assert worker.number not in self.ended
            self.ended.add(worker.number)

    @rule()
    def wait_for_all_to_end(self) -> None:
        if not self.attempts:
            for _ in range(len(self.pool.workers) + 1):
                at = self.pool.next_end()
                if at is None:
                    break
                self.now = max(self.now, at)
                self.end_idle()
            # Nothing is kept for ever, however many replicas there are at the fewest.
            assert not self.pool.alive or self.pool.next_end() is None
            assert not [worker for worker in self.pool.alive if worker.busy]

    def attempts_of_alive(self) -> list[int]:
        alive = {worker.number for worker in self.pool.alive}
        return [number for number in self.attempts if number in alive]

    @invariant()
    def counts_hold(self) -> None:
        if not hasattr(self, "pool"):
            return
        assert len(self.pool.alive) <= self.reuse.max_replicas
        for worker in self.pool.workers.values():
            assert worker.busy == self.attempts.count(worker.number) <= self.reuse.concurrency
        if self.attempts:
            assert self.pool.next_end() is None or len(self.pool.alive) > self.reuse.min_replicas


PoolMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestPool = PoolMachine.TestCase


def test_a_free_worker_is_preferred_to_a_new_one() -> None:
    pool = Pool(Reuse("env", "v", 0, 3, 2, None, None))
    assert pool.wants_worker()
    first = pool.add(0.0)
    assert pool.place() is first
    pool.leave(first.number, 1.0)
    assert not pool.wants_worker()
    assert pool.place() is first


def test_what_is_spare_ends_sooner_than_the_rest() -> None:
    pool = Pool(Reuse("env", "v", 1, 2, 1, IDLE, SCALEDOWN))
    first, second = pool.add(0.0), pool.add(0.0)
    for worker in (first, second):
        assert pool.place() is worker
    pool.leave(first.number, 5.0)
    pool.leave(second.number, 6.0)
    assert pool.next_end() == 15.0
    assert pool.end_idle(15.0) == [first]
    pool.remove(first.number, 15.0)
    assert pool.next_end() == 6.0 + IDLE
    assert pool.end_idle(6.0 + IDLE) == [second]
