"""`SecretService`: values go in and are seen only by the attempts that ask for them."""

import sqlite3
import time
from typing import TYPE_CHECKING, Any

from flyteidl2.common import identifier_pb2
from flyteidl2.secret import definition_pb2, payload_pb2

from flyte_devbox import rows
from flyte_devbox.errors import already_exists, invalid_argument, not_found
from flyte_devbox.services.listing import Page, offset_of

if TYPE_CHECKING:
    from flyte_devbox.devbox import Devbox

_MOST_BYTES = 1024 * 1024
_KEY = "project = ? AND domain = ? AND name = ?"


class Service:
    """Answers the calls of `SecretService`."""

    def __init__(self, devbox: "Devbox") -> None:
        self._database = devbox.database
        self._secrets = devbox.secrets

    async def create_secret(self, request: payload_pb2.CreateSecretRequest) -> payload_pb2.CreateSecretResponse:
        """Keep a new secret."""
        key, values = _key(request.id), self._values(request.id, request.secret_spec)

        def work(connection: sqlite3.Connection) -> None:
            try:
                connection.execute(
                    "INSERT INTO secrets (project, domain, name, type, is_binary, sealed, created_at)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (*key, *values, time.time()),
                )
            except sqlite3.IntegrityError:
                raise already_exists(
                    f"secret `{request.id.name}` exists\nhint: `flyte delete secret` removes it"
                ) from None

        await self._database.write(work)
        return payload_pb2.CreateSecretResponse()

    async def update_secret(self, request: payload_pb2.UpdateSecretRequest) -> payload_pb2.UpdateSecretResponse:
        """Replace the value of a secret."""
        key, values = _key(request.id), self._values(request.id, request.secret_spec)
        sql = f"UPDATE secrets SET type = ?, is_binary = ?, sealed = ? WHERE {_KEY}"
        if not await self._database.write(lambda connection: connection.execute(sql, (*values, *key)).rowcount):
            raise _missing(request.id.name)
        return payload_pb2.UpdateSecretResponse()

    async def get_secret(self, request: payload_pb2.GetSecretRequest) -> payload_pb2.GetSecretResponse:
        """Return what is known of a secret, without its value."""
        row = self._database.read_one(f"SELECT * FROM secrets WHERE {_KEY}", _key(request.id))
        if row is None:
            raise _missing(request.id.name)
        return payload_pb2.GetSecretResponse(secret=_secret(row, request.id.organization))

    async def delete_secret(self, request: payload_pb2.DeleteSecretRequest) -> payload_pb2.DeleteSecretResponse:
        """Forget a secret."""
        key = _key(request.id)
        sql = f"DELETE FROM secrets WHERE {_KEY}"
        if not await self._database.write(lambda connection: connection.execute(sql, key).rowcount):
            raise _missing(request.id.name)
        return payload_pb2.DeleteSecretResponse()

    async def list_secrets(self, request: payload_pb2.ListSecretsRequest) -> payload_pb2.ListSecretsResponse:
        """List secrets by name: of a project and domain with those that it inherits, or all."""
        conditions, parameters = list[str](), list[Any]()
        for column, text in (("project", request.project), ("domain", request.domain)):
            if text:
                conditions.append(f"{column} IN (?, '')")
                parameters.append(text)
        limit = request.limit if 0 < request.limit <= 1000 else 100
        page = Page(limit, offset_of(request.token), "ORDER BY name, project, domain")
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        found, token = page.cut(self._database.read(f"SELECT * FROM secrets {where} {page.tail}", parameters))
        secrets = [_secret(row, request.organization) for row in found]
        return payload_pb2.ListSecretsResponse(secrets=secrets, token=token)

    def _values(
        self, secret: definition_pb2.SecretIdentifier, spec: definition_pb2.SecretSpec
    ) -> tuple[int, bool, bytes]:
        kind = spec.WhichOneof("value")
        if kind is None:
            raise invalid_argument(f"secret `{secret.name}` has no value: `string_value` or `binary_value`")
        content = spec.string_value.encode() if kind == "string_value" else spec.binary_value
        if len(content) > _MOST_BYTES:
            raise invalid_argument(f"secret `{secret.name}` has {len(content):,} bytes, allowed are {_MOST_BYTES:,}")
        return int(spec.type), kind == "binary_value", self._secrets.seal(secret.name, content)


def _key(secret: definition_pb2.SecretIdentifier) -> tuple[str, str, str]:
    return secret.project, secret.domain, secret.name


def _missing(name: str) -> Exception:
    return not_found(f"there is no secret `{name}`\nhint: `flyte get secret` lists them")


def _secret(row: sqlite3.Row, org: str) -> definition_pb2.Secret:
    cluster = definition_pb2.ClusterSecretStatus(
        cluster=identifier_pb2.ClusterIdentifier(name=rows.CLUSTER, organization=org),
        presence_status=definition_pb2.PRESENT,
    )
    return definition_pb2.Secret(
        id=definition_pb2.SecretIdentifier(
            name=row["name"], organization=org, domain=row["domain"], project=row["project"]
        ),
        secret_metadata=definition_pb2.SecretMetadata(
            created_time=rows.timestamp(row["created_at"]),
            secret_status=definition_pb2.SecretStatus(
                overall_status=definition_pb2.FULLY_PRESENT, cluster_status=[cluster]
            ),
            type=row["type"],
        ),
    )
