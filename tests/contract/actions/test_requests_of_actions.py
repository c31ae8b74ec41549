"""What an action asks of its control plane equals what PyPI flyte 2.12.1 asks, field by field.

Both run the program beside this file with their own `a0`, on our devbox, through Actions and through Queue and State.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from .asked import SERVICES, record_all

HERE = Path(__file__).resolve().parent
RECORDED = json.loads((HERE / "recorded-2.12.1.json").read_text())
ALLOWED = {
    r"specs/.*/task_template/metadata/runtime/version": "the version of the SDK",
    r"objects/[^/]+/error\.pb/error/(message|origin)": "the error of a traced call has its traceback, and says that the user's code raised it",
    r"requests/<(letters|digits)>/.*/type/.*|objects/<(letters|digits)>/outputs.pb/.*": (
        "the items of a traced generator are a list of their type, which can be shown; there they are a pickle"
    ),
    r"(requests|objects)/<untyped>/.*": (
        "what a traced function returns is recorded also where it has no annotation: otherwise a later attempt would get None"
    ),
    r"requests/watch/0/.*": "an action that makes traced calls only does not watch for children",
}
"""Paths of what may differ, and why."""


def flat(item: Any, path: str = "") -> dict[str, Any]:
    parts = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
    found = {key: value for name, part in parts for key, value in flat(part, f"{path}/{name}").items()}
    return found or {path.removeprefix("/"): item}


def readable(found: dict[str, Any], *, names: bool) -> dict[str, Any]:
    """Call traced calls by their function, and leave out their names if these depend on the version of Python."""
    text = json.dumps(found)
    numbers: dict[str, int] = {}
    for action, requests in found["requests"].items():
        trace = requests[0].get("action", requests[0]).get("trace")
        if trace is None or action.startswith("<"):
            continue
        numbers[trace["name"]] = number = numbers.get(trace["name"], 0) + 1
        label = f"<{trace['name']}>" if number == 1 else f"<{trace['name']} {number}>"
        text = text.replace(f'"{action}": ', f'"{label}": ').replace(f'"{action}/', f'"{label}/')
        if not names:
            text = text.replace(action, "<name>")
    return json.loads(text if names else numbered(json.loads(text)))


def numbered(found: dict[str, Any]) -> str:
    """Call actions by the order of what is asked of them, in place of the names that are made of their content."""
    actions = [name for name in found["requests"] if re.fullmatch("[0-9a-z]{20,25}", name)]
    any_name = re.compile("|".join(actions) or "$^")

    def content(action: str) -> str:
        objects = {path: item for path, item in found.get("objects", {}).items() if path.startswith(f"{action}/")}
        return any_name.sub("<name>", json.dumps([found["requests"][action], objects]))

    labels = {action: f"<action {number}>" for number, action in enumerate(sorted(actions, key=content))}
    text = any_name.sub(lambda match: labels[match[0]], json.dumps(found))
    return re.sub(r'"discovery_version": "[0-9a-f]{64}"', '"discovery_version": "<version>"', text)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return record_all(tmp_path_factory.mktemp("asked"), Path(sys.executable))


@pytest.mark.parametrize(
    ("service", "task"), [(service, name) for service, (_, names) in SERVICES.items() for name in names]
)
def test_requests_equal_those_of_the_reference(ours: dict[str, Any], service: str, task: str) -> None:
    # `ast.dump`, of which versions for the cache and with them names are made, says the same in other words from version to
    # version; `tests/contract/types` compares the names for each.
    names = "{}.{}".format(*sys.version_info) == RECORDED["python"]
    theirs = flat(readable(RECORDED[service][task], names=names))
    found = flat(readable(ours[service][task], names=names))
    differing = {path for path in theirs.keys() | found.keys() if theirs.get(path) != found.get(path)}
    unexplained = {
        path: (theirs.get(path), found.get(path))
        for path in sorted(differing)
        if not any(re.fullmatch(allowed, path) for allowed in ALLOWED)
    }
    assert not unexplained
    assert len(found) > 50


def test_calls_that_are_equal_have_names_of_their_own(ours: dict[str, Any]) -> None:
    asked = [
        requests[0]["action"]["trace"]["name"]
        for requests in ours["actions"]["calls"]["requests"].values()
        if "action" in requests[0]
    ]
    assert asked.count("ask") == 4
