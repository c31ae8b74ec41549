"""Runs on a devbox whose parts are killed, cut off and starved, by seed; `FLYTE_FAULT_SEEDS=20:200` tries others."""

import os
import signal
import sqlite3
import time

import pytest
from flyteidl2.common import phase_pb2
from flyteidl2.workflow import run_service_pb2

from flyte_protocol.rpc_errors import RpcError

from .programs import RUNS, create, load, on, outputs_of
from .scene import LONGEST, Scene, boot_time

SEEDS = os.environ.get("FLYTE_FAULT_SEEDS", "0:20")
BRANCHES = 2
ENOUGH = 3
"""How many faults a run meets: as many as an action may be lost without failing."""


@pytest.fixture(scope="module")
def story():
    return load("story")


async def _create(transport, story, scene):
    """Ask until it was certainly taken: repeating a request with a name is harmless."""
    for name in ("first", "second"):
        await create(transport, story.tree, scene.place.parent / "bundles", name, n=BRANCHES, place=str(scene.place))


def _phase(scene, name: str) -> int:
    """Look at the run by a call that may fail while the devbox is away."""

    async def go(transport):
        request = run_service_pb2.GetRunDetailsRequest()
        request.run_id.org, request.run_id.project, request.run_id.domain = "local", "flytesnacks", "development"
        request.run_id.name = name
        return (await transport.call(RUNS["GetRunDetails"], request)).details.action.status.phase

    try:
        return on(scene.proxy.target, go)
    except (RpcError, TimeoutError, OSError):
        return 0


def _wait_for_end(scene, name: str) -> int:
    deadline = time.monotonic() + LONGEST
    while (phase := _phase(scene, name)) < phase_pb2.ACTION_PHASE_SUCCEEDED:
        assert time.monotonic() < deadline, f"run `{name}` does not end; it is in phase {phase}"
        time.sleep(0.1)
    return phase


def _recorded(scene) -> dict[str, int]:
    with sqlite3.connect(f"file:{scene.folder}/state.db?mode=ro", uri=True, timeout=LONGEST) as connection:
        rows = connection.execute(
            "SELECT r.name || '/' || a.name, a.phase FROM actions a JOIN runs r ON r.id = a.run_id"
        ).fetchall()
    connection.close()
    return dict(rows)


def _finished(scene) -> dict[str, float]:
    """Which actions are recorded as finished, and a time by which they were: others may begin and end while this looks."""
    finished = [name for name, phase in _recorded(scene).items() if phase == phase_pb2.ACTION_PHASE_SUCCEEDED]
    return dict.fromkeys(finished, boot_time())


def _check(scene, story, finished: dict[str, float]) -> None:
    executions = scene.executions()
    assert [one for one in executions if one["what"] == "overlap"] == []
    again = [one for one in executions if one["what"] == "begin" and one["at"] > finished.get(one["action"], 1e18)]
    assert again == [], "a finished action ran again"
    for name in ("first", "second"):
        assert outputs_of(scene.proxy.target, story.tree, name) == story.expected(BRANCHES)


def _run_seed(tmp_path, story, seed: int, *, forgets: bool = False) -> None:
    scene = Scene(tmp_path, seed)
    finished: dict[str, float] = {}
    with scene.running():
        try:
            on(scene.proxy.target, lambda transport: _create(transport, story, scene))
            for _ in range(ENOUGH):
                scene.pause(0.0, 0.6)
                scene.break_something()
                for name, at in _finished(scene).items():
                    finished.setdefault(name, at)
            if forgets:
                scene.forget()
            phases = [_wait_for_end(scene, name) for name in ("first", "second")]
            assert phases == [phase_pb2.ACTION_PHASE_SUCCEEDED] * 2
            _check(scene, story, finished)
        except BaseException:
            print("\n".join(scene.told))
            print({name: phase for name, phase in _recorded(scene).items() if phase != 5}, scene.processes())
            log = scene.folder / "devbox.log"
            print(log.read_text()[-5000:] if log.exists() else "")
            raise
        scene.end(signal.SIGTERM)
        deadline = time.monotonic() + LONGEST
        while left := scene.left_behind():
            assert time.monotonic() < deadline, f"left behind: {left}"
            time.sleep(0.05)


@pytest.mark.parametrize("seed", range(*map(int, SEEDS.split(":"))))
def test_what_breaks_is_made_good(tmp_path, story, seed) -> None:
    _run_seed(tmp_path, story, seed)


def test_half_open_connections_are_noticed(tmp_path, story) -> None:
    _run_seed(tmp_path, story, 1_000_001, forgets=True)


def test_a_crash_costs_what_kept_workers_did_no_retry(tmp_path, story) -> None:
    scene = Scene(tmp_path, 0)
    with scene.running():
        bundles = scene.place.parent / "bundles"
        on(
            scene.proxy.target,
            lambda transport: create(transport, story.patient, bundles, "first", place=str(scene.place)),
        )
        deadline = time.monotonic() + LONGEST
        for begun in (1, 2):
            while len([one for one in scene.executions() if one["what"] == "begin"]) < begun:
                assert time.monotonic() < deadline, f"attempt {begun} does not begin"
                time.sleep(0.05)
            if begun == 1:
                scene.end(signal.SIGKILL)
                scene.start()
        (scene.place / "go").touch()
        # It may fail no attempt of its own, so that what the crash cost was not counted against it.
        assert _wait_for_end(scene, "first") == phase_pb2.ACTION_PHASE_SUCCEEDED
        assert [one["what"] for one in scene.executions()] == ["begin", "begin", "end"]


def test_without_faults_everything_runs_once(tmp_path, story) -> None:
    scene = Scene(tmp_path, 0)
    with scene.running():
        on(scene.proxy.target, lambda transport: _create(transport, story, scene))
        for name in ("first", "second"):
            assert _wait_for_end(scene, name) == phase_pb2.ACTION_PHASE_SUCCEEDED
        _check(scene, story, {})
        begun = [one["action"] for one in scene.executions() if one["what"] == "begin"]
        assert len(begun) == len(set(begun)) == 2 * (1 + BRANCHES * 7)
