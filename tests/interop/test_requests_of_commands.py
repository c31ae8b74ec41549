"""What a command asks of the control plane equals what the same command of PyPI flyte 2.12.1 asks, field by field.

What that one asks is recorded (`record_requests.py`); some of its commands run here as well, so that neither the record
nor what our devbox answers to it can be another than it was.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from bench.harness.reference import VERSION

from .asked_commands import COMMANDS, FILES
from .command_requests import record
from .record_requests import HOW, OURS, is_recorded, made_from, read, reference_program

ALLOWED: dict[str, str] = {
    r".*/task_template/metadata/runtime/version": "the version of the SDK",
    r"get run.*/ListRuns/0/request/sort_by/direction": (
        "the latest runs are what somebody wants to see; the reference shows the oldest ones"
    ),
    r"get run --limit/ListRuns/1/.*": "the limit is one; the reference takes it for the size of a page",
    r"run with files/CreateRun/0/offloaded_input_data/.*": "a folder that is uploaded has a name that is different each time",
    r"get run NAME/ListActions/.*": "the actions of the run are shown as well",
    r"run (--follow|of types)/(GetActionData|GetRunDetails|WatchActionDetails|SelectCluster/[23])/.*": (
        "how it ended and what it gave is shown, and the exit code tells it"
    ),
    r"run --debug.*/GetRunDetails/.*": (
        "nobody waits for the editor of a run that was not begun in debug mode, as a server may have it"
    ),
    r"deploy a folder/DeployTask/.*/env/0/value": (
        "a file may import what lies beside it, as with `deploy FILE`; the reference cannot load it"
    ),
    r"(get (action|io|logs|condition)|signal).*/GetRunDetails/.*": "the name of a run may be abbreviated, or `latest`",
    r"get (io|condition).*/GetActionDetails/.*": (
        "the phase tells whether there are outputs, and the details tell what is asked"
    ),
    r"get condition/ListActions/0/request/filters/1/.*": (
        "only those that wait are asked for: a run may have many that are answered"
    ),
    r"signal condition/ListActions/.*": "the condition may be given by its own name, and its type is checked here",
    r"get task NAME/List(Tasks|Versions)/.*": "all versions of the task are shown, where the reference shows the latest",
    r"get secret.*/ListSecrets/0/limit": "fewer round trips: a page has 100 secrets, there 10",
    r"create trigger/DeployTrigger/0/spec/description": "`--description` is kept, where the reference loses it",
    r"deploy again/GetTaskDetails/.*": "a version that is there is looked at, to tell whether it is the same",
    r"rerun with inputs/GetActionDetails/.*": "the inputs are read by the types of the action",
}
"""Paths of what may differ (command/method/number of the call/field), and why."""


LIVE = [
    "create project",
    "update project",
    "run",
    "get run NAME",
    "deploy with an image",
    "deploy all files",
    "get task NAME",
    "create trigger without schedule",
    "get trigger",
    "create secret",
    "create artifact",
    "get artifact NAME VERSION",
]
"""Commands that the reference runs here each time: of each kind one, and what they need."""


def flat(item: dict[Any, Any] | list[Any] | str | float, path: str = "") -> dict[str, Any]:
    parts: Any = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
    found = {key: value for name, part in parts for key, value in flat(part, f"{path}/{name}").items()}
    return found or {path.removeprefix("/"): item}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What each command asks here, and there; on another version of Python than that of the record both sides are run."""
    theirs = read()["requests"] if is_recorded() else None
    programs = {"ours": OURS} if theirs else {"ours": OURS, "theirs": reference_program()}
    found = record(tmp_path_factory.mktemp("asked"), programs, FILES, COMMANDS)
    return found if theirs is None else {title: {**each, "theirs": theirs[title]} for title, each in found.items()}


@pytest.mark.parametrize("command", COMMANDS)
def test_requests_equal_those_of_the_reference(asked: dict[str, dict[str, Any]], command: str) -> None:
    sides = asked[command]
    for each in sides.values():
        if isinstance(each, AssertionError):
            raise each
    theirs, ours = flat(sides["theirs"], command), flat(sides["ours"], command)
    differing = {path for path in theirs.keys() | ours.keys() if theirs.get(path) != ours.get(path)}
    unexplained = {
        path: (theirs.get(path), ours.get(path))
        for path in sorted(differing)
        if not any(re.fullmatch(allowed, path) for allowed in ALLOWED)
    }
    assert not unexplained, "\n".join(
        f"{path}: {one!r} there, {other!r} here" for path, (one, other) in unexplained.items()
    )
    assert ours, "nothing was asked"


def test_the_record_is_of_this_release_and_of_these_commands() -> None:
    assert read()["version"] == VERSION
    assert read()["made_from"] == made_from(), f"a command has changed, or a file: {HOW}"
    assert read()["requests"].keys() == COMMANDS.keys()


@pytest.mark.skipif(not is_recorded(), reason="on this version of Python all commands of the reference are run")
def test_the_reference_asks_what_is_recorded(tmp_path: Path) -> None:
    commands = {title: command for title, command in COMMANDS.items() if title in LIVE}
    assert commands.keys() == {*LIVE}
    live = record(tmp_path, {"theirs": reference_program()}, FILES, commands)
    for title in commands:
        asked = live[title]["theirs"]
        if isinstance(asked, AssertionError):
            raise asked
        assert flat(asked, title) == flat(read()["requests"][title], title), f"the record is an old one: {HOW}"
