"""`SettingsService`: settings of the devbox, of a domain and of a project, the nearer ones first."""

import sqlite3
from typing import TYPE_CHECKING

from flyteidl2.settings import settings_definition_pb2, settings_service_pb2

from flyte_devbox.defaults import levels_of, merged
from flyte_devbox.errors import ServiceError, already_exists, invalid_argument, not_found

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox

_KEY = "domain = ? AND project = ?"


class Service:
    """Answers the calls of `SettingsService`."""

    def __init__(self, devbox: "Devbox") -> None:
        self._database = devbox.database

    async def get_settings(
        self, request: settings_service_pb2.GetSettingsRequest
    ) -> settings_service_pb2.GetSettingsResponse:
        """Return what is valid for a key: its own settings, and those of the levels above where it has none."""
        levels = self._levels(request.key)
        return settings_service_pb2.GetSettingsResponse(
            settingsRecord=settings_service_pb2.SettingsRecord(
                key=request.key,
                settings=merged(each.settings for each in levels),
                version=levels[-1].version if levels else 0,
            )
        )

    async def get_settings_for_edit(
        self, request: settings_service_pb2.GetSettingsForEditRequest
    ) -> settings_service_pb2.GetSettingsForEditResponse:
        """Return the settings of each level, the widest first."""
        return settings_service_pb2.GetSettingsForEditResponse(
            requestedKey=request.key, levels=self._levels(request.key)
        )

    async def create_settings(
        self, request: settings_service_pb2.CreateSettingsRequest
    ) -> settings_service_pb2.CreateSettingsResponse:
        """Keep the first settings of a key."""
        key = _key(request.key)

        def work(connection: sqlite3.Connection) -> None:
            try:
                connection.execute(
                    "INSERT INTO settings (domain, project, settings, version) VALUES (?, ?, ?, 1)",
                    (*key, request.settings.SerializeToString()),
                )
            except sqlite3.IntegrityError:
                raise already_exists("there are settings of this level already\nhint: update them") from None

        await self._database.write(work)
        record = settings_service_pb2.SettingsRecord(key=request.key, settings=request.settings, version=1)
        return settings_service_pb2.CreateSettingsResponse(settingsRecord=record)

    async def update_settings(
        self, request: settings_service_pb2.UpdateSettingsRequest
    ) -> settings_service_pb2.UpdateSettingsResponse:
        """Replace the settings of a key, unless somebody else has since they were read."""
        key = _key(request.key)

        def work(connection: sqlite3.Connection) -> int:
            row: sqlite3.Row | None = connection.execute(f"SELECT version FROM settings WHERE {_KEY}", key).fetchone()
            if row is None:
                raise not_found("there are no settings of this level\nhint: create them")
            if row["version"] != request.version:
                raise ServiceError(
                    "aborted",
                    f"the settings have version {row['version']} by now, not {request.version}\nhint: read them again",
                )
            connection.execute(
                f"UPDATE settings SET settings = ?, version = version + 1 WHERE {_KEY}",
                (request.settings.SerializeToString(), *key),
            )
            return int(row["version"]) + 1

        version = await self._database.write(work)
        record = settings_service_pb2.SettingsRecord(key=request.key, settings=request.settings, version=version)
        return settings_service_pb2.UpdateSettingsResponse(settingsRecord=record)

    def _levels(self, key: settings_definition_pb2.SettingsKey) -> list[settings_service_pb2.SettingsRecord]:
        return [
            settings_service_pb2.SettingsRecord(
                key=settings_definition_pb2.SettingsKey(org=key.org, domain=row["domain"], project=row["project"]),
                settings=settings_definition_pb2.Settings.FromString(row["settings"]),
                version=row["version"],
            )
            for row in levels_of(self._database, key.domain, key.project)
        ]


def _key(key: settings_definition_pb2.SettingsKey) -> tuple[str, str]:
    if key.project and not key.domain:
        raise invalid_argument("settings of a project are of one of its domains: `domain` is empty")
    return key.domain, key.project
