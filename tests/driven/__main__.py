"""`python -m tests.driven FOLDER`: every command, option and choice of `flyte` has been driven, by what the tests have noted.

`just driven` lets all tests run with FLYTE_TEST_DRIVEN, the folder where each `flyte` process notes what it parses (`recorder`),
and ends with this. What counts is a process that ended with 0 and that a devbox has answered; `where` has the exceptions.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click

from flyte_cli.app import root
from flyte_cli.gen_docs import walk

from .where import FAILS, HERE, NOT_NOTED, OTHER_SERVER, REFUSED, SHARED


class Thing(NamedTuple):
    """A command, an option of it, or a value that the option can have."""

    command: str
    option: str = ""
    value: str = ""

    def __str__(self) -> str:
        return " ".join(each for each in self if each)


class Process(NamedTuple):
    """How one process ended, and who answered it."""

    code: int | None
    is_answered: bool
    by_devbox: bool


def things() -> Iterator[Thing]:
    """Yield all that there is to drive; what several commands share is driven when one of them is."""
    shared: set[Thing] = set()
    for command, context in walk(root):
        path = context.command_path
        yield Thing(path)
        for each in command.params:
            if not isinstance(each, click.Option):
                continue
            option = each.opts[-1]
            if f"{path} {option}" in NOT_NOTED:
                continue
            yield Thing(path, option)
            for value in values_of(each):
                thing = Thing("" if option in SHARED else path, option, value)
                if thing not in shared:
                    shared.add(thing)
                    yield thing


def values_of(option: click.Option) -> list[str]:
    """List what an option can be, where that is a list."""
    if isinstance(option.type, click.Choice):
        return [str(each) for each in option.type.choices]
    return ["True", "False"] if option.secondary_opts else []


def driven(folder: Path) -> dict[Thing, set[Process]]:
    """Read the notes of all processes."""
    names = {
        (context.command_path, each.name): each.opts[-1]
        for command, context in walk(root)
        for each in command.params
        if isinstance(each, click.Option)
    }
    found: dict[Thing, set[Process]] = defaultdict(set)
    for file in folder.glob("*.jsonl"):
        notes: list[dict[str, Any]] = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        code = next((note["code"] for note in notes if "code" in note), None)
        by = [note["by_devbox"] for note in notes if "answered" in note]
        process = Process(code, bool(by), any(by))
        for note in notes:
            path = " ".join(note.get("command", ()))
            for name, values in note.get("options", {}).items():
                # Options of the tasks that tests run are not of this tree.
                if (option := names.get((path, name))) is not None:
                    found[Thing(path, option)].add(process)
                    for value in values:
                        found[Thing("" if option in SHARED else path, option, value)].add(process)
            if path:
                found[Thing(path)].add(process)
    return found


def place_of(thing: Thing) -> str:
    """Tell where a thing has to be driven: on a `devbox`, `here`, at an `other server`, or `refused` wherever it is."""
    names = {thing.command, f"{thing.command} {thing.option}", f"* {thing.option}"}
    for table, place in ((REFUSED, "refused"), (OTHER_SERVER, "other server"), (HERE, "here")):
        if not names.isdisjoint(table):
            return place
    return "devbox"


def is_driven(thing: Thing, processes: set[Process]) -> bool:
    """Tell whether one of the processes has driven it where it has to be."""
    place = place_of(thing)
    if place == "refused":
        return bool(processes)
    code = FAILS.get(f"{thing.command} {thing.option}", 0)
    done = [each for each in processes if each.code == code]
    return any(each.by_devbox or place == "here" or (place == "other server" and each.is_answered) for each in done)


def main(folder: Path) -> int:
    """Say what was not driven; return the exit code."""
    found = driven(folder)
    if not found:
        print(f"no `flyte` process has noted anything in `{folder}`")
        return 1
    every = list(things())
    missing = [thing for thing in every if not is_driven(thing, found[thing])]
    for thing in missing:
        seen = sorted({str(each.code) for each in found[thing]})
        print(f"not driven: {thing} ({place_of(thing)}; exit codes of those that had it: {', '.join(seen) or 'none'})")
    print(f"{len(every) - len(missing)} of {len(every)} commands, options and choices were driven by the tests")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
