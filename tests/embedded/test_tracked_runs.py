"""Local runs that a devbox is told of: what it knows of them while they go on and afterwards, whatever happens between."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

import flyte
import flyte.errors
import flyte.remote
from flyte.running.tracked import mirror
from flyte_models.phases import ActionPhase
from flyte_protocol.codes import Code
from flyte_protocol.rpc_errors import RpcError
from flyte_remote.connection import Connection
from flyte_syncify import syncify

from .running import CODE, LONGEST, end, init, load, start, until

PROGRAM = """
import sys, flyte
from flyte.running.tracked import mirror
sys.path.insert(0, {code!r})
import reported
mirror._INTERRUPTED_SECONDS = 60.0
flyte.init(endpoint="localhost:{port}", insecure=True, project="flytesnacks", domain="development")
flyte.with_runcontext(mode="local", tracked=True, name="{name}").run(reported.waits_below, {folder!r})
"""


@pytest.fixture(scope="module")
def reported():
    return load("reported")


def values(coming):
    """Wait for what the reference, too, gives to async code only."""
    return syncify.loop.run(coming)


def _with(folder: Path, name: str) -> str:
    (folder / name).touch()
    return str(folder)


def tracked(**further):
    return flyte.with_runcontext(mode="local", tracked=True, **further)


def phase_of(name: str, action: str = "") -> ActionPhase | None:
    try:
        found = flyte.remote.Action.get(run_name=name, name=action or "a0")
    except RpcError:
        return None
    return found.phase


def actions_of(name: str) -> dict[str, list[flyte.remote.Action]]:
    found: dict[str, list[flyte.remote.Action]] = {}
    for action in flyte.remote.Action.listall(for_run_name=name):
        known = found.setdefault(action.pb2.metadata.task.short_name or action.pb2.metadata.trace.name, [])
        known.append(action)
    return found


def test_the_control_plane_knows_all_of_a_run(connected, reported) -> None:
    run = tracked().run(reported.parent, 2)
    assert tuple(run.outputs()) == ([1, 2],)
    assert run.url.endswith(f"/v2/domain/development/project/flytesnacks/tracked-runs/{run.name}")
    there = actions_of(run.name)
    assert {name: len(each) for name, each in there.items()} == {
        "parent": 1,
        "child": 2,
        "add_one": 2,
        "cached": 1,
        "fails": 1,
    }
    root = flyte.remote.Run.get(run.name)
    assert root.phase is ActionPhase.SUCCEEDED
    assert dict(root.inputs()) == {"n": 2}
    assert tuple(root.outputs()) == ([1, 2],)
    for action in there["child"]:
        details = flyte.remote.ActionDetails.get(run_name=run.name, name=action.name)
        assert details.pb2.metadata.group == "children"
        assert details.pb2.metadata.parent == "a0"
        assert details.phase is ActionPhase.SUCCEEDED
        (x,) = values(details.inputs()).values()
        assert tuple(values(details.outputs())) == (x + 1,)
    for action in there["add_one"]:
        details = flyte.remote.ActionDetails.get(run_name=run.name, name=action.name)
        assert details.pb2.metadata.parent in {child.name for child in there["child"]}
        assert tuple(values(details.outputs())) == (values(details.inputs())["x"] + 1,)
    (failed,) = there["fails"]
    details = flyte.remote.ActionDetails.get(run_name=run.name, name=failed.name)
    assert details.phase is ActionPhase.FAILED
    assert details.attempts == 2
    assert details.error_info.code == "ValueError"
    assert "no 1" in details.error_info.message
    assert "all is well" in root.get_report()


def test_a_task_without_inputs_is_told_of_as_well(connected, reported) -> None:
    run = tracked(tracked_strict=True).run(reported.without_inputs)
    there = flyte.remote.Run.get(run.name)
    assert there.phase is ActionPhase.SUCCEEDED
    assert dict(there.inputs()) == {}
    assert tuple(there.outputs()) == (1,)
    assert "nothing came in" in there.get_report()
    (below,) = actions_of(run.name)["child"]
    assert values(flyte.remote.ActionDetails.get(run_name=run.name, name=below.name).inputs()) == {"x": 0}


def test_a_report_that_is_made_while_another_is_on_its_way_is_there(connected, reported, monkeypatch) -> None:
    upload, requests = mirror.upload_bytes, []

    async def slowly(content: bytes, name: str, **place: str) -> str:
        if name == "report.html":
            await asyncio.sleep(1)
        return await upload(content, name, **place)

    def kept(*arguments, **further):
        requests.append(mirror_update(*arguments, **further))
        return requests[-1]

    mirror_update = mirror.action_update
    monkeypatch.setattr(mirror, "upload_bytes", slowly)
    monkeypatch.setattr(mirror, "action_update", kept)
    run = tracked(tracked_strict=True).run(reported.reports_twice)
    assert "and again" in flyte.remote.Run.get(run.name).get_report()
    assert requests[-1].event.outputs.report_uri.endswith("/a0/1/report.html")


def test_processes_of_their_own_are_told_of_as_well(connected, reported) -> None:
    run = tracked(isolation="process").run(reported.parent, 1)
    there = actions_of(run.name)
    assert {"parent", "child", "cached", "fails"} <= set(there)
    assert flyte.remote.Run.get(run.name).phase is ActionPhase.SUCCEEDED


def test_the_configuration_can_ask_for_it(connected, port, reported) -> None:
    init(port, local_tracked=True)
    run = flyte.with_runcontext(mode="local").run(reported.child, 1)
    assert flyte.remote.Run.get(run.name).phase is ActionPhase.SUCCEEDED


def test_code_that_a_container_would_not_find_is_told_of_as_well(connected, port, tmp_path, reported) -> None:
    init(port, root_dir=tmp_path)
    run = tracked(tracked_strict=True).run(reported.waits_below, _with(tmp_path, "go"))
    assert {action.phase for action in flyte.remote.Action.listall(for_run_name=run.name)} == {ActionPhase.SUCCEEDED}


def test_a_run_is_seen_while_it_goes_on_and_keeps_being_told_of_over_an_outage(
    tmp_path, monkeypatch, reported, caplog
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    # The end of the run waits for a devbox that is only started then.
    monkeypatch.setattr(mirror, "_STILL_SECONDS", float(LONGEST))
    server, port = start(tmp_path / "devbox")
    path = list(sys.path)
    try:
        init(port)
        result = []
        running = threading.Thread(
            target=lambda: result.append(tracked(name="outage").run(reported.waits_below, str(tmp_path)))
        )
        running.start()
        until(lambda: phase_of("outage") is ActionPhase.RUNNING, "the run is seen")
        end(server, signal.SIGKILL)
        (tmp_path / "go").touch()
        until(lambda: "could not be reported" in caplog.text, "the outage is noticed")
        assert running.is_alive()
        server, again = start(tmp_path / "devbox", port)
        assert again == port
        running.join(LONGEST)
        assert tuple(result[0].outputs()) == ("gone",)
        phases = [action.phase for action in flyte.remote.Action.listall(for_run_name="outage")]
        assert phases == [ActionPhase.SUCCEEDED] * 2
    finally:
        (tmp_path / "go").touch()
        flyte.init()
        sys.path[:] = path
        end(server)


def test_traced_calls_of_an_outage_take_so_much_memory_and_are_counted(tmp_path, monkeypatch, reported, caplog) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(mirror, "_MOST_TRACE_BYTES", 1_000_000)
    server, port = start(tmp_path / "devbox")
    path = list(sys.path)
    try:
        init(port)
        result = []
        running = threading.Thread(
            target=lambda: result.append(tracked(name="traces").run(reported.traces_after, str(tmp_path), 30))
        )
        running.start()
        until((tmp_path / "began").exists, "the task begins")
        until(lambda: len(list(flyte.remote.Action.listall(for_run_name="traces"))) == 2, "both are told of")
        end(server, signal.SIGKILL)
        (tmp_path / "go").touch()
        until((tmp_path / "made").exists, "they are made")
        server, _ = start(tmp_path / "devbox", port)
        (tmp_path / "end").touch()
        running.join(LONGEST)
        assert tuple(result[0].outputs()) == (3_000_000,)
        found = re.search(r"not told of (\d+) traced calls of run `traces`", caplog.text)
        assert found is not None
        assert 0 < int(found[1]) < 30
        assert len(actions_of("traces")["large"]) == 30 - int(found[1])
        assert {action.phase for action in actions_of("traces")["traces_after"]} == {ActionPhase.SUCCEEDED}
    finally:
        for name in ("go", "end"):
            (tmp_path / name).touch()
        flyte.init()
        sys.path[:] = path
        end(server)


def test_links_of_tasks_are_told_of_with_each_attempt(connected, reported, caplog) -> None:
    with pytest.raises(flyte.errors.RuntimeUserError, match="once more"):
        tracked(name="linked-run", custom_context={"experiment": "seven"}).run(reported.linked_twice)
    there = actions_of("linked-run")
    root, child = there["linked_twice"][0], there["linked"][0]
    metrics = "https://metrics.example/linked-run/flytesnacks/development/seven/a0"
    for action, attempts in ((root, 2), (child, 1)):
        found = values(action.details()).pb2.attempts
        links = [[(link.name, link.uri, link.icon_uri) for link in attempt.log_info] for attempt in found]
        assert links == [[("Metrics", f"{metrics}/{action.name}", "https://metrics.example/icon.svg")]] * attempts
    assert re.search(rf"`{child.name}` is shown without link `Broken` of task `reported.linked`: KeyError", caplog.text)
    run = flyte.remote.Run.get("linked-run")
    with urllib.request.urlopen(f"{run.url}?i={child.name}", timeout=LONGEST) as answer:
        assert f'<a href="{metrics}/{child.name}" ' in answer.read().decode()


@pytest.mark.parametrize("is_ours", [False, True])
def test_what_is_refused_for_good_does_not_stand_before_the_rest(
    connected, reported, caplog, monkeypatch, is_ours
) -> None:
    call, described = Connection.call, mirror.action_update

    async def refusing(at, service, method, request, *further):
        if method == "ReportActions" and any(update.task.spec.short_name == "child" for update in request.updates):
            raise RpcError(Code.INVALID_ARGUMENT, "this action is not liked")
        return await call(at, service, method, request, *further)

    def failing(run, action, *args, **kwargs):
        if action.short_name == "child":
            raise ValueError("this action cannot be described")
        return described(run, action, *args, **kwargs)

    if is_ours:
        monkeypatch.setattr(mirror, "action_update", failing)
    else:
        monkeypatch.setattr(Connection, "call", refusing)
    run = tracked().run(reported.parent, 3)
    assert tuple(run.outputs()) == ([1, 2, 3],)
    found = actions_of(run.name)
    assert {name: [each.phase for each in found[name]] for name in ("parent", "cached", "fails")} == {
        "parent": [ActionPhase.SUCCEEDED],
        "cached": [ActionPhase.SUCCEEDED],
        "fails": [ActionPhase.FAILED],
    }
    assert "child" not in found
    assert re.search(rf"refused \d+ changes of run `{run.name}`", caplog.text)


def test_a_strictly_tracked_run_ends_with_its_control_plane(tmp_path, monkeypatch, reported) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    server, port = start(tmp_path / "devbox")
    path = list(sys.path)
    try:
        init(port)
        errors = []

        def run() -> None:
            try:
                tracked(tracked_strict=True, name="strict").run(reported.waits_below, str(tmp_path))
            except RpcError as error:
                errors.append(error)

        running = threading.Thread(target=run)
        running.start()
        # The child begins when its parent is told of, or soon after; what it then waits for does not come.
        until((tmp_path / "began").exists, "the task begins")
        until(lambda: len(list(flyte.remote.Action.listall(for_run_name="strict"))) == 2, "both are told of")
        end(server, signal.SIGKILL)
        # Nothing changes, so nothing has to be told; now it has to.
        (tmp_path / "go").touch()
        running.join(LONGEST)
        assert "tracked strictly" in "".join(errors[0].__notes__)
    finally:
        (tmp_path / "go").touch()
        flyte.init()
        sys.path[:] = path
        server.wait(60)


@pytest.mark.parametrize("signaled", [signal.SIGTERM, signal.SIGINT])
def test_an_ended_process_leaves_an_aborted_run(connected, port, tmp_path, signaled) -> None:
    name = f"ended-{signaled.name.lower()}"
    program = PROGRAM.format(code=str(CODE), port=port, name=name, folder=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", program], env=os.environ | {"HOME": str(tmp_path)})
    until((tmp_path / "began").exists, "the task begins")
    process.send_signal(signaled)
    assert process.wait(LONGEST) in {-signaled, 1, 130}
    assert (tmp_path / "cleaned").exists()
    assert phase_of(name) is ActionPhase.ABORTED
    assert {action.phase for action in flyte.remote.Action.listall(for_run_name=name)} == {ActionPhase.ABORTED}


@pytest.mark.parametrize("is_strict", [False, True])
def test_a_control_plane_that_stands_still_at_the_end_is_told_of(
    tmp_path, monkeypatch, reported, caplog, is_strict
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(mirror, "_STILL_SECONDS", 1.0)
    server, port = start(tmp_path / "devbox")
    path = list(sys.path)
    try:
        init(port)
        ended = []

        def run() -> None:
            try:
                ended.append(tracked(tracked_strict=is_strict, name="still").run(reported.waits_below, str(tmp_path)))
            except RpcError as error:
                ended.append(error)

        running = threading.Thread(target=run)
        running.start()
        until((tmp_path / "began").exists, "the task begins")
        server.send_signal(signal.SIGSTOP)
        (tmp_path / "go").touch()
        running.join(LONGEST)
        if is_strict:
            assert "was not told of the last changes" in str(ended[0])
        else:
            assert tuple(ended[0].outputs()) == ("gone",)
            assert "was not told of the last changes" in caplog.text
    finally:
        (tmp_path / "go").touch()
        server.send_signal(signal.SIGCONT)
        flyte.init()
        sys.path[:] = path
        end(server)


class TestNotTold:
    def test_a_run_whose_name_is_recorded_here_is_not_made_known(self, connected, port, reported) -> None:
        init(port, local_persistence=True)
        flyte.with_runcontext(mode="local", name="recorded").run(reported.child, 1)
        with pytest.raises(ValueError, match="`recorded` exists already"):
            tracked(name="recorded").run(reported.child, 2)
        assert phase_of("recorded") is None

    def test_a_taken_name_is_no_reason_not_to_run(self, connected, reported, caplog) -> None:
        assert tuple(tracked(name="taken").run(reported.child, 1).outputs()) == (2,)
        again = tracked(name="taken").run(reported.child, 2)
        assert tuple(again.outputs()) == (3,)
        assert "`taken` goes on, but is not reported" in caplog.text
        assert "tracked-runs" not in again.url
        assert dict(flyte.remote.Run.get("taken").inputs()) == {"x": 1}

    def test_a_strict_run_does_not_begin(self, connected, reported, tmp_path) -> None:
        tracked(name="taken-strictly").run(reported.child, 1)
        with pytest.raises(RpcError, match="taken-strictly"):
            tracked(name="taken-strictly", tracked_strict=True).run(reported.waits, str(tmp_path))
        assert not (tmp_path / "began").exists()

    def test_without_a_control_plane(self, reported, caplog) -> None:
        flyte.init()
        assert tuple(tracked().run(reported.child, 1).outputs()) == (2,)
        assert "no endpoint is configured" in caplog.text
        with pytest.raises(flyte.errors.InitializationError, match="no endpoint is configured"):
            tracked(tracked_strict=True).run(reported.child, 1)

    def test_what_makes_no_sense_is_refused(self, connected, reported) -> None:
        with pytest.raises(ValueError, match="not reported at all"):
            flyte.with_runcontext(mode="local", tracked_strict=True).run(reported.child, 1)
        with pytest.raises(ValueError, match="`tracked` reports a run in this process"):
            flyte.with_runcontext(tracked=True).run(reported.child, 1)


def test_the_command_line_tracks(connected, port, tmp_path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        json.dumps(
            {
                "admin": {"endpoint": f"http://localhost:{port}", "insecure": True},
                "task": {"project": "flytesnacks", "domain": "development"},
            }
        )
    )
    flyte_command = str(Path(sys.executable).with_name("flyte"))

    def command(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [flyte_command, "--config", str(config), "run", *args, str(CODE / "reported.py"), "child", "--x", "4"],
            env=os.environ | {"HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )

    done = command("--local", "--tracked", "--name", "by-command")
    assert done.returncode == 0, done.stderr
    assert "tracked-runs/by-command" in done.stdout
    assert flyte.remote.Run.get("by-command").phase is ActionPhase.SUCCEEDED
    shown = command("--tui")
    assert shown.returncode == 2, shown.stderr
    assert "`--tui` shows a run in this process, and this one is begun on the control plane" in shown.stderr
    refused = command("--tracked")
    assert refused.returncode == 2
    assert "`--local` as well" in refused.stderr
