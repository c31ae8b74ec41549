"""The commands for what a control plane keeps, beside runs and tasks, against a devbox."""

import base64
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .running import running, until, write_config

PROGRAM = """
import datetime
import os

import flyte
import flyte.io

env = flyte.TaskEnvironment("shop")
hidden = flyte.TaskEnvironment("hidden", secrets="COLOUR")


@env.task
def count(n: int = 1, trigger_time: datetime.datetime | None = None) -> int:
    return n


@env.task
def price(item: int) -> int:
    return item


@hidden.task
def colour() -> str:
    return os.environ["COLOUR"]


@env.task
async def written() -> flyte.io.File:
    with open("text", "w") as file:
        file.write("kept")
    return await flyte.io.File.from_local("text")
"""
WAITING = """
import flyte

env = flyte.TaskEnvironment("waiting")
other: flyte.TaskEnvironment = env.clone_with("other")
number = 1


@env.task(triggers=flyte.Trigger("sometimes", flyte.Cron("0 3 * * *"), inputs={"n": 1}))
def main(n: int = 1) -> bool:
    print("asking", flush=True)
    return flyte.new_condition("go", prompt="Go on?").wait()
"""


class Shell:
    """The command in a folder that is configured for a devbox."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str, code: int = 0, **variables: str) -> str:
        """Run it, and return what it prints, or writes as an error where `code` is none of 0."""
        done = subprocess.run(
            [sys.executable, "-m", "flyte_cli.main", *words],
            cwd=self.folder,
            env={"HOME": str(self.folder), "PATH": os.environ["PATH"], **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stderr if code else done.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self("-of", "json", *words))


@pytest.fixture(scope="module")
def flyte(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.py").write_text(PROGRAM)
    (folder / ".flyte").mkdir()
    with running(tmp_path_factory.mktemp("devbox")) as port:
        write_config(folder / ".flyte" / "config.yaml", port)
        shell = Shell(folder)
        shell("deploy", "shop.py", "env")
        yield shell


def test_triggers(flyte) -> None:
    assert "starts it at `0 4 * * *`" in flyte("create", "trigger", "shop.count", "nightly", "--schedule", "0 4 * * *")
    made = flyte.json("get", "trigger", "shop.count", "nightly")
    assert made["automationSpec"]["schedule"]["kickoffTimeInputArg"] == "trigger_time"
    flyte("create", "trigger", "shop.price", "by_hand", "--no-auto-activate", "--description", "now and then")
    rows = {each["id"]["name"]["name"]: each.get("active", False) for each in flyte.json("get", "trigger")}
    assert rows == {"nightly": True, "by_hand": False}
    flyte("update", "trigger", "by_hand", "shop.price", "--activate")
    assert flyte.json("get", "trigger", "shop.price")[0]["active"]
    refused = flyte("create", "trigger", "shop.price", "broken", "--schedule", "0 4 * * *", code=2)
    assert "gives no value for the input `item`" in refused
    assert "no cron expression" in flyte("create", "trigger", "shop.count", "x", "--schedule", "never", code=5)
    assert "there is no task `shop.none`" in flyte("create", "trigger", "shop.none", "x", code=2)
    flyte("delete", "trigger", "by_hand", "shop.price")
    assert len(flyte.json("get", "trigger")) == 1


MISSING = """
get run nosuch; get action nosuch; get action nosuch a0; get action one nosuch; get io nosuch; get io one nosuch; get logs nosuch
get logs one nosuch; get report nosuch; get code nosuch; abort run nosuch; abort action nosuch a0; abort action one nosuch
rerun nosuch; rerun one --action-name nosuch; watch nosuch; diff nosuch one
get task no.such v1; get task shop.count nosuch; run deployed-task no such; run deployed-task shop nosuch
get project nosuch; update project nosuch --name x; deploy -p nosuch shop.py env; run -p nosuch shop.py count
get trigger shop.count nosuch; update trigger nosuch shop.count --activate; delete trigger nosuch shop.count
create trigger no.such x; get secret nosuch; delete secret nosuch; get artifact nosuch v1; get artifact nosuch latest
get condition nosuch; signal condition nosuch c yes; signal condition one nosuch yes
"""


@pytest.fixture(scope="module")
def one(flyte) -> None:
    flyte("run", "--follow", "--name", "one", "shop.py", "count")


@pytest.mark.parametrize("words", [each.strip() for each in MISSING.strip().replace("\n", ";").split(";")])
def test_a_name_that_is_not_there_is_a_wrong_command_line(flyte, one, words: str) -> None:
    said = flyte(*words.split(), code=2)
    assert "error: " in said
    assert "hint: " in said
    assert "Usage:" not in said


@pytest.mark.parametrize("noun", ["task", "artifact"])
def test_the_versions_of_a_name_that_is_not_there_are_an_empty_list(flyte, noun: str) -> None:
    """As with PyPI flyte 2.12.1, which exits with 0; people read on standard error that there is none (golden outputs)."""
    assert flyte.json("get", noun, "no.such") == []
    assert flyte("get", noun, "no.such") == ""


def test_secrets_of_all_projects_and_of_one(flyte) -> None:
    place = ("-p", "flytesnacks", "-d", "development")
    flyte("create", "secret", "COLOUR", "--value", "green")
    flyte("create", "secret", "COLOUR", "--value", "red", *place)

    def kept(*words: str) -> list[tuple[str, str]]:
        found = [each["id"] for each in flyte.json("get", "secret", *words)]
        return [(each.get("project", ""), each.get("domain", "")) for each in found]

    assert kept() == kept(*place) == [("", ""), ("flytesnacks", "development")]
    assert kept("-d", "production") == [("", "")]
    # A project's own comes first; without it the one of all is found.
    assert flyte.json("run", "--follow", "shop.py", "colour")["outputs"] == {"o0": "red"}
    flyte("delete", "secret", "COLOUR", *place)
    assert flyte.json("run", "--follow", "shop.py", "colour")["outputs"] == {"o0": "green"}
    flyte("delete", "secret", "COLOUR")
    assert "there is no secret `COLOUR`" in flyte("delete", "secret", "COLOUR", code=2)


DOCKER = {
    "auths": {
        "ghcr.io": {"auth": "bWU6aGlkZGVu", "email": "me@example.org"},
        "quay.io": {"username": "you", "password": "pw"},
        "kept.example.org": {},
    },
    "credHelpers": {"kept.example.org": "keeper"},
}
PULLS = """
import os

