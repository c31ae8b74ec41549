"""How many actions run at once: limits hold, the deepest go first, and nothing ever waits for itself."""

import asyncio
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_engine.clock import VirtualClock
from flyte_engine.engine import Completed, Engine
from flyte_engine.memory import MemoryStore
from flyte_models.ids import ActionID
from flyte_models.phases import ActionPhase


def finish(engine, request):
    async def scenario():
        outcome = await engine.run_action(request)
        return outcome, await engine.finish_run("r")

    return asyncio.run(scenario())


def test_a_wide_fan_out_under_a_limit(store, make_run, make_request):
    clock = VirtualClock(auto_advance=True)
    engine = Engine(store, clock=clock)
    engine.start_run(make_run(), max_action_concurrency=4)
    running, most = set(), []

    async def child(attempt):
        running.add(attempt.action_id.name)
        most.append(len(running))
        await clock.sleep(1)
        running.discard(attempt.action_id.name)
        return Completed(outputs=b"1")

    async def root(attempt):
        await asyncio.gather(*(engine.run_action(make_request(f"c{i}", child)) for i in range(40)))
        return Completed()

    outcome, _ = finish(engine, make_request("a0", root))
    engine.close()
    assert outcome.record.phase is ActionPhase.SUCCEEDED
    assert max(most) == 4
    assert clock.now() == 10.0


def test_who_waits_is_waiting_for_resources(make_run, make_request):
    store = MemoryStore()
    engine = Engine(store, pools={"p": 1})
    engine.start_run(make_run())
    seen = []
    engine.subscribe(lambda event: seen.append((event.record.name, event.record.phase)))

    async def root(attempt):
        await asyncio.gather(*(engine.run_action(make_request(name, pools=("p", "free"))) for name in ("b", "c")))
        return Completed()

    async def slow(attempt):
        await asyncio.sleep(0)
        return Completed()

    finish(engine, make_request("a0", root))
    assert [phase for name, phase in seen if name == "b"] == [
        ActionPhase.QUEUED,
        ActionPhase.RUNNING,
        ActionPhase.SUCCEEDED,
    ]


def test_the_deepest_are_first(make_run, make_request):
    """Each branch is finished before the next one is begun, however wide the level above is."""
    store = MemoryStore()
    clock = VirtualClock(auto_advance=True)
    engine = Engine(store, clock=clock)
    engine.start_run(make_run(), max_action_concurrency=1)
    started = []

    async def leaf(attempt):
        started.append(attempt.action_id.name)
        await clock.sleep(1)
        return Completed()

    async def branch(attempt):
        name = attempt.action_id.name
        started.append(name)
        leaves = (engine.run_action(make_request(f"{name}.{i}", leaf, parent_name=name)) for i in range(2))
        await asyncio.gather(*leaves)
        return Completed()

    async def root(attempt):
        await asyncio.gather(*(engine.run_action(make_request(f"b{i}", branch)) for i in range(3)))
        return Completed()

    finish(engine, make_request("a0", root))
    assert started == ["b0", "b0.0", "b0.1", "b1", "b1.0", "b1.1", "b2", "b2.0", "b2.1"]


def test_a_pool_is_shared_by_all_runs_and_can_be_changed(make_run, make_request):
    store = MemoryStore()
    engine = Engine(store, pools={"gpu": 1})
    for name in ("r", "s"):
        engine.start_run(make_run(name))
    running, most = [], []

    async def body(attempt):
        running.append(1)
        most.append(len(running))
        await asyncio.sleep(0.001)
        running.pop()
        return Completed()

    def request(run, name):
        return make_request(name, body, pools=("gpu",), action_id=ActionID(name=name, run_name=run))

    async def both(number):
        await asyncio.gather(*(engine.run_action(request(run, f"{number}-{i}")) for run in "rs" for i in range(5)))

    asyncio.run(both(0))
    assert max(most) == 1
    engine.set_pool("gpu", 3)
    asyncio.run(both(1))
    assert max(most) == 3
    engine.set_pool("gpu", None)
    asyncio.run(both(2))
    assert max(most) == 10
    with pytest.raises(ValueError, match="must be at least 1, got 0"):
        engine.set_pool("gpu", 0)
    engine.close()


