"""Settings of the devbox, of a domain and of a project: which are valid together, and what they give a run by default."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from flyteidl2.core import tasks_pb2
from flyteidl2.settings import settings_definition_pb2
from flyteidl2.task import run_pb2
from google.protobuf.message import Message

from flyte_devbox.database import Database

if TYPE_CHECKING:
    import sqlite3

__all__ = ["levels_of", "merged", "settled"]

_INHERIT = settings_definition_pb2.SETTING_STATE_INHERIT
_VALUE = settings_definition_pb2.SETTING_STATE_VALUE
_RESOURCES = {
    "cpu": tasks_pb2.Resources.CPU,
    "gpu": tasks_pb2.Resources.GPU,
    "memory": tasks_pb2.Resources.MEMORY,
    "storage": tasks_pb2.Resources.EPHEMERAL_STORAGE,
}


def levels_of(database: Database, domain: str, project: str) -> "list[sqlite3.Row]":
    """Return the rows of the settings that count for a project (or a domain, or all), the widest first."""
    scopes = [("", "")]
    if domain:
        scopes.append((domain, ""))
    if project:
        scopes.append((domain, project))
    places = ", ".join("(?, ?)" for _ in scopes)
    sql = f"SELECT * FROM settings WHERE (domain, project) IN (VALUES {places}) ORDER BY domain, project"  # noqa: S608 - of marks only
    return database.read(sql, [word for scope in scopes for word in scope])


def merged(levels: Iterable[settings_definition_pb2.Settings]) -> settings_definition_pb2.Settings:
    """Return what is valid: each setting of the nearest level that has it; entries of labels and the like of all levels."""
    valid = settings_definition_pb2.Settings()
    for level in levels:
        _merge(valid, level)
    return valid


def settled(given: run_pb2.RunSpec, settings: settings_definition_pb2.Settings) -> run_pb2.RunSpec:
    """Return the settings of a run, with defaults for what it does not say itself."""
    spec = run_pb2.RunSpec()
    spec.CopyFrom(given)
    run = settings.run
    spec.queue = spec.queue or _text(run.default_queue)
    spec.run_base_dir = spec.run_base_dir or _text(run.run_base_dir)
    if run.max_action_concurrency.state == _VALUE and not spec.max_action_concurrency:
        spec.max_action_concurrency = max(0, run.max_action_concurrency.int_value)
    account = _text(settings.security.service_account)
    if account and not spec.security_context.run_as.k8s_service_account:
        spec.security_context.run_as.k8s_service_account = account
    prefix = _text(settings.storage.raw_data_path)
    if prefix and not spec.raw_data_storage.raw_data_prefix:
        spec.raw_data_storage.raw_data_prefix = prefix
    for name, entries in (("labels", _entries(settings.labels)), ("annotations", _entries(settings.annotations))):
        for key, text in entries.items():
            values = getattr(spec, name).values
            if key not in values:
                values[key] = text
    known = {pair.key for pair in given.envs.values}
    for key, text in _entries(settings.environment_variables).items():
        if key not in known:
            spec.envs.values.add(key=key, value=text)
    _settle_tasks(spec, settings)
    return spec


def _settle_tasks(spec: run_pb2.RunSpec, settings: settings_definition_pb2.Settings) -> None:
    template = _text(settings.pod_template_name)
    if template and not spec.default_settings.pod_template_name:
        spec.default_settings.pod_template_name = template
    if spec.default_settings.HasField("task_resource_defaults") or not settings.HasField("task_resource"):
        return
    found = run_pb2.TaskResourceDefaults()
    for bounds, entries in ((settings.task_resource.min, found.requests), (settings.task_resource.max, found.max)):
        for name, number in _RESOURCES.items():
            quantity = getattr(bounds, name)
            if quantity.state == _VALUE:
                entries.add(name=number, value=quantity.quantity_value)
    accelerator = settings.task_resource.default_accelerator
    if accelerator.state == _VALUE:
        found.default_accelerator.CopyFrom(accelerator.accelerator_value)
    if found.ByteSize():
        spec.default_settings.task_resource_defaults.CopyFrom(found)


def _merge(into: Message, nearer: Message) -> None:
    """Let what is set nearer take the place of what is set further away."""
    for field, value in nearer.ListFields():
        if field.message_type is None:
            continue
        if "state" not in field.message_type.fields_by_name:
            _merge(getattr(into, field.name), value)
        elif value.state != _INHERIT:
            known = getattr(into, field.name)
            further = dict(_entries(known)) if "map_value" in field.message_type.fields_by_name else {}
            known.CopyFrom(value)
            if value.state == _VALUE:
                for key, text in further.items():
                    if key not in value.map_value.entries:
                        known.map_value.entries[key] = text


def _text(setting: settings_definition_pb2.StringSetting) -> str:
    return setting.string_value if setting.state == _VALUE else ""


def _entries(setting: settings_definition_pb2.StringMapSetting) -> Mapping[str, str]:
    return setting.map_value.entries if setting.state == _VALUE else {}
