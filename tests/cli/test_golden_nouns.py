"""What commands show of what a devbox keeps, word for word. Change one only on purpose: `just snap` accepts the new text."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from tests.cli.places import Place, place_with_devbox

from flyte_devbox.process import stop_server

PROGRAM = '''\
import flyte

env = flyte.TaskEnvironment("steps")


@env.task(triggers=flyte.Trigger("nightly", flyte.Cron("0 3 * * *"), inputs={"x": 8}))
def half(x: int) -> int:
    """Half of a number."""
    return x // 2
'''


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place_with_devbox(tmp_path_factory.mktemp("home"), PROGRAM) as place:
        yield place


def test_a_deployment_its_task_and_its_trigger(place: Place) -> None:
    deploy = ("deploy", "--version", "v1", "steps.py", "env")
    assert place.shows(*deploy, "--dry-run") == snapshot("""\
TASK  VERSION  WOULD BE  TRIGGERS
steps.half  v1  new  nightly

steps.half:
  trigger nightly: nothing -> cron 0 3 * * * UTC\
""")
    assert place.shows(*deploy) == snapshot("""\
TASK  VERSION  OUTCOME  TRIGGERS
steps.half  v1  registered  nightly\
""")
    assert place.shows(*deploy) == snapshot("""\
TASK  VERSION  OUTCOME  TRIGGERS
steps.half  v1  unchanged  nightly\
""")
    assert place.shows(*deploy, "-of", "json-raw") == snapshot(
        '[{"name":"steps.half","version":"v1","outcome":"unchanged","triggers":["nightly"]}]'
    )
    assert place.shows("get", "task") == snapshot("""\
TASK  VERSION  ABOUT
steps.half  v1  Half of a number.\
""")
    assert place.shows("get", "task", "steps.half") == snapshot("""\
TASK  VERSION
steps.half  v1\
""")
    assert place.shows("get", "task", "steps.half", "-of", "json") == snapshot("""\
[
  {
    "name": "steps.half",
    "version": "v1"
  }
]\
""")
    assert place.shows("get", "trigger") == snapshot("""\
TRIGGER  TASK  ACTIVE  STARTS  LAST
nightly  steps.half  yes  cron 0 3 * * * UTC\
""")
    assert place.shows("get", "trigger", "steps.half", "nightly") == snapshot("""\
trigger  nightly
task  steps.half
version  v1
active  yes
starts  cron 0 3 * * * UTC\
""")
    (place.folder / "steps.py").write_text(PROGRAM.replace("0 3", "0 4").replace("x // 2", "x // 2 + 1"))
    assert place.shows(*deploy) == snapshot("""\
! error: 1 of 1 tasks could not be registered:
!  `steps.half`: version `v1` is registered with something else (function: <digest> -> <digest>; code: fast<digest>.tar.gz -> fast<digest>.tar.gz)
! registered: none
! hint: deploy again under another version, or without one; what is registered stays as it is
exit code 5\
""")
    assert place.shows("update", "trigger", "nightly", "steps.half", "--deactivate") == snapshot(
        "Trigger `nightly` of task `steps.half` is inactive."
    )
    assert place.shows("get", "trigger") == snapshot("""\
TRIGGER  TASK  ACTIVE  STARTS  LAST
nightly  steps.half  no  cron 0 3 * * * UTC\
""")
    assert place.shows("create", "trigger", "steps.half", "by_hand") == snapshot(
        "Made trigger `by_hand` of task `steps.half`, version `v1`: it starts it when it is told to."
    )
    assert place.shows("delete", "trigger", "nightly", "steps.half") == snapshot(
        "Deleted trigger `nightly` of task `steps.half`."
    )
    assert place.shows("delete", "trigger", "nightly", "steps.half") == snapshot("""\
! error: TriggerService.DeleteTriggers: task `steps.half` has no trigger `nightly`
! hint: `flyte get trigger` lists them
exit code 2\
""")
    assert place.shows("deploy", "steps.py") == snapshot("""\
! error: which environment of `steps.py`? It has `env`
! hint: name it, or say `--all`
exit code 2\
""")
    assert place.shows("deploy", "steps.py", "enw") == snapshot("""\
! error: `steps.py` has no environment `enw`
! hint: did you mean `env`?
exit code 2\
""")


def test_secrets(place: Place) -> None:
    assert place.shows("create", "secret", "KEY", "--value", "sesame") == snapshot("Kept secret `KEY`.")
    assert place.shows("create", "secret", "EMPTY") == snapshot("""\
