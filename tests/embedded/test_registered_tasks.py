"""Tasks that are registered: found, run from Python, from the command line and by other tasks; runs that are run again."""

import asyncio
import json

import pytest

import flyte
import flyte.remote
from flyte_models.errors import RemoteTaskNotFoundError, RemoteTaskUsageError, RunRefusedError, UnionRpcError
from flyte_models.phases import ActionPhase

from .running import command, connected_to, load


@pytest.fixture(scope="module")
def deployed(port, tmp_path_factory):
    """The versions of the registered tasks, the latest first."""
    with connected_to(port, tmp_path_factory.mktemp("home")):
        env = load("registered").env
        flyte.deploy(env, version="v1")
        flyte.deploy(env, version="v2")
    return ["v2", "v1"]


@pytest.fixture
def config(deployed, config):
    return config


def finished(run):
    run.wait(quiet=True)
    run.raise_for_status()
    return run.outputs()


def test_they_are_listed_with_their_versions(config, deployed) -> None:
    found = {task.name: task for task in flyte.remote.Task.listall(by_task_env="registered")}
    assert set(found) == {"registered.add", "registered.steps", "registered.step"}
    assert found["registered.add"].version == "v2"
    assert [task.name for task in flyte.remote.Task.listall(by_task_name="registered.add")] == ["registered.add"]
    assert list(flyte.remote.Task.versions("registered.add")) == deployed
    assert found["registered.add"].url.endswith("/v2/domain/development/project/flytesnacks/tasks/registered.add")


def test_one_is_fetched_when_it_is_used(config) -> None:
    reference = flyte.remote.Task.get("registered.add", version="v1")
    assert "not fetched yet" in repr(reference)
    details = reference.fetch()
    assert (details.name, details.version, details.task_type) == ("registered.add", "v1", "python")
    assert details.required_args == ("a",)
    assert details.default_input_args == ("b",)
    assert list(details.interface.inputs) == ["a", "b"]
    assert "fetched" in repr(reference)
    with pytest.raises(LookupError, match="no task `registered.none`"):
        flyte.remote.Task.get("registered.none", auto_version="latest").fetch()
    with pytest.raises(RemoteTaskNotFoundError, match="of version"):
        flyte.remote.Task.get("registered.add", version="v9").fetch()


@pytest.mark.parametrize("versions", [{}, {"version": "v1", "auto_version": "latest"}, {"auto_version": "newest"}])
def test_which_version_must_be_said(versions) -> None:
    with pytest.raises(ValueError, match="registered.add"):
        flyte.remote.Task.get("registered.add", **versions)
    with pytest.raises(ValueError, match="only inside a task"):
        flyte.remote.Task.get("registered.add", auto_version="current").fetch()


def test_one_is_run_from_python(config) -> None:
    reference = flyte.remote.Task.get("registered.add", auto_version="latest")
    run = flyte.run(reference, a=1)
    assert finished(run)[0] == 11
    assert run.pb2.action.metadata.task.id.version == "v2"
    assert finished(flyte.run(reference.override(env_vars={"MORE": "100"}), a=1, b=2))[0] == 103
    with pytest.raises(ValueError, match="needs its input `a`"):
        flyte.run(reference)
    with pytest.raises(ValueError, match="has no input `z`"):
        flyte.run(reference, a=1, z=2)
    with pytest.raises(RemoteTaskUsageError, match="takes its inputs by name only"):
        flyte.run(reference, 1)
    with pytest.raises(RemoteTaskUsageError, match="`override` of a registered task has no `image`"):
        reference.fetch().override(image="x")
    with pytest.raises(RemoteTaskUsageError, match="can be called inside a task only"):
        asyncio.run(reference(a=1))
    with pytest.raises(ValueError, match="cannot run in this process"):
        flyte.with_runcontext(mode="local").run(reference, a=1)


def test_the_only_input_may_be_given_by_position(config) -> None:
    flyte.deploy(load("caller").env, version="v1")
    reference = flyte.remote.Task.get("caller.call", version="v1")
    assert dict(flyte.run(reference, 1).inputs()) == {"n": 1}
    with pytest.raises(ValueError, match="input `n` of task `caller.call` is given twice"):
        flyte.run(reference, 1, n=1)
    with pytest.raises(RemoteTaskUsageError, match="takes its inputs by name only"):
        flyte.run(reference, 1, 2)


