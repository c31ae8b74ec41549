"""The text interface through textual's own pilot, with a history that `flyte run` has recorded."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import cast

from textual.pilot import Pilot
from textual.widgets import Static

from flyte_cli.tui.action_screen import ActionScreen
from flyte_cli.tui.app import RunsApp
from flyte_cli.tui.run_screen import RunScreen
from flyte_cli.tui.runs_screen import RunsScreen
from flyte_engine.records import RunRecord
from flyte_engine.sqlite import SQLiteStore
from flyte_engine.store import ActionStore

PROGRAM = """\
import flyte

env = flyte.TaskEnvironment("steps")


@env.task
def square(number: int) -> int:
    print(f"squaring {number}")
    if number == 3:
        raise ValueError("three is refused")
    return number * number


@env.task
def main(count: int) -> int:
    return sum(square(number) for number in range(count))
"""
FLYTE = Path(sys.executable).with_name("flyte")


def run(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    return subprocess.run(
        [FLYTE, *words],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


async def until(pilot: "Pilot[None]", condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        await pilot.pause(0.05)
    raise TimeoutError("the interface does not come to show it")


def heading(app: RunsApp) -> str:
    return str(app.screen.query_one("#heading", Static).content)


def test_runs_open_as_trees_and_actions_with_their_error_values_and_log(tmp_path: Path) -> None:
    (tmp_path / "steps.py").write_text(PROGRAM)
    run(tmp_path, "run", "--name", "good", "steps.py", "main", "--count", "3")
    run(tmp_path, "run", "--name", "bad", "steps.py", "main", "--count", "4")
    store = SQLiteStore(next(tmp_path.rglob("history.db")))

    async def look() -> None:
        app = RunsApp(store, 0.2)
        async with app.run_test(size=(120, 30)) as pilot:
            await until(pilot, lambda: isinstance(app.screen, RunsScreen) and len(app.screen.shown) == 2)
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, RunScreen) and len(app.screen.shown) == 5)
            screen = app.screen
            assert isinstance(screen, RunScreen)
            await pilot.press("space")
            assert len(screen.shown) == 1
            await pilot.press("space", "slash", *"failed", "enter")
            await until(pilot, lambda: len(screen.shown) == 2)
            await pilot.press("end", "enter")
            await until(pilot, lambda: isinstance(app.screen, ActionScreen) and "LOG" in app.screen.text)
            action = app.screen
            assert isinstance(action, ActionScreen)
            assert "ERROR\n  ValueError: three is refused" in action.text
            assert "number (int) = 3" in action.text
            assert "squaring 3" in action.text
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is screen)
            await pilot.press("escape")
            assert len(screen.shown) == 5
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, RunsScreen))
            await pilot.press("q")

    try:
        asyncio.run(look())
    finally:
        store.close()


def test_what_cannot_be_read_is_said_and_tried_again(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "history.db")
    store.close()

    async def look() -> None:
        app = RunsApp(store, 0.2)
        async with app.run_test() as pilot:
            await until(pilot, lambda: "cannot be read, trying again" in heading(app))
            with closing(SQLiteStore(tmp_path / "history.db")) as other:
                cast("RunsScreen", app.screen).store = other
                await until(pilot, lambda: heading(app) == "0 runs")

    asyncio.run(look())


class Silent:
    """A store that does not answer."""

    def __init__(self) -> None:
        self.is_asked, self.is_over = threading.Event(), threading.Event()

    def runs(self, *_: object, **__: object) -> list[RunRecord]:
        self.is_asked.set()
        self.is_over.wait(120)
        return []


def test_leaving_does_not_wait_for_what_does_not_answer() -> None:
    store = Silent()

    async def look() -> None:
        app = RunsApp(cast("ActionStore", store))
        async with app.run_test() as pilot:
            await until(pilot, store.is_asked.is_set)
            await pilot.press("q")

    try:
        asyncio.run(look())
        # Whoever waits for it is still waiting, or it would have waited in vain.
        assert any(thread.name == "flyte-tui-read" for thread in threading.enumerate())
    finally:
        store.is_over.set()


def test_without_a_terminal_it_says_what_to_do(tmp_path: Path) -> None:
    done = run(tmp_path, "start", "tui")
    assert done.returncode == 2
    assert "`flyte start tui` needs a terminal" in done.stderr
    assert "hint: `flyte get run`" in done.stderr


def test_without_textual_it_says_what_to_install(tmp_path: Path) -> None:
    program = "import sys; sys.modules['textual'] = None; from flyte_cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "start", "tui"], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: `flyte start tui` needs textual, which is not installed\nhint: `pip install 'flyte[tui]'` installs it\n"
    )
