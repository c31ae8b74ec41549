"""Projects, secrets, triggers, conditions and the user of a devbox, through `flyte.remote`."""

import pytest
from flyteidl2.actions import actions_service_pb2
from flyteidl2.core import types_pb2

import flyte
import flyte.remote
from flyte import initialization
from flyte_models.phases import ActionPhase
from flyte_protocol.methods import methods_of
from flyte_protocol.rpc_errors import RpcError

from .running import CODE, SOON, end, load, on, start


@pytest.fixture(scope="module")
def devbox(tmp_path_factory):
    server, port = start(tmp_path_factory.mktemp("devbox"))
    yield port
    end(server)


@pytest.fixture(autouse=True)
def connected(devbox, monkeypatch, tmp_path):
    monkeypatch.setattr(initialization, "_settings", None)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.syspath_prepend(str(CODE))
    flyte.init(
        endpoint=f"localhost:{devbox}", insecure=True, project="flytesnacks", domain="development", root_dir=CODE
    )


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


def test_conditions(devbox) -> None:
    # The request of another SDK, whose inputs are nowhere.
    run = flyte.run(load("lingering").linger, 120.0)
    run.wait(wait_for="running")
    request = actions_service_pb2.EnqueueRequest()
    request.action.action_id.run.CopyFrom(run.pb2.action.id.run)
    request.action.action_id.name = "asks"
    request.action.parent_action_name = "a0"
    request.action.input_uri = request.action.run_output_base = "/nowhere"
    request.action.condition.name = "how_many"
    request.action.condition.type.simple = types_pb2.INTEGER
    enqueue = methods_of(actions_service_pb2.DESCRIPTOR.services_by_name["ActionsService"])["Enqueue"]
    on(devbox, lambda transport: transport.call(enqueue, request, SOON))

    condition = flyte.remote.Condition.get("how_many", run_name=run.name)
    assert condition is not None
    assert (condition.action_name, condition.expected_type) == ("asks", int)
    assert [each.name for each in flyte.remote.Condition.listall(run_name=run.name, action_name="a0")] == ["how_many"]
    with pytest.raises(TypeError, match="answered with a int"):
        condition.signal("seven")
    condition.signal(7)
    assert flyte.remote.Condition.get("how_many", run_name=run.name) is None
    assert flyte.remote.Action.get(run_name=run.name, name="asks").phase is ActionPhase.SUCCEEDED
    run.abort()


def test_who_is_calling() -> None:
    assert flyte.remote.User.get().subject()
