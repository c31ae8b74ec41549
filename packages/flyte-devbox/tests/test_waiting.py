"""Actions that wait for a place on a real server: within which limits they run, in which order, and what is told of the wait."""

import re
import uuid
from pathlib import Path

from flyteidl2.workflow import events_proxy_service_pb2, run_definition_pb2

from flyte_protocol.waits import waiting_for

from .containers import containers_of
from .serving import (
    DOMAIN,
    PROJECT,
    SUCCEED,
    Server,
    abort,
    action_id,
    create_run,
    details,
    enqueue,
    shell_task,
    start,
    until,
    until_exists,
    wait,
)

QUEUED, WAITING, INITIALIZING, RUNNING, SUCCEEDED = 1, 2, 3, 4, 5
ALL = "1000"
"""More cores than there are: it runs alone."""


def phase(server: Server, run: str, action: str = "a0") -> int:
    return details(server, run, action).status.phase


def events(
    server: Server, run: str, action: str = "a0", attempt: int = 0
) -> dict[str, run_definition_pb2.ClusterEvent]:
    return {event.reason: event for event in details(server, run, action).attempts[attempt].cluster_events}


def page(server: Server, run: str) -> str:
    path = f"/v2/domain/{DOMAIN}/project/{PROJECT}/runs/{run}"
    status, _, body = server.post(path, b"", method="GET")
    assert status == 200
    return body.decode()


def test_a_run_has_no_more_actions_at_once_than_it_may(server: Server, tmp_path: Path) -> None:
    gate, over = tmp_path / "gate", tmp_path / "over"
    run = create_run(server, shell_task(f"{until_exists(over)}; {SUCCEED}", cpu="0"), max_action_concurrency=2)
    names = [f"child{number}" for number in range(5)]
    for name in names:
        enqueue(server, run, name, shell_task(f"{until_exists(gate)}; {SUCCEED}", cpu="0"))
    until(lambda: [phase(server, run, name) for name in names] == [RUNNING] * 2 + [WAITING] * 3)
    told = events(server, run, "child4")["WaitingForResources"]
    assert told.message == "2 of at most 2 actions of its run are running"
    gate.touch()
    for name in names:
        ended = wait(server, run, name)
        assert ended.status.phase == SUCCEEDED
        assert [step.phase for step in ended.attempts[0].phase_transitions][-2:] == [RUNNING, SUCCEEDED]
    over.touch()
    assert wait(server, run).status.phase == SUCCEEDED


