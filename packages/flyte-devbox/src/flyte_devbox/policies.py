"""What a task's specification asks of the scheduler: retries, limits, resources, cache, workers. Pure."""

import math
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, cast

from flyteidl2.core import literals_pb2, tasks_pb2
from flyteidl2.task import run_pb2, task_definition_pb2
from google.protobuf import duration_pb2, json_format

from flyte_devbox.executors import Reuse
from flyte_models.policies import Backoff, RetryStrategy
from flyte_models.values import value

__all__ = ["Command", "Demand", "TaskPolicy", "command_of", "demand_within", "parse_quantity", "policy_of"]

UNDECLARED_CPU = 0.5
"""What a task that declares nothing counts for."""
DEFAULT_GRACE_SECONDS = 10.0

_QUANTITY = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(m|[kKMGTPE]i?|[eE][0-9]+)?")
_FACTORS = {
    "": 1.0,
    "m": 0.001,
    "k": 1000.0,
    **{prefix: 1000.0**power for power, prefix in enumerate("KMGTPE", 1)},
    **{f"{prefix}i": 1024.0**power for power, prefix in enumerate("KMGTPE", 1)},
    "ki": 1024.0,
}


@value
class Demand:
    """What an attempt occupies while it runs."""

    cpu: float = UNDECLARED_CPU
    """Cores."""
    memory: float = 0.0
    """Bytes."""
    gpu: float = 0.0
    """Whole devices."""


@value
class TaskPolicy:
    """How actions of one specification are carried out."""

    retry: RetryStrategy
    max_runtime: float | None
    max_queued: float | None
    deadline: float | None
    """Limits in seconds."""
    demand: Demand
    memory_limit: int | None
    is_cached: bool
    is_serialized: bool
    cache_version: str
    cache_ignored: tuple[str, ...]
    cache_max_age: float | None
    environment: str
    reuse: Reuse | None
    interruptible: bool
    grace_seconds: float
    has_report: bool


@value
class Command:
    """What the primary container runs."""

    image: str
    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    has_command: bool = True
    """Whether the first of `argv` is the program; otherwise all are arguments of the image's entry point, if it has one."""
    data_paths: tuple[str, str] | None = None
    """Where in the container inputs and outputs are, when they are files (a `DataLoadingConfig`)."""


def parse_quantity(text: str) -> float | None:
    """Read a Kubernetes quantity such as `500m`, `2`, `1.5Gi`; `None` for what is none."""
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        return None
    number, suffix = float(match[1]), match[2] or ""
    if suffix[:1] in "eE" and len(suffix) > 1 and suffix[1:].isdigit():
        return number * 10.0 ** int(suffix[1:])
    return number * _FACTORS[suffix]


def policy_of(spec: task_definition_pb2.TaskSpec) -> TaskPolicy:
    """Read the policies of a task; what is missing or unreadable has no limit."""
    template = spec.task_template
    metadata = template.metadata
    requests, limits = _resources(template)
    reuse = None
    if template.HasField("reuse_policy"):
        policy = template.reuse_policy
        named = template.custom.fields
        reuse = Reuse(
            policy.name or named["name"].string_value or spec.environment.name,
            policy.version or named["version"].string_value,
            min(policy.min_replicas, max(1, policy.max_replicas)),
            max(1, policy.max_replicas),
            max(1, policy.concurrency),
            _seconds(policy.idle_ttl),
            _seconds(policy.scaledown_ttl),
            policy.scope == tasks_pb2.ReusePolicy.RUN,
        )
    memory_limit = limits.get("memory")
    # What a task of a reusable environment declares is its worker's, which carries out several of them at once.
    share = 1.0 / reuse.concurrency if reuse is not None else 1.0
    return TaskPolicy(
        retry=_retry(metadata.retries),
        max_runtime=_seconds(metadata.timeout),
        max_queued=_seconds(metadata.timeouts.queued_timeout),
        deadline=_seconds(metadata.timeouts.deadline),
        demand=Demand(
            requests.get("cpu", limits.get("cpu", UNDECLARED_CPU)) * share,
            requests.get("memory", limits.get("memory", 0.0)) * share,
            requests.get("gpu", limits.get("gpu", 0.0)) * share,
        ),
        memory_limit=int(memory_limit) if memory_limit is not None else None,
        is_cached=metadata.discoverable,
        is_serialized=metadata.cache_serializable,
        cache_version=metadata.discovery_version,
        cache_ignored=tuple(metadata.cache_ignore_input_vars),
        cache_max_age=_seconds(metadata.cache_max_age),
        environment=spec.environment.name or template.id.name.rpartition(".")[0],
        reuse=reuse,
        interruptible=metadata.interruptible,
        grace_seconds=_grace(template),
        has_report=metadata.generates_deck.value,
    )


