"""Commands take `-p` and `-d` to another project and domain than the configuration's, and hints say how to get there again."""

from pathlib import Path

import pytest

from .running import running, until, write_config
from .test_noun_commands import Shell

PROGRAM = """
import flyte
import flyte.artifacts
import flyte.io
import flyte.report

env = flyte.TaskEnvironment("elsewhere")
daily = flyte.Trigger("daily", flyte.Cron("0 3 * * *"), inputs={"n": 2})


@env.task
def part(n: int) -> int:
    print("counting", flush=True)
    return n


@env.task(report=True, produces_artifacts=True, triggers=daily)
async def main(n: int = 1) -> flyte.io.File:
    print("beginning", flush=True)
    with open("text", "w") as file:
        file.write(str(await part.aio(n)))
    await flyte.report.log.aio("<p>reported</p>", do_flush=True)
    return flyte.artifacts.new(await flyte.io.File.from_local("text"), flyte.artifacts.Metadata(name="counted"))


@env.task
def asks() -> bool:
    return flyte.new_condition("go", prompt="Go on?").wait()
"""
PLACE = ("-p", "other", "-d", "staging")


@pytest.fixture(scope="module")
def flyte(tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "shop.py").write_text(PROGRAM)
    (folder / ".flyte").mkdir()
    with running(tmp_path_factory.mktemp("devbox")) as port:
        write_config(folder / ".flyte" / "config.yaml", port)
        shell = Shell(folder)
        shell("create", "project", "--id", "other", "--name", "Other")
        shell("deploy", *PLACE, "shop.py", "env")
        shell("run", *PLACE, "--name", "one", "--follow", "shop.py", "main", "--n", "3")
        yield shell


def test_runs_are_found_there_and_only_there(flyte) -> None:
    assert [each["name"] for each in flyte.json("get", "run", *PLACE)] == ["one"]
    assert flyte.json("get", "run") == []
    assert "no run `one`" in flyte("get", "run", "one", code=2)
    assert "no run `one`" in flyte("get", "report", "one", code=2)
    assert {each["phase"] for each in flyte.json("get", "action", "one", *PLACE)} == {"succeeded"}
    assert flyte.json("get", "io", "one", *PLACE)["inputs"]
    assert "beginning" in flyte("get", "logs", "one", *PLACE)
    assert flyte("get", "logs", "one", *PLACE, "--pretty", "--filter-system", "--show-ts").count("beginning") == 1
    assert "reported" in flyte("get", "report", "one", *PLACE)
    assert "shop.py" in flyte("get", "code", "one", *PLACE)
    flyte("get", "code", "one", *PLACE, "-o", "kept", "--no-extract")
    assert [each.name for each in (flyte.folder / "kept").iterdir()] == ["code_bundle.tar.gz"]
    assert "succeeded" in flyte("watch", "one", *PLACE)


def test_the_hint_of_a_run_elsewhere_works_as_it_is(flyte) -> None:
    told = flyte("run", *PLACE, "--name", "hinted", "shop.py", "main")
    following = told.partition("next      flyte ")[2].split()
    assert following == ["get", "run", "hinted", *PLACE]
    assert "hinted" in flyte(*following)
    again = flyte("rerun", "hinted", *PLACE, "--name", "hinted-again")
    assert again.partition("next      flyte ")[2].split() == ["get", "run", "hinted-again", *PLACE]
    named = flyte("run", *PLACE, "--name", "deployed", "deployed-task", "elsewhere", "main", "--n", "5")
    assert "runs/deployed" in named


def test_a_task_that_is_not_there_is_said_with_where_it_was_looked_for(flyte) -> None:
    here = "in `flytesnacks/development`"
    assert f"there is no task `elsewhere` {here}" in flyte("run", "deployed-task", "elsewhere", "main", code=2)
    assert f"there is no task `elsewhere.main` {here}" in flyte("run", "deployed-task", "elsewhere.main", code=2)
    assert "there is no task `elsewhere.none` in `other/staging`" in flyte(
        "run", *PLACE, "deployed-task", "elsewhere", "none", code=2
    )
    assert "there is no task `elsewhere.main` of version `zz` in `other/staging`" in flyte(
        "run", *PLACE, "deployed-task", "elsewhere", "main:zz", code=2
    )


def test_runs_are_run_again_there(flyte) -> None:
    assert "result" in flyte("rerun", "one", *PLACE, "--name", "two", "--follow")
    differences = flyte.json("diff", "one", "two", *PLACE)
    assert differences
    forced = ("--recover", "--force-rerun-action", "a0")
    assert "result" in flyte("rerun", "one", *PLACE, "--name", "three", "--follow", *forced)
    assert "result" in flyte("rerun", "one", *PLACE, "--name", "four", "--follow", "--allow-missing-outputs")
    assert "result" in flyte("replay", "one", "a0", *PLACE)


def test_what_waits_there_is_answered_and_aborted(flyte) -> None:
    for name in ("asked", "ended"):
        flyte("run", *PLACE, "--name", name, "shop.py", "asks")
        until(lambda name=name: flyte.json("get", "condition", name, *PLACE), f"`{name}` waits")
    assert "with true" in flyte("signal", "condition", "asked", "go", "true", *PLACE)
    assert "is being aborted" in flyte("abort", "run", "ended", *PLACE)
    assert "no run `ended`" in flyte("abort", "run", "ended", code=2)


def test_tasks_triggers_and_secrets_are_kept_there(flyte) -> None:
    assert {each["taskId"]["name"] for each in flyte.json("get", "task", *PLACE)} == {
        "elsewhere.main",
        "elsewhere.part",
        "elsewhere.asks",
    }
    assert flyte.json("get", "task") == []
    assert flyte.json("get", "trigger", "elsewhere.main", "daily", *PLACE)["spec"]["active"]
    assert "is inactive" in flyte("update", "trigger", "daily", "elsewhere.main", "--deactivate", *PLACE)
    assert "Deleted" in flyte("delete", "trigger", "daily", "elsewhere.main", *PLACE)
    flyte("create", "secret", "ELSEWHERE", "--value", "x", *PLACE)
    assert "staging" in flyte("get", "secret", "ELSEWHERE", *PLACE)
    assert "Deleted" in flyte("delete", "secret", "ELSEWHERE", *PLACE)


def test_artifacts_are_narrowed_down_there(flyte) -> None:
    made_by = ("--source-run", "one", "--source-action", "a0")
    assert len(flyte.json("get", "artifact", "counted", *made_by, *PLACE)) == 1
    flyte("run", *PLACE, "--name", "later", "--follow", "shop.py", "main")
    assert len(flyte.json("get", "artifact", "counted", *PLACE)) > 1
    assert len(flyte.json("get", "artifact", "counted", "--latest-per-partition", *PLACE)) == 1
    card = flyte.folder / "card.md"
    Path(card).write_text("# Counted")
    made = ("--from-file", "shop.py", "--card", "card.md", "--card-type", "data")
    flyte("create", "artifact", "described", *made, *PLACE)
    assert "described" in flyte("get", "artifact", *PLACE)
    assert "described" not in flyte("get", "artifact")
