"""`Secret`: values that tasks ask for by name. They go in, and do not come out here again."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Literal

from flyte_remote.connection import connection
from flyte_remote.listing import pages
from flyte_remote.messages import OfMessage
from flyte_syncify import syncify

if TYPE_CHECKING:
    from flyteidl2.secret import definition_pb2

__all__ = ["Secret", "SecretTypes"]

SecretTypes = Literal["regular", "image_pull"]
"""A value for tasks, or the credentials of a registry of images."""

_IMAGE_PULL = 1


class Secret(OfMessage):
    """What is known of a secret: never its value."""

    def __init__(self, pb2: "definition_pb2.Secret") -> None:
        """Wrap a message."""
        self.pb2 = pb2

    def __repr__(self) -> str:
        return f"<secret `{self.name}`>"

    @property
    def name(self) -> str:
        """The name that tasks ask for."""
        return self.pb2.id.name

    @property
    def type(self) -> SecretTypes:
        """What it is for."""
        return "image_pull" if self.pb2.secret_metadata.type == _IMAGE_PULL else "regular"

    @syncify.class_method
    @classmethod
    async def create(
        cls,
        name: str,
        value: str | bytes,
        type: SecretTypes = "regular",  # noqa: A002 - the public name
        cluster_pool: str | None = None,
    ) -> None:
        """Keep a new secret, in the configured project and domain, or where none is configured for all.

        Raises:
            RpcError: There is one of this name.
            ValueError: The type is none of the two, or the value is empty.
        """
        from flyteidl2.secret import definition_pb2, payload_pb2  # noqa: PLC0415

        if type not in ("regular", "image_pull"):
            raise ValueError(f"the type of a secret is `regular` or `image_pull`, got {type!r}")
        if not value:
            raise ValueError(f"the value of secret `{name}` is empty\nhint: a shell variable that is not set, perhaps")
        kind = (
            definition_pb2.SECRET_TYPE_IMAGE_PULL_SECRET if type == "image_pull" else definition_pb2.SECRET_TYPE_GENERIC
        )
        spec = definition_pb2.SecretSpec(type=kind)
        if isinstance(value, str):
            spec.string_value = value
        else:
            spec.binary_value = value
        request = payload_pb2.CreateSecretRequest(id=_identifier(name, cluster_pool), secret_spec=spec)
        await connection().call("SecretService", "CreateSecret", request, pool=cluster_pool)

    @syncify.class_method
    @classmethod
    async def get(cls, name: str, cluster_pool: str | None = None) -> "Secret":
        """Fetch what is known of a secret.

        Raises:
            RpcError: There is none.
        """
        from flyteidl2.secret import payload_pb2  # noqa: PLC0415

        request = payload_pb2.GetSecretRequest(id=_identifier(name, cluster_pool))
        return cls((await connection().call("SecretService", "GetSecret", request, pool=cluster_pool)).secret)

    @syncify.class_method
    @classmethod
    async def listall(cls, limit: int = 10, cluster_pool: str | None = None) -> AsyncIterator["Secret"]:
        """List secrets of the configured project and domain; `limit` is the size of a page, as in the reference."""
        from flyteidl2.secret import payload_pb2  # noqa: PLC0415

        at, place = connection(), _identifier("", cluster_pool)
        request = payload_pb2.ListSecretsRequest(
            organization=place.organization, project=place.project, domain=place.domain, limit=limit
        )

        async def fetch(request: Any) -> tuple[Any, str]:
            answer = await at.call("SecretService", "ListSecrets", request, pool=cluster_pool)
            return answer.secrets, answer.token

        async for found in pages(fetch, request, None):
            yield cls(found)

    @syncify.class_method
    @classmethod
    async def delete(cls, name: str, cluster_pool: str | None = None) -> None:
        """Forget a secret.

        Raises:
            RpcError: There is none.
        """
        from flyteidl2.secret import payload_pb2  # noqa: PLC0415

        request = payload_pb2.DeleteSecretRequest(id=_identifier(name, cluster_pool))
        await connection().call("SecretService", "DeleteSecret", request, pool=cluster_pool)


def _identifier(name: str, cluster_pool: str | None) -> "definition_pb2.SecretIdentifier":
    from flyteidl2.secret import definition_pb2  # noqa: PLC0415

    at = connection()
    if cluster_pool is not None:
        # The protocol has no place for the pool: it says which cluster is asked, where the secret is the organisation's.
        return definition_pb2.SecretIdentifier(name=name, organization=at.org)
    return definition_pb2.SecretIdentifier(
        name=name, organization=at.org, project=at.target.project or "", domain=at.target.domain or ""
    )
