"""`flyte why`: which input, line or setting made the cache miss."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from inline_snapshot import snapshot

FLYTE = Path(sys.executable).with_name("flyte")
PROGRAM = """\
from helper import factor

import flyte

env = flyte.TaskEnvironment("shop")
RATE = 2


@env.task(cache=flyte.Cache("auto", ignored_inputs=("seed",)))
def price(item: int, seed: int = 0) -> int:
    return item * RATE + factor(item)


@env.task
def plain(item: int) -> int:
    return item


@env.task
async def order(items: list[int]) -> int:
    return sum([await price.aio(item) for item in items])


@env.task(cache="override")
def fresh(item: int) -> int:
    return item
"""
HELPER = """\
def factor(item: int) -> int:
    base = 1
    return base + item
"""


class Shop:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "COLUMNS": "120",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.write()

    def write(self, *, program: str = PROGRAM, helper: str = HELPER) -> None:
        (self.folder / "shop.py").write_text(program)
        (self.folder / "helper.py").write_text(helper)

    def flyte(self, *arguments: str) -> str:
        done = subprocess.run(
            [FLYTE, "--no-progress", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == 0, done.stderr
        text = done.stdout.replace(str(self.folder), "<folder>")
        text = re.sub(r"\b[a-z0-9]{25}\b", "<action>", text)
        return re.sub(r"(just now|\d+ (s|min) ago)", "<ago>", text)

    def price(self, name: str, item: int, seed: int = 0) -> None:
        self.flyte("run", "--name", name, "shop.py", "price", "--item", str(item), "--seed", str(seed))

    def why(self, *words: str) -> Any:
        return json.loads(self.flyte("-of", "json", "why", *words))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_the_first_then_a_hit_then_another_input(shop: Shop) -> None:
    shop.price("first", 3)
    assert shop.flyte("why", "first") == snapshot("""\
`price` was run: no earlier action of its task is recorded that kept a result
hint: the next one with the same inputs, code and settings finds this one's
""")
    shop.price("again", 3, seed=9)
    assert shop.flyte("why", "again") == snapshot(
        "`price` was not run: its result was in the cache, by action `a0` of run `first`\n"
    )
    shop.price("other", 4)
    assert shop.flyte("why", "other") == snapshot("""\
`price` was run: the nearest earlier result is of something else
compared with action `a0` of run `again`, <ago>
  input `item`: 3 -> 4
""")


def test_a_changed_line_of_a_helper(shop: Shop) -> None:
    shop.price("before", 3)
    shop.write(helper=HELPER.replace("base = 1", "base = 10"))
    shop.price("after", 3)
    assert shop.flyte("why", "after") == snapshot("""\
`price` was run: the nearest earlier result is of something else
compared with action `a0` of run `before`, <ago>
  code `helper.factor`: changed (File "<folder>/helper.py", line 2)
      -     base = 1
      +     base = 10
""")
    assert [(cause["kind"], cause["name"]) for cause in shop.why("after")["causes"]] == [("code", "helper.factor")]


def test_constants_settings_and_new_code(shop: Shop) -> None:
    shop.price("before", 3)
    changed = PROGRAM.replace("RATE = 2", "RATE = 3").replace('"auto", ', '"auto", salt="b", ')
    shop.write(program=changed)
    shop.price("after", 3)
    assert shop.flyte("why", "after") == snapshot("""\
`price` was run: the nearest earlier result is of something else
compared with action `a0` of run `before`, <ago>
  code `shop.price`: changed (File "<folder>/shop.py", line 9)
      - @env.task(cache=flyte.Cache("auto", ignored_inputs=("seed",)))
      + @env.task(cache=flyte.Cache("auto", salt="b", ignored_inputs=("seed",)))
  code `shop.RATE`: 2 -> 3
  setting: the `salt` of its cache: "" -> "b"
""")


def test_the_nearest_of_several_is_compared_with(shop: Shop) -> None:
    shop.flyte("run", "--name", "many", "shop.py", "order", "--items", "[1, 2]")
    shop.write(helper=HELPER.replace("base = 1", "base = 10"))
    shop.flyte("run", "--name", "more", "shop.py", "order", "--items", "[2]")
    causes = shop.why("more", "price")["causes"]
    assert [cause["kind"] for cause in causes] == ["code"]


def test_an_equal_result_that_is_gone(shop: Shop) -> None:
    shop.price("before", 3)
    shop.flyte("delete", "local-cache")
    shop.price("after", 3)
    assert "an equal action had a result, which was not in the cache any more" in shop.flyte("why", "after")


def test_tasks_that_do_not_read_the_cache(shop: Shop) -> None:
    shop.flyte("run", "--name", "plain", "shop.py", "plain", "--item", "1")
    assert shop.flyte("why", "plain") == snapshot("""\
`plain` was run: it did not ask the cache
hint: a task asks it with `@env.task(cache="auto")`, unless the run says `disable_run_cache`
""")
    shop.flyte("run", "--name", "fresh", "shop.py", "fresh", "--item", "1")
    assert shop.flyte("why", "fresh") == snapshot(
        "`fresh` was run, and its result replaced what was in the cache: its cache says `override`\n"
    )
