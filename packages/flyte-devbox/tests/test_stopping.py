"""A devbox that is stopped in an orderly way, and started again: what ran is tried again at nobody's expense."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .serving import SUCCEED, Server, create_run, details, logs, shell_task, start, until, until_exists, wait

SUCCEEDED, ABORTED, FAILED = 5, 7, 6


@pytest.fixture
def restarted(folder: Path) -> Iterator[list[Server]]:
    """The servers of a folder, of which the last one runs."""
    servers = [start(folder)]
    yield servers
    servers[-1].stop()


def again(servers: list[Server]) -> Server:
    servers[-1].stop()
    servers.append(start(servers[-1].folder))
    return servers[-1]


def test_an_attempt_that_is_stopped_costs_no_retry(restarted: list[Server], tmp_path: Path) -> None:
    gate, begun = tmp_path / "gate", tmp_path / "begun"
    script = f"trap 'echo cleaned up; exit 143' TERM; touch {begun}; {until_exists(gate)} & wait; {SUCCEED}"
    run = create_run(restarted[0], shell_task(script))
    # Often: more than the system's failures have a budget for.
    for number in range(1, 6):
        until(begun.exists)
        begun.unlink()
        server = again(restarted)
        until(begun.exists)
        assert logs(server, run, attempt=number) == ["cleaned up"]
        assert details(server, run).attempts[number - 1].phase == ABORTED
        assert "the devbox was stopped" in details(server, run).attempts[number - 1].error_info.message
    gate.touch()
    ended = wait(server, run)
    assert (ended.status.phase, ended.status.attempts) == (SUCCEEDED, 6)


def test_what_it_does_of_the_signal_does_not_count(restarted: list[Server], tmp_path: Path) -> None:
    gate, begun = tmp_path / "gate", tmp_path / "begun"
    # A body that makes an error of being cancelled.
    script = f"trap 'echo x > $OUT/error.pb; exit 1' TERM; touch {begun}; {until_exists(gate)} & wait; {SUCCEED}"
    run = create_run(restarted[0], shell_task(script))
    until(begun.exists)
    gate.touch()
    assert wait(again(restarted), run).status.phase == SUCCEEDED


def test_what_has_finished_meanwhile_has_finished(restarted: list[Server], tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    begun = tmp_path / "begun"
    script = f"echo run >> {runs}; trap '{SUCCEED}; exit 0' TERM; touch {begun}; sleep 600 & wait"
    run = create_run(restarted[0], shell_task(script))
    until(begun.exists)
    server = again(restarted)
    assert wait(server, run).status.phase == SUCCEEDED
    assert runs.read_text() == "run\n"
    assert details(server, run).status.attempts == 1


def test_a_retry_that_is_left_stays(restarted: list[Server], tmp_path: Path) -> None:
    begun, fail = tmp_path / "begun", tmp_path / "fail"
    run = create_run(restarted[0], shell_task(f"touch {begun}; {until_exists(fail)}; exit 1", retries=1))
    until(begun.exists)
    server = again(restarted)
    fail.touch()
    ended = wait(server, run)
    assert (ended.status.phase, ended.status.attempts) == (FAILED, 3)
