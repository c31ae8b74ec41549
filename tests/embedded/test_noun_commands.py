"""The commands for what a control plane keeps, beside runs and tasks, against a devbox."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .running import end, start

PROGRAM = """
import datetime

import flyte

env = flyte.TaskEnvironment("shop")


@env.task
def count(n: int = 1, trigger_time: datetime.datetime | None = None) -> int:
    return n


@env.task
def price(item: int) -> int:
    return item
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
    server, port = start(tmp_path_factory.mktemp("devbox"))
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.py").write_text(PROGRAM)
    (folder / ".flyte").mkdir()
    (folder / ".flyte" / "config.yaml").write_text(
        f"admin:\n  endpoint: localhost:{port}\n  insecure: true\ntask:\n  project: flytesnacks\n  domain: development\n"
    )
    shell = Shell(folder)
    shell("deploy", "shop.py", "env")
    yield shell
    end(server)


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
    assert "there is no task `shop.none`" in flyte("create", "trigger", "shop.none", "x", code=5)
    flyte("delete", "trigger", "by_hand", "shop.price")
    assert len(flyte.json("get", "trigger")) == 1
