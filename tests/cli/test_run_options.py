"""The options of `flyte run`, and the words that may stand instead of a file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from inline_snapshot import snapshot

FLYTE = Path(sys.executable).with_name("flyte")
PROGRAM = """\
import os

import flyte

env = flyte.TaskEnvironment("shell")
COLOUR = os.environ.get("COLOUR", "none")


@env.task
def colour() -> str:
    return f"{COLOUR} {os.environ.get('COLOUR')}"


@env.task
def place() -> str:
    return flyte.ctx().raw_data_path.path


@env.task
def tell() -> None:
    flyte.logger.debug("a detail")
"""
SCRIPT = """\
import os, sys, time

print("arguments", sys.argv[1:])
print("to standard error", file=sys.stderr)
if "write" in sys.argv:
    os.makedirs("made", exist_ok=True)
    open("made/a.txt", "w").write("a")
if "sleep" in sys.argv:
    time.sleep(600)
sys.exit(3 if "fail" in sys.argv else 0)
"""


class Shell:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"HOME": str(folder), "PATH": os.environ["PATH"], "COLUMNS": "110"}
        (folder / "shell.py").write_text(PROGRAM)
        (folder / "script.py").write_text(SCRIPT)

    def flyte(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        done = subprocess.run(
            [FLYTE, "--no-progress", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == code, done.stderr
        return done.stdout, done.stderr


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_help(shell: Shell) -> None:
    assert shell.flyte("run", "--help")[0] == snapshot("""\
Usage: flyte run [OPTIONS] FILE TASK [--INPUT VALUE]...

Run a task of a Python file: in this process, recorded, or on a control plane.
`flyte run FILE` lists the tasks of a file, `flyte run FILE TASK --help` the inputs of a task.

Options:
  --local                         Run in this process [default, unless an endpoint is configured]
  --devbox                        Run on the devbox of this machine, which is started if it is not
                                  up
  -of, --output-format [table|json|yaml|table-simple|json-raw]
                                  How to print: table (for people), table-simple (no colours, exact
                                  times), json, json-raw (one line), yaml
  --name TEXT                     Name of the run [default: a random one]
  --resume RUN                    Continue a recorded run that was killed or failed; FILE TASK may
                                  be left out
  -p, --project TEXT              Project of the run
  -d, --domain TEXT               Domain of the run
  --label KEY=VALUE               Label of the run (repeatable)
  -e, --env KEY=VALUE             Environment variable (repeatable)
  -f, --follow                    Print what the task prints and wait for the result; a run in this
                                  process always does
  --raw-data-path TEXT            Where files that tasks make go, a path or URI [default: beside the
                                  history]
  --max-action-concurrency INTEGER RANGE
                                  How many actions of the run are at work at once [default: 0, any
                                  number] [x>=0]
  --root-dir DIRECTORY            Folder that modules are imported from [default: the working
                                  directory]
  --version TEXT                  Version of the tasks, on a control plane
  --copy-style [loaded_modules|all|none|custom]
                                  Which files travel to a control plane [default: loaded_modules]
  --no-sync-local-sys-paths       Do not take this process's import path along
  --image [NAME=]URI              Image of containers (repeatable)
  --service-account TEXT          Kubernetes service account of containers
  --queue TEXT                    Queue of a control plane
  --run-project TEXT              Project of a run of a deployed task
  --run-domain TEXT               Domain of a run of a deployed task
  --debug                         Start an editor in the container, where the task is run by hand
  --tui                           Show a local run in a text interface
  --tracked                       Report a local run to the control plane
  --tracked-strict                Fail where reporting fails
  --help                          Show this message and exit.

Instead of FILE:
  hello          Double each number of a list, at once, and add the results up.
  python-script  Run any Python script, with its arguments, as a recorded run of one action.
  deployed-task  Run a task that is registered at a control plane: NAME, or NAME:VERSION.
""")


def test_environment_variables_are_there_before_the_file_is_imported(shell: Shell) -> None:
    out, _ = shell.flyte("run", "-e", "COLOUR=blue", "--env", "SHADE=a=b", "shell.py", "colour")
    assert out.splitlines()[0] == "result    'blue blue'"


def test_labels_are_recorded_and_found_again(shell: Shell) -> None:
    shell.flyte("run", "--label", "team=a", "--label", "kind=", "--name", "labelled", "shell.py", "colour")
    shell.flyte("run", "shell.py", "colour")
    found = json.loads(
        shell.flyte("get", "run", "--with-label", "team=a", "--with-label-key", "kind", "-of", "json")[0]
    )
    assert [run["name"] for run in found] == ["labelled"]
    assert found[0]["labels"] == {"team": "a", "kind": ""}


def test_a_result_for_programs(shell: Shell) -> None:
    out, _ = shell.flyte("-of", "json", "run", "--name", "one", "shell.py", "colour")
    made = json.loads(out)
    assert (made["name"], made["phase"], made["outputs"]) == ("one", "succeeded", {"o0": "none None"})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--name", "../x"], "error: `--name ../x` is no name of a run"),
        (["--label", "team"], "error: `--label` needs KEY=VALUE, got `team`"),
        (["--env", "=x"], "error: `--env` needs KEY=VALUE, got `=x`"),
        (["--debug"], "error: `--debug` starts an editor in the container of a run, and this one is in this process"),
        (["--tui", "--devbox"], "error: `--tui` shows a run in this process, and `--devbox` begins one elsewhere"),
        (["--tui"], "error: `flyte run --tui` needs a terminal"),
        (["--tracked-strict"], "error: `--tracked-strict` says what happens when a run cannot be reported"),
        (["--copy-style", "some"], "'some' is not one of"),
        (["--copy-style", "custom"], "`custom` is not for runs"),
    ],
)
def test_options_that_cannot_be_had(shell: Shell, options: list[str], message: str) -> None:
    out, err = shell.flyte("run", *options, "shell.py", "colour", code=2)
    assert (out, message in err) == ("", True), err
    assert not (shell.folder / ".flyte").exists()


def test_options_of_containers_are_noted_and_do_nothing(shell: Shell) -> None:
    words = ["--queue", "gpu", "--service-account", "me", "--copy-style", "all", "--follow", "--local"]
    out, err = shell.flyte("run", *words, "shell.py", "colour")
    assert out.startswith("result    'none None'")
    assert err == snapshot("note: `--service-account`, `--queue` have no effect on a run in this process\n")


def test_a_name_that_is_taken(shell: Shell) -> None:
    shell.flyte("run", "--name", "mine", "shell.py", "colour")
    _, err = shell.flyte("run", "--name", "mine", "shell.py", "colour", code=2)
    assert err == snapshot("""\
