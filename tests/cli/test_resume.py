"""`flyte run --resume`: a run whose process was killed with -9 goes on, and does nothing again that was finished."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from flyte.running.conditions import paused_conditions, signal_condition
from flyte_engine.sqlite import SQLiteStore
from flyte_models.phases import ActionPhase

_PROGRAM = """
import asyncio
import os
import signal
import time
from pathlib import Path

import flyte
from flyte import durable

env = flyte.TaskEnvironment("resumed")
FOLDER = Path(os.environ["NOTES"])


def note(text: str) -> None:
    descriptor = os.open(FOLDER / "notes", os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    os.write(descriptor, f"{text}\\n".encode())
    os.close(descriptor)


def die_at(point: str) -> None:
    if os.environ.get("DIE_AT") == point:
        os.kill(os.getpid(), signal.SIGKILL)


@flyte.trace
async def ask(question: str) -> str:
    note(f"ask {question}")
    return question.upper()


@env.task
async def leaf(x: int) -> int:
    note(f"leaf {x}")
    die_at(f"leaf {x}")
    return x * 2


@env.task
def sync_leaf(x: int) -> int:
    note(f"sync {x}")
    die_at(f"sync {x}")
    return x * 3


@env.task
async def branch(n: int) -> int:
    answer = await ask("branch")
    total = sum(await asyncio.gather(*(leaf(i) for i in range(n))))
    die_at("branch")
    return total + len(answer)


@env.task
async def main(n: int) -> list[str]:
    begun = await durable.time.aio()
    note(f"begun {begun}")
    first = await ask("why")
    die_at("traced")
    parts = [await branch(n)]
    mapped = [each async for each in flyte.map.aio(sync_leaf, range(n), return_exceptions=False)]
    await durable.sleep.aio(0.01)
    die_at("end")
    return [first, str(parts), str(mapped)]


@env.task
async def asks() -> list[int]:
    first = await (await flyte.new_condition.aio("first", data_type=int)).wait.aio()
    note(f"first {first}")
    second = await flyte.new_condition.aio("second", data_type=int)
    (FOLDER / "waiting").touch()
    return [first, await second.wait.aio()]


@env.task
async def waits() -> int:
    (FOLDER / "waiting").touch()
    await asyncio.sleep(60)
    return 1
"""
_RESULT = "['WHY', '[26]', '[0, 3, 6, 9, 12]']"


class Program:
    """A program in a folder and a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "program.py").write_text(_PROGRAM)
        self._environment = {**os.environ, "HOME": str(folder / "home"), "NOTES": str(folder)}

    def start(self, *words: str, **variables: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "flyte_cli.main", "run", *words],
            cwd=self.folder,
            env={**self._environment, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, **variables: str) -> tuple[int, str, str]:
        with self.start(*words, **variables) as process:
            out, err = process.communicate(timeout=120)
            return process.returncode, out, err

    def notes(self) -> Counter[str]:
        return Counter((self.folder / "notes").read_text().splitlines())

    def store(self) -> SQLiteStore:
        return SQLiteStore(self.folder / "home" / ".flyte" / "history.db")


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program above."""
    return Program(tmp_path)


@pytest.mark.parametrize("point", ["traced", "leaf 0", "leaf 4", "branch", "sync 3", "end"])
def test_killed_run_goes_on(program: Program, point: str) -> None:
    code, _, _ = program.run("--local", "--name", "r1", "program.py", "main", "--n", "5", DIE_AT=point)
    assert code == -signal.SIGKILL
    store = program.store()
    finished = {action.name for action in store.actions("r1") if action.phase is ActionPhase.SUCCEEDED}
    attempts = {name: len(store.attempts("r1", name)) for name in finished}
    known = {action.name for action in store.actions("r1")}
    store.close()

    code, out, err = program.run("--local", "--resume", "r1")
    assert (code, out.splitlines()[0]) == (0, f"result    {_RESULT}"), err
    store = program.store()
    actions = {action.name: action for action in store.actions("r1")}
    assert all(action.phase is ActionPhase.SUCCEEDED for action in actions.values())
    assert len(actions) == 12
    assert known <= set(actions), "actions have the same names"
    assert {name: len(store.attempts("r1", name)) for name in finished} == attempts, "what was finished ran again"
    run = store.run("r1")
    store.close()
    assert run is not None
    assert run.phase is ActionPhase.SUCCEEDED
    notes = program.notes()
    assert notes["ask why"] == 1
    assert len([note for note in notes if note.startswith("begun")]) == 1, "the time is the recorded one"
    if point in ("branch", "sync 3", "end"):
        assert all(notes[f"leaf {i}"] == 1 for i in range(5))
        assert notes["ask branch"] == 1


def test_file_and_task_may_be_named_and_inputs_not(program: Program) -> None:
    program.run("--name", "r1", "program.py", "main", "--n", "5", DIE_AT="branch")
    code, _, err = program.run("--resume", "r1", "program.py", "main", "--n", "3")
    assert code == 2
    assert "recorded inputs" in err
    code, _, err = program.run("--resume", "r1", "program.py", "branch")
    assert code == 2
    assert "`resumed.main`" in err
    code, out, err = program.run("--resume", "r1", "program.py", "main")
    assert (code, out.splitlines()[0]) == (0, f"result    {_RESULT}"), err
    # A run that is over gives its recorded result.
    assert program.run("--resume", "r1")[1].splitlines()[0] == f"result    {_RESULT}"
    code, _, err = program.run("--resume", "r2")
    assert code == 2
    assert "no run `r2`" in err


def test_run_of_a_living_process_is_not_taken(program: Program) -> None:
    with program.start("--name", "r1", "program.py", "waits") as process:
        deadline = time.monotonic() + 60
        while not (program.folder / "waiting").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        code, _, err = program.run("--resume", "r1")
        process.kill()
    assert code == 4
    assert f"process {process.pid}" in err


def test_answers_are_kept_and_given_while_nobody_waits(program: Program) -> None:
    with program.start("--name", "r1", "program.py", "asks") as process:
        assert process.stdin is not None
        process.stdin.write("5\n")
        process.stdin.flush()
        deadline = time.monotonic() + 60
        while not (program.folder / "waiting").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.kill()
    store = program.store()
    (condition,) = paused_conditions(store, "r1")
    asyncio.run(signal_condition(store, "r1", condition.name, "6"))
    store.close()
    code, out, err = program.run("--resume", "r1")
    assert (code, out.splitlines()[0]) == (0, "result    [5, 6]"), err
    assert program.notes() == {"first 5": 2}
