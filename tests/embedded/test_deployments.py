"""`flyte.deploy` and `flyte deploy` against a devbox: order, repetition, versions that are the same everywhere, failures."""

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.faults.proxy import CutsBehind, Proxy
from tests.recording import NotingProxy

import flyte
import flyte.remote
from flyte import deployment
from flyte_models.errors import DeploymentError
from flyte_protocol.transport import Transport

from .running import CODE, init, load, running, until, write_config

LONGEST = 120
PROGRAM = textwrap.dedent("""
    import flyte

    base = flyte.TaskEnvironment("base")
    env = flyte.TaskEnvironment("top", depends_on=[base])


    @base.task
    def add(a: int, b: int = 1) -> int:
        return a + b


    @env.task(triggers=flyte.Trigger("nightly", flyte.Cron("0 3 * * *"), inputs={"n": 3}))
    def main(n: int) -> int:
        return add(n)
""")


@pytest.fixture
def command(port, tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    write_config(tmp_path / "config.yaml", port)

    def run(*words: str, folder=tmp_path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flyte_cli.main", *words],
            cwd=folder,
            env={**os.environ, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=LONGEST,
        )

    return run


def test_what_is_there_already_stays_as_it_is(connected) -> None:
    env = load("sums").env
    first = flyte.deploy(env)[0].tasks()
    again = flyte.deploy(env)[0].tasks()
    assert {task.outcome for task in first} == {"registered"}
    assert {task.outcome for task in again} == {"unchanged"}
    assert [task.version for task in first] == [task.version for task in again]


def test_copy_style_custom_bundles_all_below_the_root(connected, command, tmp_path) -> None:
    def version(style: str) -> str:
        words = ("deploy", "--dry-run", "--copy-style", style, "program.py", "base")
        done = command("-c", str(tmp_path / "config.yaml"), "-of", "json", *words, folder=project)
        assert done.returncode == 0, done.stderr
        (task,) = json.loads(done.stdout)
        return task["version"]

    project = tmp_path / "project"  # not the home folder, which no bundle takes whole
    project.mkdir()
    (project / "program.py").write_text(PROGRAM)
    (project / "beside.txt").write_text("one")
    loaded, custom = version("loaded_modules"), version("custom")
    assert custom == version("all")
    assert custom != loaded
    (project / "beside.txt").write_text("two")
    assert version("custom") == version("all") != custom
    assert version("loaded_modules") == loaded


def test_a_dry_run_registers_nothing_and_finds_the_same_version(connected) -> None:
    env = load("many").env
    planned = flyte.deploy(env, dry_run=True)[0].tasks()
    assert {task.outcome for task in planned} == {"planned"}
    made = flyte.deploy(env)[0].tasks()
    assert {task.outcome for task in made} == {"registered"}
    assert [task.version for task in planned] == [task.version for task in made]


def test_a_version_that_is_taken_by_something_else_is_refused(connected) -> None:
    flyte.deploy(load("sums").env, version="taken")
    other = flyte.TaskEnvironment("sums_too")
    assert flyte.deploy(load("sums").env, version="taken")[0].tasks()[0].outcome == "unchanged"
    flyte.init(
        endpoint=f"localhost:{connected}",
        insecure=True,
        project="flytesnacks",
        domain="development",
        root_dir=CODE.parent,
    )
    with pytest.raises(DeploymentError, match="could not be registered"):
        flyte.deploy(load("sums").env, other, version="taken")


ELABORATE = textwrap.dedent("""
    import dataclasses
    import enum
    import typing

    import flyte
    from parts.größen import Size, rows


    class Colour(enum.Enum):
        RED = "röd"
        BLUE = "blå"


    @dataclasses.dataclass
    class Plan:
        sizes: dict[str, Size]
        names: set[str] = dataclasses.field(default_factory=lambda: {"a", "b", "c", "d"})


    env = flyte.TaskEnvironment(
        "elaborate",
        image=flyte.Image.from_debian_base().with_pip_packages("numpy", "pandas"),
        env_vars={name: name for name in {"ONE", "TWO", "THREE", "FOUR"}},
        secrets=[flyte.Secret(key, as_env_var=key.upper()) for key in ("first", "second")],
        resources=flyte.Resources(cpu=1, memory="1Gi"),
    )


    @env.task(cache="auto", retries=2, triggers=flyte.Trigger("nightly", flyte.Cron("0 3 * * *"), inputs={"n": 3}))
    def draw(n: int, how: typing.Literal["a", "b"] = "a", colour: Colour = Colour.RED, size: Size | None = None) -> Plan:
        \"\"\"Rita en bild på \u00e5ngan.

        Args:
            n: how many.
        \"\"\"
        return Plan({str(each): Size(each, n) for each in rows(n)})
""")


def test_versions_are_the_same_on_other_machines(connected, tmp_path) -> None:
    """In another folder, of another user, in another language, from files that are written in another order with other rights."""
    files = {
        "program.py": ELABORATE,
        "parts/__init__.py": "",
        "parts/größen.py": "from dataclasses import dataclass\n\n\n@dataclass\nclass Size:\n    x: int\n    y: int\n\n\n"
        "def rows(n: int) -> list[int]:\n    return list(range(n))\n",
    }

    def version(folder: Path, names: list[str], umask: int, age: int, **variables: str) -> dict[str, str]:
        before = os.umask(umask)
        try:
            for name in names:
                file = folder / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(files[name], encoding="utf-8")
                os.utime(file, (age, age))
        finally:
            os.umask(before)
        home = folder.parent / "home"
        home.mkdir()
        config = write_config(home / "config.yaml", connected)
        done = subprocess.run(
            [sys.executable, "-m", "flyte_cli.main", "-c", config, "-of", "json", "deploy", "program.py", "env"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(home), **variables},
            capture_output=True,
            text=True,
            timeout=LONGEST,
        )
        assert done.returncode == 0, done.stderr
        return {task["version"]: task["outcome"] for task in json.loads(done.stdout)}

    here = version(
        tmp_path / "here" / "project",
        list(files),
        0o022,
        1_700_000_000,
        LOGNAME="ada",
        PYTHONHASHSEED="1",
        LC_ALL="C.UTF-8",
        TZ="UTC",
    )
    there = version(
        tmp_path / "über all" / "ett projekt",
        list(reversed(files)),
        0o077,
        1_000_000_000,
        LOGNAME="bob",
        PYTHONHASHSEED="2",
        LC_ALL="C",
        TZ="Asia/Kolkata",
        PYTHONDONTWRITEBYTECODE="1",
    )
    assert list(here.values()) == ["registered"]
    assert there == dict.fromkeys(here, "unchanged")


def test_the_command_registers_what_is_depended_on_first(command) -> None:
    done = command("deploy", "-of", "json", "program.py", "env")
    assert done.returncode == 0, done.stderr
    tasks = json.loads(done.stdout)
    assert [(task["name"], task["outcome"]) for task in tasks] == [
        ("base.add", "registered"),
        ("top.main", "registered"),
    ]
    assert tasks[1]["triggers"] == ["nightly"]


def test_a_dry_run_says_what_would_change(command, tmp_path) -> None:
    def planned(text: str, *words: str):
        (tmp_path / "program.py").write_text(text)
        done = command("deploy", "--dry-run", "-of", "json", *words, "program.py", "env")
        assert done.returncode == 0, done.stderr
        return {task["name"]: task for task in json.loads(done.stdout)}

    text = PROGRAM.replace('"base"', '"base_dry"').replace('"top"', '"top_dry"')
    assert {task["change"] for task in planned(text).values()} == {"new"}
    registered = command("deploy", "-of", "json", "program.py", "env")
    assert registered.returncode == 0, registered.stderr
    assert {task["change"] for task in planned(text).values()} == {"unchanged"}

    larger = planned(text.replace("@base.task", '@base.task(retries=2, cache="auto")'))
    assert {name: task["change"] for name, task in larger.items()} == {
        "base_dry.add": "changed",
        "top_dry.main": "changed",
    }
    found = {each["field"]: (each["before"], each["after"]) for each in larger["base_dry.add"]["differences"]}
    assert found["retries"] == ("nothing", "2")
    assert found["cache"] == ("nothing", "True")
    assert "code" in found
    # The other task has new code as well, and nothing else.
    assert [each["field"] for each in larger["top_dry.main"]["differences"]] == ["code"]
    shown = command("deploy", "--dry-run", "program.py", "env").stdout
    assert "  retries: nothing -> 2\n" in shown

    version = json.loads(registered.stdout)[0]["version"]
    taken = planned(text.replace("@base.task", "@base.task(retries=2)"), "--version", version)
    assert taken["base_dry.add"]["change"] == "taken"


def test_a_dry_run_says_what_would_change_of_triggers(command, tmp_path) -> None:
    def planned(text: str) -> dict[str, Any]:
        (tmp_path / "program.py").write_text(text)
        done = command("deploy", "--dry-run", "-of", "json", "program.py", "env")
        assert done.returncode == 0, done.stderr
        main = next(task for task in json.loads(done.stdout) if task["name"] == "top_clock.main")
        return {each["field"]: (each["before"], each["after"]) for each in main["differences"]}

    text = PROGRAM.replace('"base"', '"base_clock"').replace('"top"', '"top_clock"')
    assert planned(text) == {"trigger nightly": ("nothing", "cron 0 3 * * * UTC")}
    assert command("deploy", "program.py", "env").returncode == 0
    assert planned(text) == {}
    assert command("update", "trigger", "nightly", "top_clock.main", "--deactivate").returncode == 0
    assert planned(text) == {"trigger nightly: active": ("False", "True")}
    other = text.replace(
        'flyte.Cron("0 3 * * *"), inputs={"n": 3}',
        'flyte.FixedRate(5), inputs={"n": 4}, description="often", env_vars={"A": "b"}, labels={"l": "1"}, queue="q"',
    )
    assert other != text
    found = planned(other)
    assert {"code", "function"} <= found.keys()
    assert {name: texts for name, texts in found.items() if name.startswith("trigger")} == {
        "trigger nightly": ("cron 0 3 * * * UTC", "every 5 minutes"),
        "trigger nightly: active": ("False", "True"),
        "trigger nightly: description": ("nothing", "often"),
        "trigger nightly: env_vars[A]": ("nothing", "b"),
        "trigger nightly: inputs[n]": ("3", "4"),
        "trigger nightly: labels[l]": ("nothing", "1"),
        "trigger nightly: queue": ("nothing", "q"),
    }
    gone = planned(text.replace('triggers=flyte.Trigger("nightly"', 'triggers=flyte.Trigger("daily"'))
    assert {name: texts for name, texts in gone.items() if name.startswith("trigger")} == {
        "trigger daily": ("nothing", "cron 0 3 * * * UTC"),
        "trigger nightly": ("registered", "not declared any more, and stays"),
    }


def test_a_trigger_that_is_as_it_was_keeps_its_revision_and_its_clock(command, tmp_path) -> None:
    text = PROGRAM.replace('"base"', '"base_kept"').replace('"top"', '"top_kept"')
    text = text.replace('flyte.Cron("0 3 * * *")', "flyte.FixedRate(60)")
    (tmp_path / "program.py").write_text(text)

    def deployed() -> tuple[dict[str, str], dict[str, Any]]:
        done = command("-of", "json", "deploy", "program.py", "env")
        assert done.returncode == 0, done.stderr
        outcomes = {task["name"]: task["outcome"] for task in json.loads(done.stdout)}
        shown = command("-of", "json", "get", "trigger", "top_kept.main", "nightly")
        return outcomes, json.loads(shown.stdout)

    first, trigger = deployed()
    assert first == {"base_kept.add": "registered", "top_kept.main": "registered"}
    assert deployed() == ({"base_kept.add": "unchanged", "top_kept.main": "unchanged"}, trigger)
    (tmp_path / "program.py").write_text(text.replace("FixedRate(60)", "FixedRate(30)"))
    again, changed = deployed()
    assert set(again.values()) == {"registered"}
    assert int(changed["id"]["revision"]) == int(trigger["id"]["revision"]) + 1
    listed = command("get", "trigger", "top_kept.main").stdout.splitlines()
    assert listed[0].split() == ["TRIGGER", "TASK", "ACTIVE", "STARTS", "LAST"]
    assert listed[1].split() == ["nightly", "top_kept.main", "yes", "every", "30", "minutes"]
    assert "starts    every 30 minutes" in command("get", "trigger", "top_kept.main", "nightly").stdout


def test_another_commit_of_the_same_code_is_the_same_version(command, tmp_path) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=tmp_path, check=True)

    text = PROGRAM.replace('"base"', '"base_commits"').replace('"top"', '"top_commits"')
    (tmp_path / "program.py").write_text(text)
    git("init", "-q")
    git("remote", "add", "origin", "ssh://git@github.com:22/example/project.git")
    git("add", "program.py", "config.yaml")
    git("commit", "-qm", "one")
    for chosen in (["--version", "chosen"], []):
        assert command("deploy", *chosen, "program.py", "env").returncode == 0
        git("commit", "-qm", "two", "--allow-empty")
        for dry, key in ((["--dry-run"], "change"), ([], "outcome")):
            done = command("-of", "json", "deploy", *dry, *chosen, "program.py", "env")
            assert done.returncode == 0, done.stderr
            assert {task[key] for task in json.loads(done.stdout)} == {"unchanged"}
    spec = json.loads(command("-of", "json", "get", "task", "top_commits.main", "chosen").stdout)["spec"]
    assert spec["documentation"]["sourceCode"]["link"].startswith("https://github.com/example/project/blob/")
    # What was switched off meanwhile is switched on again, whatever the commit.
    assert command("update", "trigger", "nightly", "top_commits.main", "--deactivate").returncode == 0
    git("commit", "-qm", "three", "--allow-empty")
    assert command("deploy", "program.py", "env").returncode == 0
    assert "yes" in command("get", "trigger", "top_commits.main").stdout
    (tmp_path / "program.py").write_text(text.replace("return add(n)", "return add(n) + 1"))
    refused = command("deploy", "--version", "chosen", "program.py", "env")
    assert refused.returncode != 0
    assert "deploy again under another version" in refused.stderr


def test_the_command_says_that_a_version_is_not_registered(command) -> None:
    missing = command("get", "task", "top.main", "v9")
    assert missing.returncode == 2
    assert "no task `top.main` of version `v9`" in missing.stderr


def test_progress_is_told(connected) -> None:
    told: list[tuple[int, int]] = []
    env = load("many").env
    flyte.deploy(env, version="told", _on_progress=lambda done, total, task: told.append((done, total)))
    assert told == [(number + 1, len(told)) for number in range(len(told))]
    assert told[-1][1] == 2


def test_a_deployment_that_is_cut_off_says_how_far_it_came_and_the_next_finishes_it(command, port, tmp_path) -> None:
    tasks = "".join(f"@env.task\ndef t{number:02}(n: int) -> int:\n    return n\n\n\n" for number in range(18))
    last = 'last = flyte.TaskEnvironment("last_cut", depends_on=[env])\n\n\n@last.task\ndef end() -> None: ...\n'
    (tmp_path / "program.py").write_text(f'import flyte\n\nenv = flyte.TaskEnvironment("cut")\n\n\n{tasks}{last}')
    with CutsBehind(port, b"TaskService/DeployTask", 3) as proxy:
        write_config(tmp_path / "config.yaml", proxy.port)
        failed = command("deploy", "program.py", "last")
    write_config(tmp_path / "config.yaml", port)
    assert failed.returncode == 5, failed.stderr
    assert "of 19 tasks could not be registered:" in failed.stderr
    assert "(perhaps it is registered all the same)" in failed.stderr
    # Each task is named once: it failed, it is registered, or it was not tried.
    every = [f"cut.t{number:02}" for number in range(18)] + ["last_cut.end"]
    assert sorted(re.findall(r"`(cut\.t\d\d|last_cut\.end)`", failed.stderr)) == every
    said = set(re.findall(r"`([\w.]+)`", failed.stderr.partition("\nregistered: ")[2].partition("\n")[0]))
    there = json.loads(command("get", "task", "-of", "json").stdout)
    before = {each["taskId"]["name"] for each in there} & set(every)
    assert said <= before
    assert 3 <= len(before) < 19
    done = command("deploy", "-of", "json", "program.py", "last")
    assert done.returncode == 0, done.stderr
    outcomes = {task["name"]: task["outcome"] for task in json.loads(done.stdout)}
    assert sorted(outcomes) == every
    assert {name for name, outcome in outcomes.items() if outcome == "unchanged"} == before


def test_a_control_plane_that_is_down_is_said_once(command, tmp_path) -> None:
    write_config(tmp_path / "config.yaml", 1)
    failed = command("deploy", "--copy-style", "none", "--version", "v1", "program.py", "env")
    assert failed.returncode == 5, failed.stderr
    assert failed.stderr.startswith(
        "error: none of 2 tasks could be registered: the connection to `http://localhost:1`"
    )
    assert "hint: nothing listens there" in failed.stderr
    assert "perhaps" not in failed.stderr


class Refuses(BaseHTTPRequestHandler):
    """A store that takes nothing."""

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_error(403, "no room for you")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - of the standard library
        """Say nothing."""


@pytest.fixture
def refusing_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let uploads go to a store that refuses them."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refuses)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    plain = Transport.call

    async def elsewhere(self: Any, method: Any, request: Any, *args: Any, **options: Any) -> Any:
        answer = await plain(self, method, request, *args, **options)
        if method.name == "CreateUploadLocation":
            answer.signed_url = f"http://127.0.0.1:{server.server_port}/refused"
        return answer

    monkeypatch.setattr(Transport, "call", elsewhere)
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def names_registered() -> set[str]:
    return {task.name for task in flyte.remote.Task.listall(limit=-1)}


def environment_of(root: Path, program: str) -> flyte.TaskEnvironment:
    """Write a program of its own into a new folder, and return its environment."""
    root.mkdir()
    # Of code that was uploaded before nothing is sent again.
    (root / "fresh.py").write_text(f"# {root}\n{program}")
    spec = importlib.util.spec_from_file_location("fresh", root / "fresh.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.env


def test_a_store_that_refuses_a_file_is_said_with_what_is_registered(connected, refusing_store, tmp_path) -> None:
    (tmp_path / "table.csv").write_text("1,2")
    program = f"""
        import flyte
        from flyte.io import File

        env = flyte.TaskEnvironment("refused_file")


        @env.task
        async def reads(file: File = File(path="{tmp_path}/table.csv")) -> int:
            return 1
    """
    init(connected, root_dir=tmp_path / "project")
    env = environment_of(tmp_path / "project", textwrap.dedent(program))
    with pytest.raises(DeploymentError, match="none of 1 tasks could be registered: ") as error:
        flyte.deploy(env, copy_style="none", version="v1")
    lines = str(error.value).split("\n")
    assert "403" in lines[0]
    assert f"the file is `{tmp_path}/table.csv`, which was not uploaded" in lines
    assert lines[-1].startswith("hint: ")
    assert "refused_file.reads" not in names_registered()


def test_a_store_that_refuses_the_code_is_said_so(connected, refusing_store, tmp_path) -> None:
    init(connected, root_dir=tmp_path / "project")
    env = environment_of(tmp_path / "project", PROGRAM.replace('"base"', '"unsent"'))
    with pytest.raises(DeploymentError, match=r"(?s)none of 2 tasks could be registered: .*\nhint: "):
        flyte.deploy(env, copy_style="all")
    assert "unsent.add" not in names_registered()


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("dataproxy.DataProxyService/CreateUploadLocation", "permission_denied"),
        ("dataproxy.DataProxyService/UploadInputs", "failed_precondition"),
        ("task.TaskService/DeployTask", "internal"),
    ],
)
def test_a_refusal_at_any_step_is_told_and_the_next_deployment_finishes(command, port, tmp_path, method, code) -> None:
    name = f"of_{code}"
    (tmp_path / "program.py").write_text(PROGRAM.replace('"base"', f'"base_{name}"').replace('"top"', f'"{name}"'))
    with NotingProxy({}, port, {f"/flyteidl2.{method}": code}) as proxy:
        write_config(tmp_path / "config.yaml", proxy.port)
        failed = command("deploy", "program.py", "env")
    assert failed.returncode == 5, failed.stderr
    assert f"{method.partition('.')[2].replace('/', '.')}: refused on purpose" in failed.stderr
    assert "none of 2 tasks is registered" in failed.stderr or "registered: none" in failed.stderr
    assert "hint: deploy again when the reason is gone" in failed.stderr
    assert "flyte-bundle-" not in failed.stderr, "nobody knows that file"
    assert name not in command("get", "task").stdout
    write_config(tmp_path / "config.yaml", port)
    done = command("deploy", "-of", "json", "program.py", "env")
    assert done.returncode == 0, done.stderr
    assert [task["outcome"] for task in json.loads(done.stdout)] == ["registered", "registered"]


