"""Settings of environments and tasks: inherited, checked where they are written, overridden, cloned, and seen by plugins."""

import dataclasses
import inspect
import pickle
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf import json_format

import flyte
from flyte.tasks.plugins import TaskPluginRegistry

LIMIT = 10 * 1024 * 1024


class Dashboard:
    name = "dashboard"
    icon_uri = ""

    def get_link(self, *args: object, **kwargs: object) -> str:
        return "https://example.org"


env = flyte.TaskEnvironment(
    "settings",
    resources=flyte.Resources(cpu=1, memory="1Gi"),
    cache="auto",
    env_vars={"A": "1"},
    secrets="token",
    queue="slow",
    image="image:1",
    interruptible=True,
    service_account="robot",
    pod_template="big",
)


@env.task
def inherited(x: int) -> int:
    return x


@env.task(
    short_name="mine",
    cache="disable",
    retries=flyte.RetryStrategy(2),
    timeout=timedelta(minutes=1),
    docs=flyte.Documentation("what it is for"),
    pod_template="small",
    report=True,
    interruptible=False,
    max_inline_io_bytes=7_000,
    queue="fast",
    service_account="person",
    triggers=flyte.Trigger.hourly(),
    links=Dashboard(),
    entrypoint=True,
    produces_artifacts=True,
)
def own(x: int) -> int:
    return x


def fields_of(task: flyte.TaskTemplate[..., Any]) -> dict[str, Any]:
    return {each.name: getattr(task, each.name) for each in dataclasses.fields(task)}  # type: ignore[arg-type]


def test_a_task_has_what_its_environment_says() -> None:
    assert fields_of(inherited) | {"interface": None, "parent_env": None, "func": None} == {
        "name": "settings.inherited",
        "interface": None,
        "short_name": "inherited",
        "task_type": "python",
        "task_type_version": 0,
        "image": "image:1",
        "resources": flyte.Resources(cpu=1, memory="1Gi"),
        "cache": flyte.Cache("auto"),
        "interruptible": True,
        "retries": flyte.RetryStrategy(0),
        "reusable": None,
        "docs": None,
        "env_vars": {"A": "1"},
        "secrets": "token",
        "service_account": "robot",
        "timeout": 0,
        "pod_template": "big",
        "report": False,
        "queue": "slow",
        "debuggable": True,
        "entrypoint": False,
        "produces_artifacts": False,
        "parent_env": None,
        "parent_env_name": "settings",
        "max_inline_io_bytes": LIMIT,
        "triggers": (),
        "links": (),
        "task_resolver": None,
        "func": None,
        "plugin_config": None,
    }
    assert inherited.parent_env is not None
    assert inherited.parent_env() is env


def test_a_task_says_otherwise() -> None:
    got = fields_of(own)
    assert got["short_name"] == "mine"
    assert got["cache"] == flyte.Cache("disable")
    assert (got["retries"], got["timeout"]) == (flyte.RetryStrategy(2), timedelta(minutes=1))
    assert (got["pod_template"], got["queue"], got["service_account"]) == ("small", "fast", "person")
    assert (got["report"], got["interruptible"], got["entrypoint"], got["produces_artifacts"]) == (
        True,
        False,
        True,
        True,
    )
    assert got["max_inline_io_bytes"] == 7_000
    assert [trigger.name for trigger in got["triggers"]] == ["hourly"]
    assert [link.name for link in got["links"]] == ["dashboard"]
    assert got["docs"].description == "what it is for"


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ({"image": 3}, "image"),
        ({"resources": {"cpu": 1}}, "resources"),
        ({"secrets": 3}, "secrets"),
        ({"env_vars": {"A": 1}}, "env_vars"),
        ({"env_vars": ["A=1"]}, "env_vars"),
        ({"depends_on": 3}, "depends_on"),
        ({"depends_on": ["other"]}, "expected an environment"),
        ({"cache": 3}, "cache"),
        ({"reusable": 2}, "reusable"),
        ({"pod_template": 3}, "pod_template"),
        ({"include": "data.csv"}, "include"),
        ({"include": [1]}, "include"),
        ({"service_account": 3}, "service_account"),
        ({"description": 3}, "description"),
        ({"queue": 3}, "queue"),
    ],
)
def test_what_an_environment_refuses(setting: dict[str, Any], what: str) -> None:
    with pytest.raises(TypeError, match=what):
        flyte.TaskEnvironment("refused", **setting)


