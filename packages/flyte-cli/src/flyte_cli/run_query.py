"""Which runs `flyte get run` lists: the conditions, and whether a run of this machine's history meets them."""

from flyte_engine.records import RunRecord
from flyte_engine.store import ActionStore
from flyte_models.phases import ActionPhase
from flyte_models.values import light_dataclass

__all__ = ["RunQuery"]


@light_dataclass(frozen=True, kw_only=True)
class RunQuery:
    """Conditions that hold together; times are Unix seconds."""

    phase: ActionPhase | None = None
    is_paused: bool = False
    """It has an action that waits for a condition."""
    is_mine: bool = False
    task_name: str | None = None
    task_version: str | None = None
    created: tuple[float | None, float | None] = (None, None)
    """From this one on, and before that one."""
    updated: tuple[float | None, float | None] = (None, None)
    labels: tuple[tuple[str, str], ...] = ()
    label_keys: tuple[str, ...] = ()

    @property
    def is_narrow(self) -> bool:
        """Tell whether there is any condition."""
        return self != RunQuery()

    def is_met_by(self, run: RunRecord, store: ActionStore) -> bool:
        """Tell whether a run of a local history meets the conditions; all of its runs are the user's own."""
        ended = float("inf") if run.ended_at is None else run.ended_at
        return (
            self.phase in (None, run.phase)
            and self.task_name in (None, run.task_name, run.task_name.rpartition(".")[2])
            and _is_within(run.created_at, self.created)
            and _is_within(ended, self.updated)
            and all(run.labels.get(key) == value for key, value in self.labels)
            and all(key in run.labels for key in self.label_keys)
            and (not self.is_paused or _has_paused(store, run))
        )


def _is_within(seconds: float, span: tuple[float | None, float | None]) -> bool:
    after, before = span
    return (after is None or seconds >= after) and (before is None or seconds < before)


def _has_paused(store: ActionStore, run: RunRecord) -> bool:
    if run.phase.is_terminal:
        return False
    return any(action.phase is ActionPhase.PAUSED for action in store.actions(run.run_name))
