"""Tests of tasks in a lab: what a user of `flyte.testing` can do and see."""

import asyncio
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

import flyte
from flyte.testing import InjectedError, Lab, assert_survives
from flyte_models.errors import RuntimeUserError
from flyte_models.phases import ActionPhase

env = flyte.TaskEnvironment("lab_tests")
secretive = flyte.TaskEnvironment("lab_secrets", secrets=[flyte.Secret("api-key", group="shop")])


@dataclass
class Score:
    item: int
    value: float


@env.task(retries=flyte.RetryStrategy(count=3, backoff=flyte.Backoff(base=timedelta(hours=1))))
async def score(item: int) -> Score:
    print(f"scoring {item}")
    return Score(item, item / 2)


@env.task
async def total(items: list[int]) -> float:
    scores = [await score(item) for item in items]
    return sum(each.value for each in scores)


@env.task
def total_in_sync(items: list[int]) -> float:
    return sum(each.value for each in flyte.map(score, items))  # type: ignore[union-attr]


@env.task
def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@env.task
async def slumber(seconds: float) -> None:
    await asyncio.sleep(seconds)


@env.task(timeout=60)
async def hurried(seconds: float) -> None:
    await asyncio.sleep(seconds)


@env.task
def naps(seconds: list[float]) -> float:
    return sum(nap(each) for each in seconds)


@env.task(cache=flyte.Cache("auto", max_age=timedelta(days=1)))  # type: ignore[call-arg]
async def costly(x: int) -> int:
    return x * x


@secretive.task
async def tell() -> str:
    import os

    return os.environ["SHOP_API_KEY"]


def test_a_run_with_everything_that_happened(flyte_lab: Lab) -> None:
    run = flyte_lab.run(total, [1, 2])
    assert run.outputs()[0] == 1.5
    assert run.inputs()["items"] == [1, 2]
    assert run.phase is ActionPhase.SUCCEEDED
    assert [action.path for action in run.actions] == ["total", "total > score[0]", "total > score[1]"]
    second = run.action("score[1]")
    assert second.inputs["item"] == 2
    assert second.outputs is not None
    assert second.outputs[0] == Score(2, 1.0)
    assert second.logs == ["scoring 2"]
    assert run.logs == ["scoring 1", "scoring 2"]
    assert [action.inputs["item"] for action in run.all("score")] == [1, 2]


def test_runs_that_the_code_under_test_makes_are_captured(flyte_lab: Lab, flyte_runs: list[object]) -> None:
    def program() -> float:
        return flyte.run(total_in_sync, [3, 4]).outputs()[0]

    assert program() == 3.5
    (run,) = flyte_lab.runs
    assert run.name == "run-1"
    assert len(run.actions) == 3
    assert len(flyte_runs) == 1


