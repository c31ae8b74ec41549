"""What commands show of a devbox, word for word. Change one only on purpose: `just snap` accepts the new text."""

from collections.abc import Iterator

import pytest
from inline_snapshot import snapshot
from tests.cli.places import Place, place_with_devbox

from flyte_devbox.process import find_server

PROGRAM = """\
import flyte

env = flyte.TaskEnvironment("steps")


@env.task
def half(x: int) -> int:
    return x // 2
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place_with_devbox(tmp_path_factory.mktemp("home"), PROGRAM, is_configured=False) as place:
        place.flyte("run", "--devbox", "--follow", "--name", "four", "steps.py", "half", "--x", "4")
        yield place


def test_inputs_and_outputs(place: Place) -> None:
    assert place.flyte("get", "io", "--devbox", "four") == snapshot("""\
inputs
  x  int  4

outputs
  o0  int  2\
""")
    assert place.flyte("get", "io", "--devbox", "four", "-of", "json") == snapshot("""\
{
  "inputs": {
    "x": 4
  },
  "outputs": {
    "o0": 2
  }
}\
""")
    assert place.flyte("get", "io", "--devbox", "four", "-of", "yaml") == snapshot("""\
inputs:
  x: 4
outputs:
  o0: 2\
""")


def test_runs_that_do_not_differ(place: Place) -> None:
    assert place.flyte("diff", "--devbox", "four", "four") == snapshot("""\
left  four  succeeded  <duration>
right  four  succeeded  <duration>

No difference: inputs, actions and outputs are the same.\
""")
    assert place.flyte("diff", "--devbox", "four", "four", "-of", "json") == snapshot("""\
{
  "runs": [
    "four",
    "four"
  ],
  "equal": true,
  "differences": []
}\
""")


def test_what_a_project_holds(place: Place) -> None:
    assert place.flyte("get", "project", "--devbox") == snapshot("""\
ID  NAME  DESCRIPTION
flytesnacks  flytesnacks  To begin with\
""")


@pytest.mark.parametrize("noun", ["trigger", "secret", "task", "artifact"])
def test_nothing_is_an_empty_list_for_programs(place: Place, noun: str) -> None:
    assert place.shows("get", noun, "--devbox", "-of", "json") == "[]"
    assert place.shows("get", noun, "--devbox", "-of", "json-raw") == "[]"
    assert place.shows("get", noun, "--devbox", "-of", "yaml") == "[]"
    assert place.flyte("get", noun, "--devbox") == ""


def test_people_are_told_that_there_is_nothing(place: Place) -> None:
    assert place.shows("get", "trigger", "--devbox") == snapshot(
        "! there are no triggers in project `flytesnacks`, domain `development`; `flyte create trigger TASK NAME --devbox` makes one"
    )
    assert place.shows("get", "trigger", "--devbox", "steps.half") == snapshot(
        "! there are no triggers of task `steps.half` in project `flytesnacks`, domain `development`; `flyte create trigger steps.half NAME --devbox` makes one"
    )
    assert place.shows("get", "secret", "--devbox") == snapshot(
        "! there are no secrets here; `flyte create secret NAME --devbox` keeps one"
    )
    assert place.shows("get", "task", "--devbox") == snapshot(
        "! there are no tasks in project `flytesnacks`, domain `development`; `flyte deploy FILE ENV --devbox` registers some"
    )
    assert place.shows("get", "task", "--devbox", "steps.half") == snapshot(
        "! there is no task `steps.half` in project `flytesnacks`, domain `development`; `flyte get task --devbox` lists what is registered"
    )
    assert place.shows("get", "artifact", "--devbox") == snapshot(
        "! there are no artifacts in project `flytesnacks`, domain `development`; `flyte create artifact NAME --from-file PATH --devbox` publishes one"
    )
    assert place.shows("get", "artifact", "--devbox", "prices") == snapshot(
        "! there is no artifact `prices` in project `flytesnacks`, domain `development`; `flyte get artifact --devbox` lists them"
    )
    assert place.shows("get", "project", "--devbox", "--archived") == snapshot(
        "! no project is archived; `flyte get project --devbox` lists the others"
    )
    assert place.shows("get", "condition", "--devbox", "four") == snapshot(
        "! run `four` waits for no answer; `flyte get run four --devbox` shows it"
    )
    assert place.shows("get", "run", "--devbox", "--in-phase", "failed") == snapshot(
        "! no run matches; with fewer options `flyte get run --devbox` shows more"
    )
    assert place.shows("get", "run", "--devbox", "-d", "production") == snapshot(
        "! no run matches; with fewer options `flyte get run --devbox -d production` shows more"
    )
    assert place.shows("get", "action", "--devbox", "four", "--in-phase", "failed") == snapshot(
        "! no action of run `four` is failed"
    )


def test_whose_run_it_is(place: Place) -> None:
    assert place.flyte("whoami", "--devbox") == snapshot("""\
name  ada
subject  devbox
user  ada\
""")
    assert place.flyte("whoami", "--devbox", "-of", "json") == snapshot("""\
{
  "subject": "devbox",
  "name": "ada",
  "preferredUsername": "ada"
}\
""")
    assert place.flyte("get", "run", "--devbox", "four") == snapshot("""\
run  four
task  steps.half
phase  succeeded
started  <ago>
took  <duration>

TASK  ACTION  PHASE  ATTEMPTS  TOOK  ERROR
half  a0  succeeded  1  <duration>\
""")
    assert place.flyte("get", "action", "--devbox", "four", "-of", "json") == snapshot("""\
