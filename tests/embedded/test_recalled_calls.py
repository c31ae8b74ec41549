"""What an attempt has done is not done again by the next one: traced calls, durable time, answers, on a devbox."""

import json

import pytest

import flyte
import flyte.errors
import flyte.remote
from flyte_models.phases import ActionPhase

from .running import command, load, until


@pytest.fixture(scope="module")
def recalled():
    return load("recalled")


@pytest.fixture
def notes(tmp_path):
    return tmp_path / "notes"


def test_traced_calls_are_made_once(config, recalled, notes) -> None:
    run = flyte.run(recalled.remember, str(notes))
    run.wait(quiet=True)
    run.raise_for_status()
    assert run.outputs()[:3] == ("WHYWHYHOW", [3, 6, 0, 1], ["a", "b"])
    lines = notes.read_text().split("\n")[:-1]
    assert len({line for line in lines if line.startswith("began")}) == 1
    assert [line for line in lines if not line.startswith("began")] == [
        *("ask why", "ask why", "ask how", "outer", "count 1", "count 5", "digit 0", "digit 1", "letter a", "letter b"),
        # What fails is no result: it is called again, and then it is.
        *("shaky", "caught", "shaky"),
    ]
    traces = {each.name: each for each in flyte.remote.Action.listall(run.name) if each.name != "a0"}
    named = sorted(each.pb2.metadata.trace.name for each in traces.values())
    assert named == sorted(["ask"] * 3 + ["count"] * 2 + ["outer", "digits", "letters", "shaky", "durable_time"])
    assert {each.pb2.metadata.group for each in traces.values()} == {"", "some"}
    assert {each.phase for each in traces.values()} == {ActionPhase.SUCCEEDED}
    asked = next(each for each in traces.values() if each.pb2.metadata.group == "some")
    assert "HOW" in command(config, "get", "io", f"{run.name}/{asked.name}", "-of", "json")


def test_in_the_thread_of_a_sync_body_too(config, recalled, notes) -> None:
    run = flyte.run(recalled.remember_in_a_thread, str(notes))
    run.wait(quiet=True)
    assert run.outputs()[0] == [2, 0, 1]
    assert notes.read_text().split() == ["count", "1", "digit", "0", "digit", "1"]


def test_conditions_are_answered_from_the_command_line(config, recalled, notes) -> None:
    run = flyte.run(recalled.asking, str(notes))
    shown = until(lambda: json.loads(command(config, "get", "condition", run.name, "-of", "json")), "it asks")
    assert [(each["name"], each["type"], each["prompt"], each["description"]) for each in shown] == [
        ("sure", "bool", "Go on?", "about the whole")
    ]
    said = command(config, "signal", "condition", run.name, "sure", "no")
    assert "Answered condition `sure`" in said
    for name, value in (("many", "3"), ("much", "0.5"), ("what", "two words")):
        until(lambda name=name: flyte.remote.Condition.get(name, run_name=run.name), f"`{name}` is asked")
        command(config, "signal", "condition", run.name, name, value)
    run.wait(quiet=True)
    # Once: the second attempt has the answer that the first one got.
    assert tuple(run.outputs()) == (False, 3, 0.5, "two words")
    assert notes.read_text().split() == ["sure", "sure"]


def test_a_condition_that_nobody_answers_times_out(config, recalled) -> None:
    run = flyte.run(recalled.asking_in_a_thread)
    run.wait(quiet=True)
    with pytest.raises(flyte.errors.RuntimeUserError, match="nobody answered condition `quick` in time") as caught:
        run.raise_for_status()
    assert caught.value.code == "ConditionTimedoutError"
