"""Actions of reusable environments: their workers live on between them."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from flyteidl2.common import phase_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.workflow import run_service_pb2

from .running import DATA, RUNS, SOON, create, details, load, on, result, until_over


@pytest.fixture(scope="module")
def reused():
    return load("reused")


@pytest.fixture
def bundles(tmp_path):
    return tmp_path / "bundles"


async def _logs(transport, run, action: str) -> list[str]:
    request = dataproxy_service_pb2.TailLogsRequest(attempt=1)
    request.action_id.run.CopyFrom(run)
    request.action_id.name = action
    lines: list[str] = []
    async with transport.stream(DATA["TailLogs"], request, SOON) as messages:
        async for message in messages:
            lines += [line.message.rstrip("\n") for batch in message.logs for line in batch.lines]
    return lines


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_carries_out_one_action_after_the_other(port, reused, bundles) -> None:
    found = result(port, reused.one_by_one, bundles, n=4)
    assert len({one["pid"] for one in found}) == 1
    assert [one["calls"] for one in found] == ["1", "2", "3", "4"]
    assert len({one["action"] for one in found}) == 4


def test_each_action_has_its_own_log_with_what_its_processes_print(port, reused, bundles) -> None:
    async def go(transport):
        run = await create(transport, reused.counts, bundles, x=5)
        await until_over(transport, run)
        return await _logs(transport, run, "a0")

    assert on(port, go) == ["printed by 5", "printed below 5"]


def test_async_actions_share_a_worker_at_once(port, reused, bundles, tmp_path) -> None:
    folder = tmp_path / "met"
    folder.mkdir()

    async def go(transport):
        run = await create(transport, reused.at_once, bundles, place=str(folder))
        action = await until_over(transport, run)
        assert action.status.phase == phase_pb2.ACTION_PHASE_SUCCEEDED, action.error_info.message
        listed = await transport.call(RUNS["ListActions"], run_service_pb2.ListActionsRequest(run_id=run), SOON)
        names = [found.id.name for found in listed.actions if found.id.name != "a0"]
        return [await _logs(transport, run, name) for name in names]

    assert sorted(on(port, go)) == [["printed by 0"], ["printed by 1"], ["printed by 2"]]


def test_a_worker_that_dies_is_replaced(port, reused, bundles, tmp_path) -> None:
    marker = tmp_path / "died"
    assert result(port, reused.dies, bundles, path=str(marker)) > 0


def test_an_error_is_the_actions_and_the_worker_goes_on(port, reused, bundles) -> None:
    before = result(port, reused.counts, bundles, x=1)["pid"]
    assert "7 is no good" in result(port, reused.broken, bundles)
    assert _is_alive(int(before))


def test_an_abort_ends_the_action_and_lets_it_clean_up(port, reused, bundles, tmp_path) -> None:
    marker = tmp_path / "began"

    async def go(transport):
        run = await create(transport, reused.sleeps, bundles, path=str(marker))
        async with asyncio.timeout(120):
            while not marker.exists():
                await asyncio.sleep(0.02)
        await transport.call(RUNS["AbortRun"], run_service_pb2.AbortRunRequest(run_id=run, reason="enough"), SOON)
        return await details(transport, run)

    assert on(port, go).status.phase == phase_pb2.ACTION_PHASE_ABORTED
    deadline = time.monotonic() + 120
    while not Path(f"{marker}.cleaned").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