[
  {
    "run": "four",
    "name": "a0",
    "parent": null,
    "task": "steps.half",
    "short_name": "half",
    "group": null,
    "phase": "succeeded",
    "attempts": 1,
    "created_at": "<time>",
    "started_at": "<time>",
    "ended_at": "<time>",
    "seconds": <duration>,
    "cache": "disabled",
    "error": null
  }
]\
""")


def test_tasks_are_deployed_and_run_by_name(place: Place) -> None:
    (place.folder / "parts.py").write_text(
        "import flyte\n\nenv = flyte.TaskEnvironment('parts')\n\n\n"
        "@env.task\ndef cut(chunk_size: int, names: list[str]) -> str:\n    return f'{chunk_size} {names}'\n"
    )
    assert place.shows("deploy", "parts.py", "env") == snapshot("""\
! error: no control plane is configured to deploy to
! hint: `--devbox` deploys to the devbox of this machine, `flyte create config` writes down another one, `--dry-run` only looks
exit code 2\
""")
    assert place.shows("deploy", "--devbox", "--version", "v1", "parts.py", "env") == snapshot("""\
TASK  VERSION  OUTCOME  TRIGGERS
parts.cut  v1  registered\
""")
    run = ("run", "--devbox", "--follow", "--name", "cut", "deployed-task", "parts.cut")
    assert place.shows(*run, "--names", "[]") == snapshot("""\
! error: task `parts.cut` needs an input that is missing: `--chunk_size` (int)
! hint: add --chunk_size INT
exit code 2\
""")
    # Both spellings of a name, as of a file's task.
    assert place.shows(*run, "--chunk-size", "3", "--names", '["a"]') == snapshot("""\
run  cut
page  http://<devbox>/v2/domain/development/project/flytesnacks/runs/cut
result  "3 ['a']"
took  <duration>\
""")


def test_hints_look_where_the_command_looked(place: Place) -> None:
    assert place.shows("get", "io", "--devbox", "nobody") == snapshot("""\
! error: no run `nobody` is recorded on the control plane
! hint: `flyte get run --devbox` lists the latest runs
exit code 2\
""")
    assert place.shows("get", "io", "--devbox", "-d", "staging", "nobody") == snapshot("""\
! error: no run `nobody` is recorded on the control plane
! hint: `flyte get run --devbox -d staging` lists the latest runs
exit code 2\
""")
    assert place.shows("get", "task", "--devbox", "-p", "a b", "no.such") == snapshot(
        "! there is no task `no.such` in project `a b`, domain `development`; `flyte get task --devbox -p 'a b'` lists what is registered"
    )
    assert place.shows("abort", "run", "--devbox", "-d", "staging", "nobody") == snapshot("""\
! error: RunService.GetRunDetails: there is no run `nobody` in `flytesnacks/staging`
! hint: `flyte get run --devbox -d staging` lists them
exit code 2\
""")
    # Not where it is about projects themselves, and not where the command takes no such option.
    assert place.shows("get", "project", "--devbox", "-p", "birds", "nobody") == snapshot("""\
! error: ProjectService.GetProject: there is no project `nobody`
! hint: `flyte get project --devbox` lists them
exit code 2\
""")
    assert place.shows("get", "io", "--local", "nobody") == snapshot("""\
! error: nothing is recorded yet: there is no `<folder>/.flyte/history.db`
! hint: `flyte run FILE TASK` records a run
exit code 2\
""")
    assert place.shows("run", "--devbox", "deployed-task", "no.such") == snapshot("""\
! error: there is no task `no.such` in `flytesnacks/development`
! hint: `flyte get task --devbox` lists what is registered, `flyte deploy --devbox` registers
exit code 2\
""")


def test_hints_ask_the_control_plane_that_was_asked(place: Place) -> None:
    server = find_server(place.folder / "devbox")
    assert server is not None
    asked = ["--endpoint", server.endpoint, "--insecure"]
    assert place.shows(*asked, "get", "io", "nobody") == snapshot("""\
! error: no project is named
! hint: `flyte.init(project="...")`, `task.project` in the configuration file, or `-p PROJECT` on the command line
exit code 4\
""")
    assert place.shows(*asked, "get", "io", "-p", "flytesnacks", "-d", "development", "nobody") == snapshot("""\
! error: no run `nobody` is recorded on the control plane
! hint: `flyte --endpoint <devbox> --insecure get run -p flytesnacks -d development` lists the latest runs
exit code 2\
""")
    # Not where the command asks none.
    assert place.shows(*asked, "get", "io", "--local", "nobody") == snapshot("""\
! error: nothing is recorded yet: there is no `<folder>/.flyte/history.db`
! hint: `flyte run FILE TASK` records a run
exit code 2\
""")
    (place.folder / "there.yaml").write_text(
        f"admin:\n  endpoint: {server.endpoint}\n  insecure: true\ntask:\n  project: flytesnacks\n  domain: development\n"
    )
    assert place.shows("-c", "there.yaml", "get", "run", "--in-phase", "failed") == snapshot(
        "! no run matches; with fewer options `flyte -c there.yaml get run` shows more"
    )
    begun = place.shows("-c", "there.yaml", "run", "--name", "elsewhere", "steps.py", "half", "--x", "4")
    assert begun == snapshot("""\
run  elsewhere
page  http://<devbox>/v2/domain/development/project/flytesnacks/runs/elsewhere
next  flyte -c there.yaml get run elsewhere\
""")
    _, _, following = begun.splitlines()
    assert "succeeded" in place.until(*following.split()[2:], has="succeeded")
