"""The history from the command line: what `flyte run` records, shown in every format, and deleted."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from inline_snapshot import snapshot

FLYTE = Path(sys.executable).with_name("flyte")
PROGRAM = """\
import sys
from dataclasses import dataclass

import flyte

env = flyte.TaskEnvironment("shop")


@dataclass
class Total:
    amount: int
    tags: list[str]


@env.task
def price(item: int) -> int:
    print(f"pricing {item}")
    if item == 13:
        raise ValueError("no price for item 13")
    return item * 2


@env.task
async def order(items: int, start: int = 1) -> Total:
    print("adding up", file=sys.stderr)
    prices = [await price.aio(item) for item in range(start, start + items)]
    return Total(sum(prices), ["new"])


@env.task
async def approved() -> str:
    sure = await flyte.new_condition.aio("sure", prompt="Are you sure?")
    many = await flyte.new_condition.aio("many", prompt="How many?", data_type=int)
    return f"{await sure.wait.aio()} {await many.wait.aio()}"


@env.task
def wait() -> None:
    import time

    print("waiting", flush=True)
    time.sleep(600)
"""


class Shop:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"HOME": str(folder), "PATH": os.environ["PATH"], "COLUMNS": "120", "TZ": "UTC"}
        (folder / "shop.py").write_text(PROGRAM)

    def start(self, *arguments: str, stdin: int | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [FLYTE, "--no-progress", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def flyte(self, *arguments: str, code: int = 0) -> str:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=180)
        assert process.returncode == code, err
        return normalise(out if code == 0 else err, self.folder)

    def json(self, *arguments: str) -> Any:
        process = self.start(*arguments, "-of", "json")
        out, err = process.communicate(timeout=180)
        assert process.returncode == 0, err
        return json.loads(out)


def normalise(text: str, folder: Path) -> str:
    text = text.replace(str(folder), "<folder>")
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>", text)
    text = re.sub(r"\b(\d+\.\d+s|\d+m \d\ds)\b", "<took>", text)
    text = re.sub(r"(just now|\d+ (s|min) ago)", "<ago>", text)
    text = re.sub(r"\b[a-z0-9]{25}\b", "<action>", text)
    text = re.sub(r"\d+ frames? of flyte", "<n> frames of flyte", text)
    return re.sub(r" +\n", "\n", re.sub(r"  +", "  ", text))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = Shop(tmp_path_factory.mktemp("shop"))
    shop.flyte("run", "--name", "good", "shop.py", "order", "--items", "2")
    shop.flyte("run", "--name", "bad", "shop.py", "order", "--items", "2", "--start", "12", code=1)
    return shop


def test_list_of_runs(shop: Shop) -> None:
    assert shop.flyte("get", "run") == snapshot("""\
RUN  TASK  PHASE  STARTED  TOOK
bad  shop.order  failed  <ago>  <took>
good  shop.order  succeeded  <ago>  <took>
""")


def test_one_run_with_its_actions(shop: Shop) -> None:
    assert shop.flyte("get", "run", "bad") == snapshot("""\
run  bad
task  shop.order
phase  failed
started  <ago>
took  <took>
file  <folder>/shop.py
command  flyte --no-progress run --name bad shop.py order --items 2 --start 12

TASK  ACTION  PHASE  ATTEMPTS  TOOK  ERROR
order  a0  failed  1  <took>  ValueError: no price for item 13
  price  <action>  succeeded  1  <took>
  price  <action>  failed  1  <took>  ValueError: no price for item 13
""")


def test_one_action_by_the_name_of_its_task(shop: Shop) -> None:
    shown = shop.flyte("get", "action", "good", "order")
    assert shown == snapshot("""\
action  a0
run  good
task  shop.order
phase  succeeded
started  <ago>
took  <took>

attempt 1: succeeded, <took>
""")
    assert shop.flyte("get", "action", "good/a0") == shown


def test_inputs_and_outputs(shop: Shop) -> None:
    assert shop.flyte("get", "io", "good") == snapshot("""\
