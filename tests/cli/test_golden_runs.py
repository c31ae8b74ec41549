"""What commands show of runs of a devbox, word for word. Change one only on purpose: `just snap` accepts the new text."""

from collections.abc import Iterator

import pytest
from inline_snapshot import snapshot
from tests.cli.places import Place, place_with_devbox

PROGRAM = """\
import flyte

env = flyte.TaskEnvironment("steps")


@env.task
def half(x: int) -> int:
    print("halving", x)
    return x // 2


@env.task
def quarter(x: int) -> int:
    return half(half(x))


@env.task(retries=1)
def breaks(x: int) -> int:
    print("trying", x, flush=True)
    raise ValueError(f"{x} is too much")


@env.task
async def asks(x: int) -> int:
    condition = await flyte.new_condition.aio("go_on", prompt=f"Go on with {x}?", data_type=bool)
    return x if await condition.wait.aio() else 0
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place_with_devbox(tmp_path_factory.mktemp("home"), PROGRAM) as place:
        place.flyte("run", "--follow", "--name", "whole", "--label", "team=birds", "steps.py", "quarter", "--x", "8")
        place.shows("run", "--follow", "--name", "broken", "--label", "team=bees", "steps.py", "breaks", "--x", "4")
        yield place


def test_a_run_is_started(place: Place) -> None:
    assert place.shows("run", "--name", "started", "steps.py", "half", "--x", "2") == snapshot("""\
run  started
page  http://<devbox>/v2/domain/development/project/flytesnacks/runs/started
next  flyte get run started\
""")
    assert place.shows("run", "--follow", "--name", "followed", "steps.py", "half", "--x", "4") == snapshot("""\
run  followed
page  http://<devbox>/v2/domain/development/project/flytesnacks/runs/followed
result  2
took  <duration>\
""")
    assert place.shows("run", "--follow", "--name", "fails", "steps.py", "breaks", "--x", "4") == snapshot("""\
run  fails
page  http://<devbox>/v2/domain/development/project/flytesnacks/runs/fails
! error: task `steps.breaks` failed: ValueError: 4 is too much
! hint: http://<devbox>/v2/domain/development/project/flytesnacks/runs/fails has the log and the inputs
exit code 1\
""")
    assert place.shows("run", "--name", "whole", "steps.py", "half", "--x", "4") == snapshot("""\
! error: RunService.CreateRun: a run named `whole` exists in `flytesnacks/development`
! hint: choose another name, or none: then it gets one of its own
exit code 5\
""")
    assert place.shows("run", "-of", "json", "--follow", "--name", "data", "steps.py", "half", "--x", "4") == snapshot("""\
{
  "name": "data",
  "phase": "succeeded",
  "url": "http://<devbox>/v2/domain/development/project/flytesnacks/runs/data",
  "outputs": {
    "o0": 2
  }
}\
""")


def test_lists_of_runs(place: Place) -> None:
    narrowed = ("get", "run", "--with-label", "team=birds")
    assert place.shows("get", "run", "--in-phase", "failed", "--with-label-key", "team") == snapshot("""\
RUN  TASK  PHASE  STARTED  TOOK
broken  steps.breaks  failed  <ago>  <duration>\
""")
    assert place.shows(*narrowed) == snapshot("""\
RUN  TASK  PHASE  STARTED  TOOK
whole  steps.quarter  succeeded  <ago>  <duration>\
""")
    assert place.shows(*narrowed, "-of", "table-simple") == snapshot("""\
RUN  TASK  PHASE  STARTED  TOOK
whole  steps.quarter  succeeded  <time>  <duration>\
""")
    assert place.shows(*narrowed, "-of", "json") == snapshot("""\
