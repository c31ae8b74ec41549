"""What commands show of files, reports and what is run again, word for word; `just snap` accepts a new text."""

import json
from collections.abc import Iterator

import pytest
from inline_snapshot import snapshot
from tests.cli.places import Place, place_with_devbox

PROGRAM = """\
from dataclasses import dataclass
from pathlib import Path

import flyte
import flyte.io
import flyte.report

env = flyte.TaskEnvironment("steps")


@dataclass
class Parcel:
    weight: float
    to: str


@env.task(report=True)
async def weigh(letter: flyte.io.File, parts: flyte.io.Dir, parcel: Parcel) -> tuple[flyte.io.File, int, None]:
    await flyte.report.replace.aio("<p>weighed</p>")
    await flyte.report.flush.aio()
    Path("weight.txt").write_text("7")
    return await flyte.io.File.from_local("weight.txt"), 7, None


@env.task
def half(x: int, mark: str) -> int:
    if x % 2 and not Path(mark).exists():
        raise ValueError(f"{x} is odd")
    return x // 2


@env.task
def less(x: int) -> int:
    return x - 1


@env.task
def steps(x: int, mark: str) -> int:
    return less(half(half(x, mark), mark))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place_with_devbox(tmp_path_factory.mktemp("home"), PROGRAM) as place:
        (place.folder / "letter.txt").write_text("Dear all\n")
        (place.folder / "parts").mkdir()
        (place.folder / "parts" / "one.txt").write_text("1")
        letter = ("--letter", "letter.txt", "--parts", "parts", "--parcel", '{"weight": 1.5, "to": "Ada"}')
        place.flyte("run", "--follow", "--name", "letter", "steps.py", "weigh", *letter)
        yield place


def test_files_in_inputs_and_outputs(place: Place) -> None:
    assert place.shows("get", "io", "letter") == snapshot("""\
inputs
  letter  File  <folder>/devbox/objects/flytesnacks/development/uploads/<place>/letter.txt
  parts  Dir  <folder>/devbox/objects/flytesnacks/development/uploads/parts-<digest>
  parcel  object  {"weight": 1.5, "to": "Ada"}

outputs
  o0  File  <folder>/devbox/objects/flytesnacks/development/letter/a0/1/<digest>/weight.txt
  o1  int  7
  o2  None  None\
""")
    assert place.shows("get", "io", "letter", "--outputs-only") == snapshot("""\
outputs
  o0  File  <folder>/devbox/objects/flytesnacks/development/letter/a0/1/<digest>/weight.txt
  o1  int  7
  o2  None  None\
""")
    assert place.shows("get", "io", "letter", "-i", "-of", "table-simple") == snapshot("""\
inputs
  letter  File  <folder>/devbox/objects/flytesnacks/development/uploads/<place>/letter.txt
  parts  Dir  <folder>/devbox/objects/flytesnacks/development/uploads/parts-<digest>
  parcel  object  {"weight": 1.5, "to": "Ada"}\
""")
    assert place.shows("get", "io", "letter", "-of", "json") == snapshot("""\
{
  "inputs": {
    "letter": "<folder>/devbox/objects/flytesnacks/development/uploads/<place>/letter.txt",
    "parts": "<folder>/devbox/objects/flytesnacks/development/uploads/parts-<digest>",
    "parcel": {
      "weight": 1.5,
      "to": "Ada"
    }
  },
  "outputs": {
    "o0": "<folder>/devbox/objects/flytesnacks/development/letter/a0/1/<digest>/weight.txt",
    "o1": 7,
    "o2": null
  }
}\
""")
    assert place.shows("get", "io", "letter", "-i", "-o") == snapshot("""\
! error: `--inputs-only` and `--outputs-only` exclude each other
! hint: leave both out
exit code 2\
""")


def test_a_report(place: Place) -> None:
    page = place.shows("get", "report", "letter")
    assert "<section><p>weighed</p></section>" in page
    assert place.shows("get", "report", "letter", "--output", "report.html") == snapshot("Wrote `report.html`.")
    assert (place.folder / "report.html").read_text().rstrip() == page.rstrip()
    assert place.shows("get", "report", "letter", "-o", "report.html", "-of", "json") == snapshot("""\
{
  "path": "report.html"
}\
""")


def test_a_run_that_fails_is_replayed_and_recovered(place: Place) -> None:
    mark = place.folder / "mended"
    run = ("run", "--follow", "--name", "odd", "steps.py", "steps", "--x", "6", "--mark", str(mark))
    assert place.shows(*run) == snapshot("""\
run  odd
page  http://<devbox>/v2/domain/development/project/flytesnacks/runs/odd
! error: task `steps.half` failed in action `<action>`: ValueError: 3 is odd
! hint: http://<devbox>/v2/domain/development/project/flytesnacks/runs/odd?i=<action> has the log and the inputs
exit code 1\
""")
    assert place.shows("get", "run", "odd") == snapshot("""\
run  odd
task  steps.steps
phase  failed
started  <ago>
took  <duration>

TASK  ACTION  PHASE  ATTEMPTS  TOOK  ERROR
steps  a0  failed  1  <duration>  ValueError: 3 is odd
  half  <action>  succeeded  1  <duration>
  half  <action>  failed  1  <duration>  ValueError: 3 is odd\
