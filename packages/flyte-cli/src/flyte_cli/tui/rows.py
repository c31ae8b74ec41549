"""The rows of a run: its actions as a tree, of which branches may be closed and which a filter narrows down. Pure."""

from collections.abc import Iterable

from flyte_cli import times
from flyte_cli.views import as_tree, first_line
from flyte_engine.records import ActionRecord
from flyte_models.phases import ActionPhase
from flyte_models.values import value

__all__ = ["ActionTree", "Row"]


@value
class Row:
    """An action where it stands in the tree."""

    action: ActionRecord
    depth: int
    children: int
    """How many actions stand directly below it."""
    is_open: bool
    """Whether they are shown."""


class ActionTree:
    """The actions of a run as of their latest records."""

    def __init__(self) -> None:
        """Know no action yet."""
        self._actions: dict[str, ActionRecord] = {}
        self._closed: set[str] = set()
        self._paused: set[str] = set()

    def update(self, actions: Iterable[ActionRecord]) -> bool:
        """Take new records, of all actions or of those that changed, and tell whether any differs."""
        has_changed = False
        for action in actions:
            if self._actions.get(action.name) != action:
                self._actions[action.name] = action
                has_changed = True
                (self._paused.add if action.phase is ActionPhase.PAUSED else self._paused.discard)(action.name)
        return has_changed

    def paused(self) -> frozenset[str]:
        """Return the names of the actions that wait for an answer."""
        return frozenset(self._paused)

    def toggle(self, name: str) -> None:
        """Close what stands below an action, or open it again."""
        self._closed ^= {name}

    def rows(self, wanted: str = "") -> list[Row]:
        """Return the rows from the root down.

        Args:
            wanted: Only actions with this in their name, task, group or phase, and those above them; all without it.
                What it finds is shown below closed actions as well.
        """
        children: dict[str | None, int] = {}
        for action in self._actions.values():
            children[action.parent_name] = children.get(action.parent_name, 0) + 1
        kept = self._kept(wanted.lower().strip())
        rows: list[Row] = []
        closed_at: int | None = None
        for action, depth in as_tree(list(self._actions.values())):
            if kept is not None:
                if action.name in kept:
                    rows.append(Row(action, depth, children.get(action.name, 0), is_open=True))
                continue
            if closed_at is not None and depth > closed_at:
                continue
            closed_at = depth if action.name in self._closed else None
            rows.append(Row(action, depth, children.get(action.name, 0), is_open=closed_at is None))
        return rows

    def _kept(self, wanted: str) -> set[str] | None:
        if not wanted:
            return None
        kept: set[str] = set()
        for action in self._actions.values():
            if not _meets(action, wanted):
                continue
            above: ActionRecord | None = action
            while above is not None and above.name not in kept:
                kept.add(above.name)
                above = self._actions.get(above.parent_name) if above.parent_name is not None else None
        return kept


def cells(row: Row, now: float) -> tuple[str, str, str, str, str]:
    """Return a row as text: its label with the branch it stands on, phase, attempts, time and error."""
    action = row.action
    mark = ("▾ " if row.is_open else "▸ ") if row.children else "  "
    label = action.short_name or action.task_name
    if action.group:
        label = f"{label} ({action.group})"
    if row.children and not row.is_open:
        label = f"{label} +{row.children}"
    phase = f"{action.phase.value}, cached" if action.cache_status == "hit" else action.phase.value
    attempts = f"{action.attempt}" if action.attempt > 1 else ""
    took = "" if action.started_at is None else times.duration(max((action.ended_at or now) - action.started_at, 0.0))
    return "  " * row.depth + mark + label, phase, attempts, took, first_line(action.error)


def _meets(action: ActionRecord, wanted: str) -> bool:
    texts = (action.name, action.short_name, action.task_name, action.group or "", action.phase.value)
    return any(wanted in text.lower() for text in texts)
