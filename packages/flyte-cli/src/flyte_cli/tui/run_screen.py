"""The screen of a run: its actions as a tree, and the questions that it waits for."""

import time
from collections.abc import AsyncIterator, Sequence
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from flyte.running.conditions import PausedCondition
from flyte_cli.tui.action_screen import ActionScreen
from flyte_cli.tui.listing import STYLES, Listing, app_of, described
from flyte_cli.tui.looking import action_looks, apart
from flyte_cli.tui.row_list import RowList
from flyte_cli.tui.rows import ActionTree, Row, cells
from flyte_cli.waiting import answer, waiting
from flyte_engine.records import ActionRecord
from flyte_engine.store import ActionStore
from flyte_models.errors import ConditionNotFoundError

__all__ = ["RunScreen"]


class RunScreen(Listing):
    """The actions of a run, as a tree, above the question that is to be answered."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,left,right", "fold", "Close or open a branch"),
        Binding("a", "answer", show=False),
    ]

    def __init__(self, store: ActionStore, run_name: str, seconds: float) -> None:
        """Show a run, which may not be there yet."""
        super().__init__(store, seconds)
        self._run_name = run_name
        self._tree = ActionTree()
        self._note = ""
        self._asking: frozenset[str] = frozenset()
        """Names of the actions that wait for an answer, when the questions were read."""
        self.questions: list[PausedCondition] = []
        self.shown: list[Row] = []

    def compose(self) -> ComposeResult:
        """Make what is on the screen."""
        *rest, footer = super().compose()
        yield from rest
        words, line = Static("", id="question", markup=False), Input(placeholder="answer", id="answer")
        words.display = line.display = False
        yield from (words, line, footer)

    def looks(self) -> AsyncIterator[Sequence[ActionRecord]]:
        """Yield the actions."""
        return action_looks(self.store, self._run_name, self.seconds)

    async def take(self, found: Sequence[ActionRecord]) -> None:
        """Show the actions, and what they wait for."""
        if self._tree.update(found):
            self.show_again()
        asking = self._tree.paused()
        if asking != self._asking:
            self.questions = await apart(waiting, self.store, self._run_name) if asking else []
            self._asking = asking
            self._ask()

    def note(self, text: str) -> None:
        """Say something of the run, in the heading from now on."""
        self._note = text
        self.show_again()

    def show_again(self) -> None:
        """Show the actions that are in open branches, and that the filter leaves."""
        rows = self.query_one(RowList)
        at = self.shown[rows.cursor].action.name if rows.cursor < len(self.shown) else None
        self.shown = self._tree.rows(self.wanted)
        found = next((index for index, row in enumerate(self.shown) if row.action.name == at), None)
        note = f": {self._note}" if self._note else ""
        self.head(f"run {self._run_name}, {len(self.shown)} actions shown{note}")
        rows.show_rows(len(self.shown), found)

    def draw(self, index: int) -> tuple[str, str]:
        """Return an action as text and style."""
        row = self.shown[index]
        label, phase, attempts, took, error = cells(row, time.time())
        return f"{label:<44.44} {phase:<18} {attempts:>3} {took:>9}  {error}", STYLES.get(row.action.phase.value, "")

    def action_fold(self) -> None:
        """Close or open what stands below the action under the cursor."""
        cursor = self.query_one(RowList).cursor
        if cursor < len(self.shown):
            self._tree.toggle(self.shown[cursor].action.name)
            self.show_again()

    def action_answer(self) -> None:
        """Go to the question."""
        if self.questions:
            self.query_one("#answer", Input).focus()

    def action_back(self) -> None:
        """Go from the question to the rows, or do as elsewhere."""
        if self.query_one("#answer", Input).has_focus:
            self.query_one(RowList).focus()
        else:
            super().action_back()

    def on_row_list_selected(self, event: RowList.Selected) -> None:
        """Open an action."""
        app_of(self).push_screen(ActionScreen(self.store, self.shown[event.index].action))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take an answer; the filter is seen to by the class above, whose handler textual calls too."""
        if event.input.id == "answer" and self.questions:
            self._answer(self.questions[0], event.value)

    def _ask(self, problem: str = "") -> None:
        """Put the oldest question, or none."""
        words, line = self.query_one("#question", Static), self.query_one("#answer", Input)
        was_asking = line.display
        words.display = line.display = bool(self.questions)
        if not self.questions:
            if line.has_focus:
                self.query_one(RowList).focus()
            return
        one = self.questions[0]
        more = f"  ({len(self.questions) - 1} more)" if len(self.questions) > 1 else ""
        kind = "y/n" if one.data_type == "bool" else one.data_type
        told = [
            problem,
            one.description,
            f"condition `{one.name}`: {one.prompt} [{kind}]{more}  (enter answers, escape goes to the actions, `a` comes back)",
        ]
        words.update(Text("\n".join(text for text in told if text)))
        if not was_asking and self.query_one(RowList).has_focus:
            line.focus()

    @work(exclusive=True, group="answer")
    async def _answer(self, question: PausedCondition, text: str) -> None:
        try:
            await apart(answer, self.store, question, text)
        except (ValueError, ConditionNotFoundError) as error:
            self._ask(str(error))
            return
        except Exception as error:
            self._ask(f"cannot be answered: {described(error)}")
            return
        self.query_one("#answer", Input).value = ""
        self.questions = [one for one in self.questions if one.action_name != question.action_name]
        self._ask()