""")

    failed = _action(place, "odd", "failed")
    ambiguous = place.start("replay", "odd", "half").communicate(timeout=180)[1]
    assert f"such as `{failed}`" in ambiguous
    assert place.shows("replay", "odd", "half") == snapshot("""\
! error: `half` stands for 2 actions of run `odd`
! hint: `flyte get action odd` lists its actions; name one, such as `<action>`
exit code 2\
""")
    assert place.shows("replay", "odd", "less") == snapshot("""\
! error: run `odd` has no action `less`
! hint: `flyte get action odd` lists its actions
exit code 2\
""")
    assert place.shows("replay", "odd", failed) == snapshot("""\
! replaying `steps.half` of `odd/<action>`: x=3, mark='<folder>/mended'
! error: task `steps.half` failed: ValueError: 3 is odd
!  inputs  x=3, mark='<folder>/mended'
!  File "<folder>/.flyte/runs/<run>/code/steps.py", line 28, in half
!  raise ValueError(f"{x} is odd")
!  (<n> frames of flyte and Python folded; `flyte -v ...` shows them)
! hint: `flyte get action <run> --local` shows every action of this run
exit code 1\
""")

    assert place.shows("rerun", "odd", "--recover", "--follow", "--name", "still") == snapshot("""\
run  still
page  http://<devbox>/v2/domain/development/project/flytesnacks/runs/still
! error: task `steps.half` failed in action `<action>`: ValueError: 3 is odd
! hint: http://<devbox>/v2/domain/development/project/flytesnacks/runs/still?i=<action> has the log and the inputs
exit code 1\
""")
    mark.touch()
    assert place.shows("replay", "odd", failed) == snapshot("""\
result  1
recorded  ~/.flyte/history.db as run <run>
next  flyte get run <run> --local
! replaying `steps.half` of `odd/<action>`: x=3, mark='<folder>/mended'\
""")
    assert place.shows("replay", "odd", failed, "--dest", "code", "-of", "json") == snapshot("""\
{
  "name": "<run>",
  "phase": "succeeded",
  "outputs": {
    "o0": 1
  },
  "history": "<folder>/.flyte/history.db"
}
! replaying `steps.half` of `odd/<action>`: x=3, mark='<folder>/mended'\
""")
    assert place.shows("rerun", "odd", "--recover", "--follow", "--name", "mended") == snapshot("""\
run  mended
page  http://<devbox>/v2/domain/development/project/flytesnacks/runs/mended
result  0
took  <duration>\
""")
    assert place.shows("get", "run", "mended") == snapshot("""\
run  mended
task  steps.steps
phase  succeeded
started  <ago>
took  <duration>

TASK  ACTION  PHASE  ATTEMPTS  TOOK  ERROR
steps  a0  succeeded  1  <duration>
  half  <action>  recovered  1  <duration>
  half  <action>  succeeded  1  <duration>
  less  <action>  succeeded  1  <duration>\
""")
    assert place.shows("get", "action", "mended", _action(place, "mended", "recovered")) == snapshot("""\
action  <action>
run  mended
task  steps.half
phase  recovered
parent  a0
started  <ago>
took  <duration>

attempt 1: recovered, <duration>\
""")
    assert place.shows("rerun", "mended", "--name", "json", "--follow", "-of", "json") == snapshot("""\
{
  "name": "json",
  "phase": "succeeded",
  "url": "http://<devbox>/v2/domain/development/project/flytesnacks/runs/json",
  "outputs": {
    "o0": 0
  }
}\
""")


def test_what_cannot_be_run_again(place: Place) -> None:
    assert place.shows("rerun", "letter", "--name", "letter") == snapshot("""\
! error: RunService.CreateRun: a run named `letter` exists in `flytesnacks/development`
! hint: choose another name, or none: then it gets one of its own
exit code 5\
""")
    assert place.shows("rerun", "letter", "--action-name", "nobody") == snapshot("""\
! error: RunService.GetActionDetails: there is no action `nobody` of run `letter` in `flytesnacks/development`
! hint: `flyte get run` lists the runs, `flyte get action RUN` the actions of one
exit code 2\
""")
    assert place.shows("rerun", "letter", "--parcel", '{"weight": "much", "to": "Ada"}') == snapshot("""\
! error: input `--parcel`: 'much' at `weight` is not a valid `float`
! hint: `flyte get io letter` shows the inputs it had, with their types
exit code 2\
""")
    assert place.shows("replay", "letter", "nobody") == snapshot("""\
! error: run `letter` has no action `nobody`
! hint: `flyte get action letter` lists its actions
exit code 2\
""")
    assert place.shows("replay", "nobody") == snapshot("""\
! error: no run `nobody` is recorded on the control plane
! hint: `flyte get run` lists the latest runs
exit code 2\
""")


def _action(place: Place, run: str, phase: str) -> str:
    """Return the name of the action of a run, not the root, that is in a phase."""
    process = place.start("get", "action", run, "--in-phase", phase, "-of", "json")
    out, err = process.communicate(timeout=180)
    assert process.returncode == 0, err
    (name,) = [each["name"] for each in json.loads(out) if each["name"] != "a0"]
    return name
