"""The kernel's own end of what needs more memory than there is, told apart from other ends."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from flyte_devbox.executors import Exit
from flyte_devbox.executors import process as executor
from flyte_devbox.executors.process import ProcessHandle, end_of_child
from flyte_devbox.executors.processes import oom_kills
from flyte_devbox.outcomes import judge

from .serving import SUCCEED, Server, create_run, logs, shell_task, wait


def ended(command: list[str], kills: list[int], monkeypatch: pytest.MonkeyPatch, *, by_us: bool = False) -> Exit:
    """How a process ended while the kernel's count went as told: before, and after."""
    monkeypatch.setattr(executor, "_seen_oom_kills", kills[0])
    monkeypatch.setattr(executor, "oom_kills", lambda: kills[1])

    async def run() -> Exit:
        process = subprocess.Popen(command, start_new_session=True)
        handle = ProcessHandle(process.pid, "no such attempt", None, end_of_child(process))
        if by_us:
            handle.kill()
        return await handle.wait()

    return asyncio.run(run())


KILLED = ["sh", "-c", "kill -9 $$"]


def test_only_what_the_kernel_killed_is_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ended(KILLED, [3, 4], monkeypatch).is_machine_out_of_memory
    assert not ended(KILLED, [3, 3], monkeypatch).is_machine_out_of_memory
    assert not ended(["sh", "-c", "exit 9"], [3, 4], monkeypatch).is_machine_out_of_memory
    assert not ended(["sleep", "60"], [3, 4], monkeypatch, by_us=True).is_machine_out_of_memory


def test_it_costs_a_retry_of_the_user(tmp_path: Path) -> None:
    outcome = judge(Exit(-9, is_machine_out_of_memory=True), lambda _: None, label="attempt 1")
    assert outcome.error is not None
    assert (outcome.error.code, outcome.event.recoverable, outcome.event.system) == ("OOMKilled", True, False)
    assert "the machine had no memory left" in outcome.error.message
    assert judge(Exit(-9), lambda _: None, label="attempt 1").event.system


def test_the_count_is_the_machines() -> None:
    assert oom_kills() >= 0


def test_attempts_are_ended_before_the_server(server: Server) -> None:
    # The server says so as soon as the process is there.
    script = "for i in $(seq 600); do if [ $(cat /proc/self/oom_score_adj) -gt 0 ]; then break; fi; sleep 0.1; done"
    run = create_run(server, shell_task(f"{script}; cat /proc/self/oom_score_adj; {SUCCEED}"))
    wait(server, run)
    own = int(Path(f"/proc/{server.process.pid}/oom_score_adj").read_text())
    assert own == int(Path(f"/proc/{os.getpid()}/oom_score_adj").read_text())
    assert int(logs(server, run)[0]) > own
