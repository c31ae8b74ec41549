"""Limits of memory: what counts, how soon it is seen, and that fast and hidden use is ended as out of memory."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyte_devbox.executors import Exit, memory
from flyte_devbox.executors.memory import next_look, used_bytes, watch_memory
from flyte_devbox.executors.processes import children_of, trees
from flyte_devbox.outcomes import judge

from .serving import SUCCEED, Server, create_run, details, logs, shell_task, start, until, until_exists, wait

MIB = 1024**2
FAILED, SUCCEEDED = 6, 5


@given(limit=st.integers(0, 2**40), used=st.integers(0, 2**40), cost=st.floats(0, 1))
def test_the_next_look_comes_before_the_rest_can_be_filled(limit: int, used: int, cost: float) -> None:
    seconds = next_look(limit, used, cost)
    assert seconds >= max(0.01, cost * 20)
    assert seconds <= max(0.01, 0.5, cost * 20)
    assert seconds <= max(0.01, cost * 20, (limit - used) / (4 * 1024**3))


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.communicate()


def python(processes: list[subprocess.Popen[str]], code: str) -> subprocess.Popen[str]:
    """A session of its own that runs some code; returns when that has printed a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    processes.append(process)
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


READY = "print(1, flush=True); input()"


def test_what_is_reserved_or_belongs_to_a_file_does_not_count(
    processes: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"x" * 200 * MIB)
    mapped = f"import mmap; f = open('{large}'); m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ); m[:].count(b'x')"
    assert used_bytes([python(processes, f"{mapped}; {READY}").pid]) < 100 * MIB
    reserved = python(processes, f"import mmap; m = mmap.mmap(-1, 1 << 32, mmap.MAP_PRIVATE); {READY}")
    assert used_bytes([reserved.pid]) < 100 * MIB
    filled = python(processes, f"x = bytearray({200 * MIB}); x[::4096] = b'x' * len(x[::4096]); {READY}")
    assert used_bytes([filled.pid]) > 200 * MIB


def test_pages_that_several_have_count_once(processes: list[subprocess.Popen[str]]) -> None:
    code = f"import os; x = b'x' * {200 * MIB}; child = os.fork(); child or os.read(0, 1); {READY}"
    leader = python(processes, code)
    members = trees([leader.pid])[leader.pid]
    assert len(members) == 2
    assert 200 * MIB < used_bytes(members) < 300 * MIB


def test_a_tree_has_what_left_the_session(processes: list[subprocess.Popen[str]]) -> None:
    code = f"import subprocess; p = subprocess.Popen(['sleep', '60'], start_new_session=True); print(p.pid, flush=True); {READY}"
    one, other = python(processes, code), python(processes, READY)
    (child,) = children_of(one.pid)
    assert trees([one.pid, other.pid, 2**30]) == {one.pid: {one.pid, child}, other.pid: {other.pid}, 2**30: {2**30}}
    os.kill(child, signal.SIGKILL)


def test_what_stays_below_its_limit_is_left_alone(processes: list[subprocess.Popen[str]]) -> None:
    ended: list[int] = []
    process = python(processes, f"x = b'x' * {100 * MIB}; {READY}")
    low = watch_memory(process.pid, 50 * MIB, lambda: ended.append(50))
    high = watch_memory(process.pid, 500 * MIB, lambda: ended.append(500))
    until(lambda: ended)
    assert ended == [50]
    low.stop()
    high.stop()


def test_a_limit_that_cannot_be_kept_leaves_the_others_theirs(processes: list[subprocess.Popen[str]]) -> None:
    def fails() -> None:
        asked.append(1)
        raise RuntimeError("it cannot be ended")

    asked: list[int] = []
    ended: list[int] = []
    failing = watch_memory(python(processes, READY).pid, 1, fails)
    until(lambda: asked)
    other = watch_memory(python(processes, f"x = b'x' * {100 * MIB}; {READY}").pid, 50 * MIB, lambda: ended.append(50))
    until(lambda: ended)
    failing.stop()
    other.stop()


def test_limits_are_kept_while_the_processes_cannot_be_looked_through(
    processes: list[subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: object) -> dict[int, set[int]]:
        asked.append(1)
        raise RuntimeError("the system does not tell")

    asked: list[int] = []
    ended: list[int] = []
    monkeypatch.setattr(memory, "trees", fails)
    small = watch_memory(python(processes, READY).pid, 500 * MIB, lambda: ended.append(500))
    until(lambda: asked)
    large = watch_memory(python(processes, f"x = b'x' * {100 * MIB}; {READY}").pid, 50 * MIB, lambda: ended.append(50))
    until(lambda: ended)
    assert ended == [50]
    small.stop()
    large.stop()


FILL = """
import sys, time
held = []
for _ in range({count}):
    held.append(b'x' * {step})
    with open({told!r}, 'a') as file:
        file.write('x')
time.sleep(60)
"""


def test_fast_use_is_ended_before_it_is_much(server: Server, tmp_path: Path) -> None:
    told, code = tmp_path / "told", tmp_path / "code.py"
    code.write_text(FILL.format(count=800, step=4 * MIB, told=str(told)))
    ended = wait(server, create_run(server, shell_task(f"{sys.executable} {code}", memory_limit="200Mi")))
    assert (ended.status.phase, ended.error_info.code) == (FAILED, "OOMKilled")
    assert "its limit of 200 MiB" in ended.error_info.message
    # It would come to 3200 MiB.
    assert told.stat().st_size * 4 < 1600


def test_use_in_another_session_counts(server: Server, tmp_path: Path) -> None:
    code = tmp_path / "code.py"
    code.write_text(FILL.format(count=100, step=4 * MIB, told=str(tmp_path / "told")))
    script = f"setsid {sys.executable} {code} & wait; {SUCCEED}"
    ended = wait(server, create_run(server, shell_task(script, memory_limit="200Mi")))
    assert (ended.status.phase, ended.error_info.code) == (FAILED, "OOMKilled")


def test_an_adopted_attempt_keeps_its_limit(folder: Path, tmp_path: Path) -> None:
    code, gate = tmp_path / "code.py", tmp_path / "gate"
    code.write_text(FILL.format(count=100, step=4 * MIB, told=str(tmp_path / "told")))
    server = start(folder)
    try:
        script = f"{until_exists(gate)}; {sys.executable} {code}"
        run = create_run(server, shell_task(script, memory_limit="200Mi"))
        until(lambda: details(server, run).status.phase == 4)
        server.kill()
        server = start(folder)
        gate.touch()
        ended = wait(server, run)
        assert (ended.status.phase, ended.error_info.code) == (FAILED, "OOMKilled")
    finally:
        server.stop()


def test_the_message_has_the_limit() -> None:
    outcome = judge(Exit(-9, is_out_of_memory=True), lambda _: None, label="attempt 1", memory_limit=1536 * MIB)
    assert outcome.error is not None
    assert "of 1,536 MiB" in outcome.error.message


def test_attempts_may_have_many_files_and_leave_no_cores(server: Server) -> None:
    run = create_run(server, shell_task(f"ulimit -Sc; ulimit -Sn; ulimit -Hn; {SUCCEED}"))
    wait(server, run)
    core, soft, hard = logs(server, run)
    assert core == "0"
    assert hard == "unlimited" or int(soft) >= min(int(hard), 65536)
