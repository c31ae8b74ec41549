"""The screen of the latest runs."""

import time
from collections.abc import AsyncIterator

from flyte_cli import times
from flyte_cli.tui.listing import STYLES, Listing, app_of
from flyte_cli.tui.looking import run_looks
from flyte_cli.tui.row_list import RowList
from flyte_cli.tui.run_screen import RunScreen
from flyte_engine.records import RunRecord
from flyte_engine.store import ActionStore

__all__ = ["RunsScreen"]


class RunsScreen(Listing):
    """The latest runs."""

    def __init__(self, store: ActionStore, seconds: float, project: str | None, domain: str | None) -> None:
        """Show those of one project and domain, or all."""
        super().__init__(store, seconds)
        self._project, self._domain = project, domain
        self._runs: list[RunRecord] = []
        self.shown: list[RunRecord] = []

    def looks(self) -> AsyncIterator[list[RunRecord]]:
        """Yield the runs."""
        return run_looks(self.store, self.seconds, self._project, self._domain)

    async def take(self, found: list[RunRecord]) -> None:
        """Show the runs."""
        self._runs = found
        self.show_again()

    def show_again(self) -> None:
        """Show the runs that the filter leaves."""
        rows = self.query_one(RowList)
        at = self.shown[rows.cursor].run_name if rows.cursor < len(self.shown) else None
        wanted = self.wanted.lower()
        self.shown = [
            run
            for run in self._runs
            if any(wanted in text.lower() for text in (run.run_name, run.task_name, run.phase.value))
        ]
        # The cursor stays on its run when a new one comes above it.
        found = next((index for index, run in enumerate(self.shown) if run.run_name == at), None)
        self.head(f"{len(self.shown)} of {len(self._runs)} runs" if self.wanted else f"{len(self._runs)} runs")
        rows.show_rows(len(self.shown), found)

    def draw(self, index: int) -> tuple[str, str]:
        """Return a run as text and style."""
        run, now = self.shown[index], time.time()
        took = times.duration(max((run.ended_at or now) - run.created_at, 0.0))
        text = f"{run.run_name:<24.24} {run.task_name:<36.36} {run.phase.value:<12} {took:>9}  {times.ago(run.created_at, now)}"
        return text, STYLES.get(run.phase.value, "")

    def on_row_list_selected(self, event: RowList.Selected) -> None:
        """Open a run."""
        app_of(self).push_screen(RunScreen(self.store, self.shown[event.index].run_name, self.seconds))

    def leave(self) -> None:
        """Stay: nothing is behind the runs."""
