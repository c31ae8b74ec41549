"""Projects, secrets, triggers, conditions and the user of a devbox, through `flyte.remote`."""

from datetime import datetime

import pytest
from flyteidl2.core import types_pb2

import flyte
import flyte.remote
from flyte_models.errors import RemoteTaskNotFoundError, RunRefusedError
from flyte_models.phases import ActionPhase
from flyte_protocol.rpc_errors import RpcError
from flyte_syncify import syncify

from .running import CODE, ask, load

pytestmark = pytest.mark.usefixtures("connected")


def test_projects() -> None:
    made = flyte.remote.Project.create("birds", "Birds", "of all kinds", {"team": "a"})
    assert (made.id, made.name, dict(made.pb2.labels.values)) == ("birds", "Birds", {"team": "a"})
    assert flyte.remote.Project.update("birds", name="Many birds").pb2.description == "of all kinds"
    assert {each.id for each in flyte.remote.Project.listall()} == {"flytesnacks", "birds"}
    assert made.archive().is_archived
    assert [each.id for each in flyte.remote.Project.listall()] == ["flytesnacks"]
    assert [each.id for each in flyte.remote.Project.listall(archived=True)] == ["birds"]
    assert not made.unarchive().is_archived
    with pytest.raises(RpcError, match="no project"):
        flyte.remote.Project.get("fish")


def test_secrets() -> None:
    names = [f"key{i:02}" for i in range(12)]
    for name in names:
        flyte.remote.Secret.create(name, "value")
    flyte.remote.Secret.create("registry", b"{}", type="image_pull")
    assert [each.name for each in flyte.remote.Secret.listall(limit=5)] == [*names, "registry"]
    assert flyte.remote.Secret.get("registry").type == "image_pull"
    assert "value" not in flyte.remote.Secret.get("key00").to_json()
    for name in [*names, "registry"]:
        flyte.remote.Secret.delete(name)
    assert list(flyte.remote.Secret.listall()) == []
    with pytest.raises(ValueError, match="empty"):
        flyte.remote.Secret.create("nothing", "")


def test_triggers() -> None:
    env = flyte.TaskEnvironment("triggered")
    daily = flyte.Trigger("daily", flyte.Cron("0 3 * * *"), inputs={"n": 2}, auto_activate=False)

    @env.task(triggers=(daily, flyte.Trigger("by_hand", None, inputs={"n": 1})))
    def count(n: int) -> int:
        return n

    flyte.init(
        endpoint=flyte.initialization.settings().endpoint,
        insecure=True,
        project="flytesnacks",
        domain="development",
        root_dir=CODE.parent,
    )
    flyte.deploy(env)
    found = {each.name: each for each in flyte.remote.Trigger.listall(task_name="triggered.count")}
    assert set(found) == {"daily", "by_hand"}
    assert not found["daily"].is_active
    flyte.remote.Trigger.update("daily", "triggered.count", active=True)
    details = flyte.remote.Trigger.get(name="daily", task_name="triggered.count")
    assert details.is_active
    assert details.automation_spec.schedule.cron.expression == "0 3 * * *"
    flyte.remote.Trigger.delete("daily", "triggered.count")
    assert [each.name for each in flyte.remote.Trigger.listall()] == ["by_hand"]


def deployed(name: str) -> str:
    """Deploy a task with the inputs `n`, `at` and `label`, and return its name."""
    env = flyte.TaskEnvironment(name)

    @env.task
    def count(n: int, at: datetime | None = None, label: str = "x") -> int:
        return n

    endpoint = flyte.initialization.settings().endpoint
    flyte.init(endpoint=endpoint, insecure=True, project="flytesnacks", domain="development", root_dir=CODE.parent)
    flyte.deploy(env)
    return f"{name}.count"


