"""Wrong command lines, and machines on which nothing can be written: what happened and what to do, and no bug of flyte."""

import os
import subprocess
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from tests.cli.places import FLYTE, Place

PROGRAM = """\
import flyte

env = flyte.TaskEnvironment("steps")


@env.task
def half(x: int) -> int:
    return x // 2


@env.task
def any_of(chunk_size: list[int], table: dict[str, float], rest=None) -> str:
    return f"{chunk_size} {table} {rest}"


@env.task
def untyped(x) -> str:
    return repr(x)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("home"), PROGRAM)


def test_values_of_options(place: Place) -> None:
    assert place.shows("get", "run", "--limit", "many") == snapshot("""\
! error: `--limit` of `flyte get run`: 'many' is not a valid integer
! hint: `flyte get run --help` shows what it takes
exit code 2\
""")
    assert place.shows("get", "run", "--in-phase", "succeeds") == snapshot("""\
! error: `--in-phase` of `flyte get run`: 'succeeds' is not one of 'queued', 'waiting_for_resources', 'initializing', 'running', 'paused', 'succeeded', 'failed', 'aborted', 'timed_out', 'recovered'
! hint: did you mean `succeeded`?
exit code 2\
""")
    assert place.shows("get", "run", "--created-after", "someday") == snapshot("""\
! error: `--created-after` of `flyte get run`: 'someday' is not a point in time
! hint: write `2026-11-26T14:30` (UTC), `today`, `2h` (two hours ago), `3d` or `now - 1 day`
exit code 2\
""")
    assert place.shows("completion", "ksh") == snapshot("""\
! error: `SHELL` of `flyte completion`: 'ksh' is not one of 'bash', 'zsh', 'fish'
! hint: did you mean `zsh`?
exit code 2\
""")
    assert place.shows("-of", "jsonn", "get", "run") == snapshot("""\
! error: `--output-format` of `flyte`: 'jsonn' is not one of 'table', 'json', 'yaml', 'table-simple', 'json-raw'
! hint: did you mean `json`?
exit code 2\
""")
    assert place.shows("deploy", "--root-dir", "nowhere", "steps.py") == snapshot("""\
! error: `--root-dir` of `flyte deploy`: directory 'nowhere' does not exist
! hint: the working directory is `<folder>`
exit code 2\
""")
    assert place.shows("run", "steps.py", "half", "--x") == snapshot("""\
! error: `--x` needs a value
! hint: write it behind the name, as `--x VALUE`
exit code 2\
""")
    assert place.shows("get", "run", "--local=yes") == snapshot("""\
! error: `--local` takes no value
! hint: leave out what stands behind the `=`
exit code 2\
""")


def test_what_is_missing_is_named(place: Place) -> None:
    assert place.shows("create", "project", "--name", "x") == snapshot("""\
! error: `flyte create project` needs `--id TEXT`
! hint: `flyte create project --help` shows how it is called
exit code 2\
""")
    assert place.shows("update", "trigger", "nightly", "steps.half") == snapshot("""\
! error: `flyte update trigger` needs `--activate` or `--deactivate`
! hint: `flyte update trigger --help` shows how it is called
exit code 2\
""")
    assert place.shows("gen", "docs") == snapshot("""\
! error: `flyte gen docs` needs `--type [markdown|json]`
! hint: `flyte gen docs --help` shows how it is called
exit code 2\
""")
    assert place.shows("get", "logs") == snapshot("""\
! error: `flyte get logs` needs RUN_NAME
! hint: `flyte get logs --help` shows how it is called
exit code 2\
""")


def test_words_that_are_too_many(place: Place) -> None:
    assert place.shows("run", "steps.py", "half", "--x", "1", "2", "3") == snapshot("""\
! error: `flyte run steps.py half` takes no further word: `2 3`
! hint: `flyte run steps.py half --help` shows how it is called
exit code 2\
""")
    assert place.shows("whoami", "please") == snapshot("""\
! error: `flyte whoami` takes no further word: `please`
! hint: `flyte whoami --help` shows how it is called
exit code 2\
""")


def test_words_that_stand_elsewhere(place: Place) -> None:
    assert place.shows("steps.py", "half") == snapshot("""\
! error: there is no command `flyte steps.py`
! hint: `flyte run steps.py` runs a task of it
exit code 2\
""")
    assert place.shows("hello") == snapshot("""\
! error: there is no command `flyte hello`
! hint: did you mean `flyte run hello`?
exit code 2\
""")
    assert place.shows("devbox") == snapshot("""\
! error: there is no command `flyte devbox`
! hint: did you mean `flyte get devbox`, `flyte delete devbox`, `flyte start devbox`, `flyte stop devbox`, `flyte status devbox`?
exit code 2\
""")
    assert place.shows("hallo") == snapshot("""\
! error: there is no command `flyte hallo`
! hint: `flyte --help` lists the commands
exit code 2\
""")


def test_words_that_are_empty(place: Place) -> None:
    assert place.shows("get", "run", "") == snapshot("""\
! error: NAME of `flyte get run` is empty
! hint: a variable of the shell is not set, perhaps
exit code 2\
""")
    assert place.shows("delete", "run", "latest", "") == snapshot("""\
! error: NAMES of `flyte delete run` is empty
! hint: a variable of the shell is not set, perhaps
exit code 2\
""")
    assert place.shows("deploy", "", "env") == snapshot("""\