! error: the value of secret `EMPTY` is empty
! hint: a variable that is not set, perhaps
exit code 2\
""")
    assert place.shows("get", "secret") == snapshot("""\
SECRET  TYPE  PROJECT  DOMAIN
KEY  regular\
""")
    assert place.shows("get", "secret", "NOBODYS") == snapshot("""\
! error: SecretService.GetSecret: there is no secret `NOBODYS`
! hint: `flyte get secret` lists them
exit code 2\
""")
    assert place.shows("delete", "secret", "KEY") == snapshot("Deleted secret `KEY`.")
    assert place.shows("delete", "secret", "KEY") == snapshot("""\
! error: SecretService.DeleteSecret: there is no secret `KEY`
! hint: `flyte get secret` lists them
exit code 2\
""")


def test_projects(place: Place) -> None:
    create = ("create", "project", "--id", "birds", "--name", "Birds", "--description", "All of them")
    assert place.shows(*create) == snapshot("Made project `birds`.")
    assert place.shows(*create) == snapshot("""\
! error: ProjectService.CreateProject: project `birds` exists
! hint: `flyte update project birds` changes it
exit code 5\
""")
    assert place.shows("get", "project", "birds") == snapshot("""\
ID  NAME  DESCRIPTION
birds  Birds  All of them\
""")
    assert place.shows("update", "project", "birds", "--archive") == snapshot("Project `birds` was archived.")
    assert place.shows("get", "project", "--archived") == snapshot("""\
ID  NAME  DESCRIPTION
birds  Birds  All of them\
""")
    assert place.shows("update", "project", "birds") == snapshot("""\
! error: there is nothing to change
! hint: `--name`, `--description`, `--label`, `--archive` or `--unarchive`
exit code 2\
""")
    assert place.shows("get", "project", "fish") == snapshot("""\
! error: ProjectService.GetProject: there is no project `fish`
! hint: `flyte get project` lists them
exit code 2\
""")


def test_configuration(place: Place) -> None:
    assert place.shows("get", "config") == snapshot("""\
file  <folder>/.flyte/config.yaml
platform.endpoint  dns:///<devbox>
platform.insecure  True
platform.insecure_skip_verify  False
platform.scopes  []
platform.auth_mode  Pkce
platform.rpc_retries  3
platform.disable_keyring  False
task.org  devbox
task.project  flytesnacks
task.domain  development
image.builder  local
local.persistence  False
local.tracked  False
local.tracked_strict  False\
""")
    *steps, store = place.shows("config", "check").splitlines()
    assert "\n".join(steps) == snapshot("""\
file  <folder>/.flyte/config.yaml
endpoint  ok: <devbox> can be reached
tls  skipped: plain HTTP, as configured (`http://` or `admin.insecure`)
api  ok: http://<devbox> speaks the protocol
sign-in  ok: signed in as ada
project  ok: project flytesnacks, domain development\
""")
    assert store.startswith("store  ok: a file was uploaded: ")


def test_a_devbox_from_its_start_to_its_end(tmp_path: Path) -> None:
    place = Place(tmp_path, PROGRAM)
    assert place.shows("status", "devbox") == snapshot("""\
No devbox runs on `<folder>/devbox`.
hint: `flyte start devbox` starts it
exit code 1\
""")
    assert place.shows("get", "devbox") == snapshot("""\
No devbox runs on `<folder>/devbox`.
hint: `flyte start devbox` starts it
exit code 1\
""")
    try:
        place.flyte("start", "devbox", "--port", "0")
        names = [line.split()[0] for line in place.flyte("get", "devbox").splitlines()]
        assert names == snapshot(
            [
                "endpoint",
                "console",
                "process",
                "folder",
                "log",
                "ready",
                "answered_ms",
                "memory_mb",
                "database_mb",
                "free_disk_gb",
            ]
        )
        assert place.shows("stop", "devbox") == snapshot("The devbox has stopped.")
        assert place.shows("stop", "devbox") == snapshot("No devbox runs.")
        assert place.shows("delete", "devbox") == snapshot(
            "No devbox runs. Its data stays in `<folder>/devbox`; `--volume` deletes it."
        )
        place.flyte("start", "devbox")
        assert place.shows("delete", "devbox", "--volume") == snapshot(
            "The devbox has stopped. Deleted `<folder>/devbox`."
        )
    finally:
        stop_server(tmp_path / "devbox")
    assert not (tmp_path / "devbox").exists()
