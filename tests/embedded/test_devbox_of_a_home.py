"""Every command that asks a control plane, with `--devbox -p PROJECT -d DOMAIN -of json`: in a home that has no configuration.

What is made in another project and domain is found there, and not in the devbox's own.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.cli.test_terminal import Terminal
from tests.hub import Hub, Repository

from .running import until
from .test_noun_commands import Shell
from .test_other_project import PROGRAM as SHOP

PROGRAM = f"""{SHOP}

@env.task(entrypoint=True)
def square(n: int) -> int:
    return n * n


@env.task
def levels() -> None:
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(flyte.logger, level)("at " + level)
"""
PLACE = ("-p", "other", "-d", "staging", "--devbox")
LEVELS = ("debug", "info", "warning", "error", "critical")
CARDS = ("html", "md", "json", "yaml", "csv", "tsv", "png", "jpg", "jpeg")
PHASES = "queued waiting_for_resources initializing running paused succeeded failed aborted timed_out recovered".split()


class Home(Shell):
    """The command in a home with a devbox."""

    def there(self, *words: str) -> Any:
        """Return what a command tells about the other project of the devbox."""
        return json.loads(self(*words, *PLACE, "-of", "json"))

    def begin(self, name: str, *words: str) -> Any:
        """Return what `flyte run` tells about a run there."""
        return json.loads(self("run", *PLACE, "-of", "json", "--name", name, *words))


@pytest.fixture(scope="module")
def flyte(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("home"))
    (home.folder / "shop.py").write_text(PROGRAM)
    home("start", "devbox", "--port", "0")
    try:
        home.there(
            "create", "project", "--id", "other", "--name", "Other", "--description", "one more", "-l", "team=ml"
        )
        home("create", "config", "--devbox", "--output", "config.yaml")
        place = ("-p", "other", "-d", "staging", "-of", "json")
        home(
            "-c",
            "config.yaml",
            "deploy",
            "--version",
            "v1",
            "--all",
            "--root-dir",
            ".",
            "--no-sync-local-sys-paths",
            "shop.py",
            *place,
        )
        home.begin("one", "--follow", "--root-dir", str(home.folder), "shop.py", "main", "--n", "3")
        yield home
    finally:
        home("stop", "devbox")


def test_projects(flyte: Home) -> None:
    (made,) = flyte.there("get", "project", "other")
    assert (made["name"], made["description"], made["labels"]) == ("Other", "one more", {"values": {"team": "ml"}})
    told = flyte.there("update", "project", "other", "--name", "New", "--description", "changed", "-l", "a=b")
    assert [told] == flyte.there("get", "project", "other")
    assert (told["name"], told["description"], told["labels"]) == ("New", "changed", {"values": {"a": "b"}})
    flyte.there("update", "project", "other", "--archive")
    assert [each["id"] for each in flyte.there("get", "project", "--archived")] == ["other"]
    flyte.there("update", "project", "other", "--unarchive")
    assert flyte.there("get", "project", "--archived") == []


def test_what_a_run_has(flyte: Home) -> None:
    assert flyte.there("get", "run", "one")["name"] == "one"
    assert "one" not in {each["name"] for each in json.loads(flyte("get", "run", "--devbox", "-of", "json"))}
    assert flyte.there("get", "action", "one", "a0")["phase"] == "succeeded"
    assert flyte.there("get", "io", "one")["inputs"] == {"n": 3}
    assert flyte.there("get", "io", "one", "--inputs-only").keys() == {"inputs"}
    assert flyte.there("get", "io", "one", "--outputs-only").keys() == {"outputs"}
    assert "beginning" in json.dumps(flyte.there("get", "logs", "one"))
    assert flyte("get", "logs", "one", "--lines", "1", *PLACE).count("\n") == 1
    assert "beginning" in flyte("get", "logs", "one", "--follow", "--attempt", "1", *PLACE)
    flyte.there("get", "report", "one", "--output", "report.html")
    assert "reported" in (flyte.folder / "report.html").read_text()
    flyte.there("get", "code", "one", "--attempt", "1", "--dest", "code")
    assert (flyte.folder / "code" / "shop.py").read_text() == PROGRAM
    assert flyte.there("watch", "one", "--interval", "0.1")["phase"] == "succeeded"


def test_runs_by_phase(flyte: Home) -> None:
    found = {phase: [each["name"] for each in flyte.there("get", "run", "--in-phase", phase)] for phase in PHASES}
    assert "one" in found.pop("succeeded")
    assert not any("one" in names for names in found.values())
    parts = {phase: len(flyte.there("get", "action", "one", "--in-phase", phase)) for phase in ("succeeded", "failed")}
    assert parts == {"succeeded": 2, "failed": 0}


def test_runs_again(flyte: Home) -> None:
    again = ("rerun", "one", "--name", "two", "--env", "COLOUR=red", "--label", "team=ml", "--follow")
    assert flyte.there(*again)["phase"] == "succeeded"
    assert [each["name"] for each in flyte.there("get", "run", "--with-label", "team=ml")] == ["two"]
    (part,) = (each for each in flyte.there("get", "action", "one") if each["task"] == "elsewhere.part")
    told = flyte.there("rerun", "one", "--name", "three", "--action-name", part["name"], "--follow")
    assert told["outputs"] == {"o0": 3}
    assert flyte.there("diff", "one", "two")
    flyte.begin("five", "--follow", "shop.py", "square", "--n", "5")
    assert flyte.there("replay", "five", "a0", "--dest", "replayed")["outputs"] == {"o0": 25}
    assert (flyte.folder / "replayed" / "shop.py").read_text() == PROGRAM
    flyte.begin("four", "deployed-task", "-p", "other", "-d", "staging", "elsewhere.part", "--n", "4")
    until(lambda: flyte.there("get", "run", "four")["phase"] == "succeeded", "the deployed task has run")


def test_what_waits(flyte: Home) -> None:
    for name in ("asked", "ended", "left"):
        flyte.begin(name, "shop.py", "asks")
        until(lambda name=name: flyte.there("get", "condition", name), f"`{name}` waits")
    flyte.there("signal", "condition", "asked", "go", "true")
    until(lambda: flyte.there("get", "run", "asked")["phase"] == "succeeded", "the answer comes")
    flyte.there("abort", "run", "ended", "--reason", "not needed")
    until(lambda: flyte.there("get", "run", "ended")["phase"] == "aborted", "the run is over")
    assert "not needed" in flyte("get", "run", "ended", *PLACE)
    (waiting,) = (each for each in flyte.there("get", "action", "left") if each["name"] != "a0")
    flyte.there("abort", "action", "left", waiting["name"], "--reason", "not this")
    until(lambda: flyte.there("get", "action", "left", waiting["name"])["phase"] == "aborted", "the action is over")
    assert "not this" in flyte("get", "action", "left", waiting["name"], *PLACE)
    until(lambda: flyte.there("get", "run", "left")["phase"] in {"failed", "aborted"}, "its run is over")


def test_tasks_and_triggers(flyte: Home) -> None:
    assert len(flyte.there("get", "task", "--limit", "2")) == 2
    assert {each["taskId"]["name"] for each in flyte.there("get", "task", "--entrypoint")} == {"elsewhere.square"}
    assert "elsewhere.square" not in {each["taskId"]["name"] for each in flyte.there("get", "task", "--no-entrypoint")}
    made = flyte.there("create", "trigger", "elsewhere.part", "hourly", "--auto-activate", "--description", "x")
    assert made["id"]["name"]["name"] == "hourly"
    assert [each["id"]["name"]["name"] for each in flyte.there("get", "trigger", "--limit", "1")]
    flyte.there("update", "trigger", "hourly", "elsewhere.part", "--deactivate")
    assert not flyte.there("get", "trigger", "elsewhere.part", "hourly")["spec"].get("active")
    flyte.there("delete", "trigger", "hourly", "elsewhere.part")
    assert flyte.there("get", "trigger", "elsewhere.part") == []


def test_secrets(flyte: Home) -> None:
    (flyte.folder / "value").write_text("hidden")
    made = flyte.there("create", "secret", "KEPT", "--type", "regular", "--from-file", "value")
    assert made == {"name": "KEPT", "type": "regular"}
    assert [each["id"]["domain"] for each in flyte.there("get", "secret", "KEPT")] == ["staging"]
    assert json.loads(flyte("get", "secret", "--devbox", "-of", "json", "-p", "flytesnacks")) == []
    flyte.there("delete", "secret", "KEPT")
    pool = ("--cluster-pool", "pool", "--devbox")
    flyte("create", "secret", "POOLED", "--value", "x", *pool)
    assert [each["id"]["name"] for each in json.loads(flyte("get", "secret", *pool, "-of", "json"))] == ["POOLED"]
    flyte("delete", "secret", "POOLED", *pool)


@pytest.mark.parametrize("kind", ["model", "data", "generic"])
def test_artifacts(flyte: Home, kind: str) -> None:
    (flyte.folder / "card").write_text("{}")
    made = flyte.there(
        *(
            "create",
            "artifact",
            f"of-{kind}",
            "--from-file",
            "shop.py",
            "--kind",
            kind,
            "--description",
            "found by this",
        ),
        *("--external-ref", "hf://x", "--card", "card", "--card-format", "json", "--card-type", kind),
    )
    assert made
    names = [
        each["artifactId"]["name"]["name"] for each in flyte.there("get", "artifact", "--kind", kind, "--search", "of-")
    ]
    assert names == [f"of-{kind}"]
    found = flyte.there(
        "get", "artifact", f"of-{kind}", "--source-external-ref", "hf://x", "--created-after", "2026-01-01"
    )
    assert len(found) == 1


def test_forms_of_cards(flyte: Home) -> None:
    (flyte.folder / "card").write_bytes(b"a card")
    make = ("create", "artifact", "cards", "--from-file", "shop.py", "--card", "card", *PLACE)
    for form in CARDS:
        flyte(*make, "--version", f"as-{form}", "--card-format", form)
    kept = {each["artifactId"]["version"]: each for each in flyte.there("get", "artifact", "cards")}
    forms = {version: each["spec"]["info"]["card"]["format"] for version, each in kept.items()}
    assert forms == {f"as-{form}": form for form in CARDS}


@pytest.mark.parametrize("level", LEVELS)
def test_levels_of_logs_are_those_of_the_task(flyte: Home, level: str) -> None:
    # The format of the log is the run's too; each of the two is tried.
    form = "json" if level == "warning" else "console"
    options = ("--user-log-level", level, "--log-format", form)
    flyte(*options, "run", *PLACE, "--name", f"at-{level}", "--follow", "shop.py", "levels")
    lines = flyte("get", "logs", f"at-{level}", *PLACE).splitlines()
    assert [line.endswith("}") for line in lines] == [form == "json"] * len(lines)
    told = [each for each in LEVELS if any(f"at {each}" in line for line in lines)]
    assert told == list(LEVELS[LEVELS.index(level) :])


def test_options_before_the_command(flyte: Home) -> None:
    record = json.loads((flyte.folder / ".flyte" / "devbox" / "devbox.json").read_text())
    where = ("--endpoint", f"localhost:{record['port']}", "--insecure", "-v")
    assert "other" in {each["id"] for each in json.loads(flyte(*where, "get", "project", "-of", "json"))}
    place = ("-p", "other", "-d", "staging")
    flyte(*where, "--org", "acme", "run", *place, "--name", "of-acme", "--follow", "shop.py", "square", "--n", "2")
    assert flyte.there("get", "io", "of-acme")["outputs"] == {"o0": 4}


def test_a_run_here_that_is_reported_strictly(flyte: Home) -> None:
    words = ("-p", "other", "-d", "staging", "--name", "told", "--tracked", "--tracked-strict")
    flyte("-c", "config.yaml", "run", "--local", *words, "shop.py", "square", "--n", "6")
    assert flyte.there("get", "io", "told")["outputs"] == {"o0": 36}


def test_the_text_interface(flyte: Home) -> None:
    flyte.begin("seen", "--follow", "shop.py", "square", "--n", "2")
    there = ("--config", "config.yaml", *PLACE, "--poll-interval", "0.5")
    flyte("run", "--local", "--name", "seen-here", "shop.py", "square", "--n", "2")
    for words, seen in ((there, "seen"), (("--local",), "seen-here")):
        terminal = Terminal(flyte.folder, "start", "tui", *words)
        terminal.wait_for(seen)
        terminal.type("q")
        terminal.end()
        assert terminal.process.returncode == 0, terminal.shown
    terminal = Terminal(flyte.folder, "run", "--local", "--tui", "shop.py", "square", "--n", "7")
    terminal.wait_for("succeeded")
    terminal.type("q")
    assert "49" in terminal.end()
    assert terminal.process.returncode == 0, terminal.shown


def test_apps_are_refused(flyte: Home) -> None:
    for words in ("get app x", "update app x --activate", "delete app x", "proxy app x --port 0"):
        said = flyte(*words.split(), *PLACE, code=5)
        assert "the devbox does not run apps yet\nhint: a Flyte 2 cluster does" in said


def test_a_model_is_copied_there(flyte: Home) -> None:
    words = "--architecture Own --task embedding --modality image --modality text --format gguf --model-type own"
    resources = "--force 1 --disk 1Gi --cpu 1 --mem 1Gi --shm auto --hf-token-key= --wait"
    with Hub({"org/model": Repository({"config.json": b"{}", "model.gguf": b"weights"})}) as hub:
        make = ("prefetch", "hf-model", "org/model", "--artifact-name", "mine", *words.split(), *resources.split())
        made = json.loads(flyte(*make, *PLACE, "-of", "json", HF_ENDPOINT=hub.url))
    assert made["phase"] == "succeeded"
    (artifact,) = flyte.there("get", "artifact", "mine")
    facts = artifact["spec"]["info"]["userMetadata"]
    expected = {"architecture": "Own", "task": "embedding", "modality": "image,text", "serial_format": "gguf"}
    assert expected.items() <= facts.items()
    assert facts["model_type"] == "own"


def test_settings_and_who_asks(flyte: Home) -> None:
    (flyte.folder / "settings.yaml").write_text("run.default_queue: slow\n")
    assert flyte.there("edit", "settings", "--from-file", "settings.yaml")
    assert flyte.there("get", "settings")["settings"] == {"run.default_queue": "slow"}
    assert flyte.there("whoami")
    assert flyte.there("config", "check")


@pytest.mark.parametrize("form", ["table", "json", "yaml", "table-simple", "json-raw"])
def test_forms_of_output(flyte: Home, form: str) -> None:
    before, behind = flyte("-of", form, "get", "run", *PLACE), flyte("get", "run", *PLACE, "-of", form)
    # How wide a column is depends on how long ago something was.
    assert behind.splitlines()[0].split() == before.splitlines()[0].split()
    assert "one" in behind
