"""The text interface on a devbox: a run is seen as it changes, asks, and is looked into."""

import asyncio
from collections.abc import Callable
from typing import cast

from textual.pilot import Pilot
from textual.widgets import Input

import flyte
from flyte.remote import Run
from flyte_cli.remote_history import RemoteHistory
from flyte_cli.tui.action_screen import ActionScreen
from flyte_cli.tui.app import RunsApp
from flyte_cli.tui.run_screen import RunScreen
from flyte_cli.tui.runs_screen import RunsScreen
from flyte_engine.store import ActionStore
from flyte_models.phases import ActionPhase

from .running import LONGEST, load


async def until(pilot: "Pilot[None]", condition: Callable[[], bool]) -> None:
    for _ in range(LONGEST * 20):
        if condition():
            return
        await pilot.pause(0.05)
    raise TimeoutError("the interface does not come to show it")


def test_a_run_of_a_devbox_is_followed_answered_and_looked_into(connected: int) -> None:
    run = flyte.run(load("questions").confirm)

    async def look() -> None:
        app = RunsApp(cast("ActionStore", RemoteHistory()), 0.5)
        async with app.run_test(size=(120, 30)) as pilot:
            listing = app.screen
            assert isinstance(listing, RunsScreen)
            await until(pilot, lambda: [each.run_name for each in listing.shown] == [run.name])
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, RunScreen))
            screen = cast("RunScreen", app.screen)
            await until(pilot, lambda: bool(screen.query("#answer")))
            line = screen.query_one("#answer", Input)
            await until(pilot, lambda: [each.name for each in screen.questions] == ["go"] and line.has_focus)
            await pilot.press("y", "enter")
            # The control plane tells of it: this screen asks only once.
            await until(pilot, lambda: [row.action.phase for row in screen.shown] == [ActionPhase.SUCCEEDED] * 2)
            await until(pilot, lambda: not line.display)
            await pilot.press("home", "enter")
            await until(pilot, lambda: isinstance(app.screen, ActionScreen) and "LOG" in app.screen.text)
            action = cast("ActionScreen", app.screen)
            text, action.text = action.text, ""
            assert "o0 (bool) = true" in text.lower()
            assert "LOG\n  asking" in text
            await pilot.press("r")  # and its lines are there a second time
            await until(pilot, lambda: action.text == text)
            await pilot.press("q")

    asyncio.run(look())
    assert Run.get(run.name).phase is ActionPhase.SUCCEEDED
