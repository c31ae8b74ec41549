"""Settings of a scope as flat values, such as `run.default_queue`: from and to the protocol, and YAML to edit. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, cast

from flyteidl2.core import tasks_pb2
from flyteidl2.settings import settings_definition_pb2

__all__ = [
    "UNSET",
    "EffectiveSetting",
    "LocalSetting",
    "SettingOrigin",
    "available_keys",
    "explanation",
    "empty_of",
    "flat_of",
    "message_of",
    "parse_yaml",
    "scalar",
    "yaml_of",
]

_INHERIT = settings_definition_pb2.SETTING_STATE_INHERIT
_UNSET = settings_definition_pb2.SETTING_STATE_UNSET
_VALUE = settings_definition_pb2.SETTING_STATE_VALUE
UNSET_TEXT = "~unset"
_PLAIN = re.compile(r"[A-Za-z_/][\w./-]*")
_WORDS = {"true", "false", "yes", "no", "on", "off", "y", "n", "null", "none"}
"""What YAML, or a reader of it, takes for something else than text."""

_RESOURCES = {
    "cpu": "CPUs, such as `500m` or `2`",
    "gpu": "GPUs, such as `1`",
    "memory": "memory, such as `4Gi`",
    "storage": "disk space, such as `10Gi`",
}
_EXPLANATIONS = {
    "run.default_queue": "Queue of runs that name none.",
    "run.max_action_concurrency": "How many actions of a run may go on at once; 0: as many as there are.",
    "run.run_base_dir": "Where the inputs and outputs of runs are kept, such as `s3://bucket/runs`.",
    "security.service_account": "Kubernetes service account of tasks that name none.",
    "storage.raw_data_path": "Where files and frames that tasks return are kept, such as `s3://bucket/data`.",
    **{f"task_resource.min.{name}": f"A task gets at least so much: {what}." for name, what in _RESOURCES.items()},
    **{f"task_resource.max.{name}": f"A task gets at most so much: {what}." for name, what in _RESOURCES.items()},
    "task_resource.mirror_limits_request": "Whether a task may use no more than it asks for.",
    "labels": "Kubernetes labels of the pods of tasks; entries of outer scopes count too.",
    "annotations": "Kubernetes annotations of the pods of tasks; entries of outer scopes count too.",
    "environment_variables": "Environment variables of tasks; entries of outer scopes count too.",
    "app.disallow_anonymous": "Whether everybody who uses an app must sign in.",
    "app.app_dns_strategy": "Addresses of apps: `shared` or `dataplane_specific`.",
    "pod_template_name": "Kubernetes PodTemplate that the pods of tasks begin with.",
}


class _Unset:
    """The value of a setting that is cleared: nothing counts, and nothing of outer scopes."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = _Unset()
"""Clears a setting: nothing of outer scopes counts. In YAML, and as text, it is `~unset`."""


@dataclass(frozen=True)
class SettingOrigin:
    """Where a value comes from."""

    scope_type: str
    """`ORG`, `DOMAIN` or `PROJECT`."""
    domain: str | None = None
    project: str | None = None

    def __str__(self) -> str:
        where = "/".join(part for part in (self.domain, self.project) if part)
        return f"{self.scope_type}({where})" if where else self.scope_type


@dataclass(frozen=True)
class EffectiveSetting:
    """A value that counts, and where it comes from."""

    key: str
    value: Any
    origin: SettingOrigin


@dataclass(frozen=True)
class LocalSetting:
    """A value that the scope itself has."""

    key: str
    value: Any


def available_keys() -> list[str]:
    """Return the keys of all settings."""
    return list(_leaves())


def explanation(key: str) -> list[str]:
    """Say in lines what a setting is."""
    if key == "task_resource.default_accelerator":
        return ["Accelerator of tasks that ask for a GPU and name none. One of:", *_wrapped(_accelerators())]
    return [_EXPLANATIONS[key]] if key in _EXPLANATIONS else []


def flat_of(settings: settings_definition_pb2.Settings) -> dict[str, Any]:
    """Give what is set, by key; what is cleared is `UNSET`."""
    found: dict[str, Any] = {}
    for key in _leaves():
        message: Any = settings
        for name in key.split("."):
            message = getattr(message, name) if message.HasField(name) else None
            if message is None:
                break
        if message is not None and message.state != _INHERIT:
            found[key] = UNSET if message.state == _UNSET else _value_of(message)
    return found


def message_of(values: Mapping[str, Any]) -> settings_definition_pb2.Settings:
    """Give flat values as a message.

    Raises:
        ValueError: There is no such setting, or a value is not of its kind.
        TypeError: As the last, of a value that is no text.
    """
    leaves, made = _leaves(), settings_definition_pb2.Settings()
    for key, value in values.items():
        if key not in leaves:
            near = get_close_matches(key, leaves, n=1)
            raise ValueError(
                f"there is no setting `{key}`"
                + (f"\nhint: did you mean `{near[0]}`?" if near else f"; there are {', '.join(leaves)}")
            )
        message: Any = made
        for name in key.split("."):
            message = getattr(message, name)
        if value is UNSET or value == UNSET_TEXT:
            message.state = _UNSET
            continue
        message.state = _VALUE
        _set(message, leaves[key], key, value)
    return made