error: there is a run `mine` already
hint: take another name, or `flyte delete run mine` first
""")


def test_hello(shell: Shell) -> None:
    assert shell.flyte("run", "hello")[0].splitlines()[0] == snapshot("result    'Hello: twice 10 numbers make 90'")
    assert shell.flyte("run", "hello", "--x_list", "[4]")[0].startswith("result    'Hello: twice 1 numbers make 8'")


def test_a_deployed_task_needs_a_control_plane(shell: Shell) -> None:
    _, err = shell.flyte("run", "deployed-task", "env.task", "--x", "1", code=4)
    assert "no endpoint is configured" in err
    _, err = shell.flyte("run", "--local", "deployed-task", "env.task", "--x", "1", code=2)
    assert err == snapshot("""\
error: a registered task runs at its control plane
hint: leave out `--local`
""")


def test_a_script_is_a_recorded_run(shell: Shell) -> None:
    out, err = shell.flyte("run", "--name", "script", "python-script", "script.py", "--extra-args", "a,b c")
    assert out.splitlines()[0] == "arguments ['a', 'b c']"
    assert err == "to standard error\n"
    logs = json.loads(shell.flyte("get", "logs", "script", "-of", "json")[0])
    assert {(line["stream"], line["text"]) for line in logs} == {
        ("stdout", "arguments ['a', 'b c']"),
        ("stderr", "to standard error"),
    }


def test_a_script_that_fails_or_takes_too_long(shell: Shell) -> None:
    _, err = shell.flyte("run", "python-script", "script.py", "--extra-args", "fail", code=1)
    assert "ended with exit code 3" in err
    _, err = shell.flyte("run", "python-script", "script.py", "--extra-args", "sleep", "--timeout", "1", code=1)
    assert "ran longer than 1 s" in err


def test_the_folder_that_a_script_fills_is_its_output(shell: Shell) -> None:
    shell.flyte("run", "--name", "w", "python-script", "script.py", "--extra-args", "write", "--output-dir", "made")
    outputs = json.loads(shell.flyte("get", "io", "w", "--outputs-only", "-of", "json")[0])["outputs"]
    assert Path(outputs["o0"].removeprefix("file://"), "a.txt").read_text() == "a"
    _, err = shell.flyte("run", "python-script", "script.py", "--output-dir", "nowhere", code=1)
    assert "did not make the folder" in err


def test_where_files_go(shell: Shell) -> None:
    out, _ = shell.flyte("run", "--raw-data-path", f"{shell.folder}/data", "shell.py", "place")
    assert out.startswith(f"result    '{shell.folder}/data/")
    assert "/.flyte/runs/" in shell.flyte("run", "shell.py", "place")[0]


def test_one_action_at_a_time(shell: Shell) -> None:
    out, _ = shell.flyte("run", "--max-action-concurrency", "1", "hello")
    assert out.startswith("result    'Hello")
    shell.flyte("run", "--max-action-concurrency=-1", "hello", code=2)


def test_what_the_users_logger_writes(shell: Shell) -> None:
    _, err = shell.flyte("--user-log-level", "debug", "--log-format", "json", "run", "shell.py", "tell")
    assert json.loads(err)["message"] == "a detail"
    assert shell.flyte("run", "shell.py", "tell")[1] == ""


def test_the_cache_is_deleted(shell: Shell) -> None:
    (shell.folder / ".flyte").mkdir()
    (shell.folder / ".flyte" / "cache.db").touch()
    assert shell.flyte("delete", "local-cache")[0].startswith("Deleted `")
    assert shell.flyte("delete", "local-cache")[0].startswith("There is no cache")


@pytest.mark.parametrize("option", ["--clustered", "--replicas=2", "--plugin-config=x.yaml"])
def test_a_script_on_several_machines_is_refused(shell: Shell, option: str) -> None:
    _, err = shell.flyte("run", "python-script", "script.py", option, code=2)
    assert "asks for several machines, and this version runs scripts on one" in err


def test_hints_of_local_runs_say_so_where_a_control_plane_is_configured(shell: Shell) -> None:
    (shell.folder / ".flyte").mkdir()
    (shell.folder / ".flyte" / "config.yaml").write_text(
        "admin:\n  endpoint: http://localhost:1\n  insecure: true\n"
        "task:\n  project: flytesnacks\n  domain: development\n"
    )
    out, _ = shell.flyte("run", "--local", "--name", "here", "shell.py", "colour")
    assert out.splitlines()[-1] == "next      flyte get run here --local"
    assert shell.flyte("get", "run", "here", "--local")[0].startswith("run       here")
    _, err = shell.flyte("get", "run", "here", code=5)
    assert "hint: `flyte status devbox` says where the devbox of this machine is" in err