inputs
  items  int  2
  start  int  1

outputs
  o0  object  {"amount": 6, "tags": ["new"]}
""")
    assert shop.json("get", "io", "bad", "--inputs-only") == {"inputs": {"items": 2, "start": 12}}
    assert shop.json("get", "io", "bad", "-o") == {"outputs": None}


def test_logs_name_the_task_unless_one_is_asked_for(shop: Shop) -> None:
    assert shop.flyte("get", "logs", "good") == snapshot("""\
order: adding up
price: pricing 1
price: pricing 2
""")
    assert shop.flyte("get", "logs", "good", "a0", "--show-ts") == snapshot("<time> adding up\n")
    lines = shop.json("get", "logs", "good")
    assert [(line["stream"], line["attempt"]) for line in lines] == [("stderr", 1), ("stdout", 1), ("stdout", 1)]


def test_logs_follow_a_run_until_its_process_ends(shop: Shop) -> None:
    run = shop.start("run", "--name", "going", "shop.py", "wait")
    try:
        deadline = time.monotonic() + 180
        while not any(found["name"] == "going" for found in shop.json("get", "run")):
            assert time.monotonic() < deadline
        logs = shop.start("get", "logs", "going", "a0")
        assert logs.stdout is not None
        assert logs.stdout.readline() == "waiting\n"
        assert "is going on" in shop.flyte("delete", "run", "going", code=2)
        run.send_signal(signal.SIGKILL)
        assert logs.communicate(timeout=180)[0] == ""
    finally:
        run.kill()
        run.communicate(timeout=180)
    assert shop.flyte("delete", "run", "going") == "Deleted run `going`.\n"


def test_conditions_are_listed_and_answered_from_another_process(shop: Shop) -> None:
    run = shop.start("run", "--name", "asking", "shop.py", "approved", stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 180
        while not any(found["name"] == "asking" for found in shop.json("get", "run")):
            assert time.monotonic() < deadline
        while len(shop.json("get", "condition", "asking")) < 2:
            assert time.monotonic() < deadline
        assert [run["name"] for run in shop.json("get", "run", "--paused-only")] == ["asking"]
        assert shop.flyte("get", "condition", "asking") == snapshot("""\
CONDITION  ACTION  TYPE  ASKED  PROMPT
sure  <action>  bool  <ago>  Are you sure?
many  <action>  int  <ago>  How many?
""")
        assert "is answered with a int" in shop.flyte("signal", "condition", "asking", "many", code=2)
        assert "must be a number of type int" in shop.flyte("signal", "condition", "asking", "many", "x", code=2)
        assert "no condition named `other` waits" in shop.flyte("signal", "condition", "asking", "other", "1", code=2)
        action = shop.json("get", "condition", "asking", "many")[0]["action"]
        shop.flyte("signal", "condition", "asking", action, "3")
        assert shop.flyte("signal", "condition", "asking", "sure") == snapshot("""\
Answered condition `sure` of run `asking` with yes.
""")
        out, err = run.communicate(timeout=180)
        assert out.startswith("result    'True 3'"), err
    finally:
        run.kill()
        run.communicate(timeout=180)
        shop.flyte("delete", "run", "asking")


@pytest.mark.parametrize("place", ["before", "behind"])
def test_formats_for_programs_agree(shop: Shop, place: str) -> None:
    def get(wanted: str) -> str:
        option = ("-of", wanted)
        words = ("get", "action", "good")
        process = shop.start(*(option + words if place == "before" else words + option))
        return process.communicate(timeout=180)[0]

    pretty = json.loads(get("json"))
    assert pretty == json.loads(get("json-raw")) == yaml.safe_load(get("yaml"))
    assert get("json-raw").count("\n") == 1
    assert [action["short_name"] for action in pretty] == ["order", "price", "price"]
    assert pretty[0] | {"created_at": 0, "started_at": 0, "ended_at": 0, "seconds": 0} == snapshot(
        {
            "run": "good",
            "name": "a0",
            "parent": None,
            "task": "shop.order",
            "short_name": "order",
            "group": None,
            "phase": "succeeded",
            "attempts": 1,
            "created_at": 0,
            "started_at": 0,
            "ended_at": 0,
            "seconds": 0,
            "cache": "disabled",
            "error": None,
        }
    )
    assert normalise(get("table-simple"), shop.folder).startswith("TASK  ACTION  PHASE")


def test_a_plain_table_has_exact_times(shop: Shop) -> None:
    assert re.sub(r"\d+\.\d{3}", "<s>", shop.flyte("get", "run", "-of", "table-simple")) == snapshot("""\