def command_of(template: tasks_pb2.TaskTemplate) -> Command | None:
    """Return what runs a task, or `None` when nothing here can (an SQL statement)."""
    if template.HasField("container"):
        container = template.container
        env = tuple((pair.key, pair.value) for pair in container.env)
        loading = container.data_config
        paths = (loading.input_path, loading.output_path) if loading.enabled else None
        return Command(container.image, (*container.command, *container.args), env, bool(container.command), paths)
    primary = _primary_container(template)
    if primary is None:
        return None
    program = _texts(primary.get("command"))
    words = [*program, *_texts(primary.get("args"))]
    pairs = cast("list[object]", primary.get("env") or [])
    named = [cast("dict[str, object]", pair) for pair in pairs if isinstance(pair, dict)]
    env = tuple((str(pair.get("name", "")), str(pair["value"])) for pair in named if "value" in pair)
    return Command(str(primary.get("image", "")), tuple(words), env, bool(program))


def _texts(values: object) -> list[str]:
    return [str(text) for text in cast("list[object]", values)] if isinstance(values, list) else []


def _pod_spec(template: tasks_pb2.TaskTemplate) -> dict[str, Any]:
    if not template.HasField("k8s_pod"):
        return {}
    return json_format.MessageToDict(template.k8s_pod.pod_spec)


def _primary_container(template: tasks_pb2.TaskTemplate) -> dict[str, Any] | None:
    found: object = _pod_spec(template).get("containers")
    containers = cast("list[dict[str, Any]]", found) if isinstance(found, list) else []
    name = template.k8s_pod.primary_container_name or template.config.get("primary_container_name", "primary")
    for container in containers:
        if container.get("name") == name:
            return container
    return containers[0] if containers else None


def _grace(template: tasks_pb2.TaskTemplate) -> float:
    seconds = _pod_spec(template).get("terminationGracePeriodSeconds")
    return float(seconds) if isinstance(seconds, int | float) and seconds >= 0 else DEFAULT_GRACE_SECONDS


def demand_within(policy: TaskPolicy, defaults: run_pb2.TaskResourceDefaults) -> Demand:
    """Return what an attempt occupies when a run bounds what its tasks get: at least its `requests`, at most its `max`."""
    share = 1.0 / policy.reuse.concurrency if policy.reuse is not None else 1.0
    least, most = _entries(defaults.requests), _entries(defaults.max)

    def bounded(name: str, asked: float) -> float:
        return min(max(asked, least.get(name, 0.0) * share), most.get(name, math.inf) * share)

    demand = policy.demand
    return Demand(bounded("cpu", demand.cpu), bounded("memory", demand.memory), bounded("gpu", demand.gpu))


def _resources(template: tasks_pb2.TaskTemplate) -> tuple[dict[str, float], dict[str, float]]:
    if template.HasField("container"):
        resources = template.container.resources
        return _entries(resources.requests), _entries(resources.limits)
    primary = _primary_container(template)
    if primary is None:
        return {}, {}
    declared: object = primary.get("resources")
    found = cast("dict[str, dict[str, object]]", declared) if isinstance(declared, dict) else {}
    return _named(found.get("requests")), _named(found.get("limits"))


def _entries(entries: Iterable[tasks_pb2.Resources.ResourceEntry]) -> dict[str, float]:
    names = {tasks_pb2.Resources.CPU: "cpu", tasks_pb2.Resources.MEMORY: "memory", tasks_pb2.Resources.GPU: "gpu"}
    found: dict[str, float] = {}
    for entry in entries:
        quantity = parse_quantity(entry.value)
        if quantity is not None and entry.name in names:
            found[names[entry.name]] = quantity
    return found


def _named(entries: dict[str, object] | None) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, text in (entries or {}).items():
        quantity = parse_quantity(str(text))
        if quantity is not None:
            found["gpu" if name.endswith("/gpu") else name] = quantity
    return found


def _retry(strategy: literals_pb2.RetryStrategy) -> RetryStrategy:
    backoff = None
    if strategy.HasField("backoff"):
        given = strategy.backoff
        cap = timedelta(seconds=seconds) if (seconds := _seconds(given.cap)) is not None else None
        factor = max(1.0, given.factor) if cap is not None else 1.0
        backoff = Backoff(timedelta(seconds=_seconds(given.base) or 0.0), factor, cap)
    return RetryStrategy(strategy.retries, backoff)


def _seconds(duration: duration_pb2.Duration) -> float | None:
    seconds = duration.seconds + duration.nanos / 1e9
    return seconds if seconds > 0 else None
