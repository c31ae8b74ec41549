"""What goes on after the end of an attempt: children, checkpoints, reports; through Actions, and through Queue and State."""

import asyncio
import os
import signal
import time
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
from flyteidl2.common import phase_pb2
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.workflow import run_service_pb2
from tests.contract.actions.asked import NOTED
from tests.recording import NotingProxy

from flyte_protocol.rpc_errors import RpcError

from .running import DATA, LONGEST, RUNS, SOON, create, data, end, load, on, result, start, until_over

METHODS = {
    "1": {"Enqueue", "WatchForUpdates", "Abort"},
    "": {"EnqueueAction", "Watch", "AbortQueuedAction"},
}
"""What is called, by `_U_USE_ACTIONS`."""


@pytest.fixture(scope="module")
def noting(tmp_path_factory):
    """A devbox whose attempts have no channel, and what they ask of it."""
    with NotingProxy(NOTED) as proxy:
        server, proxy.target = start(tmp_path_factory.mktemp("noted") / "devbox", endpoint=f"localhost:{proxy.port}")
        yield proxy
        end(server)


@pytest.fixture(scope="module")
def program():
    return load("going_on")


@pytest.fixture
def place(tmp_path):
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


async def _until(path: Path) -> None:
    deadline = time.monotonic() + LONGEST
    while not path.exists():
        assert time.monotonic() < deadline, f"`{path.name}` does not come"
        await asyncio.sleep(0.02)


async def _phases(transport, run) -> Counter[tuple[str, int]]:
    listed = await transport.call(RUNS["ListActions"], run_service_pb2.ListActionsRequest(run_id=run), SOON)
    return Counter(
        (each.metadata.task.id.name.rpartition(".")[2] or each.metadata.trace.name, each.status.phase)
        for each in listed.actions
    )


def _notes(place: Path) -> Counter[str]:
    return Counter((place / "notes").read_text().splitlines())


def test_a_parent_that_is_killed_takes_its_children_over(port, program, tmp_path, place) -> None:
    async def go(transport):
        run = await create(transport, program.killed, tmp_path / "bundles", place=str(place))
        await _until(place / "patient")
        os.kill(int((place / "pid0").read_text()), signal.SIGKILL)
        await _until(place / "pid1")
        (place / "go").touch()
        action = await until_over(transport, run)
        return action, await data(transport, run), await _phases(transport, run)

    action, found, phases = on(port, go)
    assert action.status.phase == phase_pb2.ACTION_PHASE_SUCCEEDED, action.error_info.message
    assert found.outputs.literals[0].value.scalar.primitive.integer == 13
    notes = _notes(place)
    # What has failed is tried again by the next attempt of its parent.
    assert notes.pop("fails") in {1, 2}
    assert notes == {"once 0": 1, "once 1": 1, "once 2": 1, "patient": 1, "caught ValueError": 2}
    assert phases["once", phase_pb2.ACTION_PHASE_SUCCEEDED] == 3
    assert phases["patient", phase_pb2.ACTION_PHASE_SUCCEEDED] == 1


def test_a_checkpoint_is_there_for_the_attempt_after_one_that_was_killed(port, program, tmp_path, place) -> None:
    assert result(port, program.keeps, tmp_path / "bundles", place=str(place)) == 42


def test_a_report_is_there_while_its_action_runs(port, program, tmp_path, place) -> None:
    async def shown(transport, run) -> str:
        request = dataproxy_service_pb2.CreateDownloadLinkRequest(
            artifact_type=dataproxy_service_pb2.ARTIFACT_TYPE_REPORT
        )
        request.action_attempt_id.action_id.run.CopyFrom(run)
        request.action_attempt_id.action_id.name, request.action_attempt_id.attempt = "a0", 1
        answer = await transport.call(DATA["CreateDownloadLink"], request, SOON)
        (url,) = answer.pre_signed_urls.signed_url
        return await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=LONGEST).read().decode())  # noqa: S310

    async def go(transport):
        run = await create(transport, program.reports, tmp_path / "bundles", place=str(place))
        await _until(place / "flushed")
        first = await shown(transport, run)
        (place / "go").touch()
        await until_over(transport, run)
        return first, await shown(transport, run)

    first, last = on(port, go)
    assert "half of it" in first
    assert "all of it" in last


@pytest.mark.parametrize("uses_actions", ["1", ""])
def test_both_generations_of_services_carry_a_run(noting, program, tmp_path, place, uses_actions) -> None:
    del noting.noted[:]
    env = {"_U_USE_ACTIONS": uses_actions}

    async def go(transport):
        run = await create(transport, program.story, tmp_path / "bundles", env=env, place=str(place))
        action = await until_over(transport, run)
        return action, await data(transport, run), await _phases(transport, run)

    action, found, phases = on(noting.target, go)
    assert action.status.phase == phase_pb2.ACTION_PHASE_SUCCEEDED, action.error_info.message
    said = [each.scalar.primitive.string_value for each in found.outputs.literals[0].value.collection.literals]
    assert said == ["2", "0", "1", "2", "ValueError", "cancelled"]
    assert {name for name, _, _ in noting.noted} == METHODS[uses_actions]
    notes = _notes(place)
    assert {text: notes[text] for text in ("traced 1", "once 0", "once 1", "once 2")} == dict.fromkeys(
        ("traced 1", "once 0", "once 1", "once 2"), 1
    )
    assert phases["patient", phase_pb2.ACTION_PHASE_ABORTED] == 1
    assert phases["fails", phase_pb2.ACTION_PHASE_FAILED] == 1
    assert phases["traced", phase_pb2.ACTION_PHASE_SUCCEEDED] == 1


@pytest.mark.parametrize("uses_actions", ["1", ""])
def test_an_abort_reaches_the_children_of_both(noting, program, tmp_path, place, uses_actions) -> None:
    async def go(transport):
        run = await create(
            transport, program.waits, tmp_path / "bundles", env={"_U_USE_ACTIONS": uses_actions}, place=str(place)
        )
        await _until(place / "patient")
        await transport.call(RUNS["AbortRun"], run_service_pb2.AbortRunRequest(run_id=run, reason="not needed"), SOON)
        await until_over(transport, run)
        with pytest.raises(RpcError):
            await transport.call(RUNS["AbortRun"], run_service_pb2.AbortRunRequest(run_id=run), SOON)
        return await _phases(transport, run)

    phases = on(noting.target, go)
    assert phases == {
        ("waits", phase_pb2.ACTION_PHASE_ABORTED): 1,
        ("patient", phase_pb2.ACTION_PHASE_ABORTED): 1,
    }
