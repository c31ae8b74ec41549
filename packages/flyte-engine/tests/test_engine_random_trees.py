"""Random trees of actions that fail, wait, are cancelled or aborted at any moment: what holds for all of them."""

import asyncio
import itertools
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_engine.clock import VirtualClock
from flyte_engine.engine import Completed, Engine
from flyte_engine.memory import MemoryStore
from flyte_models.lifecycle import Abort, Create, Fail, Start, Succeed, advance
from flyte_models.phases import ActionPhase
from flyte_models.policies import Backoff, RetryStrategy

NODES = st.recursive(
    st.fixed_dictionaries(
        {
            "failures": st.integers(0, 3),
            "retries": st.integers(0, 2),
            "backoff": st.integers(0, 5),
            "seconds": st.integers(0, 5),
            "together": st.booleans(),
            "children": st.just([]),
        }
    ),
    lambda children: st.fixed_dictionaries(
        {
            "failures": st.integers(0, 1),
            "retries": st.integers(0, 1),
            "backoff": st.just(1),
            "seconds": st.integers(0, 2),
            "together": st.booleans(),
            "children": st.lists(children, min_size=1, max_size=3),
        }
    ),
    max_leaves=8,
)
INTERRUPTIONS = st.none() | st.tuples(st.sampled_from(["cancel", "abort"]), st.integers(0, 20))

EVENTS = [Start(), Succeed(), Fail(recoverable=True), Fail(recoverable=False), Abort()]


def reachable_phases(phase, attempt, max_attempts):
    """Every phase and attempt that one event of the lifecycle may lead to."""
    state = advance(None, Create(max_attempts))
    while (state.phase, state.attempt) != (phase, attempt):
        if state.phase is ActionPhase.QUEUED:
            state = advance(state, Start())
        else:
            state = advance(state, Fail(recoverable=True))
    following = set()
    for event in EVENTS:
        try:
            following.add(((after := advance(state, event)).phase, after.attempt))
        except ValueError:
            continue
    return following


@settings(max_examples=60, deadline=None)
@given(tree=NODES, interruption=INTERRUPTIONS)
def test_whatever_happens(make_run, make_request, tree, interruption):
    store = MemoryStore()
    clock = VirtualClock(auto_advance=True)
    engine = Engine(store, clock=clock)
    engine.start_run(make_run())
    history = {}
    in_body = set()
    numbers = itertools.count()

    def note(event):
        seen = history.setdefault(event.record.name, [])
        assert event.previous is (seen[-1].phase if seen else None)
        seen.append(event.record)

    engine.subscribe(note)

    def request(node, parent):
        name = "a0" if parent is None else f"n{next(numbers)}"

        async def body(attempt):
            # Two attempts of one action never overlap.
            assert name not in in_body
            in_body.add(name)
            try:
                await clock.sleep(node["seconds"])
                calls = [engine.run_action(request(child, name)) for child in node["children"]]
                if node["together"]:
                    await asyncio.gather(*calls)
                else:
                    for call in calls:
                        await call
                if attempt.number <= node["failures"]:
                    raise ValueError(name)
                return Completed(outputs=name.encode())
            finally:
                in_body.discard(name)
                for call in locals().get("calls", ()):
                    call.close()

        strategy = RetryStrategy(node["retries"], Backoff(timedelta(seconds=node["backoff"])))
        return make_request(name, body, retries=strategy, parent_name=parent)

    async def scenario():
        running = asyncio.create_task(engine.run_action(request(tree, None)))
        if interruption is not None:
            how, after = interruption
            await clock.sleep(after)
            if how == "cancel":
                running.cancel()
            else:
                await engine.abort_run("r", "stopped")
        await asyncio.gather(running, return_exceptions=True)
        return await engine.finish_run("r")

    run = asyncio.run(scenario())
    engine.close()
    assert in_body == set()
    actions = store.actions("r")
    assert run == store.run("r")
    if not actions:
        # Cancelled before the root action began to exist.
        assert run.phase is ActionPhase.ABORTED
        return
    assert run.phase is store.action("r", "a0").phase
    for action in actions:
        seen = history[action.name]
        assert seen[-1] == action
        assert (seen[0].phase, seen[0].attempt) == (ActionPhase.QUEUED, 1)
        for before, after in itertools.pairwise(seen):
            allowed = reachable_phases(before.phase, before.attempt, before.max_attempts)
            assert (after.phase, after.attempt) in allowed
        assert action.phase.is_terminal
        assert action.created_at <= (action.started_at or action.created_at) <= action.ended_at
        attempts = store.attempts("r", action.name)
        assert [attempt.number for attempt in attempts] == list(range(1, len(attempts) + 1))
        assert len(attempts) <= action.attempt <= action.max_attempts
        assert all(attempt.phase.is_terminal and attempt.started_at <= attempt.ended_at for attempt in attempts)
        assert all(first.ended_at <= second.started_at for first, second in itertools.pairwise(attempts))
        expected = action.name.encode() if action.phase is ActionPhase.SUCCEEDED else None
        assert store.outputs("r", action.name) == expected
        if attempts and action.phase is not ActionPhase.ABORTED:
            assert attempts[-1].phase is action.phase