import flyte

names = ("ALL", "SOME", "USUAL")
env = flyte.TaskEnvironment("pulls", secrets=[flyte.Secret(name, as_env_var=name) for name in names])


@env.task
def kept() -> list[str]:
    return [os.environ[name] for name in names]
"""
KEEPER = """#!/bin/sh
read -r registry
printf '{"ServerURL": "%s", "Username": "%s", "Secret": "asked"}' "$registry" "$registry"
"""


def auth(text: str) -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode()}


@pytest.fixture
def docker(flyte, tmp_path) -> Path:
    """A configuration of docker beside one that keeps its credentials elsewhere, and a task that shows what was kept."""
    (flyte.folder / "pulls.py").write_text(PULLS)
    keeper = tmp_path / "bin" / "docker-credential-keeper"
    keeper.parent.mkdir()
    keeper.write_text(KEEPER)
    keeper.chmod(0o755)
    (tmp_path / "docker.json").write_text(json.dumps(DOCKER))
    return tmp_path / "docker.json"


def test_a_secret_of_what_docker_has_signed_in_to(flyte, docker) -> None:
    """What is kept is what PyPI flyte 2.12.1 keeps of the same file, and the registry whose user and password stand apart."""
    path = f"{docker.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"

    def keep(name: str, *words: str, **variables: str) -> None:
        make = ("create", "secret", name, "--type", "image_pull", "--from-docker-config", *words)
        assert flyte(*make, PATH=path, **variables) == f"Kept secret `{name}`.\n"

    keep("ALL", "--docker-config-path", str(docker))
    keep("SOME", "--docker-config-path", str(docker), "--registries", "quay.io, kept.example.org")
    # Without a path it is docker's own configuration that is read.
    usual = docker.parent / "usual"
    usual.mkdir()
    docker.rename(usual / "config.json")
    keep("USUAL", "--registries", "ghcr.io", DOCKER_CONFIG=str(usual))
    types = {each["secretMetadata"]["type"] for each in flyte.json("get", "secret")}
    assert types == {"SECRET_TYPE_IMAGE_PULL_SECRET"}
    told = flyte.json("run", "--follow", "pulls.py", "kept")["outputs"]["o0"]
    ghcr, quay, asked = auth("me:hidden"), auth("you:pw"), auth("kept.example.org:asked")
    assert [json.loads(each)["auths"] for each in told] == [
        {"ghcr.io": ghcr, "quay.io": quay, "kept.example.org": asked},
        {"quay.io": quay, "kept.example.org": asked},
        {"ghcr.io": ghcr},
    ]
    for name in ("ALL", "SOME", "USUAL"):
        flyte("delete", "secret", name)


def test_credentials_of_a_registry_that_are_not_whole_are_refused(flyte, docker) -> None:
    make = ("create", "secret", "PULL", "--type", "image_pull")
    named = ("--from-docker-config", "--docker-config-path", str(docker))
    unknown = flyte(*make, *named, "--registries", "nosuch.io", code=2)
    assert "docker has not signed in to `nosuch.io`" in unknown
    assert "it knows `ghcr.io`, `quay.io`, `kept.example.org`\n" in unknown
    assert "`docker-credential-keeper`, which is not here" in flyte(*make, *named, code=2)
    for words in (("--docker-config-path", str(docker)), ("--registries", "ghcr.io")):
        refused = flyte(*make, *words, code=2)
        assert f"error: `{words[0]}` is about what docker has signed in to\nhint: add `--from-docker-config`" in refused
        assert "hint: add `--type image_pull`" in flyte("create", "secret", "PULL", *words, code=2)
    assert "`--from-docker-config` and `--registry` exclude each other" in flyte(
        *make, *named, "--registry", "ghcr.io", code=2
    )
    assert "standard input ends before the registry\nhint: add `--registry`" in flyte(*make, code=2)
    assert "hint: add `--username`" in flyte(*make, "--registry", "ghcr.io", code=2)
    assert "the password for `ghcr.io` is empty" in flyte(*make, "--registry", "ghcr.io", "--username", "me", code=2)
    assert flyte("get", "secret") == ""


def test_runs_are_looked_for_by_the_control_plane(flyte) -> None:
    flyte(
        "run",
        "--follow",
        "--name",
        "labelled",
        "--label",
        "team=ml",
        "--version",
        "v9",
        "shop.py",
        "price",
        "--item",
        "1",
    )
    flyte("run", "--follow", "--name", "plain", "shop.py", "count")

    def found(*words: str) -> set[str]:
        return {each["name"] for each in flyte.json("get", "run", *words)} & {"labelled", "plain"}

    assert found() == found("--only-mine") == found("--created-after", "now - 1 day") == {"labelled", "plain"}
    for words in (
        *(("--task-version", "v9"), ("--with-label", "team=ml"), ("--with-label-key", "team")),
        *(("--task-name", "shop.price"), ("--in-phase", "succeeded", "--with-label", "team=ml")),
    ):
        assert found(*words) == {"labelled"}, words
    assert found("--in-phase", "failed") == found("--paused-only") == found("-d", "staging") == set()
    assert found("--created-before", "2026-01-02") == found("--with-label", "team=other") == set()
    assert [each["name"] for each in flyte.json("get", "run", "--limit", "1")] == ["plain"]


def test_options_of_runs_reach_the_control_plane(flyte) -> None:
    flyte("create", "project", "--id", "other", "--name", "Other")
    flyte(
        *("run", "--name", "elsewhere", "--run-project", "other", "--run-domain", "staging"),
        "deployed-task",
        "shop.count",
    )
    assert flyte.json("get", "run", "-p", "other", "-d", "staging")[0]["name"] == "elsewhere"
    words = ("--raw-data-path", str(flyte.folder / "raw"), "--no-sync-local-sys-paths")
    flyte("run", "--follow", "--name", "beside", *words, "shop.py", "written")
    assert [each.read_text() for each in (flyte.folder / "raw").rglob("*") if each.is_file()] == ["kept"]


def test_settings(flyte) -> None:
    text = flyte("get", "settings")
    assert text.startswith("### Settings of ORG\n")
    assert '# run.default_queue: ""' in text
    edited = flyte.folder / "settings.yaml"
    edited.write_text("run.default_queue: slow\nlabels: {team: a}\n")
    assert "+ run.default_queue: slow" in flyte("edit", "settings", "-f", "settings.yaml")
    assert "Nothing was changed." in flyte("edit", "settings", "-f", "settings.yaml")
    flyte("get", "settings", "-o", "now.yaml")
    assert "labels:\n  team: a\n" in (flyte.folder / "now.yaml").read_text()
    refused = flyte("edit", "settings", "-p", "flytesnacks", "-f", "now.yaml", code=2)
    assert "--domain" in refused


def test_settings_in_an_editor(flyte) -> None:
    where = ("-p", "flytesnacks", "-d", "development")
    editor = flyte.folder / "editor.py"
    editor.write_text("import sys, pathlib\npathlib.Path(sys.argv[1]).write_text('pod_template_name: mine\\n')\n")
    changed = flyte("edit", "settings", *where, EDITOR=f"{sys.executable} {editor}")
    assert changed == ("Changed the settings of PROJECT(development/flytesnacks):\n  + pod_template_name: mine\n")
    assert flyte.json("get", "settings", *where)["settings"] == {"pod_template_name": "mine"}
    assert "Nothing was changed." in flyte("edit", "settings", *where, EDITOR="true")
    editor.write_text("import sys, pathlib\npathlib.Path(sys.argv[1]).write_text('pod_template_names: mine\\n')\n")
    refused = flyte("edit", "settings", *where, code=2, EDITOR=f"{sys.executable} {editor}")
    assert "did you mean `pod_template_name`" in refused
    kept = Path(refused.split("what you wrote is in `")[1].split("`")[0])
    assert kept.read_text() == "pod_template_names: mine\n"
    kept.unlink()


def test_artifacts(flyte) -> None:
    (flyte.folder / "sales.csv").write_text("a,b\n")
    (flyte.folder / "card.md").write_text("# sales")
    make = ("create", "artifact", "sales", "--from-file", "sales.csv")
    day = ("--partition", "day=2026-01-02", "--partition", "region=eu")
    said = flyte(*make, "--version", "v1", *day, "--attr", "team=a", "--kind", "data", "--card", "card.md")
    assert said == "Published `sales`, version `v1`.\n"
    flyte(*make, "--version", "v2", "--partition", "day=2026-01-03", "--partition", "region=us")
    assert "exists" in flyte(*make, "--version", "v2", code=5)
    assert [each["versions"] for each in flyte.json("get", "artifact")] == ["2"]
    shown = flyte("get", "artifact", "sales", "v1")
    assert "partitions  day=2026-01-02, region=eu" in shown
    assert "facts       team=a" in shown
    for option, value, found in (
        ("--partition", "region=us", ["v2"]),
        ("--partition", "region=eu,us", ["v2", "v1"]),
        ("--partition", "day=2026-01-02..2026-01-03", ["v2", "v1"]),
        ("--partition", "day=2026-01-02", ["v1"]),
        ("--attr", "team=a", ["v1"]),
        ("--kind", "data", ["v1"]),
        ("--source-external-ref", "nowhere", []),
        ("--limit", "1", ["v2"]),
    ):
        versions = [each["artifactId"]["version"] for each in flyte.json("get", "artifact", "sales", option, value)]
        assert versions == found, option
    assert "KEY=VALUE" in flyte(*make, "--attr", "team", code=2)
    assert "at most one time" in flyte(*make, *day, "--partition", "month=2026-01-01", code=2)
    (flyte.folder / "card").write_text("sales")
    assert "--card-format" in flyte(*make, "--card", "card", code=2)


def test_the_shell_completes_what_the_control_plane_keeps(flyte) -> None:
    (flyte.folder / "waiting.py").write_text(WAITING)
    flyte("deploy", "--version", "v1", "waiting.py", "env")
    flyte("create", "secret", "of-shell", "--value", "x")
    flyte("run", "--name", "waits", "waiting.py", "main")

    def offered(line: str) -> set[str]:
        words = line.split(" ")
        variables = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "_FLYTE_COMPLETE": "bash_complete"}
        # A shell waits for some seconds only, which a slow machine may need to begin.
        text = until(lambda: flyte(**variables).strip(), f"something is offered for `{line}`")
        return {item.partition(",")[2] for item in text.splitlines()}

    assert "waiting.main" in offered("flyte get task waiting.")
    assert offered("flyte get task waiting.main ") == {"v1"}
    assert offered("flyte get trigger waiting.main ") == {"sometimes"}
    for verb in ("update", "delete"):
        assert "sometimes" in offered(f"flyte {verb} trigger ")
        assert offered(f"flyte {verb} trigger sometimes ") == {"waiting.main"}
    assert "of-shell" in offered("flyte get secret ")
    assert "of-shell" in offered("flyte delete secret ")
    assert "waiting.main" in offered("flyte run deployed-task ")
    assert offered("flyte run deployed-task waiting ") == {"waiting.main"}
    assert "--n" in offered("flyte run deployed-task waiting.main --n")
    assert offered("flyte deploy waiting.py ") == {"env", "other"}
    assert {"main", "a0"} <= offered("flyte get action latest ")
    until(lambda: "go" in offered("flyte signal condition waits "), "a condition that waits")
    flyte("abort", "run", "waits")


def test_ctrl_c_leaves_a_followed_run_alone(flyte) -> None:
    (flyte.folder / "waiting.py").write_text(WAITING)
    following = subprocess.Popen(
        [sys.executable, "-m", "flyte_cli.main", "run", "--follow", "--name", "followed", "waiting.py", "main"],
        cwd=flyte.folder,
        env={"HOME": str(flyte.folder), "PATH": os.environ["PATH"]},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert following.stderr is not None
    assert following.stderr.readline() == "asking\n"
    following.send_signal(signal.SIGINT)
    _, said = following.communicate(timeout=120)
    assert following.returncode == 130, said
    assert "run `followed` goes on" in said
    assert flyte.json("get", "run", "followed")["phase"] in {"running", "paused"}
    flyte("abort", "run", "followed")
