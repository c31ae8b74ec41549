"""What commands show of settings, artifacts and versions of tasks, word for word; `just snap` accepts a new text."""

import json
import re
from collections.abc import Iterator

import pytest
from inline_snapshot import snapshot
from tests.cli.places import Place, place_with_devbox

PROGRAM = '''\
import flyte

env = flyte.TaskEnvironment("steps", env_vars={"MODE": "slow"})
rest = flyte.TaskEnvironment("rest", depends_on=[env])


@env.task(retries=2)
def half(x: int, parts: list[str] = []) -> tuple[int, str]:
    """Half of a number."""
    return x // 2, "".join(parts)


@env.task
def third(x: int) -> int:
    return x // 3


@rest.task
def all_of_it(x: int) -> int:
    return half(x)[0] + third(x)
'''


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place_with_devbox(tmp_path_factory.mktemp("home"), PROGRAM) as place:
        yield place


def test_settings_of_a_scope(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    of_project = ("-p", "flytesnacks", "-d", "development")
    assert "\n".join(place.shows("get", "settings").splitlines()[:8]) == snapshot("""\
### Settings of ORG
## A line that is a comment, or not there, takes the value of the scope around this one.
## The value `~unset` clears it: then nothing counts, and nothing of the scopes around.

### Not set
## Queue of runs that name none.
# run.default_queue: ""
## How many actions of a run may go on at once; 0: as many as there are.\
""")
    assert place.shows("get", "settings", "-of", "json") == snapshot("""\
{
  "scope": "ORG",
  "version": 0,
  "settings": {},
  "effective": []
}\
""")
    assert place.shows("get", "settings", "-p", "flytesnacks") == snapshot("""\
! error: settings of project `flytesnacks` are of one of its domains
! hint: add `--domain development`
exit code 2\
""")
    (place.folder / "all.yaml").write_text("run:\n  default_queue: slow\nenvironment_variables:\n  MODE: fast\n")
    assert place.shows("edit", "settings", "--from-file", "all.yaml") == snapshot("""\
Changed the settings of ORG:
  + run.default_queue: slow
  + environment_variables: {MODE: fast}\
""")
    assert place.shows("edit", "settings", "--from-file", "all.yaml") == snapshot("Nothing was changed.")
    (place.folder / "mine.yaml").write_text("run.default_queue: fast\nlabels:\n  team: birds\n")
    assert place.shows("edit", "settings", *of_project, "-f", "mine.yaml", "-of", "json") == snapshot("""\
{
  "scope": "PROJECT(development/flytesnacks)",
  "version": 1,
  "settings": {
    "run.default_queue": "fast",
    "labels": {
      "team": "birds"
    }
  },
  "effective": [
    {
      "key": "run.default_queue",
      "value": "fast",
      "from": "PROJECT(development/flytesnacks)"
    },
    {
      "key": "labels",
      "value": {
        "team": "birds"
      },
      "from": "PROJECT(development/flytesnacks)"
    },
    {
      "key": "environment_variables",
      "value": {
        "MODE": "fast"
      },
      "from": "ORG"
    }
  ],
  "changes": [
    "+ run.default_queue: fast",
    "+ labels: {team: birds}"
  ]
}\
""")
    shown = place.shows("get", "settings", *of_project)
    assert shown.partition("### Not set")[0] == snapshot("""\
### Settings of PROJECT(development/flytesnacks)
## A line that is a comment, or not there, takes the value of the scope around this one.
## The value `~unset` clears it: then nothing counts, and nothing of the scopes around.

### Set here
## Queue of runs that name none.
run.default_queue: fast
# run.default_queue: slow  ## without it, from ORG
## Kubernetes labels of the pods of tasks; entries of outer scopes count too.
labels:
  team: birds

### Taken over
## Environment variables of tasks; entries of outer scopes count too.
# environment_variables:  ## from ORG
#  MODE: fast

""")
    assert place.shows("get", "settings", *of_project, "-of", "yaml") == snapshot("""\
scope: PROJECT(development/flytesnacks)
version: 1
settings:
  run.default_queue: fast
  labels:
    team: birds
effective:
- key: run.default_queue
  value: fast
  from: PROJECT(development/flytesnacks)
- key: labels
  value:
    team: birds
  from: PROJECT(development/flytesnacks)
- key: environment_variables
  value:
    MODE: fast
  from: ORG\
""")
    assert place.shows("get", "settings", *of_project, "-o", "kept.yaml") == snapshot("Wrote `kept.yaml`.")
    assert place.normalise((place.folder / "kept.yaml").read_text()).rstrip() == shown
    (place.folder / "wrong.yaml").write_text("run.defaults_queue: fast\n")
    assert place.shows("edit", "settings", *of_project, "-f", "wrong.yaml") == snapshot("""\
! error: there is no setting `run.defaults_queue`
! hint: did you mean `run.default_queue`?
exit code 2\
""")

    monkeypatch.setitem(place.environment, "EDITOR", "true")
    assert place.shows("edit", "settings", *of_project) == snapshot("Nothing was changed.")
    monkeypatch.setitem(place.environment, "EDITOR", "sed -i 's/^run.default_queue: .*/run.default_queue: other/'")
    assert place.shows("edit", "settings", *of_project) == snapshot("""\
Changed the settings of PROJECT(development/flytesnacks):
  ~ run.default_queue: fast -> other\
""")
    monkeypatch.setitem(place.environment, "TMPDIR", str(place.folder))
    monkeypatch.setitem(place.environment, "EDITOR", "sed -i 's/^run.default_queue/run.defaults_queue/'")
    refused = place.shows("edit", "settings", *of_project)
    assert re.sub("flyte-settings-[^.]+", "flyte-settings-<any>", refused) == snapshot("""\
! error: there is no setting `run.defaults_queue`
! hint: did you mean `run.default_queue`?
! hint: what you wrote is in `<folder>/flyte-settings-<any>.yaml`; `flyte edit settings -p flytesnacks -d development --from-file <folder>/flyte-settings-<any>.yaml` takes it from there
exit code 2\
""")


def test_artifacts(place: Place) -> None:
    (place.folder / "letter.txt").write_text("Dear all\n")
    (place.folder / "letter.md").write_text("# A letter\n")
    create = ("create", "artifact", "letters", "--from-file", "letter.txt")
    described = ("--description", "A letter", "--attr", "by=ada", "--kind", "data", "--external-ref", "post://x")
    partitions = ("--partition", "region=us", "--partition", "date=2026-08-01")
    assert place.shows(*create, "--version", "v1", *described, *partitions) == snapshot(
        "Published `letters`, version `v1`."
    )
    assert place.shows(*create, "--version", "v1") == snapshot("""\
! error: ArtifactService.CreateArtifact: version `v1` of artifact `letters` exists
! hint: create it under another version
exit code 5\
""")
    assert place.shows(*create, "--card", "steps.py") == snapshot("""\
! error: `steps.py` has no ending that tells its format
! hint: `--card-format`: html, md, json, yaml, csv, tsv, png, jpg, jpeg
exit code 2\
""")
    assert place.shows(*create, "--attr", "by") == snapshot("""\
! error: `--attr` needs KEY=VALUE, got `by`
! hint: write `--attr by=VALUE`
exit code 2\
""")
    raw = place.shows(*create, "--version", "v2", "--card", "letter.md", "-of", "json-raw")
    assert raw == snapshot("""\
{"artifactId":{"name":{"org":"devbox","project":"flytesnacks","domain":"development","name":"letters"},"version":"v2"},"spec":{"value":{"scalar":{"blob":{"metadata":{"type":{}},"uri":"<folder>/devbox/objects/flytesnacks/development/uploads/<place>/letter.txt"}},"hash":"<digest>"},"type":{"blob":{}},"info":{"card":{"uri":"<folder>/devbox/objects/flytesnacks/development/uploads/<place>/letter.md","format":"md","type":"generic"}}},"createdAt":"<time>","createdBy":{"user":{"id":{"subject":"devbox"},"spec":{"firstName":"Devbox","lastName":"User","userHandle":"devbox"}}},"partitionSchemaMismatch":{"expected":{"timePartition":{"key":"date","granularity":"DAY"},"partitionKeys":["region"]},"actual":{},"message":"artifact `letters` is partitioned by `region`, `date` (DAY), this version by nothing"}}
! version `v2` of artifact `letters` is published, and has other partitions than the versions before it: artifact `letters` is partitioned by `region`, `date` (DAY), this version by nothing\
""")
    assert place.shows("create", "artifact", "others", "--from-file", "nothing.txt") == snapshot("""\
! error: `--from-file` of `flyte create artifact`: path 'nothing.txt' does not exist
! hint: the working directory is `<folder>`
exit code 2\
""")
    other = ("create", "artifact", "others", "--from-file", "letter.md", "--version", "v1", "--kind", "data")
    place.flyte(*other, *partitions)

    assert place.shows("get", "artifact") == snapshot("""\
ARTIFACT  VERSIONS  LATEST  PARTITIONS  CREATED
letters  2  v2  date, region  <ago>
others  1  v1  date, region  <ago>\
""")
    assert place.shows("get", "artifact", "--search", "other") == snapshot("""\
ARTIFACT  VERSIONS  LATEST  PARTITIONS  CREATED
others  1  v1  date, region  <ago>\
""")
    assert place.shows("get", "artifact", "--search", "bird") == snapshot(
        "! no artifact has `bird` in its name; `flyte get artifact` lists them"
    )
    assert place.shows("get", "artifact", "letters") == snapshot("""\
ARTIFACT  VERSION  KIND  PARTITIONS  CREATED  SOURCE
letters  v2  <ago>
letters  v1  data  date=2026-08-01, region=us  <ago>  post://x\
""")
    assert place.shows("get", "artifact", "letters", "-of", "table-simple") == snapshot("""\
ARTIFACT  VERSION  KIND  PARTITIONS  CREATED  SOURCE
letters  v2  <time>
letters  v1  data  date=2026-08-01, region=us  <time>  post://x\
""")
    assert place.shows("get", "artifact", "letters", "--partition", "region=us") == snapshot("""\
ARTIFACT  VERSION  KIND  PARTITIONS  CREATED  SOURCE
letters  v1  data  date=2026-08-01, region=us  <ago>  post://x\
""")
    assert place.shows("get", "artifact", "letters", "--partition", "region=eu") == snapshot(
        "! no version matches; with fewer options `flyte get artifact` shows more"
    )
    assert place.shows("get", "artifact", "letters", "v1") == snapshot("""\
artifact  letters
version  v1
kind  data
about  A letter
data  <folder>/devbox/objects/flytesnacks/development/uploads/<place>/letter.txt
partitions  date=2026-08-01, region=us
facts  by=ada
source  post://x
by  devbox
page  http://<devbox>/v2/domain/development/project/flytesnacks/artifacts/letters\
""")
    assert place.shows("get", "artifact", "letters", "v1", "-of", "table-simple") == snapshot("""\
artifact  letters
version  v1
kind  data
about  A letter
data  <folder>/devbox/objects/flytesnacks/development/uploads/<place>/letter.txt
partitions  date=2026-08-01, region=us
facts  by=ada
source  post://x
by  devbox
page  http://<devbox>/v2/domain/development/project/flytesnacks/artifacts/letters\
""")
    assert place.shows("get", "artifact", "letters", "latest") == snapshot("""\
artifact  letters
version  v2
data  <folder>/devbox/objects/flytesnacks/development/uploads/<place>/letter.txt
card  <folder>/devbox/objects/flytesnacks/development/uploads/<place>/letter.md
by  devbox
page  http://<devbox>/v2/domain/development/project/flytesnacks/artifacts/letters\
""")
    assert place.shows("get", "artifact", "others", "v1", "-of", "json") == snapshot("""\
{
  "artifactId": {
    "name": {
      "org": "devbox",
      "project": "flytesnacks",
      "domain": "development",
      "name": "others"
    },
    "version": "v1"
  },
  "spec": {
    "value": {
      "scalar": {
        "blob": {
          "metadata": {
            "type": {}
          },
          "uri": "<folder>/devbox/objects/flytesnacks/development/uploads/<place>/letter.md"
        }
      },
      "hash": "<digest>"
    },
    "type": {
      "blob": {}
    },
    "info": {
      "userMetadata": {
        "flyte.io/kind": "data"
      }
    },
    "partitions": {
      "value": {
        "region": {
          "staticValue": "us"
        }
      }
    },
    "timePartition": {
      "value": {
        "timeValue": "<time>"
      },
      "granularity": "DAY",
      "key": "date"
    }
  },
  "createdAt": "<time>",
  "createdBy": {
    "user": {
      "id": {
        "subject": "devbox"
      },
      "spec": {
        "firstName": "Devbox",
        "lastName": "User",
        "userHandle": "devbox"
      }
    }
  }
}\
""")
    assert place.shows("get", "artifact", "--kind", "data", "--attr", "by=ada") == snapshot("""\
ARTIFACT  VERSION  KIND  PARTITIONS  CREATED  SOURCE
letters  v1  data  date=2026-08-01, region=us  <ago>  post://x\
""")
    assert place.shows("get", "artifact", "letters", "v9") == snapshot("""\
! error: ArtifactService.GetArtifact: there is no version `v9` of artifact `letters` in `flytesnacks/development`
! hint: `flyte get artifact` lists them
exit code 2\
""")
    assert place.shows("get", "artifact", "nobody", "v1") == snapshot("""\
! error: ArtifactService.GetArtifact: there is no version `v1` of artifact `nobody` in `flytesnacks/development`
! hint: `flyte get artifact` lists them
exit code 2\
""")


def test_a_deployment_that_fails_half_way(place: Place) -> None:
    program = place.folder / "steps.py"
    program.write_text(PROGRAM.replace("@env.task\n", ""))
    place.flyte("deploy", "--version", "v1", "steps.py", "env")
    program.write_text(PROGRAM.replace("retries=2", "retries=3"))
    assert place.shows("deploy", "--version", "v1", "steps.py", "rest", "--dry-run") == snapshot("""\
TASK  VERSION  WOULD BE  TRIGGERS
steps.half  v1  taken
steps.third  v1  new
rest.all_of_it  v1  new

steps.half, beside version v1:
  retries: 2 -> 3
  function: <digest> -> <digest>
  code: fast<digest>.tar.gz -> fast<digest>.tar.gz\
""")
    assert place.shows("deploy", "--version", "v1", "steps.py", "rest") == snapshot("""\
! error: 1 of 3 tasks could not be registered:
!  `steps.half`: version `v1` is registered with something else (retries: 2 -> 3; function: <digest> -> <digest>; code: fast<digest>.tar.gz -> fast<digest>.tar.gz)
! registered: `steps.third`
! not tried: `rest.all_of_it`
! hint: deploy again under another version, or without one; what is registered stays as it is
exit code 5\
""")
    assert place.shows("get", "task", "-of", "table-simple") == snapshot("""\
TASK  VERSION  ABOUT
steps.half  v1  Half of a number.
steps.third  v1\
""")
    # What is told to do next.
    assert place.shows("deploy", "--version", "v2", "steps.py", "rest") == snapshot("""\
TASK  VERSION  OUTCOME  TRIGGERS
steps.half  v2  registered
steps.third  v2  registered
rest.all_of_it  v2  registered\
""")
    # Tasks of one environment are registered at once.
    assert sorted(place.shows("get", "task").splitlines()) == snapshot(
        [
            "TASK  VERSION  ABOUT",
            "rest.all_of_it  v2",
            "steps.half  v2  Half of a number.",
            "steps.third  v2",
        ]
    )


def test_a_version_of_a_task(place: Place) -> None:
    (place.folder / "steps.py").write_text(PROGRAM)
    place.flyte("deploy", "--version", "v3", "steps.py", "env")
    assert place.shows("get", "task", "steps.half", "v3") == snapshot("""\
task  steps.half
version  v3
type  python
interface  (parts: list[str] = ..., x: int) -> (o0: int, o1: str)
image  ghcr.io/flyteorg/flyte:py<Python>
retries  2
about  Half of a number.\
""")
    assert place.shows("get", "task", "steps.half", "v9") == snapshot("""\
! error: there is no task `steps.half` of version `v9` in `flytesnacks/development`
! hint: `flyte get task` lists what is registered, `flyte deploy` registers
exit code 2\
""")
    shown = json.loads(place.flyte("get", "task", "steps.half", "v3", "-of", "json"))
    assert list(shown) == snapshot(["taskId", "metadata", "spec"])
    assert shown["taskId"] == snapshot(
        {
            "org": "devbox",
            "project": "flytesnacks",
            "domain": "development",
            "name": "steps.half",
            "version": "v3",
        }
    )
    assert list(shown["spec"]["taskTemplate"]) == snapshot(["id", "type", "metadata", "interface", "container"])
