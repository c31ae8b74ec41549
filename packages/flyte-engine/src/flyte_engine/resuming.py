"""Going on where another process, or another run, has stopped: whose the run is, what it left, how often it was tried."""

from collections.abc import Collection, Sequence

from flyte_engine.processes import current_process, is_alive
from flyte_engine.records import ActionRecord, AttemptRecord, ErrorRecord, RunRecord
from flyte_engine.store import ActionStore, RunOwnedError
from flyte_models.phases import ActionPhase

__all__ = ["FINISHED", "LOST", "attempts_made", "claim_run", "finished_actions", "load_actions", "replace_phase"]

FINISHED = frozenset({ActionPhase.SUCCEEDED, ActionPhase.RECOVERED})
"""The phases in which outputs are there: such an action never runs again."""
LOST = ErrorRecord("ProcessLost", "the process that ran this attempt has ended", kind="system")
"""Why an attempt failed whose process was killed."""


def claim_run(store: ActionStore, run_name: str, *, force: bool) -> RunRecord:
    """Make this process the owner of a recorded run that no living process carries out.

    Raises:
        ValueError: there is no such run.
        RunOwnedError: a process that lives carries it out, or one of which that is not known.
    """
    record = store.run(run_name)
    if record is None:
        raise ValueError(f"there is no run `{run_name}` to resume\nhint: `flyte get run` lists the recorded ones")
    owner = store.owner(run_name)
    if owner is not None and not force and not record.phase.is_terminal and (alive := is_alive(owner)) is not False:
        if alive:
            raise RunOwnedError(
                f"run `{run_name}` is being carried out by process {owner.pid}\n"
                "hint: wait for it, or end that process first",
                owner,
            )
        raise RunOwnedError(
            f"run `{run_name}` was begun by process {owner.pid} on `{owner.host.partition('/')[0]}`, which may still live\n"
            "hint: make sure that it does not, and resume with `force`",
            owner,
        )
    if not store.take_over(run_name, current_process(), owner):
        raise RunOwnedError(
            f"run `{run_name}` was taken up by another process just now\nhint: let one of them do it",
            store.owner(run_name) or current_process(),
        )
    return record


def load_actions(store: ActionStore, run_name: str) -> dict[str, ActionRecord]:
    """Return what is recorded of a run, by name."""
    return {record.name: record for record in store.actions(run_name)}


def finished_actions(store: ActionStore, run_name: str, force_rerun: Collection[str]) -> dict[str, ActionRecord]:
    """Return what another run has finished, by name, without what is to be run all the same.

    Raises:
        ValueError: there is no such run.
    """
    if store.run(run_name) is None:
        raise ValueError(f"there is no run `{run_name}` to recover from\nhint: `flyte get run` lists the recorded ones")
    return {
        name: record
        for name, record in load_actions(store, run_name).items()
        if record.phase in FINISHED and name not in force_rerun
    }


def attempts_made(attempts: Sequence[AttemptRecord]) -> tuple[int, AttemptRecord | None]:
    """Return how many attempts were begun, and the end of the last one if its process did not live to record it."""
    if not attempts:
        return 0, None
    last = attempts[-1]
    if last.phase.is_terminal:
        return last.number, None
    return last.number, AttemptRecord(last.number, ActionPhase.FAILED, last.started_at, last.started_at, LOST)


def replace_phase(record: RunRecord, phase: ActionPhase, ended_at: float | None) -> RunRecord:
    """Return the run with another phase and end."""
    return RunRecord(
        run_name=record.run_name,
        task_name=record.task_name,
        project=record.project,
        domain=record.domain,
        org=record.org,
        created_at=record.created_at,
        ended_at=ended_at,
        phase=phase,
        source_path=record.source_path,
        command=record.command,
        labels=record.labels,
    )
