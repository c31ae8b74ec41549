"""Conditions: asked as paused actions, answered by signals and on the terminal, recorded, and limited in time."""

import asyncio
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import flyte
from flyte.errors import ConditionNotFoundError, ConditionTimedoutError, NotInTaskContextError
from flyte.running.conditions import PausedCondition, paused_conditions, signal_condition
from flyte.running.options import RunOptions
from flyte.running.outputs import LocalRun
from flyte.running.start import Runner
from flyte.running.terminal import parse_answer
from flyte_engine.memory import MemoryStore
from flyte_engine.sqlite import SQLiteStore
from flyte_engine.store import ActionStore
from flyte_models.phases import ActionPhase

env = flyte.TaskEnvironment("conditions")


@env.task(retries=1)
async def asks() -> list[Any]:
    approved = await (await flyte.new_condition.aio("approve", prompt="ship it?")).wait.aio()
    count = await (await flyte.new_condition.aio("count", data_type=int)).wait.aio()
    if flyte.ctx().attempt_number == 0:
        raise ValueError("the answers are kept")
    return [str(approved), str(count)]


@env.task
def asks_sync() -> str:
    return flyte.new_condition("word", data_type=str, description="any").wait()


def answering(
    store: ActionStore, task: Any, answers: dict[str, Any], *, limit: int | None = None
) -> tuple[LocalRun, list[PausedCondition]]:
    """Run a task, and answer its conditions as they come."""

    async def answer() -> list[PausedCondition]:
        seen: list[PausedCondition] = []
        while len(seen) < len(answers):
            for condition in paused_conditions(store, "r1"):
                if condition.action_name not in {each.action_name for each in seen}:
                    seen.append(condition)
                    await signal_condition(store, "r1", condition.name, answers[condition.name])
            await asyncio.sleep(0.01)
        return seen

    async def both() -> tuple[LocalRun, list[PausedCondition]]:
        options = RunOptions(name="r1", store=store, max_action_concurrency=limit)
        work: Coroutine[Any, Any, LocalRun] = Runner(options).attempt(task, (), {})
        return await asyncio.gather(work, answer())

    return asyncio.run(asyncio.wait_for(both(), 60))


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_signals_answer(kind: str, tmp_path: Path) -> None:
    store = MemoryStore() if kind == "memory" else SQLiteStore(tmp_path / "history.db")
    # With a limit of one: what waits for an answer takes no slot.
    run, seen = answering(store, asks, {"approve": "y", "count": 3}, limit=1)
    assert run.outputs()[0] == ["True", "3"]
    assert [(each.name, each.prompt, each.data_type) for each in seen] == [
        ("approve", "ship it?", "bool"),
        ("count", "Approve?", "int"),
    ]
    assert all(each.parent_name == "a0" for each in seen)
    actions = store.actions("r1", "a0")
    assert [(action.short_name, action.phase, action.attempt) for action in actions] == [
        ("approve", ActionPhase.SUCCEEDED, 1),
        ("count", ActionPhase.SUCCEEDED, 1),
    ]
    assert paused_conditions(store, "r1") == []
    store.close()


def test_sync_body_waits() -> None:
    run, seen = answering(MemoryStore(), asks_sync, {"word": "hello"})
    assert run.outputs()[0] == "hello"
    assert seen[0].description == "any"


@env.task
async def impatient() -> str:
    condition = await flyte.new_condition.aio("never", timeout=timedelta(seconds=0.05))
    try:
        await condition.wait.aio()
    except ConditionTimedoutError as error:
        return str(error)
    return "answered"


def test_time_out() -> None:
    store = MemoryStore()
    run = asyncio.run(Runner(RunOptions(name="r1", store=store)).attempt(impatient, (), {}))
    assert "not answered within 0.05 s" in run.outputs()[0]
    assert [action.phase for action in store.actions("r1", "a0")] == [ActionPhase.TIMED_OUT]


@env.task
async def does_not_wait() -> int:
    await flyte.new_condition.aio("ignored")
    return 1


def test_condition_that_nobody_waits_for_ends_with_the_run() -> None:
    store = MemoryStore()
    run = asyncio.run(Runner(RunOptions(name="r1", store=store)).attempt(does_not_wait, (), {}))
    assert run.outputs()[0] == 1
    assert [action.phase for action in store.actions("r1", "a0")] == [ActionPhase.ABORTED]


def test_what_cannot_be_asked_or_answered() -> None:
    with pytest.raises(NotInTaskContextError):
        flyte.new_condition("outside")
    with pytest.raises(TypeError, match="bool, int, float or str"):
        flyte.new_condition("list", data_type=list)
    store = MemoryStore()
    with pytest.raises(ConditionNotFoundError, match="no condition named `x`"):
        asyncio.run(signal_condition(store, "r1", "x", True))
    for text, kind in (("maybe", bool), ("1.5", int), ("one", float)):
        with pytest.raises(ValueError, match="the answer must be"):
            parse_answer(text, kind)
    assert [parse_answer(*each) for each in (("No", bool), (" 3 ", int), ("2", float), ("a b\n", str))] == [
        False,
        3,
        2.0,
        "a b",
    ]


_PROGRAM = """
import asyncio
import flyte

env = flyte.TaskEnvironment("asking")

@env.task
async def asks(name: str) -> int:
    return await (await flyte.new_condition.aio(name, data_type=int)).wait.aio()

@env.task
async def main() -> list[int]:
    first = await asks("first")
    return [first, *await asyncio.gather(asks("second"), asks("third"))]

if __name__ == "__main__":
    print(flyte.run(main).outputs()[0])
"""


def test_lines_of_standard_input_answer(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(_PROGRAM)
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        input="1\nnone\n2\n3\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == "[1, 2, 3]", done.stderr
    assert "the answer must be a number of type int, got 'none'" in done.stderr


def test_webhook_is_told() -> None:
    told: list[Any] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            del format, args

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/hook"

        @env.task
        async def notified() -> bool:
            webhook = flyte.ConditionWebhook(url, {"text": ["answer with {callback_uri}"]})
            return await (await flyte.new_condition.aio("told", webhook=webhook)).wait.aio()

        run, _ = answering(MemoryStore(), notified, {"told": True})
        assert run.outputs()[0] is True
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert told == [{"text": ["answer with flyte signal condition r1 told"]}]