def test_who_gives_up_waiting_leaves_its_place(make_run, make_request):
    store = MemoryStore()
    engine = Engine(store, pools={"p": 1})
    engine.start_run(make_run())

    async def root(attempt):
        release = asyncio.Event()

        async def hold(attempt):
            await release.wait()
            return Completed()

        holding = asyncio.create_task(engine.run_action(make_request("c1", hold, pools=("p",))))
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(engine.run_action(make_request(n, pools=("p",)))) for n in ("c2", "c3")]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        release.set()
        await holding
        return Completed((await waiting[1]).record.phase)

    outcome, _ = finish(engine, make_request("a0", root))
    assert outcome.value is ActionPhase.SUCCEEDED
    assert store.action("r", "c2").phase is ActionPhase.ABORTED


NODES = st.recursive(
    st.fixed_dictionaries(
        {
            "seconds": st.integers(0, 3),
            "fails": st.booleans(),
            "how": st.just("none"),
            "pool": st.sampled_from(["", "p", "q"]),
            "children": st.just([]),
        }
    ),
    lambda children: st.fixed_dictionaries(
        {
            "seconds": st.integers(0, 3),
            "fails": st.booleans(),
            "how": st.sampled_from(["gather", "one by one", "completed", "left"]),
            "pool": st.sampled_from(["", "p", "q"]),
            "children": st.lists(children, min_size=1, max_size=4),
        }
    ),
    max_leaves=12,
)


@settings(max_examples=50, deadline=None)
@given(
    tree=NODES, limit=st.integers(1, 4), pools=st.fixed_dictionaries({"p": st.integers(1, 2), "q": st.integers(1, 3)})
)
def test_no_limit_is_ever_exceeded_and_everything_ends(make_run, make_request, tree, limit, pools):
    clock = VirtualClock(auto_advance=True)
    store = MemoryStore()
    engine = Engine(store, clock=clock, pools=pools)
    engine.start_run(make_run(), max_action_concurrency=limit)
    numbers = itertools.count()
    busy = {}

    def check():
        assert len(busy) <= limit
        for pool, most in pools.items():
            assert sum(held == pool for held in busy.values()) <= most

    def request(node, parent):
        name = "a0" if parent is None else f"n{next(numbers)}"

        async def call(child):
            return await engine.run_action(request(child, name))

        async def body(attempt):
            busy[name] = node["pool"]
            check()
            try:
                await clock.sleep(node["seconds"])
            finally:
                del busy[name]
            tasks = [asyncio.ensure_future(call(child)) for child in node["children"]]
            if node["how"] == "gather":
                await asyncio.gather(*tasks)
            elif node["how"] == "completed":
                for task in asyncio.as_completed(tasks):
                    await task
            elif node["how"] == "one by one":
                for task in tasks:
                    await task
            else:
                await clock.sleep(0)
            if node["how"] != "left":
                busy[name] = node["pool"]
                check()
                try:
                    await clock.sleep(node["seconds"])
                finally:
                    del busy[name]
            if node["fails"] and attempt.number == 1:
                raise ValueError(name)
            return Completed()

        return make_request(name, body, parent_name=parent, pools=(node["pool"],) if node["pool"] else ())

    async def scenario():
        outcome = await engine.run_action(request(tree, None))
        await engine.finish_run("r")
        return outcome

    outcome = asyncio.run(asyncio.wait_for(scenario(), 20))
    engine.close()
    assert outcome.record.phase is (ActionPhase.FAILED if tree["fails"] else ActionPhase.SUCCEEDED)
    assert all(record.phase.is_terminal for record in store.actions("r"))
