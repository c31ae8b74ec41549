"""`--local` means this machine's history, also where a control plane is configured, which then is not asked."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.places import Place

PROGRAM = """\
import logging

import flyte
import flyte.report

env = flyte.TaskEnvironment("steps")


@env.task(report=True, cache="auto")
async def main(n: int = 1) -> int:
    print("beginning", flush=True)
    await flyte.report.log.aio("<p>reported</p>", do_flush=True)
    return n


@env.task
def asks() -> bool:
    return flyte.new_condition("go", prompt="Go on?").wait()


@env.task
def tells() -> None:
    flyte.logger.warning("from the task")
    logging.getLogger("library").warning("from a library")
"""
NOWHERE = (
    "admin:\n  endpoint: http://localhost:1\n  insecure: true\ntask:\n  project: flytesnacks\n  domain: development\n"
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("home"), PROGRAM)
    (place.folder / ".flyte").mkdir()
    (place.folder / ".flyte" / "config.yaml").write_text(NOWHERE)
    place.raw("run", "--local", "--name", "one", "steps.py", "main", "--n", "3")
    return place


def told(place: Place, *words: str) -> Any:
    return json.loads(place.raw(*words, "-of", "json"))


def test_what_a_run_of_this_machine_has(place: Place) -> None:
    assert "exit code 5" in place.shows("get", "run", "one")
    assert told(place, "get", "run", "one", "--local")["phase"] == "succeeded"
    assert [each["name"] for each in told(place, "get", "action", "one", "--local")] == ["a0"]
    assert told(place, "get", "io", "one", "--local") == {"inputs": {"n": 3}, "outputs": {"o0": 3}}
    assert [each["text"] for each in told(place, "get", "logs", "one", "--local")] == ["beginning"]
    assert "<p>reported</p>" in told(place, "get", "report", "one", "--local")["html"]
    refused = place.shows("get", "code", "one", "--local")
    assert "whose code is not kept" in refused
    assert refused.endswith("exit code 2")
    assert told(place, "why", "one")["cache"] == "populated"
    assert told(place, "watch", "one", "--local")["phase"] == "succeeded"


def test_a_run_of_this_machine_is_answered(place: Place) -> None:
    waiting = place.start("run", "--local", "--name", "asked", "steps.py", "asks")
    try:
        place.until("get", "condition", "asked", "--local", has="Go on?")
        assert [each["name"] for each in told(place, "get", "condition", "asked", "--local")] == ["go"]
        told(place, "signal", "condition", "asked", "go", "true", "--local")
        out, err = waiting.communicate(timeout=180)
        assert waiting.returncode == 0, err
        assert "result    True" in out
    finally:
        waiting.kill()
        waiting.communicate()


def test_what_is_deleted(place: Place) -> None:
    for name in ("here", "there"):
        place.raw("run", "--local", "--name", name, "-p", name, "-d", "staging", "steps.py", "main")
    deleted = told(place, "delete", "run", "--created-before", "2100-01-01", "-p", "here", "-d", "staging")
    assert deleted == {"deleted": ["here"]}
    assert "there" in [each["name"] for each in told(place, "get", "run", "--local")]
    (kept,) = told(place, "delete", "local-cache")["deleted"]
    assert Path(kept).name == "cache.db"
    assert not Path(kept).exists()


def test_other_libraries_log_as_flyte_does(place: Place) -> None:
    words = ("--log-format", "json", "run", "--local", "steps.py", "tells")
    assert "! from a library" in place.shows(*words).splitlines()
    shown = place.shows("--reset-root-logger", *words)
    messages = {json.loads(line[2:])["message"] for line in shown.splitlines() if line.startswith("! {")}
    assert messages == {"from the task", "from a library"}
