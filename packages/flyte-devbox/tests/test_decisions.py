"""What the scheduler decides: which limit passes first, how long a retry waits, what is below an action."""

import asyncio
import random
import time
from dataclasses import replace

import pytest
from flyteidl2.task import run_pb2, task_definition_pb2
from hypothesis import given
from hypothesis import strategies as st

from flyte_devbox import scheduler
from flyte_devbox.executors import Reuse
from flyte_devbox.live import LiveAction, LiveRun
from flyte_devbox.policies import policy_of
from flyte_devbox.scheduler import Scheduler
from flyte_devbox.scheduling.decisions import (
    below,
    concurrency_limits,
    environment_limit,
    initial_state,
    queue_limit,
    retry_pause,
    run_limit,
)
from flyte_models.lifecycle import ActionState
from flyte_models.phases import ActionPhase

POLICY = policy_of(task_definition_pb2.TaskSpec())


def actions_of(parents: dict[str, str]) -> dict[str, LiveAction]:
    run = LiveRun(1, "", "p", "d", "r", run_pb2.RunSpec(), 0.0, 0)
    depths: dict[str, int] = {}
    for number, (name, parent) in enumerate(parents.items()):
        depths[name] = depths[parent] + 1 if parent else 0
        run.actions[name] = LiveAction(
            number, run, name, parent, depths[name], 1, initial_state(1), POLICY, b"", "", "", "", 0, 0.0, 0.0
        )
        if parent in run.actions:
            run.actions[parent].children += 1
    return run.actions


def test_an_action_without_limits_waits_and_runs_for_ever() -> None:
    assert queue_limit(POLICY, age=1e9) is None
    assert run_limit(POLICY, age=1e9, ran=1e9) is None


def test_limits_do_not_hear_of_a_clock_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    action = actions_of({"a0": ""})["a0"]
    action.attempt_began = action.born
    monkeypatch.setattr(time, "time", lambda: 4e9)
    assert 0 <= action.attempt_age <= action.age < 3600


@pytest.mark.parametrize(("waited", "kind", "left"), [(1.0, "max_queued_time", 5.0), (7.0, "deadline", 3.0)])
def test_the_limit_of_a_wait_is_the_one_that_passes_first(waited: float, kind: str, left: float) -> None:
    policy = replace(POLICY, max_queued=5.0, deadline=10.0)
    limit = queue_limit(policy, age=waited)
    assert limit is not None
    assert (limit.kind, limit.left) == (kind, left)


def test_only_the_deadline_leaves_no_room_for_another_attempt() -> None:
    policy = replace(POLICY, max_runtime=5.0, deadline=10.0)
    runtime = run_limit(policy, age=2.0, ran=1.0)
    deadline = run_limit(policy, age=8.0, ran=0.0)
    assert runtime is not None
    assert deadline is not None
    assert (runtime.kind, runtime.left, runtime.is_final) == ("max_runtime", 4.0, False)
    assert (deadline.kind, deadline.left, deadline.is_final) == ("deadline", 2.0, True)


def test_an_action_counts_against_its_run_and_its_reusable_environment() -> None:
    action = actions_of({"a0": ""})["a0"]
    kept = replace(POLICY, reuse=Reuse("env", "v1", 1, 3, 4, None, None))
    assert environment_limit(POLICY) is None
    assert environment_limit(kept) == ("environment env v1", 12)
    assert concurrency_limits(action, POLICY) == ()
    action.run.max_concurrency = 2
    assert concurrency_limits(action, kept) == ("run 1", "environment env v1")


@given(st.integers(1, 50))
def test_the_pause_after_a_system_failure_grows_to_a_bound(failures: int) -> None:
    def pause(count: int) -> float:
        return retry_pause(
            POLICY, ActionState(ActionPhase.QUEUED, count + 1, 1, count, 0), is_system=True, rng=random.Random(0)
        )

    assert 0 < pause(failures) <= pause(failures + 1) <= 5.0


@given(st.data())
def test_what_is_below_an_action_comes_after_its_own_children(data: st.DataObject) -> None:
    names = [f"n{number}" for number in range(data.draw(st.integers(1, 20)))]
    parents = {name: data.draw(st.sampled_from(names[:place])) if place else "" for place, name in enumerate(names)}
    actions = actions_of(parents)
    top = data.draw(st.sampled_from(names))
    found = [action.name for action in below(actions, actions[top])]

    def is_below(name: str) -> bool:
        while name := parents[name]:
            if name == top:
                return True
        return False

    assert sorted(found) == sorted(name for name in names if is_below(name))
    assert all(parents[name] == top or found.index(parents[name]) > place for place, name in enumerate(found))


def test_who_looks_after_all_goes_on_after_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    class Faulty(Scheduler):
        def __init__(self) -> None:
            pass

        def _look_after_all(self) -> None:
            looked.append(1)
            raise RuntimeError("a fault")

    async def go() -> None:
        ticking = asyncio.create_task(Faulty()._tick())
        while len(looked) < 2 and not ticking.done():
            await asyncio.sleep(0.01)
        ticking.cancel()
        await asyncio.wait([ticking])

    monkeypatch.setattr(scheduler, "_TICK_SECONDS", 0.01)
    asyncio.run(go())
    assert len(looked) >= 2
