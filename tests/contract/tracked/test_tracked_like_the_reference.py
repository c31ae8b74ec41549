"""What a control plane is told of a tracked run equals what PyPI flyte 2.12.1 tells, field by field.

The reference tells of each phase when it comes, and ours of what has changed since the last time, so what is compared is what the
control plane knows in the end. Exempt are times, names of actions (each SDK derives its own), the numbers of updates, the release
of the SDK, the variables of the run, how long an upload may take, and the text of an error, which in the reference is a `repr`.
"""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.embedded.running import end, start

import flyte

from . import record

HERE = Path(__file__).resolve().parent
EXEMPT = {
    "expires_in",
    "run_start_time",
    "updated_time",
    "reported_time",
    "start_time",
    "end_time",
    "version",
    "discovery_version",
    "envs",
    "content_md5",
    "cache_status",
    "image",
    "message",
    "code",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory) -> list[tuple[str, dict[str, Any]]]:
    """What ours tells, as data."""
    specification = importlib.util.spec_from_file_location("program", HERE / "program.py")
    assert specification is not None
    assert specification.loader is not None
    program = sys.modules["program"] = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(program)
    server, port = start(tmp_path_factory.mktemp("told") / "devbox")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        try:
            return record.told(program, port)
        finally:
            flyte.init()
            del sys.modules["program"]
            end(server)


RECORDED: list[tuple[str, dict[str, Any]]] = [
    (name, body) for name, body in json.loads((HERE / "recorded-2.12.1.json").read_text())
]


def labels_of(told: list[tuple[str, dict[str, Any]]]) -> dict[str, str]:
    """Give a name to each action that both sides share."""
    found = {"a0": "a0"}
    for name, body in told:
        for update in body.get("updates", ()) if name == "ReportActions" else ():
            if "task" in update or "trace" in update:
                what = update["trace"]["name"] if "trace" in update else update["task"]["spec"]["short_name"]
                found[update["event"]["id"]["name"]] = what
    return found


def plain(value: Any, labels: dict[str, str]) -> Any:
    """Leave out what is exempt, and name actions as both sides do."""
    if isinstance(value, dict):
        made = {key: plain(each, labels) for key, each in value.items() if key not in EXEMPT}
        # How its code is found in a container differs: a local run has none.
        return {key: each for key, each in made.items() if key != "args"}
    if isinstance(value, list):
        return [plain(each, labels) for each in value]
    if isinstance(value, str):
        for action, label in labels.items():
            value = label if value == action else value.replace(f"/{action}/", f"/{label}/")
            if value.endswith(f"/{action}"):
                value = value.removesuffix(action) + label
        before, uploads, after = value.partition("/uploads/")
        return f"store:/{uploads}{after}" if uploads and not before.startswith("http") else value
    return value


def known_in_the_end(told: list[tuple[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    labels = labels_of(told)
    found: dict[str, dict[str, Any]] = {}
    for name, body in told:
        for update in body["updates"] if name == "ReportActions" else ():
            found.setdefault(labels[update["event"]["id"]["name"]], {}).update(plain(update, labels))
    return found


def test_the_control_plane_knows_the_same_of_each_action(told) -> None:
    assert known_in_the_end(told) == known_in_the_end(RECORDED)


def test_the_run_is_made_alike(told) -> None:
    (ours,) = (plain(body, {}) for name, body in told if name == "CreateRun")
    (theirs,) = (plain(body, {}) for name, body in RECORDED if name == "CreateRun")
    assert ours == theirs


def test_the_same_files_are_uploaded(told) -> None:
    def files(side: list[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        made = [plain(body, labels_of(side)) for name, body in side if name == "CreateUploadLocation"]
        return sorted(made, key=lambda body: (body["filename_root"], body["filename"]))

    assert files(told) == files(RECORDED)
