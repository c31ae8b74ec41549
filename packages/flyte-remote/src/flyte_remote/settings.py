"""`Settings`: what an organisation, a domain or a project says of the runs in it; the nearer scope counts."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, cast

from flyte_remote.connection import connection
from flyte_remote.settings_form import (
    UNSET,
    UNSET_TEXT,
    EffectiveSetting,
    LocalSetting,
    SettingOrigin,
    available_keys,
    empty_of,
    explanation,
    flat_of,
    message_of,
    parse_yaml,
    scalar,
    yaml_of,
)
from flyte_syncify import syncify

if TYPE_CHECKING:
    from flyteidl2.settings import settings_definition_pb2

__all__ = ["UNSET", "EffectiveSetting", "LocalSetting", "SettingOrigin", "Settings"]

_HEAD = """\
### Settings of {scope}
## A line that is a comment, or not there, takes the value of the scope around this one.
## The value `~unset` clears it: then nothing counts, and nothing of the scopes around.
"""


@dataclass
class Settings:
    """The settings of one scope: its own, and those that it takes over from the scopes around it.

    Keys are those of `available_keys`, such as `run.default_queue`; a value that clears a setting is `UNSET`.
    """

    effective_settings: list[EffectiveSetting]
    """What counts, with its origin; entries of labels, annotations and variables are those of all scopes."""
    local_settings: list[LocalSetting]
    """What the scope itself has."""
    domain: str | None = None
    project: str | None = None
    _version: int = 0
    _parent_effective: dict[str, EffectiveSetting] = field(default_factory=dict[str, EffectiveSetting])
    _map_entry_origins: dict[str, dict[str, EffectiveSetting]] = field(
        default_factory=dict[str, dict[str, EffectiveSetting]]
    )

    def to_dict(self) -> dict[str, Any]:
        """Return the settings and their scope as plain data."""
        return {
            "effective_settings": [asdict(each) | {"value": _plain(each.value)} for each in self.effective_settings],
            "local_settings": [{"key": each.key, "value": _plain(each.value)} for each in self.local_settings],
            "domain": self.domain,
            "project": self.project,
        }

    def to_json(self) -> str:
        """Return the settings and their scope as JSON."""
        return json.dumps(self.to_dict())

    @staticmethod
    def available_keys() -> list[str]:
        """Return the keys of all settings."""
        return available_keys()

    @staticmethod
    def parse_yaml(yaml_content: str) -> dict[str, Any]:
        """Read what `to_yaml` writes: the values of the scope itself, by key.

        Raises:
            ValueError: It is no YAML, or no mapping.
        """
        return parse_yaml(yaml_content)

    @syncify.class_method
    @classmethod
    async def get_settings_for_edit(cls, project: str | None = None, domain: str | None = None) -> "Settings":
        """Fetch the settings of a project, of a domain, or, without both, of the organisation.

        Raises:
            ValueError: A project is named without one of its domains.
            RpcError: The control plane refuses.
        """
        from flyteidl2.settings import settings_definition_pb2, settings_service_pb2  # noqa: PLC0415

        if project and not domain:
            raise ValueError(
                f"settings of project `{project}` are of one of its domains, and none is named\nhint: pass `domain`"
            )
        at = connection()
        key = settings_definition_pb2.SettingsKey(org=at.org, domain=domain or "", project=project or "")
        request = settings_service_pb2.GetSettingsForEditRequest(key=key)
        answer = await at.call("SettingsService", "GetSettingsForEdit", request)
        levels: list[tuple[SettingOrigin, dict[str, Any]]] = []
        version = 0
        for record in sorted(answer.levels, key=lambda one: (bool(one.key.domain), bool(one.key.project))):
            levels.append((_origin(record.key.domain, record.key.project), flat_of(record.settings)))
            if (record.key.domain, record.key.project) == (key.domain, key.project):
                version = record.version
        return cls._of(levels, domain or None, project or None, version)

    @classmethod
    def _of(
        cls,
        levels: list[tuple[SettingOrigin, dict[str, Any]]],
        domain: str | None,
        project: str | None,
        version: int,
    ) -> "Settings":
        own = _origin(domain or "", project or "")
        local = {key: value for origin, flat in levels if origin == own for key, value in flat.items()}
        parents = _merged([level for level in levels if level[0] != own])
        effective = _merged(levels)
        entries: dict[str, dict[str, EffectiveSetting]] = {}
        for origin, flat in levels:
            for key, value in flat.items():
                if origin == own or not isinstance(value, Mapping):
                    continue
                for name, text in cast("Mapping[str, str]", value).items():
                    entries.setdefault(key, {})[name] = EffectiveSetting(name, text, origin)
        order = available_keys()
        return cls(
            [effective[key] for key in order if key in effective],
            [LocalSetting(key, local[key]) for key in order if key in local],
            domain,
            project,
            version,
            parents,
            entries,
        )

    @property
    def version(self) -> int:
        """How often the scope's own settings were changed: an update is refused when somebody else has changed them since."""
        return self._version

    def scope_description(self) -> str:
        """Name the scope: `ORG`, `DOMAIN(development)`, `PROJECT(development/flytesnacks)`."""
        return str(_origin(self.domain or "", self.project or ""))

    def local_overrides(self) -> dict[str, Any]:
        """Return the values that the scope itself has, by key."""
        return {each.key: each.value for each in self.local_settings}

    def effective_values(self) -> dict[str, Any]:
        """Return the values that count, by key."""
        return {each.key: each.value for each in self.effective_settings}

    def to_yaml(self) -> str:
        """Return the settings as YAML to edit: what the scope has, and as comments what it takes over and what it might have."""
        parts = [_HEAD.format(scope=self.scope_description())]
        parts += [f"### {title}\n{text}\n" for title, text in self.to_yaml_sections()]
        return "\n".join(parts)

    def to_yaml_sections(self) -> list[tuple[str, str]]:
        """Return the parts of `to_yaml` with their headings; parts without a setting are left out."""
        local, effective = self.local_overrides(), {each.key: each for each in self.effective_settings}
        own: list[str] = []
        taken: list[str] = []
        other: list[str] = []
        for key in available_keys():
            text = [f"## {line}" for line in explanation(key)]
            if key in local:
                own += [*text, *self._own_lines(key, local[key])]
            elif key in effective:
                found = effective[key]
                taken += [*text, *yaml_of(key, found.value, comment=f"from {found.origin}", is_off=True)]
            else:
                other += [*text, *yaml_of(key, empty_of(key), is_off=True)]
        parts = (("Set here", own), ("Taken over", taken), ("Not set", other))
        return [(title, "\n".join(lines)) for title, lines in parts if lines]

    def _own_lines(self, key: str, value: Any) -> list[str]:
        lines = yaml_of(key, value)
        if isinstance(value, Mapping):
            further = self._map_entry_origins.get(key, {})
            for name, entry in sorted(further.items()):
                if name not in value:
                    lines.append(f"  # {scalar(name)}: {scalar(entry.value)}  ## from {entry.origin}")
        elif key in self._parent_effective:
            outer = self._parent_effective[key]
            lines += yaml_of(key, outer.value, comment=f"without it, from {outer.origin}", is_off=True)
        return lines

    @syncify
    async def update_settings(self, overrides: dict[str, Any]) -> None:
        """Replace the scope's own settings; what is not among them is taken over from the scopes around.

        Args:
            overrides: Values by key; `UNSET`, or the text `~unset`, clears one.

        Raises:
            ValueError: There is no such setting, or a value is not of its kind.
            TypeError: As the last.
            RpcError: The control plane refuses, for example since somebody else has changed them since they were fetched.
        """
        from flyteidl2.settings import settings_definition_pb2, settings_service_pb2  # noqa: PLC0415

        message = message_of(overrides)
        at = connection()
        key = settings_definition_pb2.SettingsKey(org=at.org, domain=self.domain or "", project=self.project or "")
        if self._version:
            request = settings_service_pb2.UpdateSettingsRequest(key=key, settings=message, version=self._version)
            record = (await at.call("SettingsService", "UpdateSettings", request)).settingsRecord
        else:
            first = settings_service_pb2.CreateSettingsRequest(key=key, settings=message)
            record = (await at.call("SettingsService", "CreateSettings", first)).settingsRecord
        self._take(message, record.version)

    def _take(self, message: "settings_definition_pb2.Settings", version: int) -> None:
        """Be what was just stored."""
        local = flat_of(message)
        own = _origin(self.domain or "", self.project or "")
        merged = dict(self._parent_effective)
        for key, value in local.items():
            merged[key] = _over(merged.get(key), EffectiveSetting(key, value, own))
        order = available_keys()
        self.effective_settings = [merged[key] for key in order if key in merged]
        self.local_settings = [LocalSetting(key, local[key]) for key in order if key in local]
        self._version = version


def _origin(domain: str, project: str) -> SettingOrigin:
    return SettingOrigin("PROJECT" if project else "DOMAIN" if domain else "ORG", domain or None, project or None)


def _merged(levels: list[tuple[SettingOrigin, dict[str, Any]]]) -> dict[str, EffectiveSetting]:
    merged: dict[str, EffectiveSetting] = {}
    for origin, flat in levels:
        for key, value in flat.items():
            merged[key] = _over(merged.get(key), EffectiveSetting(key, value, origin))
    return merged


def _over(outer: EffectiveSetting | None, nearer: EffectiveSetting) -> EffectiveSetting:
    """Let a nearer value count; entries of both count."""
    values: tuple[Any, Any] = (outer.value if outer is not None else None, nearer.value)
    if not all(isinstance(each, Mapping) for each in values):
        return nearer
    return EffectiveSetting(nearer.key, {**values[0], **values[1]}, nearer.origin)


def _plain(value: Any) -> Any:
    return UNSET_TEXT if value is UNSET else value
