"""What makes two cache keys differ: inputs, code and settings of two actions of one task, compared. Pure."""

import difflib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["Cause", "KeyParts", "causes_of"]

_SETTINGS = {
    "version_override": "the `version_override` of its cache",
    "salt": "the `salt` of its cache",
    "policies": "the `policies` of its cache",
    "ignored_inputs": "the `ignored_inputs` of its cache",
    "image": "its image",
    "interface": "the types of its inputs or outputs",
}
_MOST_LINES = 12
_LONGEST = 100


class KeyParts(NamedTuple):
    """What the cache key of one action was made of."""

    inputs: Mapping[str, tuple[str, str]]
    """Of each input that counts: what stands for its value in the key, and the value as text."""
    code: Mapping[str, tuple[str, str | None, int, str]]
    """Of each part of the user's code: what stands for it in the key, its file, its line, its source."""
    settings: Mapping[str, Any]


class Cause(NamedTuple):
    """One difference."""

    kind: str
    """`input`, `code` or `setting`."""
    name: str
    text: str
    """What differs, in one line."""
    details: tuple[str, ...] = ()
    """Changed lines of code."""


def causes_of(before: KeyParts, now: KeyParts) -> list[Cause]:
    """Return what differs; nothing when the keys are of the same parts."""
    causes = [*_inputs(before, now), *_code(before, now)]
    for setting, described in _SETTINGS.items():
        old, new = before.settings.get(setting), now.settings.get(setting)
        if old != new:
            text = f"{described} changed"
            if setting != "interface":  # digests tell people nothing
                text = f"{described}: {_short(json.dumps(old))} -> {_short(json.dumps(new))}"
            causes.append(Cause("setting", setting, text))
    if not causes and before.settings.get("version") != now.settings.get("version"):
        causes.append(Cause("setting", "version", "the version that the policies of its cache make changed"))
    return causes


def _inputs(before: KeyParts, now: KeyParts) -> list[Cause]:
    causes: list[Cause] = []
    for name in dict.fromkeys((*before.inputs, *now.inputs)):
        old, new = before.inputs.get(name), now.inputs.get(name)
        if old is not None and new is not None:
            if old[0] != new[0]:
                same = old[1] == new[1]
                text = f"its contents changed ({_short(new[1])})" if same else f"{_short(old[1])} -> {_short(new[1])}"
                causes.append(Cause("input", name, text))
        elif new is not None:
            causes.append(Cause("input", name, f"is new: {_short(new[1])}"))
        else:
            causes.append(Cause("input", name, "is gone"))
    return causes


def _code(before: KeyParts, now: KeyParts) -> list[Cause]:
    causes: list[Cause] = []
    for name in dict.fromkeys((*now.code, *before.code)):
        old, new = before.code.get(name), now.code.get(name)
        if old is None and new is not None:
            causes.append(Cause("code", name, f"is reached now{_place(new)}"))
        elif new is None:
            causes.append(Cause("code", name, "is not reached any more"))
        elif old is not None and old[0] != new[0]:
            if new[3] or old[3]:
                lines, line = _changed_lines(old, new)
                causes.append(Cause("code", name, f"changed{_place(new, line)}", lines))
            else:
                causes.append(Cause("code", name, f"{_short(old[0])} -> {_short(new[0])}"))
    return causes


def _place(part: tuple[str, str | None, int, str], line: int | None = None) -> str:
    return f' (File "{part[1]}", line {line if line is not None else part[2]})' if part[1] else ""


def _changed_lines(
    old: tuple[str, str | None, int, str], new: tuple[str, str | None, int, str]
) -> tuple[tuple[str, ...], int]:
    """Return the lines that differ, and the number in its file of the first of them."""
    before, now = old[3].splitlines(), new[3].splitlines()
    changes: list[str] = []
    first = new[2]
    for tag, start, end, new_start, new_end in difflib.SequenceMatcher(None, before, now, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        if not changes:
            first = new[2] + new_start
        changes += [f"- {line}" for line in before[start:end]] + [f"+ {line}" for line in now[new_start:new_end]]
    if len(changes) > _MOST_LINES:
        changes = [*changes[:_MOST_LINES], f"... {len(changes) - _MOST_LINES} lines more"]
    return tuple(changes), first


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
