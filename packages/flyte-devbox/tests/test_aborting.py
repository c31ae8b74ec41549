"""What an abort does to processes: all hear of it, all may clean up, and what does not end is killed after the grace period."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.common import list_pb2
from flyteidl2.workflow import run_service_pb2

from .serving import (
    SUCCEED,
    CallError,
    Server,
    abort,
    create_run,
    details,
    enqueue,
    logs,
    run_id,
    shell_task,
    until,
    wait,
)

RUNNING, SUCCEEDED, ABORTED = 4, 5, 7


def is_over(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def alive(name: str, told: Path, on_term: str) -> str:
    """A script that says who it is, and lives until it is told to end."""
    return f"""trap '{on_term}' TERM; echo $$ > {told}/{name}.new; mv {told}/{name}.new {told}/{name}.pid
        while true; do sleep 0.1 & wait $!; echo x >> {told}/{name}.ticks; done"""


def shell(script: str) -> str:
    return "sh -c '" + script.replace("'", "'\\''") + "'"


def pid_of(told: Path, name: str) -> int:
    return int(until(lambda: (told / f"{name}.pid").exists() and (told / f"{name}.pid").read_text()))


def ticks(told: Path, name: str) -> int:
    path = told / f"{name}.ticks"
    return path.stat().st_size if path.exists() else 0


def in_pod(spec: Any, grace: int) -> Any:
    """The task with its container in a pod template."""
    container = spec.task_template.container
    script = list(container.args)
    resources = {"requests": {"cpu": "0"}}
    spec.task_template.ClearField("container")
    spec.task_template.k8s_pod.pod_spec.update(
        {
            "containers": [{"name": "primary", "args": script, "resources": resources}],
            "terminationGracePeriodSeconds": grace,
        }
    )
    return spec


def test_every_descendant_hears_of_it_and_cleans_up(server: Server, tmp_path: Path) -> None:
    names = ("leader", "child", "grandchild", "session", "orphan")
    said = {name: f"echo {name} >> {tmp_path}/heard; exit 0" for name in names}
    grandchild = shell(alive("grandchild", tmp_path, said["grandchild"]))
    script = f"""
        {shell(f"{grandchild} & {alive('child', tmp_path, said['child'])}")} &
        setsid {shell(alive("session", tmp_path, said["session"]))} &
        (setsid {shell(alive("orphan", tmp_path, said["orphan"]))} &)
        {alive("leader", tmp_path, said["leader"])}"""
    run = create_run(server, shell_task(script, cpu="0"))
    pids = [pid_of(tmp_path, name) for name in names]
    # Each has its trap by then, and has begun to wait.
    until(lambda: all(ticks(tmp_path, name) for name in names))
    abort(server, run, "not needed")
    ended = wait(server, run)
    assert (ended.status.phase, ended.abort_info.reason) == (ABORTED, "not needed")
    until(lambda: all(map(is_over, pids)))
    # None was killed before it had cleaned up.
    assert sorted((tmp_path / "heard").read_text().split()) == sorted(names)


def test_the_grace_period_of_the_pod_template_is_kept(server: Server, tmp_path: Path) -> None:
    runs: dict[str, str] = {}
    for name, grace in (("short", 5), ("long", 300)):
        script = alive(name, tmp_path, f"echo heard >> {tmp_path}/{name}.heard")
        runs[name] = create_run(server, in_pod(shell_task(script), grace))
    pids = {name: pid_of(tmp_path, name) for name in runs}
    until(lambda: ticks(tmp_path, "short") and ticks(tmp_path, "long"))
    # The one with more time first: it outlives the other all the same.
    for name in ("long", "short"):
        abort(server, runs[name])
        assert wait(server, runs[name]).status.phase == ABORTED
    until(lambda: is_over(pids["short"]))
    assert not is_over(pids["long"])
    for name in runs:
        assert (tmp_path / f"{name}.heard").read_text() == "heard\n"
    before = ticks(tmp_path, "long")
    until(lambda: ticks(tmp_path, "long") > before)
    os.killpg(pids["long"], signal.SIGKILL)
    until(lambda: is_over(pids["long"]))


def test_what_an_aborted_attempt_holds_is_free_when_it_has_ended(server: Server, tmp_path: Path) -> None:
    script = alive(
        "slow", tmp_path, f"until [ -e {tmp_path}/go ]; do sleep 0.05; done; echo slow >> {tmp_path}/order; exit"
    )
    run = create_run(server, shell_task(script, cpu="1000"))
    pid_of(tmp_path, "slow")
    until(lambda: ticks(tmp_path, "slow"))
    abort(server, run)
    assert wait(server, run).status.phase == ABORTED
    following = create_run(server, shell_task(f"echo next >> {tmp_path}/order; {SUCCEED}", cpu="1000"))
    until(lambda: details(server, following).status.phase == 2)
    (tmp_path / "go").touch()
    assert wait(server, following).status.phase == SUCCEEDED
    assert (tmp_path / "order").read_text().split() == ["slow", "next"]


def test_a_parent_cleans_up_with_its_children_aborted(server: Server, tmp_path: Path) -> None:
    script = alive("parent", tmp_path, "echo cleaned up; exit 0")
    run = create_run(server, shell_task(script, cpu="0"))
    until(lambda: ticks(tmp_path, "parent"))
    enqueue(server, run, "child", shell_task(alive("child", tmp_path, "echo child too; exit 0"), cpu="0"))
    until(lambda: ticks(tmp_path, "child"))
    abort(server, run, "enough")
    child = wait(server, run, "child")
    assert (child.status.phase, child.abort_info.reason) == (ABORTED, "enough")
    until(lambda: is_over(pid_of(tmp_path, "parent")) and is_over(pid_of(tmp_path, "child")))
    # The shell may tell before that its `sleep` has ended.
    assert logs(server, run)[-1] == "cleaned up"
    assert logs(server, run, "child")[-1] == "child too"


def test_a_second_abort_is_refused_with_the_reason(server: Server, tmp_path: Path) -> None:
    run = create_run(server, shell_task(alive("one", tmp_path, "exit 0"), cpu="0"))
    until(lambda: ticks(tmp_path, "one"))
    abort(server, run, "first")
    with pytest.raises(CallError, match="ABORTED") as refused:
        abort(server, run, "second")
    assert refused.value.code == "failed_precondition"
    assert details(server, run).abort_info.reason == "first"


def test_a_run_is_over_after_all_that_was_below_it(server: Server) -> None:
    run = create_run(server, shell_task("sleep 60", cpu="0"))
    until(lambda: details(server, run).status.phase == RUNNING)
    # More than are ended together; they need so much that one at most is let in.
    waiting = shell_task("sleep 60", name="waiting.main", cpu="1000")
    for number in range(120):
        enqueue(server, run, f"c{number}", waiting)
    abort(server, run)
    request = run_service_pb2.ListActionsRequest(run_id=run_id(run), request=list_pb2.ListRequest(limit=1000))
    root, *children = server.call("RunService", "ListActions", request).actions
    assert [action.status.phase for action in (root, *children)] == [ABORTED] * 121
    ends = [child.status.end_time.ToNanoseconds() for child in children]
    assert max(ends) <= root.status.end_time.ToNanoseconds()