! error: PATH of `flyte deploy` is empty
! hint: a variable of the shell is not set, perhaps
exit code 2\
""")
    assert place.shows("run", "", "half") == snapshot("""\
! error: FILE of `flyte run` is empty
! hint: a variable of the shell is not set, perhaps
exit code 2\
""")
    assert place.shows("run", "python-script", "") == snapshot("""\
! error: SCRIPT of `flyte run python-script` is empty
! hint: a variable of the shell is not set, perhaps
exit code 2\
""")


def test_pairs_without_a_key(place: Place) -> None:
    assert place.shows("run", "--label", "=birds", "steps.py", "half") == snapshot("""\
! error: `--label` needs KEY=VALUE, got `=birds`
! hint: write `--label KEY=birds`
exit code 2\
""")
    assert place.shows("run", "--env", "MODE", "steps.py", "half") == snapshot("""\
! error: `--env` needs KEY=VALUE, got `MODE`
! hint: write `--env MODE=VALUE`
exit code 2\
""")
    assert place.shows("get", "run", "--with-label", "team") == snapshot("""\
! error: `--with-label` needs KEY=VALUE, got `team`
! hint: `--with-label-key team` asks for the key
exit code 2\
""")


def test_inputs_that_are_missing(place: Place) -> None:
    assert place.shows("run", "steps.py", "any_of") == snapshot("""\
! error: task `steps.any_of` needs 2 inputs that are missing: `--chunk_size` (list[int]), `--table` (dict[str, float])
! hint: add --chunk_size VALUE --table VALUE
exit code 2\
""")


def test_inputs_without_annotation(place: Place) -> None:
    shown = place.shows("run", "-of", "json-raw", "steps.py", "untyped", "--x", '{"a": 1}')
    assert "{'a': 1}" in shown
    assert place.shows("run", "steps.py", "untyped", "--x", "{") == snapshot("""\
! error: input `--x` of task `steps.untyped`: '{' is not a valid `object`
! hint: it must be JSON, or the path of a JSON file (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))
exit code 2\
""")


def test_a_file_without_tasks(place: Place) -> None:
    (place.folder / "empty.py").write_text("")
    assert place.shows("run", "empty.py") == snapshot("""\
! error: `empty.py` has no tasks
! hint: decorate a function with `@env.task`, where `env` is a `flyte.TaskEnvironment`
exit code 2\
""")


def test_no_control_plane(place: Place) -> None:
    assert place.shows("get", "project") == snapshot("""\
! error: there is no control plane to talk to: no endpoint is configured
! hint: add `--devbox` for the devbox of this machine; for another `flyte create config` writes down which, or `flyte --endpoint ADDRESS ...` says so once
exit code 4\
""")


def test_names_that_would_spoil_a_table(place: Place) -> None:
    (place.folder / "loud.py").write_text(
        "import flyte\nenv = flyte.TaskEnvironment('loud')\n@env.task\ndef shout() -> int:\n"
        "    raise ValueError('\\x1b[31mred\\x07')\n"
    )
    place.fails("run", "--name", "loud", "loud.py", "shout")
    assert "\x1b" not in place.raw("get", "action", "loud")


def test_a_home_in_which_nothing_can_be_written(tmp_path: Path) -> None:
    place = Place(tmp_path, PROGRAM)
    (tmp_path / "file").write_text("")
    # As on a disk that is mounted to be read only, for whoever runs the tests: root may write everywhere else.
    place.environment |= {"HOME": str(tmp_path / "file"), "FLYTE_DEVBOX_FOLDER": str(tmp_path / "file" / "devbox")}
    assert place.shows("start", "devbox") == snapshot("""\
! error: `<folder>/file/devbox` cannot be used: Not a directory
! hint: check what it is, who may use it, and whether its disk can be written; `flyte -v ...` shows what needed it
exit code 4\
""")
    assert place.shows("run", "steps.py", "half", "--x", "1") == snapshot("""\
! error: cannot create the store `<folder>/file/.flyte/history.db`: Not a directory
! hint: the folder must be writable; another place can be named in the configuration
exit code 4\
""")


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("run", "--help"), ("get", "config")])
def test_a_disk_that_is_full(place: Place, words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [FLYTE, *words], cwd=place.folder, env=place.environment, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 4
    assert "No space left on device" in done.stderr
    assert "bug of flyte" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("get", "--help"), ("get", "config")])
def test_a_reader_that_has_enough(place: Place, words: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [FLYTE, *words], cwd=place.folder, env=place.environment, stdout=writing, stderr=subprocess.PIPE, text=True
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--version",), 0),
        (("--help",), 0),
        (("get", "config"), 0),
        (("status", "devbox"), 1),
        (("get", "nothing"), 2),
        (("run", "steps.py", "half", "--x", "4"), 0),
        (("run", "steps.py", "half", "--x", "four"), 2),
    ],
)
def test_closed_streams(place: Place, words: tuple[str, ...], code: int) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", FLYTE, *words], cwd=place.folder, env=place.environment
    )
    assert done.returncode == code
    # Nothing that would have been printed has gone to a file that took the number of a stream.
    recorded = place.raw("-of", "json", "get", "run") if (place.folder / ".flyte" / "history.db").exists() else "[]"
    assert recorded.startswith("[")