def test_a_trigger_of_a_task_that_is_there() -> None:
    task = deployed("later")
    declared = flyte.Trigger(
        "nightly",
        flyte.Cron("0 3 * * *", timezone="Europe/Berlin"),
        description="at night",
        auto_activate=False,
        inputs={"n": 2, "at": flyte.TriggerTime},
        env_vars={"A": "b"},
        labels={"l": "1"},
        max_action_concurrency=4,
        custom_context={"who": "me"},
    )
    made = flyte.remote.Trigger.create(declared, task)
    assert (made.name, made.task_name, made.is_active, made.id.revision) == ("nightly", task, False, 1)
    details = flyte.remote.Trigger.get(name="nightly", task_name=task)
    assert details.pb2.description == "at night"
    assert details.automation_spec.schedule.kickoff_time_input_arg == "at"
    inputs = syncify(details.stored_inputs)()
    assert {each.name for each in inputs.literals} == {"n", "at", "label"}
    assert {each.key: each.value for each in inputs.context}["who"] == "me"
    spec = details.pb2.spec
    assert (spec.run_spec.max_action_concurrency, dict(spec.run_spec.labels.values)) == (4, {"l": "1"})
    assert flyte.remote.Trigger.create(declared, task, task_version=spec.task_version).id.revision == 2
    flyte.remote.Trigger.delete("nightly", task)


def test_what_cannot_be_a_trigger_of_a_task() -> None:
    task, create = deployed("refusing"), flyte.remote.Trigger.create
    by_clock = flyte.Cron("0 3 * * *")
    with pytest.raises(ValueError, match="gives no value for the input `n`"):
        create(flyte.Trigger("a", by_clock), task)
    with pytest.raises(ValueError, match="gives the input `m`, and the inputs of task `refusing.count` are"):
        create(flyte.Trigger("a", by_clock, inputs={"n": 1, "m": 1}), task)
    with pytest.raises(TypeError):
        create(flyte.Trigger("a", by_clock, inputs={"n": "one"}), task)
    with pytest.raises(TypeError, match=r"made of a `flyte\.Trigger`"):
        create("a", task)
    with pytest.raises(RemoteTaskNotFoundError, match=r"there is no task `refusing\.nothing`"):
        create(flyte.Trigger("a"), "refusing.nothing")
    with pytest.raises(RemoteTaskNotFoundError, match="of version `zz`"):
        create(flyte.Trigger("a"), task, task_version="zz")
    with pytest.raises(RpcError, match="no cron expression"):
        create(flyte.Trigger("a", flyte.Cron("never"), inputs={"n": 1}), task)
    assert list(flyte.remote.Trigger.listall(task_name=task)) == []


def test_a_run_of_a_trigger_takes_its_settings_and_inputs() -> None:
    task = deployed("begun")
    by_hand = flyte.Trigger("by_hand", inputs={"label": "mine"}, labels={"l": "1"}, custom_context={"who": "me"})
    made = flyte.remote.Trigger.create(by_hand, task)
    with pytest.raises(RunRefusedError, match="has no value for the input `n`"):
        flyte.run(made)
    with pytest.raises(ValueError, match="needs its input `n`"):
        flyte.run(made, label="yours")
    run = flyte.run(made, n=7)
    details = run.details()
    assert dict(details.pb2.run_spec.labels.values) == {"l": "1"}
    assert details.action_details.pb2.metadata.trigger_id.name.name == "by_hand"
    inputs = run.inputs()
    assert (inputs["n"], inputs["label"], inputs["at"]) == (7, "mine", None)
    assert {each.key: each.value for each in inputs.pb2.context} == {"who": "me"}
    complete = flyte.Trigger("complete", flyte.FixedRate(60), inputs={"n": 3, "at": flyte.TriggerTime})
    again = flyte.run(flyte.remote.Trigger.create(complete, task)).inputs()
    assert again["n"] == 3
    assert isinstance(again["at"], datetime)
    on_arrival = flyte.Trigger("arrival", flyte.OnArtifact("sales"), inputs={"n": 1, "label": flyte.TriggeredArtifact})
    with pytest.raises(TypeError, match="takes the input `label` from the artifact"):
        flyte.run(flyte.remote.Trigger.create(on_arrival, task))
    for name in ("by_hand", "complete", "arrival"):
        flyte.remote.Trigger.delete(name, task)


