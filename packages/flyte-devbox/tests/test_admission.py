"""Who is let in: never more than there is, nobody for ever outside, the same order every time. Pure, by model."""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyte_devbox.admission import Admission, Capacity, Ticket
from flyte_devbox.policies import Demand

GIB = 1024**3
CAPACITY = Capacity(4, 8 * GIB, 1)
LIMITS = {"run 1": 1, "run 2": 2, "environment e v": 3}
DEMANDS = st.builds(
    Demand,
    st.sampled_from([0.1, 0.5, 1, 2, 4, 100]),
    st.sampled_from([0, 0.5 * GIB, 3 * GIB, 8 * GIB, 99 * GIB]),
    st.sampled_from([0, 0, 0, 1]),
)


@dataclass
class Entry:
    demand: Demand
    limits: tuple[str, ...]
    depth: int
    group: int


ENTRIES = st.builds(
    Entry,
    DEMANDS,
    st.sets(st.sampled_from(sorted(LIMITS)), max_size=2).map(lambda names: tuple(sorted(names))),
    st.integers(0, 3),
    st.integers(0, 3),
)
STEPS = st.lists(
    st.one_of(ENTRIES, st.tuples(st.sampled_from(["end", "withdraw", "lend", "give back"]), st.integers(0, 50)))
)


@dataclass
class Scene:
    """An admission, and what is known of it from outside."""

    admission: Admission[int] = field(default_factory=lambda: Admission[int](CAPACITY))
    waiting: list[Ticket[int]] = field(default_factory=list[Ticket[int]])
    running: list[Ticket[int]] = field(default_factory=list[Ticket[int]])
    order: list[int] = field(default_factory=list[int])
    count: int = 0

    def __post_init__(self) -> None:
        for name, limit in LIMITS.items():
            self.admission.set_limit(name, limit)

    def take(self, step: Entry | tuple[str, int]) -> None:
        if isinstance(step, Entry):
            self.count += 1
            self.waiting.append(
                self.admission.enter(self.count, step.demand, limits=step.limits, depth=step.depth, group=step.group)
            )
        else:
            kind, place = step
            chosen = self.waiting if kind == "withdraw" else self.running
            if chosen:
                ticket = chosen[place % len(chosen)]
                if kind == "give back":
                    self.admission.take(ticket)
                else:
                    self.admission.release(ticket)
                if kind in {"end", "withdraw"}:
                    chosen.remove(ticket)
        self.admit()

    def admit(self) -> None:
        for ticket in self.admission.admit():
            # It was the best of its group among those that fitted just before.
            self.order.append(ticket.item)
            self.waiting.remove(ticket)
            self.running.append(ticket)
            better = [other for other in self.waiting if other.group == ticket.group and other.rank < ticket.rank]
            assert not any(self.fits(other, without=ticket) for other in better)
            self.check(ticket)
        assert not any(self.fits(ticket) for ticket in self.waiting)
        assert all(self.admission.obstacles(ticket) for ticket in self.waiting)
        assert self.admission.waiting == len(self.waiting)

    def used(self, without: Ticket[int] | None = None) -> tuple[Demand, Counter[str]]:
        held = [ticket for ticket in self.running if ticket.holds and ticket is not without]
        total = Demand(*(sum(getattr(ticket.demand, name) for ticket in held) for name in ("cpu", "memory", "gpu")))
        return total, Counter(name for ticket in held for name in ticket.limits)

    def fits(self, ticket: Ticket[int], without: Ticket[int] | None = None) -> bool:
        used, counts = self.used(without)
        return (
            used.cpu + ticket.demand.cpu <= CAPACITY.cpu + 1e-6
            and used.memory + ticket.demand.memory <= CAPACITY.memory
            and used.gpu + ticket.demand.gpu <= CAPACITY.gpu
            and all(counts[name] < LIMITS[name] for name in ticket.limits)
        )

    def check(self, let_in: Ticket[int]) -> None:
        used, counts = self.used()
        assert used.cpu <= CAPACITY.cpu + 1e-6
        assert used.memory <= CAPACITY.memory
        assert used.gpu <= CAPACITY.gpu
        # Of the others, what was given back may be beyond.
        assert all(counts[name] <= LIMITS[name] for name in let_in.limits)


