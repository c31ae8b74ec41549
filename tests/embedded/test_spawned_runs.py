"""`flyte.run` inside a task of a control plane begins a run there: with the task's code, and the task's run as its origin."""

from urllib.request import urlopen

import pytest
from flyteidl2.common import run_pb2

import flyte
import flyte.remote
from flyte_models.phases import ActionPhase

from .running import LONGEST, load


@pytest.fixture(scope="module")
def program():
    return load("spawning")


def finished(task, *args):
    run = flyte.run(task, *args)
    run.wait(quiet=True)
    assert run.phase is ActionPhase.SUCCEEDED, run.first_failure()
    return run


def test_runs_of_an_action_have_its_code_and_name_its_run(connected, program) -> None:
    flyte.deploy(program.env)
    run = finished(program.spawner, "spawned-here")
    of_code, of_task, of_trigger, of_run = (flyte.remote.RunDetails.get(name) for name in run.outputs()[0])
    own = run.details().pb2.action.task.task_template

    for each in (of_code, of_task, of_trigger):
        relation = each.pb2.run_spec.relation
        assert relation.relation_type == run_pb2.RELATION_TYPE_SPAWN
        assert (relation.related_to.name, relation.related_to.project) == (run.name, "flytesnacks")
        assert each.pb2.run_spec.envs.values[-1].key == "_U_USE_ACTIONS"
    assert of_run.pb2.run_spec.relation.relation_type == run_pb2.RELATION_TYPE_RERUN
    assert of_run.pb2.run_spec.relation.related_to.name == of_task.name

    assert of_code.name == "spawned-here-code"
    template = of_code.pb2.action.task.task_template
    arguments = list(own.container.args)
    archive = arguments[arguments.index("--tgz") + 1]
    assert template.id.version == own.id.version
    assert archive in template.container.args
    assert template.container.args[-4:] == ["mod", "spawning", "instance", "leaf"]
    assert of_code.pb2.run_spec.envs.values[0].key == "B"
    with urlopen(flyte.remote.Run.get(of_code.name).url, timeout=LONGEST) as page:
        facts = page.read().decode().partition("<dt>Begun by a task of</dt>")[2]
    assert facts.partition("</dd>")[0].endswith(f">{run.name}</a>")
    assert "ASKED" in [pair.key for pair in of_trigger.pb2.run_spec.envs.values]


def test_a_sync_task_begins_runs_too(connected, program) -> None:
    assert finished(program.spawner_in_a_thread, "spawned-sync").outputs()[0] == 5
    assert flyte.remote.Run.get("spawned-sync-sync").phase is ActionPhase.SUCCEEDED


def test_the_failure_of_a_spawned_run_is_raised_as_that_of_a_child(connected, program) -> None:
    assert finished(program.spawns_what_fails, "spawned-failing").outputs()[0] == "ValueError"


def test_a_run_that_is_asked_to_be_local_stays_in_the_process_of_the_task(connected, program) -> None:
    run = finished(program.stays, 4)
    assert run.outputs()[0] == 4
    assert list(flyte.remote.Run.listall(task_name="spawning.late_leaf")) == []
