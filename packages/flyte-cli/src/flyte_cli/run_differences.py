"""How two runs differ: inputs, versions, actions, outputs and durations, compared. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

__all__ = ["ActionFacts", "ActionPair", "Difference", "RunFacts", "differences", "pairs"]

_SLOWER = 1.5
"""By which factor durations have to differ to be told."""
_LEAST_SECONDS = 0.5
"""And by how many seconds."""

Values = Mapping[str, str] | None
"""Values as text, by name; None when there are none recorded."""


class ActionFacts(NamedTuple):
    """What is compared of an action."""

    name: str
    parent: str | None
    task: str
    phase: str
    attempts: int
    seconds: float | None
    cached: bool
    error: str = ""
    inputs: Values = None
    outputs: Values = None


class RunFacts(NamedTuple):
    """What is compared of a run."""

    name: str
    task: str
    phase: str
    version: str
    seconds: float | None
    inputs: Values
    outputs: Values
    actions: Sequence[ActionFacts]


class Difference(NamedTuple):
    """One thing that differs; an empty text where one of the runs has none."""

    what: str
    """`task`, `version`, `phase`, `input`, `output`, `action`, `duration`, `attempts`, `cache` or `error`."""
    where: str
    """Name of the value, or the action."""
    left: str
    right: str


class ActionPair(NamedTuple):
    """An action of each run that stand for each other; None where the other run has none."""

    left: ActionFacts | None
    right: ActionFacts | None


def pairs(left: Sequence[ActionFacts], right: Sequence[ActionFacts]) -> list[ActionPair]:
    """Match actions: those of one name first, then those of one task below parents that match, in their order."""
    others = {action.name: action for action in right}
    matched = {action.name: others[action.name] for action in left if action.name in others and _same(action, others)}
    taken = {action.name for action in matched.values()}
    free: dict[tuple[str | None, str], list[ActionFacts]] = {}
    for action in right:
        if action.name not in taken:
            free.setdefault((action.parent, action.task), []).append(action)
    found: list[ActionPair] = []
    for action in left:  # parents stand before their children
        other = matched.get(action.name)
        if other is None:
            parent = matched[action.parent].name if action.parent in matched else None
            waiting = free.get((parent, action.task))
            if waiting:
                other = matched[action.name] = waiting.pop(0)
                taken.add(other.name)
        found.append(ActionPair(action, other))
    return [*found, *(ActionPair(None, action) for action in right if action.name not in taken)]


def differences(left: RunFacts, right: RunFacts) -> list[Difference]:
    """Return what differs, the most telling first; nothing for runs that went the same way."""
    found = [
        Difference(what, "", before, now)
        for what, before, now in (
            ("task", left.task, right.task),
            ("version", left.version, right.version),
            ("phase", left.phase, right.phase),
        )
        if before != now
    ]
    found += _values("input", "", left.inputs, right.inputs)
    found += _values("output", "", left.outputs, right.outputs)
    for before, now in pairs(left.actions, right.actions):
        found += _of_actions(before, now)
    if _took_longer(left.seconds, right.seconds):
        found.append(Difference("duration", "", _seconds(left.seconds), _seconds(right.seconds)))
    return found


def _same(action: ActionFacts, others: Mapping[str, ActionFacts]) -> bool:
    return others[action.name].task == action.task


def _of_actions(before: ActionFacts | None, now: ActionFacts | None) -> list[Difference]:
    if before is None or now is None:
        one = before or now
        assert one is not None
        where = f"{one.task} {one.name}"
        return [Difference("action", where, before.phase if before else "", now.phase if now else "")]
    if before.parent is None and now.parent is None:
        where = before.task
        values: list[Difference] = []  # those of the root are those of the run
    else:
        where = f"{before.task} {before.name}"
        values = _values("input", where, before.inputs, now.inputs)
        values += _values("output", where, before.outputs, now.outputs)
    found = [
        Difference(what, where, old, new)
        for what, old, new in (
            ("phase", before.phase, now.phase),
            ("attempts", str(before.attempts), str(now.attempts)),
            ("cache", "hit" if before.cached else "", "hit" if now.cached else ""),
            ("error", before.error, now.error),
        )
        if old != new and not (what == "phase" and before.parent is None)
    ]
    found += values
    if before.parent is not None and _took_longer(before.seconds, now.seconds):
        found.append(Difference("duration", where, _seconds(before.seconds), _seconds(now.seconds)))
    return found


def _values(what: str, where: str, left: Values, right: Values) -> list[Difference]:
    before, now = left or {}, right or {}
    return [
        Difference(what, f"{where}: {name}" if where else name, before.get(name, ""), now.get(name, ""))
        for name in dict.fromkeys((*before, *now))
        if before.get(name) != now.get(name)
    ]


def _took_longer(left: float | None, right: float | None) -> bool:
    if left is None or right is None:
        return left is not right
    short, long = sorted((left, right))
    return long - short >= _LEAST_SECONDS and long >= short * _SLOWER


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f}s"