@given(STEPS)
def test_capacity_is_kept_and_used_and_everybody_gets_in(steps: list[Entry | tuple[str, int]]) -> None:
    scene, again = Scene(), Scene()
    for step in steps:
        scene.take(step)
        again.take(step)
    assert scene.order == again.order
    while scene.running:
        scene.take(("end", 0))
    assert scene.waiting == []


@given(
    places=st.integers(1, 4),
    depths=st.lists(st.integers(0, 3), min_size=2, max_size=6),
    chosen=st.lists(st.integers(0, 3), min_size=100, max_size=100),
)
def test_a_run_waits_for_one_round_of_the_others_at_most(places: int, depths: list[int], chosen: list[int]) -> None:
    admission: Admission[int] = Admission(Capacity(places, GIB))
    one = Demand(1, 0, 0)
    running: list[Ticket[int]] = []
    # Each group is a run that never has done, of another depth.
    for group, depth in enumerate(depths):
        for _ in range(200):
            admission.enter(group, one, depth=depth, group=group)
    passed = Counter[int]()
    for choice in chosen:
        for ticket in admission.admit():
            running.append(ticket)
            for group in range(len(depths)):
                passed[group] = 0 if group == ticket.group else passed[group] + 1
                holds = any(other.group == group for other in running)
                assert holds or passed[group] < len(depths) + places
        admission.release(running.pop(choice % len(running)))


def test_a_new_run_gets_a_place_before_all_of_a_wide_one() -> None:
    admission: Admission[str] = Admission(Capacity(2, GIB))
    one = Demand(1, 0, 0)
    for number in range(1000):
        admission.enter(f"wide{number}", one, depth=1, group=1)
    running = list(admission.admit())
    admission.enter("new", one, depth=0, group=2)
    admission.release(running.pop())
    assert [ticket.item for ticket in admission.admit()] == ["new"]


def test_the_deepest_of_a_run_goes_first() -> None:
    admission: Admission[str] = Admission(Capacity(1, GIB))
    for name, depth in (("a", 0), ("b", 2), ("c", 1), ("d", 2)):
        admission.enter(name, Demand(1, 0, 0), depth=depth)
    order: list[str] = []
    while found := list(admission.admit()):
        order += [ticket.item for ticket in found]
        for ticket in found:
            admission.release(ticket)
    assert order == ["b", "d", "c", "a"]


def test_what_is_too_large_for_now_is_passed_over() -> None:
    admission: Admission[str] = Admission(Capacity(2, GIB))
    admission.enter("first", Demand(1, 0, 0))
    large = admission.enter("large", Demand(2, 0, 0), depth=5)
    assert [ticket.item for ticket in admission.admit()] == ["large"]
    admission.enter("second", Demand(2, 0, 0))
    admission.release(large)
    assert [ticket.item for ticket in admission.admit()] == ["first"]


@pytest.mark.parametrize(
    ("demand", "limits", "reason"),
    [
        (Demand(1, 0, 0), (), "it needs 1 core, and 4 cores of 4 cores are taken"),
        (Demand(0, 8 * GIB, 0), (), "it needs 8.0 GiB, and 0.5 GiB of 8.0 GiB are taken"),
        (Demand(0, 0, 0), ("run 1",), "1 of at most 1 actions of its run are running"),
    ],
)
def test_who_waits_is_told_why(demand: Demand, limits: tuple[str, ...], reason: str) -> None:
    scene = Scene()
    scene.take(Entry(Demand(4, 0.5 * GIB, 0), ("run 1",), 0, 0))
    scene.take(Entry(demand, limits, 0, 1))
    assert "; ".join(scene.admission.obstacles(scene.waiting[0]).values()) == reason


def test_what_is_more_than_there_is_is_named() -> None:
    assert CAPACITY.explain_excess(Demand(4, 8 * GIB, 1)) == ""
    assert CAPACITY.explain_excess(Demand(5, 9 * GIB, 2)) == ("5 cores of 4 cores, 9.0 GiB of 8.0 GiB, 2 GPUs of 1 GPU")


def test_the_only_parent_of_a_run_takes_its_place_again() -> None:
    admission: Admission[str] = Admission(Capacity(1, 1, 0))
    ticket = admission.enter("parent", Demand(1, 0, 0), group=1)
    assert list(admission.admit()) == [ticket]
    admission.release(ticket)
    assert not list(admission.admit())
    admission.take(ticket)
    admission.release(ticket)
    again = admission.enter("parent", Demand(1, 0, 0), group=1)
    assert list(admission.admit()) == [again]