def test_what_asks_for_more_than_there_is_runs_alone_and_is_told_so(server: Server, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    first = create_run(server, shell_task(f"{until_exists(gate)}; {SUCCEED}", cpu=ALL))
    until(lambda: phase(server, first) == RUNNING)
    second = create_run(server, shell_task(SUCCEED, cpu="1"))
    until(lambda: phase(server, second) == WAITING)
    assert "are taken" in events(server, second)["WaitingForResources"].message
    assert "are taken" in page(server, second)
    gate.touch()
    assert wait(server, second).status.phase == SUCCEEDED
    assert wait(server, first).status.phase == SUCCEEDED
    assert events(server, first)["Clamped"].message.startswith("it asks for 1000 cores of ")
    assert "it runs alone" in page(server, first)
    assert "are taken" not in page(server, second)
    assert set(events(server, first)) == {"Clamped", "Measured"}
    assert set(events(server, second)) == {"WaitingForResources", "Measured"}


def test_nested_parents_finish_one_after_the_other(server: Server, tmp_path: Path) -> None:
    order, over = tmp_path / "order", tmp_path / "over"
    run = create_run(server, shell_task(f"{until_exists(over)}; {SUCCEED}", cpu="0"))
    parents = ("p1", "p2", "p3")
    for parent in parents:
        script = f"echo {parent} >> {order}; {until_exists(tmp_path / parent)}; {SUCCEED}"
        enqueue(server, run, parent, shell_task(script, cpu=ALL))
    for parent in parents:
        # One is there while the others wait, and its children go before them.
        until(lambda parent=parent: phase(server, run, parent) == RUNNING)
        children = [f"{parent}-{number}" for number in range(3)]
        for child in children:
            script = f"echo {child} >> {order}; {SUCCEED}"
            enqueue(server, run, child, shell_task(script, cpu=ALL), parent=parent)
        for child in children:
            assert wait(server, run, child).status.phase == SUCCEEDED
        (tmp_path / parent).touch()
    for parent in parents:
        assert wait(server, run, parent).status.phase == SUCCEEDED
    over.touch()
    assert wait(server, run).status.phase == SUCCEEDED
    expected = [name for parent in parents for name in (parent, *(f"{parent}-{number}" for number in range(3)))]
    assert order.read_text().split() == expected


def test_a_wide_run_lets_others_run(server: Server, tmp_path: Path) -> None:
    gate, over = tmp_path / "gate", tmp_path / "over"
    wide = create_run(server, shell_task(f"{until_exists(over)}; {SUCCEED}", cpu="0"))
    enqueue(server, wide, "first", shell_task(f"{until_exists(gate)}; {SUCCEED}", cpu=ALL))
    until(lambda: phase(server, wide, "first") == RUNNING)
    order = tmp_path / "order"
    names = [f"child{number}" for number in range(20)]
    for name in names:
        enqueue(server, wide, name, shell_task(f"echo {name} >> {order}; {SUCCEED}", cpu=ALL))
    other = create_run(server, shell_task(f"echo other >> {order}; {SUCCEED}", cpu=ALL))
    gate.touch()
    assert wait(server, other).status.phase == SUCCEEDED
    for name in names:
        assert wait(server, wide, name).status.phase == SUCCEEDED
    over.touch()
    assert wait(server, wide).status.phase == SUCCEEDED
    assert order.read_text().split().index("other") <= 1


def test_what_waits_can_be_aborted(server: Server, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    first = create_run(server, shell_task(f"{until_exists(gate)}; {SUCCEED}", cpu=ALL))
    until(lambda: phase(server, first) == RUNNING)
    second = create_run(server, shell_task(f"touch {tmp_path / 'ran'}; {SUCCEED}", cpu=ALL))
    until(lambda: phase(server, second) == WAITING)
    abort(server, second)
    gate.touch()
    assert wait(server, first).status.phase == SUCCEEDED
    # Whoever comes later has its place.
    assert wait(server, create_run(server, shell_task(SUCCEED, cpu=ALL))).status.phase == SUCCEEDED
    assert not (tmp_path / "ran").exists()


def reason(server: Server, run: str, action: str = "a0") -> str:
    """What clients say that it waits for."""
    return waiting_for(details(server, run, action))


def test_what_is_told_of_a_wait_is_what_it_waits_for_now(server: Server, tmp_path: Path) -> None:
    gate, over, all_gate = tmp_path / "gate", tmp_path / "over", tmp_path / "all"
    run = create_run(server, shell_task(f"{until_exists(over)}; {SUCCEED}", cpu="0"), max_action_concurrency=1)
    enqueue(server, run, "first", shell_task(f"{until_exists(gate)}; {SUCCEED}", cpu="0"))
    until(lambda: phase(server, run, "first") == RUNNING)
    enqueue(server, run, "second", shell_task(SUCCEED, cpu=ALL))
    until(lambda: reason(server, run, "second") == "1 of at most 1 actions of its run are running")
    large = create_run(server, shell_task(f"{until_exists(all_gate)}; {SUCCEED}", cpu=ALL))
    until(lambda: phase(server, large) == RUNNING)
    until(lambda: "are taken" in reason(server, run, "second"))
    assert "its run are running" in reason(server, run, "second")
    gate.touch()
    until(lambda: "its run" not in reason(server, run, "second"))
    assert "are taken" in reason(server, run, "second")
    all_gate.touch()
    assert waiting_for(wait(server, run, "second")) == ""
    over.touch()
    assert wait(server, run).status.phase == SUCCEEDED


def test_a_retry_says_when_it_begins(server: Server) -> None:
    run = create_run(server, shell_task("exit 3", retries=1, backoff=600))
    until(lambda: reason(server, run))
    assert re.fullmatch(r"attempt 2 begins \d+\.\d s after attempt 1 ended", reason(server, run))
    assert phase(server, run) == QUEUED
    assert "attempt 2 begins" in page(server, run)
    abort(server, run)


def test_who_computes_what_others_wait_for_is_named(server: Server, tmp_path: Path) -> None:
    gate, over = tmp_path / "gate", tmp_path / "over"
    spec = shell_task(f"{until_exists(gate)}; {SUCCEED}", cpu="0", cache=True, serialize=True)
    run = create_run(server, shell_task(f"{until_exists(over)}; {SUCCEED}", cpu="0"))
    key = uuid.uuid4().hex
    enqueue(server, run, "first", spec, cache_key=key)
    until(lambda: phase(server, run, "first") == RUNNING)
    enqueue(server, run, "second", spec, cache_key=key)
    until(lambda: reason(server, run, "second"))
    said = f"action `first` of run `{run}` computes the same, whose outputs are waited for"
    assert reason(server, run, "second") == said
    gate.touch()
    assert wait(server, run, "second").status.phase == SUCCEEDED
    over.touch()
    assert wait(server, run).status.phase == SUCCEEDED


def test_what_others_have_told_of_an_attempt_stays_beside_what_the_devbox_tells(server: Server, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    first = create_run(server, shell_task(f"{until_exists(gate)}; {SUCCEED}", cpu=ALL))
    until(lambda: phase(server, first) == RUNNING)
    second = create_run(server, shell_task(SUCCEED, cpu="1"))
    event = run_definition_pb2.ActionEvent(id=action_id(second), attempt=1)
    event.cluster_events.add(message="somebody looked", reason="Seen").occurred_at.GetCurrentTime()
    server.call("EventsProxyService", "Record", events_proxy_service_pb2.RecordRequest(events=[event]))
    until(lambda: "are taken" in reason(server, second))
    assert set(events(server, second)) == {"Seen", "WaitingForResources"}
    gate.touch()
    assert wait(server, second).status.phase == SUCCEEDED


def test_an_attempt_whose_container_takes_long_to_make_says_so(shell_image: str, folder: Path, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    engine = tmp_path / "podman-late"
    engine.write_text(f'#!/bin/sh\nif [ "$1" = create ]; then {until_exists(gate)}; fi\nexec podman "$@"\n')
    engine.chmod(0o755)
    server = start(folder, variables={"FLYTE_DEVBOX_CONTAINERS": str(engine)})
    try:
        spec = shell_task(SUCCEED)
        spec.task_template.container.image = shell_image
        run = create_run(server, spec)
        until(lambda: phase(server, run) == INITIALIZING)
        assert shell_image in reason(server, run)
        gate.touch()
        ended = wait(server, run)
        assert [step.phase for step in ended.attempts[0].phase_transitions][-3:] == [INITIALIZING, RUNNING, SUCCEEDED]
        until(lambda: not containers_of(folder))
    finally:
        gate.touch()
        server.stop()
