"""What is to be said of one action: its error, inputs, outputs, attempts and what it printed, as lines. Pure."""

from collections.abc import Sequence

from flyte_cli import times
from flyte_cli.typed import text_of, type_of
from flyte_engine.records import ActionRecord, AttemptRecord, ErrorRecord, LogRecord
from flyte_types.literals import Inputs, Outputs

__all__ = ["details"]


def details(
    action: ActionRecord,
    attempts: Sequence[AttemptRecord],
    inputs: bytes | None,
    outputs: bytes | None,
    log: Sequence[LogRecord] | None,
    note: str = "",
) -> str:
    """Return the text of an action, from what is recorded of it.

    Args:
        action: The action.
        attempts: Its attempts.
        inputs: Bytes of the wire.
        outputs: The same.
        log: What it printed; None while that cannot be told.
        note: What to say below the log.
    """
    parts = [f"{action.task_name}  {action.name}  {action.phase.value}"]
    if action.waiting_for:
        parts.append(f"WAITS FOR\n  {action.waiting_for}")
    if action.error is not None:
        parts.append(f"ERROR\n{_error(action.error)}")
    parts.append(f"INPUTS\n{_values(None if inputs is None else Inputs.FromString(inputs))}")
    parts.append(f"OUTPUTS\n{_values(None if outputs is None else Outputs.FromString(outputs))}")
    if attempts:
        parts.append("\n".join(["ATTEMPTS", *(_attempt(each) for each in attempts)]))
    lines = [line.text for line in log or ()] or ["nothing was printed"]
    if log is None:
        lines = ["is shown here when the action is over"]
    parts.append("\n".join(["LOG", *(f"  {line}" for line in lines), *([f"\n{note}"] if note else [])]))
    return "\n\n".join(parts)


def _error(error: ErrorRecord) -> str:
    """Return the user's line first: what was raised, and then where."""
    first = f"{error.code}: {error.message}"
    return _indented(f"{first}\n\n{error.traceback}" if error.traceback else first)


def _values(found: Inputs | Outputs | None) -> str:
    if found is None:
        return "  none recorded"
    return (
        "\n".join(_indented(f"{each.name} ({type_of(each.value)}) = {text_of(each.value)}") for each in found.literals)
        or "  none"
    )


def _attempt(attempt: AttemptRecord) -> str:
    took = times.duration(attempt.ended_at - attempt.started_at) if attempt.ended_at is not None else "not over"
    error = (
        f"  {attempt.error.code}: {attempt.error.message.splitlines()[0]}"
        if attempt.error and attempt.error.message
        else ""
    )
    return f"  {attempt.number}  {attempt.phase.value}  {took}{error}"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.rstrip().split("\n"))