RUN  TASK  PHASE  STARTED  TOOK
bad  shop.order  failed  <time>  <s>
good  shop.order  succeeded  <time>  <s>
""")


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--in-phase", "failed"], ["bad"]),
        (["--limit", "1"], ["bad"]),
        (["--task-name", "order", "--created-after", "1h"], ["bad", "good"]),
        (["--created-before", "1h"], []),
        (["--updated-after", "today", "--in-phase", "succeeded"], ["good"]),
        (["--paused-only"], []),
        (["--project", "other"], []),
        (["--with-label", "team=a"], []),
    ],
)
def test_runs_narrowed_down(shop: Shop, options: list[str], names: list[str]) -> None:
    assert [run["name"] for run in shop.json("get", "run", *options)] == names


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["get", "run", "nothing"], "error: no run `nothing` is recorded on this machine"),
        (["get", "io", "good", "price"], "error: `price` stands for 2 actions of run `good`"),
        (["get", "action", "good", "zzz"], "error: run `good` has no action `zzz`"),
        (["get", "report", "good"], "error: action `a0` of run `good` made no report"),
        (["get", "run", "--task-version", "1"], "error: runs of this machine have no task version"),
        (["get", "run", "--created-after", "soon"], "'soon' is not a point in time"),
        (["get", "run", "--with-label", "team"], "error: `--with-label` needs KEY=VALUE, got `team`"),
        (["delete", "run"], "error: name the runs to delete, or say `--created-before`"),
    ],
)
def test_what_cannot_be_shown_is_an_error_with_a_hint(shop: Shop, words: list[str], message: str) -> None:
    shown = shop.flyte(*words, code=2)
    assert message in shown
    assert "hint: " in shown


def test_names_may_be_cut_short(shop: Shop) -> None:
    assert shop.json("get", "run", "latest")["name"] == shop.json("get", "run", "bad")["name"]
    shop.flyte("run", "--name", "goodness", "shop.py", "order", "--items", "1")
    try:
        assert shop.json("get", "run", "goodn")["name"] == "goodness"
        assert shop.json("get", "run", "good")["name"] == "good"
        assert "2 runs begin with `goo`" in shop.flyte("get", "run", "goo", code=2)
    finally:
        assert shop.json("delete", "run", "goodness") == {"deleted": ["goodness"]}


def test_a_deleted_run_takes_its_files_along(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    for name in ("one", "two"):
        shop.flyte("run", "--name", name, "shop.py", "order", "--items", "1")
    files = tmp_path / ".flyte" / "runs"
    for name in ("one", "two"):
        (files / name / "a0").mkdir(parents=True, exist_ok=True)
    assert shop.flyte("delete", "run", "one") == "Deleted run `one`.\n"
    assert not (files / "one").exists()
    assert shop.flyte("delete", "run", "--created-before", "now", "--keep-files") == "Deleted run `two`.\n"
    assert (files / "two").exists()
    assert shop.flyte("delete", "run", "--created-before", "now") == "No run matches.\n"
    assert shop.json("get", "run") == []


def test_configuration_without_secrets(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    (tmp_path / "config.yaml").write_text("admin: {endpoint: 'dns:///flyte.example.org'}\ntask: {project: shop}\n")
    found = shop.json("get", "config")
    assert (found["platform"]["endpoint"], found["task"]["project"]) == ("dns:///flyte.example.org", "shop")
    assert "task.project  shop" in shop.flyte("get", "config")
