"""Recorded fixtures whose content depends on the version of Python: one whole record, and for each other version what differs.

Names of actions, versions for the cache and some reprs depend on it, in PyPI flyte as here. After recording with another
interpreter into a copy: `python tests/contract/by_python.py FIXTURE COPY`, with that interpreter, writes what differs.
Only the standard library: recorders run in environments of the reference.
"""

import json
import sys
from pathlib import Path
from typing import Any

__all__ = ["NOT_COMPARED", "is_recorded", "load"]

RECORDED_ON = (3, 11)
NOT_COMPARED = {"packages", "python", "guessed", "guessed_back"}
"""Versions, and how the recorder names classes that it made itself."""


def load(fixture: Path) -> Any:
    """Read a fixture as it is for this version of Python, or for the one it was recorded on where there is no other record."""
    content = _read(fixture)
    changes = _changes_of(fixture)
    if changes.exists():
        for path, *new in json.loads(changes.read_text(encoding="utf-8")):
            holder = content
            for step in path[:-1]:
                holder = holder[step]
            if new:
                holder[path[-1]] = new[0]
            else:
                del holder[path[-1]]
    return content


def is_recorded(fixture: Path) -> bool:
    """Tell whether the fixture knows this version of Python."""
    return sys.version_info[:2] == RECORDED_ON or _changes_of(fixture).exists()


def _changes_of(fixture: Path) -> Path:
    major, minor = sys.version_info[:2]
    return fixture.with_name(f"{fixture.stem}-py{major}.{minor}.json")


def _read(fixture: Path) -> Any:
    text = fixture.read_text(encoding="utf-8")
    if fixture.suffix == ".json":
        return json.loads(text)
    # Lines of JSON: their order is kept, and the header has no identifier.
    return {row.get("id", ""): row for row in map(json.loads, text.splitlines())}


def differences(old: Any, new: Any, path: tuple[str, ...] = ()) -> list[list[Any]]:
    """Give what leads from `old` to `new`: pairs of a path and its new value, or a path alone for what is gone."""
    if old == new:
        return []
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [[path, new]]
    found: list[list[Any]] = []
    for key in [*old, *(key for key in new if key not in old)]:
        if key in NOT_COMPARED:
            continue
        if key not in new:
            found.append([(*path, key)])
        elif key not in old:
            found.append([(*path, key), new[key]])
        else:
            found += differences(old[key], new[key], (*path, key))
    return found


def main(fixture: Path, copy: Path) -> None:
    """Write what differs in `copy` beside `fixture`."""
    rows = [json.dumps(row, ensure_ascii=False) for row in differences(_read(fixture), _read(copy))]
    _changes_of(fixture).write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