@pytest.mark.parametrize(
    "setting",
    [
        {"timeout": "1h"},
        {"timeout": -1},
        {"max_inline_io_bytes": -1},
        {"triggers": 3},
        {"links": [3]},
        {"cache": "sometimes"},
        {"retries": "x"},
        {"retries": -1},
        {"docs": "text"},
        {"short_name": 3},
    ],
)
def test_what_a_task_refuses(setting: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError)):
        flyte.TaskEnvironment("refused-task").task(**setting)(lambda: None)


def test_a_description_is_cut() -> None:
    made = flyte.Environment("long", description="x" * 300)
    assert made.description is not None
    assert (len(made.description), made.description[-10:]) == (255, "xx...(tr.)")


def test_a_cache_can_be_switched_off_with_false() -> None:
    cached, uncached = flyte.TaskEnvironment("cached", cache="auto"), flyte.TaskEnvironment("uncached", cache=False)  # type: ignore[arg-type]
    made = [cached.task(lambda: 1, cache=False), uncached.task(lambda: 1), own.override(cache=False)]  # type: ignore[call-overload]
    assert [task.cache.behavior for task in made] == ["disable"] * 3
    with pytest.raises(ValueError, match="got True"):
        _ = cached.task(lambda: 1, cache=True).cache  # type: ignore[call-overload]


def test_override_changes_a_copy_and_keeps_what_is_empty() -> None:
    changed = own.override(
        short_name="other",
        retries=5,
        cache="override",
        env_vars={"B": "2"},
        timeout=3,
        resources=flyte.Resources(cpu=2),
    )
    assert (changed.short_name, changed.retries.count, changed.cache.behavior) == ("other", 5, "override")
    assert (changed.env_vars, changed.timeout, changed.resources) == ({"B": "2"}, 3, flyte.Resources(cpu=2))
    assert changed.name == own.name
    assert (own.short_name, own.retries.count, own.env_vars) == ("mine", 2, {"A": "1"})
    kept = own.override(short_name=None, retries=0, resources=None, env_vars=None, links=(), queue="")
    assert (kept.short_name, kept.retries.count, kept.resources, kept.queue) == ("mine", 2, own.resources, "fast")
    assert own.override(interruptible=True).interruptible
    assert not own.override(entrypoint=False).entrypoint
    assert own.override(report=False).report is False


@pytest.mark.parametrize("name", ["name", "image", "docs", "interface"])
def test_what_override_refuses(name: str) -> None:
    with pytest.raises(ValueError, match=f"`{name}` of task `settings.own` cannot be overridden"):
        own.override(**{name: "x"})


def test_override_refuses_names_that_are_no_settings() -> None:
    with pytest.raises(TypeError, match="no setting `foo`"):
        own.override(foo=1)


def test_an_overridden_task_runs_in_a_run() -> None:
    @env.task
    async def parent(x: int) -> int:
        return await own.override(short_name="again").aio(x) + 1

    assert flyte.run(parent, 1).outputs()[0] == 2


def test_warm_containers_have_their_settings_from_the_environment() -> None:
    warm = flyte.TaskEnvironment("warm", reusable=flyte.ReusePolicy(replicas=2, concurrency=4))

    @warm.task
    async def f(x: int) -> int:
        return x

    for setting in (
        {"resources": flyte.Resources(cpu=1)},
        {"env_vars": {}},
        {"secrets": "x"},
        {"service_account": "x"},
    ):
        with pytest.raises(ValueError, match=next(iter(setting))):
            f.override(**setting)  # type: ignore[arg-type]
    cold = f.override(reusable="off", resources=flyte.Resources(cpu=1))
    assert (cold.reusable, cold.resources) == (None, flyte.Resources(cpu=1))
    with pytest.raises(ValueError, match="sync function"):

        @warm.task
        def g(x: int) -> int:
            return x

    with pytest.raises(ValueError, match="pod_template"):
        warm.task(pod_template="x")
    with pytest.raises(ValueError, match="plugin_config"):
        flyte.TaskEnvironment("warm-plugin", reusable=flyte.ReusePolicy(), plugin_config=object())


def test_a_clone_has_everything_but_the_tasks() -> None:
    clone = env.clone_with("clone", image="image:2", cache="disable")
    assert (clone.image, clone.cache, clone.env_vars, clone.queue) == ("image:2", "disable", {"A": "1"}, "slow")
    assert (clone.pod_template, clone.service_account, clone.tasks) == ("big", "robot", {})
    for key in ("queue", "plugin_config", "pod_template", "zzz"):
        with pytest.raises(TypeError, match=f"cannot change `{key}`"):
            env.clone_with("clone-2", **{key: None})
    with pytest.raises(NotImplementedError):
        flyte.Environment("base").clone_with("base-2")