[
  {
    "name": "whole",
    "task": "steps.quarter",
    "phase": "succeeded",
    "created_at": "<time>",
    "ended_at": "<time>",
    "seconds": <duration>,
    "project": "flytesnacks",
    "domain": "development",
    "file": null,
    "command": null,
    "labels": {
      "team": "birds"
    }
  }
]\
""")
    assert place.shows(*narrowed, "-of", "json-raw") == snapshot(
        '[{"name":"whole","task":"steps.quarter","phase":"succeeded","created_at":"<time>","ended_at":"<time>","seconds":<duration>,"project":"flytesnacks","domain":"development","file":null,"command":null,"labels":{"team":"birds"}}]'
    )
    assert place.shows(*narrowed, "-of", "yaml") == snapshot("""\
- name: whole
  task: steps.quarter
  phase: succeeded
  created_at: '<time>'
  ended_at: '<time>'
  seconds: <duration>
  project: flytesnacks
  domain: development
  file: null
  command: null
  labels:
    team: birds\
""")


def test_one_run(place: Place) -> None:
    assert place.shows("get", "run", "whole") == snapshot("""\
run  whole
task  steps.quarter
phase  succeeded
started  <ago>
took  <duration>
labels  team=birds

TASK  ACTION  PHASE  ATTEMPTS  TOOK  ERROR
quarter  a0  succeeded  1  <duration>
  half  <action>  succeeded  1  <duration>
  half  <action>  succeeded  1  <duration>\
""")
    assert place.shows("get", "run", "broken") == snapshot("""\
run  broken
task  steps.breaks
phase  failed
started  <ago>
took  <duration>
labels  team=bees

TASK  ACTION  PHASE  ATTEMPTS  TOOK  ERROR
breaks  a0  failed  2  <duration>  ValueError: 4 is too much\
""")
    assert place.shows("get", "run", "broken", "-of", "table-simple") == snapshot("""\
run  broken
task  steps.breaks
phase  failed
started  <time>
took  <duration>
labels  team=bees

TASK  ACTION  PHASE  ATTEMPTS  TOOK  ERROR
breaks  a0  failed  2  <duration>  ValueError: 4 is too much\
""")
    assert place.shows("get", "run", "broken", "-of", "json-raw") == snapshot(
        '{"name":"broken","task":"steps.breaks","phase":"failed","created_at":"<time>","ended_at":"<time>","seconds":<duration>,"project":"flytesnacks","domain":"development","file":null,"command":null,"labels":{"team":"bees"},"actions":[{"run":"broken","name":"a0","parent":null,"task":"steps.breaks","short_name":"breaks","group":null,"phase":"failed","attempts":2,"created_at":"<time>","started_at":"<time>","ended_at":"<time>","seconds":<duration>,"cache":"disabled","error":{"code":"ValueError","kind":"user","message":"4 is too much","traceback":"Traceback (most recent call last):\\n  File \\"<folder>/devbox/code/<digest>/steps.py\\", line 20, in breaks\\n  raise ValueError(f\\"{x} is too much\\")\\nValueError: 4 is too much\\n"}}]}'
    )
    assert place.shows("get", "run", "nobody") == snapshot("""\
! error: no run `nobody` is recorded on the control plane
! hint: `flyte get run` lists the latest runs
exit code 2\
""")


def test_actions(place: Place) -> None:
    assert place.shows("get", "action", "broken") == snapshot("""\
TASK  ACTION  PHASE  ATTEMPTS  TOOK  ERROR
breaks  a0  failed  2  <duration>  ValueError: 4 is too much\
""")
    assert place.shows("get", "action", "broken", "a0") == snapshot("""\
action  a0
run  broken
task  steps.breaks
phase  failed
started  <ago>
took  <duration>

attempt 1: failed, <duration>
Traceback (most recent call last):
  File "<folder>/devbox/code/<digest>/steps.py", line 20, in breaks
    raise ValueError(f"{x} is too much")
ValueError: 4 is too much

attempt 2: failed, <duration>
Traceback (most recent call last):
  File "<folder>/devbox/code/<digest>/steps.py", line 20, in breaks
    raise ValueError(f"{x} is too much")
ValueError: 4 is too much\
""")
    assert place.shows("get", "action", "broken", "a1") == snapshot("""\
