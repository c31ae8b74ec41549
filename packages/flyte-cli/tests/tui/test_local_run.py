"""A run in the text interface, which carries it out: its questions, its keys, and what is written meanwhile."""

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot
from textual.widgets import Input, Static

import flyte
from flyte.running.options import RunOptions
from flyte.running.start import Runner
from flyte_cli.tui.held import Held, held_streams
from flyte_cli.tui.local_run import Attempt, LocalRunApp
from flyte_cli.tui.run_screen import RunScreen
from flyte_engine.sqlite import SQLiteStore
from flyte_models.phases import ActionPhase

env = flyte.TaskEnvironment("shown")


@env.task
async def ask() -> str:
    sure = await flyte.new_condition.aio("sure", prompt="Are you sure?")
    number = await flyte.new_condition.aio("number", prompt="How many?", data_type=int)
    return f"{await sure.wait.aio()} {await number.wait.aio()}"


@env.task
async def wait() -> None:
    await asyncio.sleep(600)


async def until(pilot: "Pilot[None]", condition: Callable[[], bool]) -> None:
    for _ in range(1200):
        if condition():
            return
        await pilot.pause(0.05)
    raise TimeoutError("the interface does not come to show it")


def shown(store: SQLiteStore, task: Any, look: "Callable[[LocalRunApp, Pilot[None]], Any]") -> Attempt:
    """Run a task in the interface, and look at it."""
    runner = Runner(RunOptions(mode="local", name="one", store=store, asks_on_terminal=False))
    attempt = Attempt(runner.attempt(task, (), {}))

    async def show() -> None:
        app = LocalRunApp(store, "one", attempt)
        async with app.run_test(size=(120, 30)) as pilot:
            await look(app, pilot)
            await until(pilot, lambda: not app.is_running)

    asyncio.run(show())
    return attempt


def test_questions_are_answered_one_after_the_other_and_wrong_answers_asked_again(tmp_path: Path) -> None:
    async def look(app: LocalRunApp, pilot: "Pilot[None]") -> None:
        screen = app.screen
        assert isinstance(screen, RunScreen)
        line, words = screen.query_one("#answer", Input), screen.query_one("#question", Static)
        await until(pilot, lambda: len(screen.questions) == 2 and line.has_focus)
        await pilot.press("escape")
        await until(pilot, lambda: not line.has_focus)
        await pilot.press("q")  # the run goes on
        await pilot.press("a")
        await until(pilot, lambda: line.has_focus)
        await pilot.press(*"perhaps", "enter")
        await until(pilot, lambda: "the answer must be yes or no, got 'perhaps'" in str(words.content))
        line.value = ""
        await pilot.press("y", "enter")
        await until(pilot, lambda: "How many? [int]" in str(words.content) and line.value == "")
        await pilot.press("7", "enter")
        await until(pilot, lambda: app.is_over and not line.display)
        await pilot.press("q")

    with closing(SQLiteStore(tmp_path / "history.db")) as store:
        attempt = shown(store, ask, look)
        assert attempt.future is not None
        assert attempt.future.result().outputs()[0] == "True 7"


def test_ctrl_c_ends_the_run_and_then_the_interface(tmp_path: Path) -> None:
    async def look(app: LocalRunApp, pilot: "Pilot[None]") -> None:
        screen = app.screen
        assert isinstance(screen, RunScreen)
        await until(pilot, lambda: any(row.action.phase is ActionPhase.RUNNING for row in screen.shown))
        await pilot.press("q")
        assert not app.is_over
        await pilot.press("ctrl+c")

    with closing(SQLiteStore(tmp_path / "history.db")) as store:
        attempt = shown(store, wait, look)
        assert attempt.future is not None
        assert attempt.future.cancelled()
        run = store.run("one")
        assert run is not None
        assert run.phase is ActionPhase.ABORTED


class Lines:
    """A stream that keeps what it is given."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, text: str) -> int:
        self.texts.append(text)
        return len(text)


@given(st.lists(st.tuples(st.integers(0, 1), st.text(min_size=1, max_size=20))), st.integers(1, 200))
def test_what_is_held_comes_out_in_its_order_and_the_last_of_it_where_it_is_too_much(
    written: list[tuple[int, str]], most: int
) -> None:
    held, streams, order = Held(most), (Lines(), Lines()), Lines()
    for number, text in written:
        held.write(streams[number], text)  # type: ignore[arg-type]
    assert not streams[0].texts
    assert not streams[1].texts
    held.release()
    for number in (0, 1):
        expected = [text for stream, text in written if stream == number]
        got = streams[number].texts
        assert got == expected[len(expected) - len(got) :]
        if not held.is_dropped:
            assert got == expected
    assert held.is_dropped == (sum(len(text) for _, text in written) > most and len(written) > 1)
    held.write(order, "afterwards")  # type: ignore[arg-type]
    assert order.texts == ["afterwards"]


def test_streams_are_given_back_also_by_logs(capsys: pytest.CaptureFixture[str]) -> None:
    usual = sys.stdout, sys.stderr
    flyte.logger.warning("before")  # the SDK's log has its handler from here on
    other = logging.getLogger("test of held streams")
    handler = logging.StreamHandler()
    other.addHandler(handler)
    capsys.readouterr()
    try:
        with held_streams("too much"):
            print("out")
            print("error", file=sys.stderr)
            flyte.logger.warning("of the SDK")
            other.warning("of another")
            assert capsys.readouterr() == ("", "")
        assert handler.stream is usual[1]
    finally:
        other.removeHandler(handler)
    assert (sys.stdout, sys.stderr) == usual
    out, error = capsys.readouterr()
    assert out == "out\n"
    assert error.startswith("error\n")
    assert error.index("of the SDK") < error.index("of another")
