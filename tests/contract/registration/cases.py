"""Tasks whose registration is compared with the reference's: one case each, built with public names that both sides have.

Not imported by tests alone: `record.py` runs it with PyPI flyte 2.12.1.
"""

import dataclasses
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import flyte
from flyte.extend import AsyncFunctionTaskTemplate, TaskPluginRegistry
from flyte.extras import ContainerTask
from flyte.models import ActionPhase
from flyte.notify import Email, NamedDelivery, NamedRule, Slack, Teams, Webhook

CASES: dict[str, Callable[[], Any]] = {}
CONTEXTS: dict[str, dict[str, Any]] = {}
IMAGE = "registry.example.org/images/img:tag"


def case(*, named: str | None = None, **context: Any) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Remember a case: what it returns is registered, in the context that is described."""

    def remember(make: Callable[[], Any]) -> Callable[[], Any]:
        name = named or make.__name__
        assert name not in CASES
        CASES[name] = make
        CONTEXTS[name] = context
        return make

    return remember


def task_of(environment: dict[str, Any] | None = None, **settings: Any) -> Any:
    env = flyte.TaskEnvironment(name="env", **(environment or {}))

    @env.task(**settings)
    async def work(x: int, y: str = "why") -> float:
        return float(x)

    return work


@case()
def plain() -> Any:
    return task_of()


@case()
def sync_function() -> Any:
    env = flyte.TaskEnvironment(name="env")

    @env.task
    def work(b: int, a: list[str], c: dict[str, float] | None = None) -> tuple[int, str]:
        return b, a[0]

    return work


@case()
def nothing_in_nothing_out() -> Any:
    env = flyte.TaskEnvironment(name="env")

    @env.task
    async def work() -> None: ...

    return work


@case(deployed=True)
def documented() -> Any:
    env = flyte.TaskEnvironment(name="env", description="What the environment is for.")

    @env.task
    async def work(x: int, y: str = "z") -> int:
        """Do the work.

        It takes a while.

        And goes on.

        Args:
            x: the first one
            y: the second one
        """
        return x

    return work


@case(deployed=True)
def documented_beside() -> Any:
    env = flyte.TaskEnvironment(name="env", description="d" * 300)

    @env.task(docs=flyte.Documentation("In the author's words."))
    async def work(x: int) -> int:
        """Do the work."""
        return x

    return work


@case(deployed=True)
def documented_at_length() -> Any:
    env = flyte.TaskEnvironment(name="env")

    async def work(x: int) -> int:
        return x

    work.__doc__ = "s" * 300 + "\n\n" + "l" * 3000
    return env.task(work)


@case(deployed=True)
def documented_beside_at_length() -> Any:
    return task_of(docs=flyte.Documentation("w" * 3000))


@case()
def long_names() -> Any:
    env = flyte.TaskEnvironment(name="e" * 80)

    @env.task(short_name="s" * 80)
    async def work(x: int) -> int:
        return x

    return work


@case()
def short_name() -> Any:
    return task_of(short_name="Short Name")


RETRIES = {
    "none": 0,
    "three": 3,
    "strategy": flyte.RetryStrategy(count=2),
    "backoff": flyte.RetryStrategy(count=4, backoff=flyte.Backoff(base=timedelta(seconds=1.5))),
    "growing": flyte.RetryStrategy(
        count=4, backoff=flyte.Backoff(base=timedelta(seconds=1), factor=2.5, cap=timedelta(minutes=3))
    ),
}
for _name, _retries in RETRIES.items():
    case(named=f"retries-{_name}")(lambda retries=_retries: task_of(retries=retries))

TIMEOUTS = {
    "seconds": 30,
    "duration": timedelta(minutes=2, milliseconds=500),
    "runtime": flyte.Timeout(max_runtime=60),
    "queued": flyte.Timeout(max_queued_time=timedelta(hours=1)),
    "deadline": flyte.Timeout(deadline=90),
    "all": flyte.Timeout(max_runtime=timedelta(seconds=1), max_queued_time=2, deadline=timedelta(seconds=3)),
    "zeros": flyte.Timeout(max_runtime=0, max_queued_time=0, deadline=0),
}
for _name, _timeout in TIMEOUTS.items():
    case(named=f"timeout-{_name}")(lambda timeout=_timeout: task_of(timeout=timeout))

CACHES = {
    "auto": "auto",
    "override": "override",
    "disable": "disable",
    "version": flyte.Cache("auto", version_override="v7"),
    "serialize": flyte.Cache("auto", version_override="v7", serialize=True, ignored_inputs=("x", "y")),
    "ignored": flyte.Cache("override", ignored_inputs="y"),
    "salted": flyte.Cache("auto", salt="pepper"),
    "age": flyte.Cache("auto", max_age=3600),
    "age-duration": flyte.Cache("auto", version_override="v7", max_age=timedelta(days=2, milliseconds=250)),
    "disabled-version": flyte.Cache("disable", version_override="v7", max_age=5),
    "disabled-salted": flyte.Cache("disable", salt="pepper"),
    "disabled-serialize": flyte.Cache("disable", serialize=True, ignored_inputs=("x",)),
}
for _name, _cache in CACHES.items():
    case(named=f"cache-{_name}")(lambda cache=_cache: task_of(cache=cache))
case(named="cache-of-the-environment")(lambda: task_of({"cache": "auto"}))
case(named="cache-not-of-the-environment")(lambda: task_of({"cache": "auto"}, cache="disable"))

RESOURCES = {
    "cpu-int": {"cpu": 2},
    "cpu-float": {"cpu": 0.5},
    "cpu-text": {"cpu": "500m"},
    "cpu-pair": {"cpu": (1, 4)},
    "cpu-pair-mixed": {"cpu": ("250m", 1.5)},
    "memory": {"memory": "1Gi"},
    "memory-pair": {"memory": ("500Mi", "2Gi")},
    "disk": {"disk": "10Gi"},
    "shm": {"shm": "4Gi"},
    "shm-auto": {"shm": "auto"},
    "gpu-count": {"gpu": 2},
    "gpu-zero": {"gpu": 0},
    "gpu-named": {"gpu": "A100:4"},
    "gpu-apple": {"gpu": "AppleSilicon"},
    "everything": {"cpu": (1, 2), "memory": ("1Gi", "2Gi"), "gpu": "T4:1", "disk": "5Gi", "shm": "1Gi"},
    "empty": {},
}
for _name, _given in RESOURCES.items():
    case(named=f"resources-{_name}")(lambda given=_given: task_of({"resources": flyte.Resources(**given)}))

DEVICES: dict[str, Callable[[], Any]] = {
    "mig": lambda: flyte.GPU("A100", 1, "1g.5gb"),
    "mig-80": lambda: flyte.GPU("A100_80G", 2, "3g.40gb"),
    "mig-h100": lambda: flyte.GPU("H100", 1, "7g.80gb"),
    "mig-h200": lambda: flyte.GPU("H200", 1, "1g.18gb"),
    "mig-rtx": lambda: flyte.GPU("RTX_PRO_6000", 1, "1g.24gb"),
    "whole": lambda: flyte.GPU("H100", 8),
    "tpu": lambda: flyte.TPU("V5P", "2x2x1"),
    "tpu-whole": lambda: flyte.TPU("V5E"),
    "tpu-v6": lambda: flyte.TPU("V6E", "2x4"),
    "bare": lambda: flyte.Device(3, "GPU"),
    "unknown-model": lambda: flyte.Device(1, "GPU", device="FutureGPU"),
    "apple": lambda: flyte.APPLE_SILICON(),
    "tpu-bare": lambda: flyte.Device(1, "TPU"),
    "neuron-bare": lambda: flyte.Device(2, "NEURON"),
    "amd-bare": lambda: flyte.Device(2, "AMD_GPU"),
    "gaudi-bare": lambda: flyte.Device(2, "HABANA_GAUDI"),
    "partition-only": lambda: flyte.Device(1, "GPU", partition="1g.5gb"),
}
for _name, _make in DEVICES.items():
    case(named=f"device-{_name}")(lambda make=_make: task_of({"resources": flyte.Resources(gpu=make())}))
for _model in (
    "A2 A10 A10G A100 A100_80G B200 H100 H200 L4 L40s T4 V100 RTX_PRO_4500 RTX_PRO_6000 GB10 Trn1 Trn1n Trn2 Trn2u Inf1 Inf2 "
    "MI100 MI210 MI250 MI250X MI300A MI300X MI325X MI350X MI355X Gaudi1"
).split():
    case(named=f"model-{_model}")(
        lambda model=_model: task_of({"resources": flyte.Resources(gpu=f"{model}:1")})  # type: ignore[arg-type]
    )
for _model in ("T4 shared", "L4 shared", "A10G shared", "A10 shared", "L40S shared"):
    case(named=f"model-{_model}")(lambda model=_model: task_of({"resources": flyte.Resources(gpu=flyte.GPU(model, 1))}))

SECRETS: dict[str, Callable[[], Any]] = {
    "name": lambda: "api-key",
    "several": lambda: ["one", flyte.Secret("two", group="team")],
    "variable": lambda: flyte.Secret("key", as_env_var="THE_KEY"),
    "group": lambda: flyte.Secret("key", group="team"),
    "file": lambda: flyte.Secret("key", mount=Path("/etc/flyte/secrets")),
    "file-and-variable": lambda: flyte.Secret("key", mount=Path("/etc/flyte/secrets"), as_env_var="THE_KEY"),
    "none": list,
}
for _name, _make in SECRETS.items():
    case(named=f"secrets-{_name}")(lambda make=_make: task_of({"secrets": make()}))
case(named="service-account")(lambda: task_of({"service_account": "robot"}))
case(named="service-account-and-secrets")(lambda: task_of({"service_account": "robot", "secrets": "api-key"}))

case(named="env-vars")(lambda: task_of({"env_vars": {"B": "2", "A": "1", "EMPTY": ""}}))
case(named="flags")(
    lambda: task_of(
        report=True, interruptible=True, entrypoint=True, produces_artifacts=True, max_inline_io_bytes=5, queue="q"
    )
)
case(named="interruptible-environment")(lambda: task_of({"interruptible": True, "queue": "slow"}))
case(named="pod-template-name")(lambda: task_of({"pod_template": "a-template"}))


class Dashboard:
    name = "Dashboard"
    icon_uri = "https://example.org/icon.png"

    def get_link(self, *args: Any, **kwargs: Any) -> str:
        return "https://example.org/" + repr(args) + repr(sorted(kwargs.items()))


class Plain:
    name = "plain"
    icon_uri = ""

    def get_link(
        self, run_name: str, project: str, domain: str, context: dict[str, str], parent_action_name: str,
        action_name: str, pod_name: str, **kwargs: Any,
    ) -> str:  # fmt: skip
        return f"https://example.org/{run_name}/{project}/{domain}/{parent_action_name}/{action_name}/{pod_name}/{len(context)}"


case(named="links")(lambda: task_of(links=(Dashboard(), Plain())))
case(named="links-in-a-task", task_context=True)(lambda: task_of(links=(Dashboard(), Plain())))


@case(deployed=True)
def documented_numpy() -> Any:
    env = flyte.TaskEnvironment(name="env")

    @env.task
    async def work(x: int, y: str) -> int:
        """Do the work.

        Parameters
        ----------
        x : int
            the first one
        y
            the second
            one

        Returns
        -------
        int
            what comes out
        """
        return x

    return work


AUTOMATIONS: dict[str, Callable[[], Any]] = {
    "hourly": lambda: flyte.Trigger.hourly(),
    "hourly-timed": lambda: flyte.Trigger.hourly("start"),
    "daily": lambda: flyte.Trigger.daily(),
    "weekly": lambda: flyte.Trigger.weekly(description="w" * 300),
    "cron": lambda: flyte.Trigger("c", flyte.Cron("1 2 * * *", timezone="Europe/Berlin"), inputs={"x": 3}),
    "rate": lambda: flyte.Trigger("r", flyte.FixedRate(90)),
    "rate-from": lambda: flyte.Trigger(
        "rf",
        flyte.FixedRate(5, start_time=datetime(2026, 1, 2, 3, tzinfo=timezone.utc)),  # noqa: UP017
    ),
    "artifact": lambda: flyte.Trigger("a", flyte.OnArtifact("sales", region="eu"), inputs={"x": 1}),
    "artifact-version": lambda: flyte.Trigger("av", flyte.OnArtifact("sales", version="v3")),
    "artifact-partition": lambda: flyte.Trigger(
        "ap", flyte.OnArtifact("sales"), inputs={"y": flyte.TriggeredPartition("region")}
    ),
    "manual": lambda: flyte.Trigger("m", None),
    "everything": lambda: flyte.Trigger(
        "e",
        flyte.Cron("0 0 * * *"),
        description="what for",
        auto_activate=False,
        inputs={"start": flyte.TriggerTime, "x": 3},
        env_vars={"A": "1"},
        interruptible=True,
        overwrite_cache=True,
        queue="q",
        max_action_concurrency=4,
        labels={"l": "1"},
        annotations={"a": "2"},
        custom_context={"k": "v"},
    ),
    "interruptible-no": lambda: flyte.Trigger("i", flyte.Cron("0 0 * * *"), interruptible=False),
    "named-rule": lambda: flyte.Trigger("n", flyte.Cron("0 0 * * *"), notifications=NamedRule("a-rule")),
    "notifications": lambda: flyte.Trigger(
        "nn",
        flyte.Cron("0 0 * * *"),
        notifications=(
            Email(on_phase=ActionPhase.FAILED, recipients=("a@example.org",), cc=("b@example.org",)),
            Slack(on_phase=(ActionPhase.SUCCEEDED, ActionPhase.TIMED_OUT), webhook_url="https://example.org/s"),
            Slack(on_phase=ActionPhase.ABORTED, webhook_url="https://example.org/s", blocks=({"type": "divider"},)),
            Teams(on_phase=ActionPhase.FAILED, webhook_url="https://example.org/t"),
            Teams(on_phase=ActionPhase.FAILED, webhook_url="https://example.org/t", card={"type": "AdaptiveCard"}),
            Webhook(on_phase=ActionPhase.FAILED, url="https://example.org/w", headers={"h": "1"}),
            Webhook(on_phase=ActionPhase.FAILED, url="https://example.org/w", method="PUT", body={"k": "v"}),
            NamedDelivery(on_phase=ActionPhase.FAILED, name="a-delivery"),
        ),
    ),
}


def triggered(make: Callable[[], Any]) -> Any:
    env = flyte.TaskEnvironment(name="env")

    @env.task(triggers=make())
    async def work(start: datetime = datetime(2026, 1, 1), x: int = 7, y: str = "why") -> int:  # noqa: B008, DTZ001
        return x

    return work


for _name, _make in AUTOMATIONS.items():
    case(named=f"trigger-{_name}", deployed=True)(lambda make=_make: triggered(make))

REUSE: dict[str, Callable[[], Any]] = {
    "default": lambda: flyte.ReusePolicy(),
    "range": lambda: flyte.ReusePolicy(replicas=(1, 4), concurrency=3, idle_ttl=60, scaledown_ttl=timedelta(minutes=2)),
    "run": lambda: flyte.ReusePolicy(replicas=2, scope="run"),
}
for _name, _make in REUSE.items():
    case(named=f"reuse-{_name}")(lambda make=_make: task_of({"reusable": make()}))
case(named="reuse-everything")(
    lambda: task_of(
        {
            "reusable": flyte.ReusePolicy(replicas=(0, 3), concurrency=2),
            "secrets": ["a-key"],
            "service_account": "robot",
            "env_vars": {"A": "1"},
            "resources": flyte.Resources(cpu=(1, 2), memory="1Gi", gpu="A100:1", shm="auto"),
            "interruptible": True,
        }
    )
)
case(named="reuse-pod-name")(lambda: task_of({"reusable": flyte.ReusePolicy(), "pod_template": "a-template"}))
case(named="reuse-off")(lambda: task_of({"reusable": flyte.ReusePolicy()}).override(reusable="off"))
case(named="reuse-pkl", pkl="s3://bucket/code.pkl.gz")(lambda: task_of({"reusable": flyte.ReusePolicy()}))
case(named="reuse-no-bundle", bundle=False)(lambda: task_of({"reusable": flyte.ReusePolicy()}))

case(named="bundle-pkl", pkl="s3://bucket/code.pkl.gz")(task_of)
case(named="bundle-pkl-cached", pkl="s3://bucket/code.pkl.gz")(lambda: task_of(cache="auto"))
case(named="bundle-pkl-version", pkl="s3://bucket/code.pkl.gz")(
    lambda: task_of(cache=flyte.Cache("auto", version_override="v7"))
)
case(named="bundle-none-cached", bundle=False)(lambda: task_of(cache="auto"))
case(named="bundle-none", bundle=False)(task_of)
case(named="bundle-elsewhere", destination="/srv/code")(task_of)
case(named="no-place", project=None, domain=None, org=None)(task_of)
case(named="image-missing", image_lookup={"other": IMAGE})(task_of)
case(named="image-cache-absent", image_lookup=None)(lambda: task_of({"image": "python:3.12"}))
case(named="image-cache-absent-auto", image_lookup=None)(lambda: task_of())
case(named="image-by-hand")(lambda: task_of({"image": "python:3.12"}))
case(named="image-missing-by-hand", image_lookup={"other": IMAGE})(lambda: task_of({"image": "python:3.12"}))
case(named="image-missing-layered", image_lookup={"other": IMAGE})(
    lambda: task_of({"image": flyte.Image.from_debian_base(name="n", registry="r").with_pip_packages("x")})
)
case(named="image-none", image_lookup=None)(lambda: task_of({"image": None}))
case(named="image-apple")(
    lambda: task_of(
        {
            "image": flyte.Image.from_debian_base(name="n", registry="r").with_pip_packages("x==1", "y"),
            "resources": flyte.Resources(gpu="AppleSilicon"),
        }
    )
)
case(named="image-build-run", build_run={"org": "o", "project": "p", "domain": "d", "name": "builder"})(task_of)
case(named="paths", input_path="s3://in", output_path="s3://out")(task_of)
case(named="root-above", root_above=True)(task_of)


class Resolver:
    @property
    def import_path(self) -> str:
        return "somewhere.Resolver"

    def loader_args(self, task: Any, root_dir: Any) -> list[str]:
        return ["task", task.name]

    def load_task(self, loader_args: list[str]) -> Any:
        raise NotImplementedError


case(named="resolver")(lambda: task_of(task_resolver=Resolver()))


@case(default_inputs=True)
def defaults() -> Any:
    env = flyte.TaskEnvironment(name="env")

    @env.task
    async def work(
        a: int,
        b: int = 3,
        c: str = "text",
        d: float = 1.5,
        e: bool = False,
        f: list[int] = [1, 2],  # noqa: B006
        g: dict[str, str] | None = None,
        h: datetime = datetime(2026, 1, 2, tzinfo=timezone.utc),  # noqa: B008, UP017
        i: timedelta = timedelta(hours=1),  # noqa: B008
        j: date = date(2026, 1, 2),  # noqa: B008
    ) -> int:
        return a

    return work


@case(default_inputs=True)
def defaults_none() -> Any:
    env = flyte.TaskEnvironment(name="env")

    @env.task
    async def work(a: int) -> int:
        return a

    return work


@dataclasses.dataclass
class Setup:
    size: int = 1


@dataclasses.dataclass(kw_only=True)
class PluginTask(AsyncFunctionTaskTemplate):  # type: ignore[type-arg]
    plugin_config: Any
    task_type: str = "plugged"
    task_type_version: int = 3

    def custom_config(self, sctx: Any) -> dict[str, Any]:
        return {"size": self.plugin_config.size, "version": sctx.version, "list": [1, "a", None]}

    def config(self, sctx: Any) -> dict[str, str]:
        return {"mode": "fast"}


TaskPluginRegistry.register(Setup, PluginTask)
case(named="plugin")(lambda: task_of({"plugin_config": Setup(4)}))


@dataclasses.dataclass
class SqlSetup:
    text: str


@dataclasses.dataclass(kw_only=True)
class SqlTask(AsyncFunctionTaskTemplate):  # type: ignore[type-arg]
    plugin_config: Any
    task_type: str = "sql"

    def sql(self, sctx: Any) -> Any:
        from flyteidl2.core.tasks_pb2 import Sql

        return Sql(statement=self.plugin_config.text, dialect=Sql.ANSI)


TaskPluginRegistry.register(SqlSetup, SqlTask)
case(named="sql")(lambda: task_of({"plugin_config": SqlSetup("SELECT 1")}))


def container(**settings: Any) -> Any:
    given: dict[str, Any] = {"name": "container", "image": "alpine:3.20", "command": ["echo", "{{.inputs.x}}"]}
    task = ContainerTask(**{**given, **settings})
    flyte.TaskEnvironment.from_task("env", task)
    return task


case(named="container")(container)
case(named="container-full")(
    lambda: container(
        inputs={"x": int, "name": str},
        outputs={"total": float, "flag": bool},
        arguments=["--name", "{{.inputs.name}}"],
        input_data_dir="/data/in",
        output_data_dir="/data/out",
        metadata_format="YAML",
        file_input_layout="NAMED_DIR",
        resources=flyte.Resources(cpu=1, memory="1Gi", gpu="T4:1"),
        env_vars={"A": "1"},
        secrets="api-key",
        retries=2,
        timeout=30,
        cache=flyte.Cache("auto", version_override="v1"),
    )
)
case(named="container-proto")(lambda: container(metadata_format="PROTO", command=["ls"]))
case(named="container-cached")(lambda: container(cache="auto"))


@case(named="override")
def overridden() -> Any:
    return task_of(retries=1, cache="auto").override(
        short_name="other", retries=5, timeout=7, resources=flyte.Resources(cpu=3), env_vars={"Z": "9"}, secrets="s-1",
        service_account="sa", interruptible=True, links=(Plain(),), queue="q2", pod_template="tpl",
    )  # fmt: skip


def pod(spec: dict[str, Any] | None = None, **settings: Any) -> Any:
    from kubernetes.client import V1Container, V1PodSpec

    containers = settings.pop("containers", [{"name": "primary"}])
    made = V1PodSpec(containers=[V1Container(**each) for each in containers], **(spec or {}))
    return flyte.PodTemplate(pod_spec=made, **settings)


def pods() -> dict[str, Callable[[], Any]]:
    from kubernetes.client import (
        V1EnvFromSource,
        V1EnvVar,
        V1ResourceRequirements,
        V1SecretEnvSource,
        V1SecurityContext,
        V1Toleration,
        V1Volume,
        V1VolumeMount,
    )

    everything = {
        "env_vars": {"A": "1"},
        "resources": flyte.Resources(cpu=(1, 2), memory="1Gi", gpu="A100:2", disk="3Gi", shm="1Gi"),
        "secrets": "api-key",
        "service_account": "robot",
    }
    return {
        "bare": lambda: task_of({"pod_template": pod()}),
        "labels": lambda: task_of({"pod_template": pod(labels={"l": "1"}, annotations={"a": "2"})}),
        "named": lambda: task_of({"pod_template": pod(containers=[{"name": "main"}], primary_container_name="main")}),
        "without-primary": lambda: task_of({"pod_template": pod(containers=[{"name": "side", "image": "side:1"}])}),
        "sidecar": lambda: task_of(
            {
                "pod_template": pod(
                    containers=[
                        {"name": "side", "image": "side:1", "args": ["x"], "env": [V1EnvVar(name="S", value="1")]},
                        {"name": "primary"},
                    ]
                )
            }
        ),
        "own-image": lambda: task_of({"pod_template": pod(containers=[{"name": "primary", "image": "own:1"}])}),
        "own-command": lambda: task_of(
            {"pod_template": pod(containers=[{"name": "primary", "command": ["sh", "-c"], "args": ["own"]}])}
        ),
        "own-env": lambda: task_of(
            {
                "env_vars": {"A": "1", "B": "2"},
                "pod_template": pod(
                    containers=[
                        {
                            "name": "primary",
                            "env": [V1EnvVar(name="A", value="own"), V1EnvVar(name="C", value="3")],
                            "env_from": [V1EnvFromSource(secret_ref=V1SecretEnvSource(name="s"))],
                        }
                    ]
                ),
            }
        ),
        "own-resources": lambda: task_of(
            {
                "resources": flyte.Resources(cpu=(1, 2), memory="1Gi"),
                "pod_template": pod(
                    containers=[
                        {
                            "name": "primary",
                            "resources": V1ResourceRequirements(
                                requests={"cpu": "7", "ephemeral-storage": "9Gi", "x/y": "1"}, limits={"memory": "8Gi"}
                            ),
                        }
                    ]
                ),
            }
        ),
        "only-own-resources": lambda: task_of(
            {
                "pod_template": pod(
                    containers=[{"name": "primary", "resources": V1ResourceRequirements(requests={"cpu": "7"})}]
                )
            }
        ),
        "everything": lambda: task_of({**everything, "pod_template": pod()}),
        "spec": lambda: task_of(
            {
                "pod_template": pod(
                    {
                        "node_selector": {"disk": "ssd"},
                        "tolerations": [V1Toleration(key="gpu", operator="Exists", effect="NoSchedule")],
                        "volumes": [V1Volume(name="v", empty_dir={})],
                        "termination_grace_period_seconds": 30,
                        "service_account_name": "in-pod",
                    },
                    containers=[
                        {
                            "name": "primary",
                            "volume_mounts": [V1VolumeMount(name="v", mount_path="/v")],
                            "security_context": V1SecurityContext(run_as_user=7, privileged=False),
                        }
                    ],
                )
            }
        ),
        "no-spec": lambda: task_of({"pod_template": flyte.PodTemplate(labels={"l": "1"})}),
        "of-the-task": lambda: task_of(pod_template=pod(labels={"t": "1"})),
        "reuse": lambda: task_of(
            {"reusable": flyte.ReusePolicy(), "pod_template": pod(labels={"l": "1"}), **everything}
        ),
        "plugin": lambda: task_of({"plugin_config": Setup(2), "pod_template": pod()}),
    }


POD_CASES = (
    "bare", "labels", "named", "without-primary", "sidecar", "own-image", "own-command", "own-env", "own-resources",
    "only-own-resources", "everything", "spec", "no-spec", "of-the-task", "reuse", "plugin",
)  # fmt: skip
for _name in POD_CASES:
    case(named=f"pod-{_name}")(lambda name=_name: pods()[name]())
