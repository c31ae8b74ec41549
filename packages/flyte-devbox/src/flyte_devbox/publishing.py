"""Artifacts that tasks declare of their outputs: published when the action succeeds, once, also if the devbox is killed."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from flyteidl2.artifact import artifact_pb2
from flyteidl2.core import literals_pb2
from flyteidl2.task import common_pb2
from google.protobuf.message import DecodeError

from flyte_devbox import rows
from flyte_devbox.database import Database
from flyte_devbox.errors import ServiceError
from flyte_devbox.live import LiveAction
from flyte_devbox.services.artifact import publish

__all__ = ["Publisher"]

_logger = logging.getLogger(__name__)
_TAG = b"\x1a"
"""Begins a declaration in the bytes of `Outputs`: the third field."""


class Publisher:
    """Publishes what the outputs of an action declare.

    Args:
        database: where.
        arrived: is told of each new version, so that triggers start.
    """

    def __init__(self, database: Database, arrived: Callable[[artifact_pb2.Artifact], Awaitable[None]]) -> None:
        self._database = database
        self._arrived = arrived

    async def publish(self, action: LiveAction, outputs: bytes | None) -> None:
        """Publish what an action has made, before its success is recorded: an action that ends twice publishes once.

        What cannot be published does not change the end of the action; the log of the devbox says why.

        Args:
            action: what has succeeded.
            outputs: its `Outputs`; None if they are in its file.
        """
        content = outputs if outputs is not None else await asyncio.to_thread(_read, action.output_uri or "")
        if _TAG not in content:
            return
        try:
            message = common_pb2.Outputs.FromString(content)
        except DecodeError:
            return
        values = {pair.name: pair.value for pair in message.literals}
        for declared in message.produced_artifacts:
            try:
                await self._publish_one(action, declared, values)
            except ServiceError as error:
                _logger.warning(
                    "artifact `%s` of action `%s` of run `%s` is not published: %s",
                    declared.name,
                    action.name,
                    action.run.name,
                    error,
                )
            except Exception:
                # A full disk, say. The end of the action is not recorded yet: it must not be lost for this.
                _logger.exception(
                    "artifact `%s` of action `%s` of run `%s` is not published, or starts no triggers",
                    declared.name,
                    action.name,
                    action.run.name,
                )

    async def _publish_one(
        self, action: LiveAction, declared: common_pb2.ProducedArtifact, values: dict[str, literals_pb2.Literal]
    ) -> None:
        if declared.output not in values:
            return
        run = action.run
        artifact = artifact_pb2.Artifact(created_by=rows.IDENTITY)
        identifier = artifact.artifact_id
        identifier.name.org, identifier.name.project, identifier.name.domain = run.org, run.project, run.domain
        identifier.name.name = declared.name
        # Without one: the same for the same action, so that a repetition is seen.
        identifier.version = declared.version or f"{run.name}.{action.name}.{declared.output}"
        spec = artifact.spec
        spec.value.CopyFrom(values[declared.output])
        spec.type.CopyFrom(declared.type)
        spec.info.CopyFrom(declared.info)
        spec.parent_artifacts.extend(declared.parent_artifacts)
        spec.partitions.CopyFrom(declared.partitions)
        if declared.HasField("time_partition"):
            spec.time_partition.CopyFrom(declared.time_partition)
        source = spec.source.task_action
        source.attempt = action.number
        source.action.name = action.name
        source.action.run.org, source.action.run.project = run.org, run.project
        source.action.run.domain, source.action.run.name = run.domain, run.name
        try:
            await self._database.write(lambda connection: publish(connection, artifact, time.time()))
        except ServiceError:
            if self._is_of(action, identifier):
                return
            raise
        await self._arrived(artifact)

    def _is_of(self, action: LiveAction, identifier: artifact_pb2.ArtifactIdentifier) -> bool:
        """Tell whether this action has published a version already."""
        name = identifier.name
        row = self._database.read_one(
            "SELECT artifact FROM artifacts WHERE project = ? AND domain = ? AND name = ? AND version = ?",
            (name.project, name.domain, name.name, identifier.version),
        )
        if row is None:
            return False
        made_by = artifact_pb2.Artifact.FromString(row["artifact"]).spec.source.task_action.action
        return (made_by.run.name, made_by.name) == (action.run.name, action.name)


def _read(uri: str) -> bytes:
    try:
        return Path(uri.removeprefix("file://")).read_bytes()
    except OSError:
        return b""