def parse_yaml(content: str) -> dict[str, Any]:
    """Read settings, flat or nested, from YAML.

    Raises:
        ValueError: It is no YAML, or no mapping.
    """
    import yaml  # noqa: PLC0415 - slow to import, and for those who edit only

    try:
        parsed: object = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise ValueError(f"the settings are no YAML: {error}") from None
    if parsed is None:
        return {}
    if not isinstance(parsed, dict):
        raise ValueError(f"settings are lines of `key: value`, got a {type(parsed).__name__}")  # noqa: TRY004 - what is read, not what is passed
    found: dict[str, Any] = {}
    _flatten("", cast("dict[Any, Any]", parsed), found)
    return {key: UNSET if value == UNSET_TEXT else value for key, value in found.items()}


def yaml_of(key: str, value: Any, *, comment: str = "", is_off: bool = False) -> list[str]:
    """Give a setting as lines of YAML.

    Args:
        key: The setting.
        value: Its value.
        comment: What is said behind it.
        is_off: Make comments of the lines; without the `# ` they count.
    """
    behind = f"  ## {comment}" if comment else ""
    if isinstance(value, Mapping) and value:
        entries = cast("Mapping[str, str]", value)
        lines = [f"{key}:{behind}", *(f"  {scalar(name)}: {scalar(text)}" for name, text in entries.items())]
    else:
        lines = [f"{key}: {scalar(value)}{behind}"]
    return [f"# {line}" for line in lines] if is_off else lines


def empty_of(key: str) -> Any:
    """Return what a setting is written as that has no value."""
    empty: dict[str, Any] = {"map_value": {}, "bool_value": False, "int_value": 0}
    return empty.get(_leaves()[key], "")


def _leaves() -> dict[str, str]:
    """Return the field that has the value, by key, in the order of the protocol."""
    found: dict[str, str] = {}

    def walk(descriptor: Any, path: str) -> None:
        for field in descriptor.fields:
            of: Any = field.message_type
            if "state" in of.fields_by_name:
                found[path + field.name] = next(name for name in of.fields_by_name if name.endswith("_value"))
            else:
                walk(of, f"{path}{field.name}.")

    walk(settings_definition_pb2.Settings.DESCRIPTOR, "")
    return found


def _value_of(message: Any) -> Any:
    name = next(each for each in message.DESCRIPTOR.fields_by_name if each.endswith("_value"))
    value = getattr(message, name)
    if name == "map_value":
        return dict(sorted(value.entries.items()))
    return value.device if name == "accelerator_value" else value


def _set(message: Any, field: str, key: str, value: Any) -> None:
    if field == "map_value":
        if not isinstance(value, Mapping):
            raise TypeError(f"setting `{key}` has entries, as `{{name: text}}`, got {value!r}")
        message.map_value.SetInParent()
        for name, text in cast("Mapping[Any, Any]", value).items():
            message.map_value.entries[str(name)] = _text(f"{key}.{name}", text)
    elif field == "bool_value":
        message.bool_value = _flag(key, value)
    elif field == "int_value":
        message.int_value = _number(key, value)
    elif field == "accelerator_value":
        message.accelerator_value.device = _text(key, value)
    else:
        setattr(message, field, _text(key, value))


def _text(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise TypeError(
            f"setting `{key}` is a text, got {value!r}\nhint: leave it out to inherit it, or set it to `~unset`"
        )
    return str(value)


def _flag(key: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ValueError(f"setting `{key}` is `true` or `false`, got {value!r}")


def _number(key: str, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    raise ValueError(f"setting `{key}` is a whole number, got {value!r}")


def _flatten(path: str, given: Mapping[Any, Any], found: dict[str, Any]) -> None:
    leaves = _leaves()
    for name, value in given.items():
        key = f"{path}{name}"
        is_group = key not in leaves and any(each.startswith(f"{key}.") for each in leaves)
        if is_group and isinstance(value, Mapping):
            _flatten(f"{key}.", cast("Mapping[Any, Any]", value), found)
        else:
            found[key] = value


def scalar(value: Any) -> str:
    """Write a value on one line of YAML."""
    if value is UNSET:
        return UNSET_TEXT
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) and value.lower() not in _WORDS else _quoted(value)
    return "{}" if isinstance(value, Mapping) else str(value)


def _quoted(text: str) -> str:
    """Quote a text. JSON's way, with its halves of characters, is not quite YAML's."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def _accelerators() -> list[str]:
    prefix = "ACCELERATOR_MODEL_"
    return [
        name.removeprefix(prefix).lower().replace("_", "-")
        for name in tasks_pb2.AcceleratorModel.keys()  # noqa: SIM118 - no dict
        if not name.endswith("UNSPECIFIED")
    ]


def _wrapped(words: list[str]) -> list[str]:
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) > 90:
            lines.append("")
        lines[-1] += f"  {word}"
    return [line for line in lines if line]