def test_a_store_that_is_broken_is_told_and_the_next_deployment_finishes(tmp_path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "words.txt").write_text("one two")
    (project / "program.py").write_text(
        PROGRAM.replace("def add(a: int", 'def add(words: flyte.io.File = flyte.io.File(path="words.txt"), a: int = 2')
        .replace("import flyte\n", "import flyte\nimport flyte.io\n", 1)
        .replace("return add(n)", "return add(a=n)")
    )
    objects = tmp_path / "devbox" / "objects" / "flytesnacks" / "development"

    def deploy(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "flyte_cli.main",
                "-c",
                config,
                "-of",
                "json",
                "deploy",
                *words,
                "program.py",
                "env",
            ],
            cwd=project,
            env={**os.environ, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=LONGEST,
        )

    with running(tmp_path / "devbox") as port:
        config = write_config(tmp_path / "config.yaml", port)
        objects.parent.mkdir(parents=True, exist_ok=True)
        objects.write_text("a file where a folder has to be")
        # With a version, and without code: the first that goes to the store is the file that is a default.
        for words in ((), ("--copy-style", "none", "--version", "v1")):
            failed = deploy(*words)
            assert failed.returncode == 5, failed.stderr
            assert f"cannot upload to `http://localhost:{port}/objects/" in failed.stderr
            assert ("words.txt`, which was not uploaded" if words else "the code was not uploaded") in failed.stderr
            assert failed.stderr.startswith("error: none of 2 tasks could be registered: ")
            assert "hint: deploy again when the reason is gone" in failed.stderr
        objects.unlink()
        done = deploy()
        assert done.returncode == 0, done.stderr
        assert [task["outcome"] for task in json.loads(done.stdout)] == ["registered", "registered"]


