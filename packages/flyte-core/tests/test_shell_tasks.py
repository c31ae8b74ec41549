"""`flyte.extras.shell`: scripts rendered and run by the machine's own bash; whole tasks through a stand-in for docker."""

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flyte
from flyte.extras import Sleep, SleepTask, serialize, serialize_env, shell
from flyte.extras.shell.tasks import Shell
from flyte.io import Dir, File


def run_script(made: Shell, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command that a container would run, with folders of this machine."""
    (folder / "in").mkdir(exist_ok=True)
    (folder / "out").mkdir(exist_ok=True)
    command = [
        part.replace("/var/inputs", str(folder / "in")).replace("/var/outputs", str(folder / "out"))
        for part in made.command()
        if not part.startswith("{{")
    ]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, timeout=60)


def output(folder: Path, name: str = "_stdout") -> str:
    return (folder / "out" / name).read_text()


def make(script: str, **settings: Any) -> Shell:
    return shell.create("t", image="debian:12", script=script, **settings)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=30))
def test_a_value_is_never_a_command(tmp_path: Path, text: str) -> None:
    made = make("printf %s {inputs.x}; printf '|%s' {flags.x}", inputs={"x": str})
    assert run_script(made, tmp_path, text).returncode == 0
    assert (tmp_path / "out/_stdout").read_bytes().decode() == text + (f"|-x|{text}" if text else "|")


def test_flags_of_every_kind(tmp_path: Path) -> None:
    made = make(
        "printf '[%s]' {flags.n} {flags.on} {flags.off} {flags.pairs} {flags.eq} {flags.files} {flags.many} {flags.comma} "
        "{flags.semi} {flags.folder} {flags.none}",
        inputs={
            "n": int,
            "on": bool,
            "off": bool,
            "pairs": dict[str, str],
            "eq": dict[str, str],
            "files": list[File],
            "many": list[File],
            "comma": list[File],
            "semi": list[File],
            "folder": Dir,
            "none": int | None,
        },
        flag_aliases={
            "on": "--on",
            "eq": shell.FlagSpec("--", dict_mode="equals"),
            "many": ("-m", "repeat"),
            "comma": ("-c", "comma"),
            "semi": shell.FlagSpec("-s", separator=";"),
        },
    )
    for name in ("files", "many", "comma", "semi"):
        (tmp_path / "in" / name).mkdir(parents=True)
        for file in ("a b", "c"):
            (tmp_path / "in" / name / file).touch()
    done = run_script(made, tmp_path, "3", "true", "false", "k\x1ev w\x1ek2\x1e", "a\x1e1", "")
    assert done.returncode == 0, done.stderr
    at = str(tmp_path / "in")
    assert output(tmp_path) == (
        "[-n][3][--on][k][v w][k2][][--a=1]"
        f"[-files][{at}/files/a b][{at}/files/c][-m][{at}/many/a b][-m][{at}/many/c]"
        f"[-c][{at}/comma/a b,{at}/comma/c][-s][{at}/semi/a b;{at}/semi/c][-folder][{at}/folder]"
    )


def test_failures_keep_their_exit_code_and_are_seen(tmp_path: Path) -> None:
    made = make("echo out; echo oops >&2; false | true; echo unreached", inputs={})
    assert run_script(made, tmp_path).returncode == 0  # the last command counts, as in any script
    made = make("echo oops >&2; exit 7")
    done = run_script(made, tmp_path)
    assert done.returncode == 7
    assert "oops" in done.stderr
    assert output(tmp_path, "_returncode") == "7\n"


def test_debug_shows_the_script(tmp_path: Path) -> None:
    done = run_script(make("echo $((1 + 1))", debug=True), tmp_path)
    assert "echo $((1 + 1))" in done.stderr
    assert "2" in done.stderr


def test_other_braces_stay(tmp_path: Path) -> None:
    done = run_script(make("x=1; awk 'BEGIN { print \"{inputs}\" }'; echo ${x} {a,b}"), tmp_path)
    assert done.returncode == 0
    assert output(tmp_path) == "{inputs}\n1 a b\n"


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"script": "{inputs.zz}"}, KeyError, "no input `zz`"),
        ({"script": "{flags.zz}"}, KeyError, "no input `zz`"),
        ({"script": "{outputs.zz}"}, KeyError, "no output `zz`"),
        ({"script": "x", "inputs": {"a": bytes}}, TypeError, "input `a`"),
        ({"script": "x", "inputs": {"a": list[str]}}, TypeError, "input `a`"),
        ({"script": "x", "outputs": {"o": bytes}}, TypeError, "output `o`"),
        ({"script": "x", "defaults": {"zz": 1}}, KeyError, "defaults"),
        ({"script": "x", "flag_aliases": {"zz": "-z"}}, KeyError, "flag_aliases"),
    ],
)
def test_mistakes_are_refused_where_they_are_written(settings: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        make(**settings)
    with pytest.raises(ValueError, match="list_mode"):
        shell.FlagSpec("-x", list_mode="all")  # type: ignore[arg-type]


ENGINE = f"""#!{sys.executable}
# A stand-in for docker: runs the command of the container on this machine, with its own folders.
import subprocess, sys
if sys.argv[1] == "info":
    sys.exit()
arguments, mounts = sys.argv[2:], {{}}
while arguments and arguments[0].startswith("--"):
    option = arguments.pop(0)
    if option == "--rm":
        continue
    item = arguments.pop(0)
    if option == "--volume":
        host, inside = item.split(":")[:2]
        mounts[inside] = host
command = arguments[1:]
for inside, host in mounts.items():
    command = [part.replace(inside, host) for part in command]
sys.exit(subprocess.run(command).returncode)
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    docker = tmp_path / "bin" / "docker"
    docker.write_text(ENGINE)
    docker.chmod(docker.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{docker.parent}:{os.environ['PATH']}")


@pytest.mark.usefixtures("engine")
def test_a_shell_task_in_a_flow(tmp_path: Path) -> None:
    one, two = tmp_path / "one" / "data.txt", tmp_path / "two" / "data.txt"
    for path, text in ((one, "b\na\n"), (two, "c\n")):
        path.parent.mkdir()
        path.write_text(text)
    sort = shell.create(
        "shell_sort",
        image="debian:12",
        inputs={"files": list[File], "limit": int, "reverse": bool, "note": str | None, "labels": dict[str, str]},
        outputs={
            "sorted": File,
            "parts": shell.Glob("*.part"),
            "count": shell.Stdout(type=int),
            "log": shell.Stderr(type=str),
        },
        script=(
            "cat {inputs.files} | sort {flags.reverse} | head -n {inputs.limit} > {outputs.sorted}\n"
            "touch {outputs.parts}/1.part {outputs.parts}/2.part {outputs.parts}/other\n"
            "wc -l < {outputs.sorted}; echo {flags.note} {flags.labels} $WHO >&2"
        ),
        flag_aliases={"reverse": "-r"},
        defaults={"limit": 10},
        env_vars={"WHO": "me"},
    )
    env = flyte.TaskEnvironment("shell_flow", depends_on=[sort.env])

    @env.task
    async def main(files: list[File]) -> tuple[str, list[File], int, str]:
        done, parts, count, log = await sort(files=files, reverse=True, labels={"k": "v"})
        return Path(done.path).read_text(), parts, count, log

    text, parts, count, log = flyte.run(main, [File(path=str(one)), File(path=str(two))]).outputs()
    assert (text, count, log) == ("c\nb\na\n", 3, "k v me\n")
    assert [Path(part.path).name for part in parts] == ["1.part", "2.part"]


@pytest.mark.usefixtures("engine")
def test_a_shell_task_by_itself() -> None:
    echo = shell.create(
        "shell_echo",
        image="debian:12",
        inputs={"x": int},
        outputs={"o": int},
        script="echo $(({inputs.x} + 1)) > {outputs.o}",
    )
    assert flyte.run(echo.as_task(), x=2).outputs()[0] == 3

    async def call(**inputs: Any) -> Any:
        return await echo(**inputs)

    for inputs, message in (({}, "needs its input `x`"), ({"x": 1, "y": 2}, "no input `y`")):
        with pytest.raises(TypeError, match=message):
            asyncio.run(call(**inputs))


def test_tasks_serialize_without_a_control_plane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import flyte.initialization

    monkeypatch.setattr(flyte.initialization, "_settings", None)
    flyte.init(project="p", domain="d", root_dir=Path(__file__).parent)
    made = shell.create(
        "shell_wire", image="debian:12", inputs={"x": int, "m": dict[str, str]}, script="echo {inputs.x}"
    )
    spec = serialize(made.env.tasks["shell_wire"])
    template = spec.task_template
    assert (template.type, template.container.image, template.id.project) == ("raw-container", "debian:12", "p")
    assert list(template.container.args[-3:]) == ["flyte-shell", "{{.inputs.x}}", "{{.inputs.m}}"]
    assert template.container.data_config.enabled

    env = flyte.TaskEnvironment("serialized")

    @env.task
    async def one(x: int, y: str = "a") -> int:
        return x

    @env.task
    def two() -> None:
        pass

    first, second = serialize_env(env)
    assert (first.task_template.id.name, second.task_template.id.name) == ("serialized.one", "serialized.two")
    assert [(each.name, each.parameter.default.scalar.primitive.string_value) for each in first.default_inputs] == [
        ("y", "a")
    ]


def test_a_sleep_task_is_one_of_the_backends_own() -> None:
    import datetime as dt

    env = flyte.TaskEnvironment("naps", plugin_config=Sleep())

    @env.task
    async def nap(time: dt.timedelta) -> str:
        return "awake"

    assert isinstance(nap, SleepTask)
    assert nap.task_type == "core-sleep"
    assert flyte.run(nap, dt.timedelta(hours=1)).outputs()[0] == "awake"