! error: run `broken` has no action `a1`
! hint: `flyte get action broken` lists its actions
exit code 2\
""")


def test_inputs_of_a_failed_run(place: Place) -> None:
    assert place.shows("get", "io", "broken") == snapshot("""\
inputs
  x  int  4

outputs: none recorded\
""")


def test_logs_over_attempts(place: Place) -> None:
    assert place.shows("get", "logs", "broken") == snapshot("""\
breaks: trying 4
breaks: Traceback (most recent call last):
breaks:  File "<folder>/devbox/code/<digest>/steps.py", line 20, in breaks
breaks:  raise ValueError(f"{x} is too much")
breaks: ValueError: 4 is too much
breaks (attempt 2): trying 4
breaks (attempt 2): Traceback (most recent call last):
breaks (attempt 2):  File "<folder>/devbox/code/<digest>/steps.py", line 20, in breaks
breaks (attempt 2):  raise ValueError(f"{x} is too much")
breaks (attempt 2): ValueError: 4 is too much\
""")
    assert place.shows("get", "logs", "broken", "a0", "--attempt", "2", "--show-ts") == snapshot("""\
<time> trying 4
<time> Traceback (most recent call last):
<time>  File "<folder>/devbox/code/<digest>/steps.py", line 20, in breaks
<time>  raise ValueError(f"{x} is too much")
<time> ValueError: 4 is too much\
""")
    assert place.shows("get", "logs", "broken", "--attempt", "2", "-of", "json-raw").splitlines()[0] == snapshot(
        '{"at":"<time>","action":"a0","attempt":2,"stream":"stdout","text":"trying 4"}'
    )
    assert place.shows("get", "logs", "whole") == snapshot(
        "! the root of run `whole` has printed nothing; `flyte get logs whole ACTION` shows another action's log"
    )


def test_watching_what_is_over(place: Place) -> None:
    assert place.shows("watch", "whole") == snapshot("""\
whole  steps.quarter  succeeded  <ago>  <duration>

TASK  ACTION  PHASE  ATTEMPTS  TOOK  ERROR
quarter  a0  succeeded  1  <duration>
  half  <action>  succeeded  1  <duration>
  half  <action>  succeeded  1  <duration>\
""")
    assert place.shows("watch", "broken") == snapshot("""\
broken  steps.breaks  failed  <ago>  <duration>

TASK  ACTION  PHASE  ATTEMPTS  TOOK  ERROR
breaks  a0  failed  2  <duration>  ValueError: 4 is too much
exit code 1\
""")


def test_code_and_report(place: Place) -> None:
    assert place.shows("get", "code", "whole") == snapshot("""\
FILE  BYTES
steps.py  512\
""")
    assert place.shows("get", "report", "whole") == snapshot("""\
! error: action `a0` of run `whole` made no report
! hint: a task makes one with `@env.task(report=True)` and `flyte.report`
exit code 2\
""")


def test_differences(place: Place) -> None:
    lines = place.shows("diff", "whole", "broken").splitlines()
    # Of how long they took it tells only where that differs much, which is chance here.
    assert "\n".join(line for line in lines if not line.startswith("duration  ")) == snapshot("""\
left  whole  succeeded  <duration>
right  broken  failed  <duration>

WHAT  WHERE  LEFT  RIGHT
task  steps.quarter  steps.breaks
phase  succeeded  failed
input  x  8  4
output  o0  2  -
action  quarter a0  succeeded  -
action  half <action>  succeeded  -
action  half <action>  succeeded  -
action  breaks a0  -  failed\
""")


def test_running_again(place: Place) -> None:
    assert place.shows("rerun", "whole", "--follow", "--name", "again", "--x", "40") == snapshot("""\
run  again
page  http://<devbox>/v2/domain/development/project/flytesnacks/runs/again
result  10
took  <duration>\
""")
    assert place.shows("rerun", "whole", "--follow", "--name", "recovered", "--recover") == snapshot("""\