def test_a_deployment_that_was_killed_is_finished_by_the_next(command, port, tmp_path) -> None:
    """Nothing that it leaves on this machine is in the way: what is registered stays, the rest comes."""
    (tmp_path / "program.py").write_text(PROGRAM.replace('"base"', '"base_killed"').replace('"top"', '"top_killed"'))
    with Holds(port) as proxy:
        write_config(tmp_path / "config.yaml", proxy.port)
        begun = subprocess.Popen(
            [sys.executable, "-m", "flyte_cli.main", "deploy", "program.py", "env"],
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert proxy.is_held.wait(LONGEST)
        # It does not end of its own accord while the machine is slow.
        begun.send_signal(signal.SIGSTOP)
        write_config(tmp_path / "config.yaml", port)
        until(lambda: "base_killed.add" in command("get", "task").stdout, "the first is registered")
        begun.kill()
        assert begun.wait(LONGEST) == -signal.SIGKILL
    assert "top_killed.main" not in command("get", "task").stdout
    done = command("deploy", "-of", "json", "program.py", "env")
    assert done.returncode == 0, done.stderr
    assert {task["name"]: task["outcome"] for task in json.loads(done.stdout)} == {
        "base_killed.add": "unchanged",
        "top_killed.main": "registered",
    }
    assert "nightly" in command("get", "trigger", "top_killed.main").stdout


class Holds(Proxy):
    """Forwards, but no answer from the first registration on."""

    def __init__(self, target: int) -> None:
        super().__init__(target)
        self.is_held = threading.Event()

    def asks(self, piece: bytes, pair: Any) -> None:
        if b"TaskService/DeployTask" in piece:
            self.is_held.set()

    def lets_answer(self, pair: Any) -> bool:
        return not self.is_held.is_set()


def test_an_interrupted_deployment_says_how_far_it_came(port, tmp_path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    with Holds(port) as proxy:
        write_config(tmp_path / "config.yaml", proxy.port)
        begun = subprocess.Popen(
            [sys.executable, "-m", "flyte_cli.main", "deploy", "program.py", "env"],
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path)},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert proxy.is_held.wait(LONGEST)
        begun.send_signal(signal.SIGINT)
        _, said = begun.communicate(timeout=LONGEST)
    assert begun.returncode == 130, said
    assert "interrupted: nothing is known to be registered\nhint: deploy again" in said


def test_each_task_is_described_once(connected, monkeypatch) -> None:
    names: list[str] = []
    plain = deployment.described

    def counted(task: Any, context: Any) -> Any:
        names.append(task.name)
        return plain(task, context)

    monkeypatch.setattr(deployment, "described", counted)
    made = flyte.deploy(load("many").env)[0].tasks()
    assert sorted(names) == sorted(task.name for task in made)


def test_the_command_says_what_it_misses(command, tmp_path) -> None:
    unknown = command("deploy", "program.py", "enw")
    assert unknown.returncode == 2
    assert "did you mean `env`?" in unknown.stderr
    assert "which environment" in command("deploy", "program.py").stderr
    (tmp_path / "config.yaml").unlink()
    assert "no control plane" in command("deploy", "program.py", "env").stderr


def test_a_folder_is_deployed_as_a_whole(command, tmp_path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "one.py").write_text(PROGRAM.replace('"base"', '"base_one"').replace('"top"', '"top_one"'))
    (tmp_path / "jobs" / "broken.py").write_text("import no_such_module\n")
    refused = command("deploy", "--dry-run", "jobs")
    assert refused.returncode == 3
    done = command("deploy", "--dry-run", "-i", "-of", "json", "jobs")
    assert done.returncode == 0, done.stderr
    assert [task["name"] for task in json.loads(done.stdout)] == ["base_one.add", "top_one.main"]
    assert "broken.py" in done.stderr


def test_a_trigger_that_misses_an_input_is_the_users_to_mend(command, tmp_path) -> None:
    (tmp_path / "lacking.py").write_text(
        "import flyte\n"
        'env = flyte.TaskEnvironment("lacking")\n'
        '@env.task(triggers=flyte.Trigger("nightly", flyte.Cron("0 2 * * *")))\n'
        "def main(n: int) -> int:\n"
        "    return n\n"
    )
    refused = command("deploy", "lacking.py", "env")
    assert refused.returncode == 3
    assert refused.stderr.startswith("error: trigger `nightly` gives no value for the input `n`")


def test_folders_in_a_folder_are_deployed_but_those_that_are_not_the_users(command, tmp_path) -> None:
    for place, name in (("jobs/deep", "one"), ("jobs/.flyte/runs/r/code", "two"), ("jobs/node_modules/x", "three")):
        (tmp_path / place).mkdir(parents=True)
        text = PROGRAM.replace('"base"', f'"base_{name}"').replace('"top"', f'"top_{name}"')
        (tmp_path / place / "tasks.py").write_text(text)
    done = command("deploy", "--dry-run", "--recursive", "-of", "json", "jobs")
    assert done.returncode == 0, done.stderr
    assert [task["name"] for task in json.loads(done.stdout)] == ["base_one.add", "top_one.main"]


def test_the_command_shows_what_was_registered(command) -> None:
    assert command("deploy", "program.py", "env").returncode == 0
    found = json.loads(command("get", "trigger", "-of", "json", "top.main").stdout)
    assert [each["id"]["name"]["name"] for each in found] == ["nightly"]
    assert "flytesnacks" in command("get", "project").stdout
    assert command("get", "secret").returncode == 0


def test_a_deployment_gives_rows_for_tables(connected) -> None:
    """As that of PyPI flyte: its scripts print them."""
    env = load("shapes").env
    made = flyte.deploy(env)[0]
    first = made.tasks()[0]
    assert made.table_repr()[0] == [
        ("type", "task"),
        ("name", first.get_name()),
        ("version", first.version),
        ("triggers", ""),
    ]
    assert made.env_repr() == [[("environment", env.name), ("image", "auto")]]
    assert made.envs[env.name].summary_repr() == made.summary_repr()