def test_conditions(port) -> None:
    run = flyte.run(load("lingering").linger, 3600.0)
    run.wait(wait_for="running")
    ask(port, run.pb2.action.id.run, "asks", "how_many", types_pb2.INTEGER)

    condition = flyte.remote.Condition.get("how_many", run_name=run.name)
    assert condition is not None
    assert (condition.action_name, condition.expected_type) == ("asks", int)
    assert (condition.phase, condition.waits) == ("ACTION_PHASE_PAUSED", True)
    assert [each.name for each in flyte.remote.Condition.listall(run_name=run.name, action_name="a0")] == ["how_many"]
    with pytest.raises(TypeError, match="answered with a int"):
        condition.signal("seven")
    condition.signal(7)
    answered = flyte.remote.Condition.get("how_many", run_name=run.name)
    assert answered is not None
    assert (answered.phase, answered.done()) == ("ACTION_PHASE_SUCCEEDED", True)
    assert [each.name for each in flyte.remote.Condition.listall(run_name=run.name)] == ["how_many"]
    assert list(flyte.remote.Condition.waiting(run.name)) == []
    assert flyte.remote.Condition.get("another", run_name=run.name) is None
    assert flyte.remote.Action.get(run_name=run.name, name="asks").phase is ActionPhase.SUCCEEDED
    run.abort()


def test_who_is_calling() -> None:
    assert flyte.remote.User.get().subject()


def test_settings_of_scopes() -> None:
    fetch = flyte.remote.Settings.get_settings_for_edit
    everywhere = fetch()
    assert (everywhere.scope_description(), everywhere.local_overrides()) == ("ORG", {})
    everywhere.update_settings({"run.default_queue": "slow", "labels": {"team": "a", "part": "x"}})
    everywhere.update_settings({**everywhere.local_overrides(), "task_resource.min.cpu": 1})
    assert everywhere.version == 2
    fetch(domain="development").update_settings({"labels": {"team": "b"}, "run.max_action_concurrency": "7"})
    project = fetch(project="flytesnacks", domain="development")
    assert project.scope_description() == "PROJECT(development/flytesnacks)"
    assert (project.local_overrides(), project.version) == ({}, 0)
    assert project.effective_values() == {
        "run.default_queue": "slow",
        "run.max_action_concurrency": 7,
        "task_resource.min.cpu": "1",
        "labels": {"team": "b", "part": "x"},
    }
    assert [str(each.origin) for each in project.effective_settings] == [
        *("ORG", "DOMAIN(development)", "ORG", "DOMAIN(development)")
    ]
    project.update_settings({"run.default_queue": "~unset", "labels": {"own": "1"}})
    again = fetch(project="flytesnacks", domain="development")
    assert again == project
    assert again.parse_yaml(again.to_yaml()) == again.local_overrides()
    assert [title for title, _ in again.to_yaml_sections()] == ["Set here", "Taken over", "Not set"]
    assert "# team: b  ## from DOMAIN(development)" in again.to_yaml()
    project.update_settings({"storage.raw_data_path": "s3://data"})
    with pytest.raises(RpcError, match="read them again"):
        again.update_settings({})


def test_settings_that_cannot_be() -> None:
    settings = flyte.remote.Settings.get_settings_for_edit(domain="development")
    for key, value, reason in (
        ("run.default_queues", "q", "did you mean `run.default_queue`"),
        ("run.max_action_concurrency", "many", "whole number"),
        ("run.max_action_concurrency", True, "whole number"),
        ("task_resource.mirror_limits_request", "perhaps", "`true` or `false`"),
    ):
        with pytest.raises(ValueError, match=reason):
            settings.update_settings({key: value})
    for key, value, reason in (("labels", "a", "has entries"), ("pod_template_name", None, "is a text")):
        with pytest.raises(TypeError, match=reason):
            settings.update_settings({key: value})
    with pytest.raises(ValueError, match="pass `domain`"):
        flyte.remote.Settings.get_settings_for_edit(project="flytesnacks")
    with pytest.raises(ValueError, match="no YAML"):
        flyte.remote.Settings.parse_yaml("a: [")