run  recovered
page  http://<devbox>/v2/domain/development/project/flytesnacks/runs/recovered
result  2
took  <duration>\
""")
    assert place.shows("rerun", "whole", "--y", "40") == snapshot("""\
! error: the task of run `whole` has no input `--y`; its inputs are `--x`
! hint: leave it out
exit code 2\
""")
    assert place.shows("rerun", "nobody") == snapshot("""\
! error: RunService.GetRunDetails: there is no run `nobody` in `flytesnacks/development`
! hint: `flyte get run` lists them
exit code 2\
""")


def test_answering_and_aborting(place: Place) -> None:
    place.flyte("run", "--name", "asking", "steps.py", "asks", "--x", "3")
    watching = place.start("watch", "asking", "--interval", "0.1")
    place.until("get", "condition", "asking", has="go_on")
    assert place.shows("get", "condition", "asking") == snapshot("""\
CONDITION  ACTION  TYPE  ASKED  PROMPT
go_on  <action>  bool  <ago>  Go on with 3?\
""")
    assert place.shows("get", "condition", "asking", "-of", "json") == snapshot("""\
[
  {
    "run": "asking",
    "name": "go_on",
    "action": "<action>",
    "parent": "a0",
    "type": "bool",
    "prompt": "Go on with 3?",
    "description": "",
    "created_at": "<time>"
  }
]\
""")
    assert place.shows("get", "run", "--paused-only") == snapshot("""\
RUN  TASK  PHASE  STARTED  TOOK
asking  steps.asks  running  <ago>  <duration>\
""")
    assert place.shows("signal", "condition", "asking", "go_no", "yes") == snapshot("""\
! error: no condition named `go_no` waits in run `asking`
! hint: those that wait are `go_on` (action `<action>`)
exit code 2\
""")
    assert place.shows("signal", "condition", "asking", "go_on", "perhaps") == snapshot("""\
! error: the answer must be yes or no, got 'perhaps'
exit code 2\
""")
    assert place.shows("signal", "condition", "asking", "go_on", "yes") == snapshot(
        "Answered condition `go_on` of run `asking` with yes."
    )
    out, err = watching.communicate(timeout=180)
    # Both are over at the same time: which is told first is chance. The start of a process may be waited for too.
    lines = [line.strip() for line in place.normalise(out + err).splitlines() if "is being started" not in line]
    assert sorted(lines) == snapshot(
        ["<duration>  asks  done", "<duration>  go_on  done", "run `asking` ended as succeeded"]
    )
    assert place.shows("signal", "condition", "asking", "go_on", "yes") == snapshot("""\
! error: no condition named `go_on` waits in run `asking`
! hint: none waits now; `flyte get run asking` shows it
exit code 2\
""")
    assert place.shows("abort", "run", "asking") == snapshot("""\
! error: run `asking` is over: succeeded
! hint: `flyte get run asking` shows it
exit code 1\
""")

    place.flyte("run", "--name", "left", "steps.py", "asks", "--x", "3")
    place.until("get", "condition", "left", has="go_on")
    assert place.shows("abort", "run", "left", "--reason", "no time") == snapshot("Run `left` is being aborted.")
    place.until("get", "run", "left", has="asks  a0  aborted")
    place.until("get", "run", "left", has="go_on  <action>  aborted")
    assert place.shows("get", "run", "left") == snapshot("""\
run  left
task  steps.asks
phase  aborted
started  <ago>
took  <duration>

TASK  ACTION  PHASE  ATTEMPTS  TOOK  ERROR
asks  a0  aborted  1  <duration>  Aborted: no time
  go_on  <action>  aborted  1  <duration>  Aborted: no time\
""")
    assert place.shows("get", "action", "left", "a0") == snapshot("""\
action  a0
run  left
task  steps.asks
phase  aborted
started  <ago>
took  <duration>
error  Aborted: no time

attempt 1: aborted, <duration>\
""")
    assert place.shows("abort", "action", "left", "a0") == snapshot("""\
! error: action `a0` of run `left` is over: aborted
! hint: `flyte get action left` shows it
exit code 1\
""")