def test_tasks_without_an_environment_get_one() -> None:
    one = flyte.TaskTemplate[Any, Any](name="one", interface=inherited.interface, image="image:1")
    two = flyte.TaskTemplate[Any, Any](name="two", interface=inherited.interface, image="image:1")
    made = flyte.TaskEnvironment.from_task("of-tasks", one, two)
    assert made.tasks == {"one": one, "two": two}
    assert (made.image, one.parent_env_name) == ("image:1", "of-tasks")
    with pytest.raises(ValueError, match="in environment `of-tasks` already"):
        flyte.TaskEnvironment.from_task("again", one)
    other = flyte.TaskTemplate[Any, Any](name="other", interface=inherited.interface, image="image:2")
    third = flyte.TaskTemplate[Any, Any](name="third", interface=inherited.interface, image="image:3")
    with pytest.raises(ValueError, match="different images"):
        flyte.TaskEnvironment.from_task("mixed", other, third)


SEEN: list[Any] = []


@dataclasses.dataclass
class Setup:
    size: int = 1


@dataclasses.dataclass(kw_only=True)
class PluginTask(flyte.AsyncFunctionTaskTemplate[Any, Any]):
    plugin_config: Setup = dataclasses.field(default_factory=Setup)
    task_type: str = "plugin"
    debuggable: bool = False

    async def pre(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {"size": self.plugin_config.size}

    async def post(self, return_vals: Any) -> Any:
        SEEN.append(return_vals)


def test_a_plugin_is_a_dataclass_and_takes_part_in_an_action() -> None:
    with pytest.raises(ValueError, match="no plugin is registered"):
        flyte.TaskEnvironment("no-plugin", plugin_config=Setup()).task(lambda: None)
    assert TaskPluginRegistry.register(Setup, PluginTask) is PluginTask
    plugged = flyte.TaskEnvironment("plugged", plugin_config=Setup(size=3))

    @plugged.task(retries=1)
    def sized(x: int) -> int:
        return x + int(flyte.ctx().data["size"])

    @plugged.task
    async def parent(x: int) -> int:
        return await sized.aio(x)

    assert (type(sized), sized.task_type, sized.debuggable) == (PluginTask, "plugin", False)
    SEEN.clear()
    assert flyte.run(parent, 1).outputs()[0] == 1 + 3
    assert SEEN == [4, 4]
    assert dataclasses.replace(sized, retries=3).retries.count == 3
    assert sized.override(plugin_config=Setup(size=9)).plugin_config.size == 9  # type: ignore[attr-defined]


def test_the_constructors_say_what_they_take() -> None:
    parameters = inspect.signature(flyte.TaskEnvironment).parameters
    assert list(parameters) == [
        "name",
        "depends_on",
        "pod_template",
        "description",
        "secrets",
        "env_vars",
        "resources",
        "interruptible",
        "image",
        "include",
        "service_account",
        "cache",
        "reusable",
        "plugin_config",
        "queue",
    ]
    assert parameters["image"].default == "auto"
    assert inspect.signature(PluginTask).parameters["task_type"].default == "plugin"
    assert flyte.TaskEnvironment("by-position", [env]).depends_on == [env]


def test_a_pickled_task_comes_back_without_its_environment() -> None:
    made = pickle.loads(pickle.dumps(flyte.TaskTemplate[Any, Any](name="plain", interface=inherited.interface)))
    assert (made.name, made.parent_env, made.retries.count) == ("plain", None, 0)


def test_a_pod_template_has_a_wire_form_of_its_own() -> None:
    kubernetes = pytest.importorskip("kubernetes.client")
    container = kubernetes.V1Container(name="main", image="x", env=[kubernetes.V1EnvVar(name="A", value="b")])
    spec = kubernetes.V1PodSpec(containers=[container], node_selector={"disk": "ssd"})
    template = flyte.PodTemplate(spec, "main", labels={"l": "1"}, annotations={"a": "2"})
    # As PyPI flyte 2.12.1 gives it.
    assert json_format.MessageToDict(template.to_k8s_pod()) == {
        "metadata": {"labels": {"l": "1"}, "annotations": {"a": "2"}},
        "podSpec": {
            "containers": [{"name": "main", "image": "x", "env": [{"name": "A", "value": "b"}]}],
            "nodeSelector": {"disk": "ssd"},
        },
        "primaryContainerName": "main",
    }
    assert json_format.MessageToDict(flyte.PodTemplate().to_k8s_pod()) == {
        "metadata": {},
        "primaryContainerName": "primary",
    }