def test_a_run_that_is_refused_says_whose_fault_it_is(config) -> None:
    reference = flyte.remote.Task.get("registered.add", version="v1")
    first = flyte.run(reference, a=1)
    for name, code in ((first.name, "RunAlreadyExistsError"), ("no name", "InvalidArgumentError")):
        with pytest.raises(RunRefusedError) as caught:
            flyte.with_runcontext(name=name).run(reference, a=1)
        assert (caught.value.code, caught.value.kind) == (code, "user")
        assert name in str(caught.value)
        assert isinstance(caught.value.__cause__, UnionRpcError)


def test_nothing_to_deploy_is_no_error(config) -> None:
    assert flyte.deploy() == []


def test_what_a_trigger_starts_is_run_by_hand(config) -> None:
    trigger = flyte.remote.Trigger.get(name="by_hand", task_name="registered.add")
    run = flyte.run(trigger)
    assert finished(run)[0] == 15
    assert finished(flyte.run(trigger, b=1))[0] == 6


def test_one_is_called_by_another_task(config) -> None:
    run = flyte.run(load("caller").call, 1)
    first, second, said = finished(run)
    assert (first, second) == (11, 106)
    assert "has no input `x`" in said
    children = [each for each in flyte.remote.Action.listall(run.name) if each.name != "a0"]
    assert {each.task_name for each in children} == {"registered.add"}
    assert {each.pb2.metadata.task.short_name for each in children} == {"add", "other"}


def test_a_local_run_says_where_its_code_is(config) -> None:
    with pytest.raises(flyte.errors.RuntimeUserError, match="registered at a control plane"):
        flyte.with_runcontext(mode="local").run(load("caller").call, 1)


def test_a_run_is_run_again_with_other_inputs(config, tmp_path) -> None:
    first = flyte.run(flyte.remote.Task.get("registered.add", version="v1"), a=1, b=2)
    assert finished(first)[0] == 3
    again = flyte.rerun(first.name)
    assert again.name != first.name
    assert finished(again)[0] == 3
    assert finished(flyte.rerun(first.name, b=5))[0] == 6
    with pytest.raises(ValueError, match="has no input `z`"):
        flyte.rerun(first.name, z=1)
    details = flyte.remote.RunDetails.get(again.name)
    assert details.pb2.run_spec.relation.related_to.name == first.name


def test_what_has_succeeded_is_taken_over(config, tmp_path) -> None:
    notes = tmp_path / "notes"
    steps = flyte.remote.Task.get("registered.steps", version="v1")
    first = flyte.run(steps, notes=str(notes))
    first.wait(quiet=True)
    assert first.phase is ActionPhase.FAILED
    again = flyte.rerun(first.name, recover=True, fails=False)
    assert finished(again)[0] == 3
    assert notes.read_text() == "1\n2\n"
    child = next(each.name for each in flyte.remote.Action.listall(first.name) if each.name != "a0")
    forced = flyte.with_runcontext(name="forced").rerun(
        first.name, recover=True, force_rerun_actions=[child], fails=False
    )
    assert finished(forced)[0] == 3
    assert notes.read_text() == "1\n2\n1\n2\n"
    alone = flyte.rerun(first.name, action_name=child, number=7)
    assert finished(alone)[0] == 7
    with pytest.raises(ValueError, match="needs `recover=True`"):
        flyte.rerun(first.name, force_rerun_actions=[child])
    with pytest.raises(ValueError, match="as a whole"):
        flyte.rerun(first.name, action_name=child, recover=True)


def test_the_commands(config) -> None:
    tasks = json.loads(command(config, "get", "task", "-of", "json"))
    assert {each["taskId"]["name"] for each in tasks} >= {"registered.add"}
    assert "v1" in command(config, "get", "task", "registered.add")
    assert "Add two numbers." in command(config, "get", "task", "registered.add", "v1")
    page = command(config, "run", "deployed-task", "registered.add", "--help")
    assert "--a" in page
    assert "[default: 10]" in page
    # As PyPI flyte has it: the environment, then the task.
    assert "registered.add" in command(config, "run", "deployed-task", "registered", "--help")
    assert "result    14" in command(
        config, "run", "--follow", "deployed-task", "registered", "registered.add:v1", "--a", "4"
    )
    said = command(config, "run", "--follow", "deployed-task", "registered.add:v1", "--a", "4")
    assert "result    14" in said
    name = said.split()[1]
    assert "result    5" in command(config, "rerun", name, "--follow", "--b", "1")
    assert "missing: `--a` (int)" in command(config, "run", "deployed-task", "registered.add", code=2)
    assert "no task `registered.none`" in command(config, "run", "deployed-task", "registered.none", code=2)
    assert "has no input `--z`" in command(config, "rerun", name, "--z", "1", code=2)