def test_runs_stay_in_the_lab_whatever_the_configuration_says(flyte_lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flyte.initialization._settings", None)  # and back to what it is, at the end
    flyte.init(endpoint="dns:///flyte.example.org")
    assert flyte.run(total, [1]).outputs()[0] == 0.5
    assert len(flyte_lab.runs) == 1


async def _run_in_a_loop() -> float:
    run = await flyte.run.aio(total, [1])
    return run.outputs()[0]


def test_a_run_from_async_code(flyte_lab: Lab) -> None:
    assert asyncio.run(_run_in_a_loop()) == 0.5
    assert len(flyte_lab.runs) == 1


@pytest.mark.parametrize("task", [total, total_in_sync])
def test_an_injected_failure_is_retried_after_its_backoff(flyte_lab: Lab, task: object) -> None:
    flyte_lab.failures.fail("score[1]", ConnectionError("down"), times=2)
    run = flyte_lab.run(task, [1, 2, 3])
    assert run.outputs()[0] == 3.0
    attempts = run.action("score[1]").attempts
    assert [attempt.error.message if attempt.error else None for attempt in attempts] == ["down", "down", None]
    assert len(run.action("score[0]").attempts) == 1
    assert flyte_lab.clock.elapsed >= 3600


def test_a_failure_that_no_retry_helps(flyte_lab: Lab) -> None:
    flyte_lab.failures.fail("total > score[0]", times=None)
    with pytest.raises(RuntimeUserError) as caught:
        flyte_lab.run(total, [1])
    assert isinstance(caught.value.__cause__, InjectedError)
    run = flyte_lab.attempt(total, [1])
    assert run.phase is ActionPhase.FAILED
    assert len(run.action("score").attempts) == 4
    with pytest.raises(RuntimeError, match="ended as failed"):
        run.outputs()


def test_a_result_that_is_lost_after_the_body(flyte_lab: Lab) -> None:
    flyte_lab.failures.fail("score", when="after")
    flyte_lab.failures.lose("total")
    run = flyte_lab.run(total, [1])
    assert run.outputs()[0] == 0.5
    assert run.logs == ["scoring 1", "scoring 1"]
    assert len(run.action("total").attempts) == 2


@pytest.mark.parametrize("task", [nap, slumber])
def test_sleep_takes_the_time_of_the_clock(flyte_lab: Lab, task: object) -> None:
    run = flyte_lab.run(task, 86_400.0)
    assert run.actions[0].seconds == pytest.approx(86_400, abs=60)


def test_sync_bodies_that_wait_for_sync_children(flyte_lab: Lab) -> None:
    assert flyte_lab.run(naps, [100.0, 200.0]).outputs()[0] == 300
    assert 300 <= flyte_lab.clock.elapsed < 400


def test_children_sleep_at_the_same_time(flyte_lab: Lab) -> None:
    @env.task
    def spread() -> int:
        return len(list(flyte.map(nap, [60.0] * 5)))

    assert flyte_lab.run(spread).outputs()[0] == 5
    assert 60 <= flyte_lab.clock.elapsed < 120


def test_a_time_limit_passes_at_once_and_only_when_it_should(flyte_lab: Lab) -> None:
    assert flyte_lab.attempt(hurried, 59.0).phase is ActionPhase.SUCCEEDED
    assert flyte_lab.attempt(hurried, 61.0).phase is ActionPhase.TIMED_OUT
    flyte_lab.failures.delay("hurried", 2)
    assert flyte_lab.attempt(hurried, 59.0).phase is ActionPhase.TIMED_OUT


def test_a_thread_at_work_does_not_let_time_jump(flyte_lab: Lab) -> None:
    started = threading.Event()

    @env.task(timeout=1_000_000)
    def busy() -> bool:
        started.set()
        # Longer than the loop's patience with a thread, and not by `time.sleep`.
        return threading.Event().wait(0.5)

    assert flyte_lab.run(busy).phase is ActionPhase.SUCCEEDED
    assert flyte_lab.clock.elapsed < 1000


def test_threads_that_wait_for_each_other(flyte_lab: Lab) -> None:
    barrier = threading.Barrier(3)

    @env.task
    def meet(number: int) -> int:
        barrier.wait(30)
        return number

    @env.task
    def gathering() -> int:
        return sum(value for value in flyte.map(meet, [1, 2, 3]) if isinstance(value, int))

    assert flyte_lab.run(gathering).outputs()[0] == 6


def test_work_on_a_thread_of_asyncio(flyte_lab: Lab) -> None:
    @env.task(timeout=1_000_000)
    async def threaded() -> int:
        return await asyncio.to_thread(lambda: threading.Event().wait(0.2) or 7)

    assert flyte_lab.run(threaded).outputs()[0] == 7
    assert flyte_lab.clock.elapsed < 1000


def test_the_cache_is_the_tests_own_and_ages_with_the_clock(flyte_lab: Lab) -> None:
    def status() -> str:
        return flyte_lab.run(costly, 4).actions[0].cache_status

    assert [status(), status()] == ["populated", "hit"]
    flyte_lab.clock.advance(2 * 86_400)
    assert status() == "populated"
    with Lab() as other:
        assert other.run(costly, 4).actions[0].cache_status == "populated"


def test_secrets_are_set_and_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv("SHOP_API_KEY", "real")
    with Lab() as lab:
        lab.secrets.set("api-key", "fake", group="shop")
        lab.secrets["other"] = "x"
        assert lab.run(tell).outputs()[0] == "fake"
        assert os.environ["OTHER"] == "x"
    assert os.environ["SHOP_API_KEY"] == "real"
    assert "OTHER" not in os.environ


@env.task
async def approved() -> int:
    condition = await flyte.new_condition.aio("how_many", prompt="How many?", data_type=int)
    return await condition.wait.aio()


def test_conditions_are_answered_by_the_test(flyte_lab: Lab) -> None:
    run = flyte_lab.attempt(approved)
    assert run.phase is ActionPhase.FAILED
    assert "the test has no answer for condition `how_many`" in str(run.error)
    flyte_lab.answers["how_many"] = 3
    assert flyte_lab.run(approved).outputs()[0] == 3
    assert_survives(approved, seeds=10, answers={"how_many": 4})


def test_names_that_do_not_fit_one_action(flyte_lab: Lab) -> None:
    run = flyte_lab.run(total, [1, 2])
    with pytest.raises(LookupError, match="2 actions of the run are named 'score'"):
        run.action("score")
    with pytest.raises(LookupError, match="0 actions of the run are named 'scoer'"):
        run.action("scoer")
    with pytest.raises(ValueError, match="names no action"):
        flyte_lab.failures.fail("score[x]")


def test_after_the_lab_everything_is_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    usual = time.sleep
    with Lab():
        assert time.sleep is not usual
    assert time.sleep is usual
    run = flyte.run(total, [2])
    assert run.name.startswith("r")
    assert run.outputs()[0] == 1.0
    assert [thread.name for thread in threading.enumerate()].count("flyte_syncify") == 1
