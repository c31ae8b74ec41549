"""Code that a warm parent keeps for what it forks: seen from forks of a process that keeps."""

import json
import os
import subprocess
import sys
import tarfile
import textwrap
from pathlib import Path
from typing import Any

import pytest

MODULE = """
import helpers.names
import flyte
COUNT = []
env = flyte.TaskEnvironment("kept")

@env.task
def work(x: int) -> str:
    COUNT.append(x)
    if x < 0:
        raise ValueError("negative")  # this line
    return f"{len(COUNT)} {helpers.names.NAME} {__file__}"
"""

RUNNER = """
import json, os, shutil, sys, traceback
from pathlib import Path
from flyte.runtime.kept_code import CodeKeeper, _KeptLoader
from flyte.runtime.loading import load_task
from flyte.runtime.invocation import read_invocation
import asyncio
place = Path(sys.argv[1])
keeper = CodeKeeper()

def attempt(number, x=1, bundle="bundle", before=lambda: None):
    work = place / f"work-{number}"
    work.mkdir()
    env = {"FLYTE_DEVBOX_CODE": str(place / "code"), "RUN_NAME": "r", "ACTION_NAME": "a", "_U_RUN_BASE": str(place)}
    argv = ["--inputs", "i", "--outputs-path", "o", "--tgz", str(place / f"{bundle}.tar.gz"), "--dest", "."]
    argv += ["--resolver", "x.DefaultTaskResolver", "mod", "module", "instance", "work"]
    keeper.look(argv, env)
    read, write = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            os.chdir(work)
            before()
            task, _ = asyncio.run(load_task(read_invocation(argv, env)))
            try:
                said = task.func(x)
            except ValueError:
                said = traceback.format_exc()
            loader = type(sys.modules["module"].__loader__).__name__
            files = sorted(os.listdir(work))
            answer = {"said": said, "loader": loader, "files": files, "kept": len(_KeptLoader.codes)}
        except BaseException:
            answer = {"error": traceback.format_exc()}
        os.write(write, json.dumps(answer).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(write)
    with os.fdopen(read) as file:
        answer = json.loads(file.read())
    assert "error" not in answer, answer["error"]
    return answer
"""


@pytest.fixture
def keeping(tmp_path):
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "__init__.py").touch()
    (tmp_path / "helpers" / "names.py").write_text("NAME = 'name'\n")
    (tmp_path / "module.py").write_text(MODULE)
    with tarfile.open(tmp_path / "bundle.tar.gz", "w:gz") as archive:
        for name in ("helpers", "module.py"):
            archive.add(tmp_path / name, name)

    def run(text: str, **env: str) -> dict[str, Any]:
        told = "\nprint(json.dumps(told))"
        command = [sys.executable, "-c", RUNNER + textwrap.dedent(text) + told, str(tmp_path)]
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | env
        done = subprocess.run(command, env=kept, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.mark.parametrize("writes", [True, False])
def test_from_the_second_use_modules_come_from_what_is_kept(keeping, writes) -> None:
    env = {} if writes else {"PYTHONDONTWRITEBYTECODE": "1"}
    told = keeping("told = {n: attempt(n) for n in range(5)}", **env)
    assert [answer["loader"] for answer in told.values()] == ["SourceFileLoader"] + ["_KeptLoader"] * 4
    # Who writes no byte code has nothing but the named module to keep.
    assert [answer["kept"] for answer in told.values()] == [0] + [3 if writes else 1] * 4
    # Each process executes it by itself, from the same file, and shows the bundle.
    assert len({answer["said"] for answer in told.values()}) == 1
    said = str(told["4"]["said"])
    assert said.startswith("1 name /")
    assert Path(said.split()[2]).name == "module.py"
    assert told["4"]["files"] == ["helpers", "module.py"]


def test_a_traceback_shows_the_lines(keeping) -> None:
    told = keeping("told = {n: attempt(n, -1) for n in range(3)}")
    assert ['raise ValueError("negative")  # this line' in answer["said"] for answer in told.values()] == [True] * 3


def test_code_that_was_removed_meanwhile_is_fetched_again(keeping) -> None:
    told = keeping("""
        told = {n: attempt(n) for n in range(3)}
        shutil.rmtree(place / "code")
        told |= {n: attempt(n) for n in range(3, 6)}
        assert (place / "code").is_dir()
    """)
    assert len({answer["said"] for answer in told.values()}) == 1


def test_those_not_used_are_forgotten(keeping) -> None:
    told = keeping("""
        for number in range(20):
            shutil.copy(place / "bundle.tar.gz", place / f"b{number}.tar.gz")
        told = {n: attempt(n, bundle=f"b{n // 2}") for n in range(40)}
        told["again"] = attempt("again", bundle="b0")
    """)
    assert told["39"]["kept"] == 24
    assert told["again"]["loader"] == "SourceFileLoader"
    assert told["again"]["kept"] == 21


def test_code_that_does_not_compile_is_left_to_who_imports_it(keeping, tmp_path) -> None:
    (tmp_path / "module.py").write_text("def (")
    with tarfile.open(tmp_path / "broken.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "module.py", "module.py")
    told = keeping("""
        told = {}
        for number in range(3):
            try:
                attempt(number, bundle="broken")
            except AssertionError as error:
                told[number] = str(error)
    """)
    assert ["SyntaxError" in text for text in told.values()] == [True] * 3


def test_two_bundles_with_modules_of_one_name_are_kept_apart(keeping, tmp_path) -> None:
    (tmp_path / "helpers" / "names.py").write_text("NAME = 'other'\n")
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as archive:
        for name in ("helpers", "module.py"):
            archive.add(tmp_path / name, name)
    told = keeping('told = {n: attempt(n, bundle=("bundle", "other")[n % 2]) for n in range(6)}')
    assert [str(answer["said"]).split()[1] for answer in told.values()] == ["name", "other"] * 3


def test_of_a_large_bundle_only_the_first_files_are_looked_at(keeping, tmp_path) -> None:
    (tmp_path / "z_data").mkdir()
    for number in range(600):
        (tmp_path / "z_data" / f"{number}.txt").touch()
    (tmp_path / "z_data" / "late.py").touch()
    with tarfile.open(tmp_path / "large.tar.gz", "w:gz") as archive:
        for name in ("helpers", "module.py", "z_data"):
            archive.add(tmp_path / name, name)
    told = keeping('told = {n: attempt(n, bundle="large") for n in range(3)}')
    assert told["2"]["kept"] == 3
    assert len({answer["said"] for answer in told.values()}) == 1
