"""The main job and the pages around it, as a user sees them."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from inline_snapshot import snapshot

ROOT = Path(__file__).parents[2]
FLYTE = Path(sys.executable).with_name("flyte")
QUICKSTART = "examples/quickstart/word_stats.py"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "COLUMNS": "100"}


def flyte(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([FLYTE, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


def test_the_main_job_prints_three_lines_and_the_next_command_works(environment: dict[str, str]) -> None:
    text = Path(environment["HOME"]) / "text.txt"
    text.write_text("One two two.\nThree three three!\n" * 30)
    done = flyte(environment, "run", QUICKSTART, "main", "--path", str(text), "--top", "2")
    assert done.returncode == 0, done.stderr
    result, recorded, following = done.stdout.splitlines()
    assert result == "result    WordStats(lines=60, words=180, distinct=3, top=['three', 'two'])"
    assert re.fullmatch(r"recorded  ~/\.flyte/history\.db as run r[a-z0-9]{12}", recorded)
    assert "load_stop_words  attempt 1 of 3 failed, trying again" in done.stderr
    assert "count  3 done" in done.stderr
    command = following.removeprefix("next      ").split()
    shown = flyte(environment, *command[1:])
    assert shown.returncode == 0, shown.stderr
    assert "word_stats.main" in shown.stdout
    assert len([line for line in shown.stdout.splitlines() if re.match(r" *(count|split|reduce|load)", line)]) == 6


def test_a_terminal_gets_no_plain_lines(environment: dict[str, str]) -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [FLYTE, "run", QUICKSTART, "main", "--path", "README.md"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=follower,
        text=True,
    )
    os.close(follower)
    out, _ = process.communicate(timeout=60)
    os.close(leader)
    assert process.returncode == 0
    assert len(out.splitlines()) == 3


def test_help_of_a_task_lists_inputs_types_and_defaults(environment: dict[str, str]) -> None:
    assert flyte(environment, "run", QUICKSTART, "main", "--help").stdout == snapshot("""\
Usage: flyte run examples/quickstart/word_stats.py main [OPTIONS]

Count the words of a text file.

Options:
  --path File        The text file. [required]
  --chunk_lines int  How many lines are counted together. [default: 20]
  --top int          How many of the commonest words to name. [default: 5]
  --help             Show this message and exit.
""")


def test_help_of_a_file_lists_its_tasks(environment: dict[str, str]) -> None:
    assert flyte(environment, "run", QUICKSTART, "--help").stdout == snapshot("""\
Usage: flyte run examples/quickstart/word_stats.py [OPTIONS] TASK [--INPUT VALUE]...

Run a task of `examples/quickstart/word_stats.py`.

Options:
  --help  Show this message and exit.

Tasks:
  split            Read the file and cut it into chunks of `chunk_lines` lines.
  load_stop_words  Fetch the words to leave out, from a service that is down the first time it is
                   asked.
  count            Count the words of one chunk.
  reduce           Add the chunks up.
  main             Count the words of a text file.
""")


def test_root_help(environment: dict[str, str]) -> None:
    assert flyte(environment, "--help").stdout == snapshot("""\
Usage: flyte [OPTIONS] COMMAND [ARGS]...

Write typed tasks in Python and run them.

Run:
  run                     Run a task of a Python file
  rerun                   Run again what a run of a control plane has run
  deploy                  Register the tasks of a Python file at a control plane
  build                   Build the images of environments (not built yet)
  serve                   Serve an app (not built yet)
  signal                  Answer what a run is waiting for
  abort                   Abort a run or an action on a control plane

Look:
  get                     Show runs, their actions, logs, inputs and outputs
  watch                   Show a run while it goes on
  diff                    Tell how two runs differ: inputs, code, actions, outputs
  replay                  Run one action again, here, with the inputs it had
  why                     Tell which input, line or setting made the cache miss
  delete                  Delete runs, cached results, secrets or triggers
  whoami                  Show which user the control plane takes you for

Devbox:
  start                   Start the devbox: a control plane on this machine
  stop                    Stop the devbox
  status                  Tell whether the devbox runs, and where

Set up:
  create                  Make a configuration file, a project, a secret or a trigger
  config                  Check endpoint, sign-in, project and store
  update                  Change a project or a trigger
  edit                    Change settings of an organisation, a domain or a project
  prefetch                Copy a model of Hugging Face into storage
  proxy                   Forward a port of this machine to an app
  gen                     Print a reference of all commands
  completion              Let bash, zsh or fish complete this command

Options:
  -c, --config PATH       Use this configuration file
  --profile NAME          Use this profile of it; so does FLYTE_PROFILE
  -v, --verbose           Show the frames of flyte and of Python in tracebacks
  -of, --output-format    Print table, table-simple, json, json-raw (one line) or yaml
  --no-progress           Print no progress while a run is going on
  --endpoint ADDRESS      Control plane, in place of the configured one
  --insecure              Talk to it without TLS
  --auth-type TYPE        How to sign in: pkce, device-flow, client-secret or external-command
  --image-builder NAME    What builds images: local, local-podman or remote
  --org ORG               Organisation of runs
  --log-format FORMAT     Log as text (console) or json
  --user-log-level LEVEL  From which level on `flyte.logger` writes: debug, info, warning, error,
                          critical
  --reset-root-logger     Let all other libraries log as flyte does
  --version               Show the version and exit
  --help                  Show this page and exit

`flyte COMMAND --help` explains a command. Exit codes: 0 ok, 1 the run failed, 2 usage, 3 code that
does not load, 4 configuration, 5 the control plane, 130 interrupted.
""")


def test_inputs_of_several_types(environment: dict[str, str]) -> None:
    program = "tests/cli/programs/failing.py"
    arguments = ["--count", "3", "--ratio", "2", "--verbose", "--tags", '["a", "b"]', "--name", "it's"]
    done = flyte(environment, "--no-progress", "run", program, "compute", *arguments)
    assert done.stdout.splitlines()[0] == "result    \"it's: 3 2.0 True ['a', 'b']\""
    assert done.stderr == ""


def test_version(environment: dict[str, str]) -> None:
    from flyte_models.version import __version__

    assert flyte(environment, "--version").stdout == f"flyte {__version__}\n"


def test_get_before_anything_was_run(environment: dict[str, str]) -> None:
    done = flyte(environment, "get", "run")
    assert (done.returncode, "nothing is recorded yet" in done.stderr) == (2, True)


def test_running_the_file_as_a_script(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, QUICKSTART], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.startswith("WordStats(lines="), done.stderr
