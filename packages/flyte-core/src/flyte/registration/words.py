"""The fields of a registered task and of its triggers in the words of those who declare them. Pure."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flyteidl2.task import common_pb2

__all__ = ["SOURCE", "automation_words", "trigger_words", "words"]

SOURCE = "source"
"""The name of the link to the source: another one at each commit, whatever that changed."""

_TEMPLATE = r"task_template\."
_NAMES: tuple[tuple[str, str], ...] = (
    (r"metadata\.retries\.retries", "retries"),
    (r"metadata\.retries\.backoff\.(\w+)", r"retries.backoff.\1"),
    (r"metadata\.discoverable", "cache"),
    (r"metadata\.discovery_version", "cache.version"),
    (r"metadata\.cache_serializable", "cache.serialize"),
    (r"metadata\.cache_ignore_input_vars", "cache.ignored_inputs"),
    (r"metadata\.cache_max_age", "cache.max_age"),
    (r"metadata\.timeout", "timeout.max_runtime"),
    (r"metadata\.timeouts\.queued_timeout", "timeout.max_queued_time"),
    (r"metadata\.timeouts\.deadline", "timeout.deadline"),
    (r"metadata\.interruptible", "interruptible"),
    (r"metadata\.generates_deck(\.value)?", "report"),
    (r"metadata\.pod_template_name", "pod_template"),
    (r"metadata\.is_entrypoint", "entrypoint"),
    (r"metadata\.produces_artifacts", "produces_artifacts"),
    (r"metadata\.debuggable", "debuggable"),
    (r"metadata\.log_links\[(.+?)\]\.(\w+)", r"links[\1].\2"),
    (r"metadata\.runtime\.(\w+)", r"flyte.\1"),
    (r"metadata\.image_build_run\..*", "image.build_run"),
    (r"container\.image", "image"),
    (r"container\.args", "command"),
    (r"container\.command", "command"),
    (r"container\.env\[(.+?)\](\.value)?", r"env_vars[\1]"),
    (r"container\.resources\.requests\[(\w+)\](\.value)?", r"resources.\1"),
    (r"container\.resources\.limits\[(\w+)\](\.value)?", r"resources.\1 (at most)"),
    (r"extended_resources\.gpu_accelerator\.(\w+)", r"resources.gpu.\1"),
    (r"extended_resources\.shared_memory\.size_limit", "resources.shm"),
    (r"security_context\.run_as\.k8s_service_account", "service_account"),
    (r"security_context\.secrets\[(.+?)\]\.(\w+)", r"secrets[\1].\2"),
    (r"reuse_policy\.(\w+)", r"reusable.\1"),
    (r"k8s_pod\.(.*)", r"pod_template.\1"),
    (r"config\.primary_container_name", "pod_template.primary_container_name"),
    (r"custom\.(.*)", r"plugin.\1"),
    (r"type", "task_type"),
)
_WORDS = [(re.compile(_TEMPLATE + pattern), name) for pattern, name in _NAMES] + [
    (re.compile(r"environment\.description"), "environment.description"),
    (re.compile(r"documentation\.source_code\.link"), SOURCE),
    (re.compile(r"documentation\.(\w+)_description"), r"docs (\1)"),
]
_TRIGGER_WORDS = [
    (re.compile(pattern), name)
    for pattern, name in (
        (r"run_spec\.envs\.values\[(.+?)\](\.value)?", r"env_vars[\1]"),
        (r"run_spec\.(labels|annotations)\.values\.(.+)", r"\1[\2]"),
        (r"run_spec\.notification_rules\.(.+)", r"notifications.\1"),
        (r"run_spec\.notification_rule_name", "notifications"),
        (r"run_spec\.(\w+)", r"\1"),
        (r"active", "active"),
    )
]


def words(path: str) -> str:
    """Name a field of a task: `retries` for `task_template.metadata.retries.retries`. One without a name keeps its path."""
    return _named(path, _WORDS)


def trigger_words(path: str) -> str:
    """Name a field of a trigger: `env_vars[A]` for `run_spec.envs.values[A].value`."""
    return _named(path, _TRIGGER_WORDS)


def automation_words(automation: "common_pb2.TriggerAutomationSpec") -> str:
    """Say what fires a trigger, with the inputs that are known then only."""
    schedule, artifact = automation.schedule, automation.artifact
    kind = automation.WhichOneof("automation")
    if kind == "artifact":
        where = "".join(f", {key}={text}" for key, text in sorted(artifact.partitions.items()))
        bound = [artifact.input_arg] if artifact.input_arg else []
        bound += sorted(artifact.partition_input_args)
        which = f"@{artifact.version}" if artifact.version else ""
        return f"on artifact {artifact.artifact_name}{which}{where}" + (f" -> {', '.join(bound)}" if bound else "")
    if kind != "schedule":
        return "by hand"
    if schedule.WhichOneof("expression") == "rate":
        start = f" from {schedule.rate.start_time.ToJsonString()}" if schedule.rate.HasField("start_time") else ""
        when = f"every {schedule.rate.value} minutes{start}"
    elif schedule.WhichOneof("expression") == "cron":
        when = f"cron {schedule.cron.expression} {schedule.cron.timezone}".rstrip()
    else:
        when = f"cron {schedule.cron_expression}"
    return when + (f" -> {schedule.kickoff_time_input_arg}" if schedule.kickoff_time_input_arg else "")


def _named(path: str, table: "list[tuple[re.Pattern[str], str]]") -> str:
    for pattern, name in table:
        found = pattern.fullmatch(path)
        if found is not None:
            made = found.expand(name)
            # Resources are named in capitals by the protocol.
            return made.lower() if made.startswith("resources.") else made
    return path
