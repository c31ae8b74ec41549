"""Files and folders of this machine that stand in literals: they go to the control plane's store, where tasks can read them."""

import asyncio
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flyte_models.context import current_context
from flyte_protocol.endpoints import Endpoint
from flyte_remote.connection import connection, devbox_folder
from flyte_remote.uploads import UPLOADS_AT_ONCE, upload, upload_folder

if TYPE_CHECKING:
    from flyteidl2.core import literals_pb2
    from flyteidl2.task import common_pb2

__all__ = ["upload_inputs", "upload_literals"]


async def upload_inputs(
    inputs: "common_pb2.Inputs",
    *,
    project: str | None = None,
    domain: str | None = None,
    stored: Collection[str] = (),
) -> None:
    """Upload what the inputs refer to on this machine, and let them refer to the store.

    Args:
        inputs: Changed in place.
        project: Default: the configured one.
        domain: Default: the configured one.
        stored: Names of inputs that come from the control plane, and are left as they are.

    Raises:
        RpcError: the control plane refuses.
        flyte_storage.StorageError: the store refuses, or fails for good.
    """
    literals = (pair.value for pair in inputs.literals if pair.name not in stored)
    await upload_literals(literals, project=project, domain=domain)


async def upload_literals(
    literals: "Iterable[literals_pb2.Literal]", *, project: str | None = None, domain: str | None = None
) -> None:
    """Do what `upload_inputs` does with literals. A literal of a file gets the file's MD5 as its hash, unless it has one.

    What a task refers to is where other tasks find it already, and so is what is in the folder of this machine's devbox.
    """
    context = current_context()
    if context and context.is_in_cluster():
        return
    found = [(owner, place) for literal in literals for owner, place in _places(literal)]
    local: dict[str, Path] = {}
    for _, place in found:
        path = _local_path(place.uri)
        if path is not None and path.exists():
            local[place.uri] = path
    if not local:
        return
    slots = asyncio.Semaphore(UPLOADS_AT_ONCE)
    uploaded = await asyncio.gather(*(_stored(path, project, domain, slots) for path in local.values()))
    stored = dict(zip(local, uploaded, strict=True))
    for owner, place in found:
        if place.uri in stored:
            digest, place.uri = stored[place.uri]
            if digest and not owner.hash:
                owner.hash = digest


def _places(literal: "literals_pb2.Literal") -> "Iterable[tuple[literals_pb2.Literal, Any]]":
    """Yield the references in a literal, each with the literal whose hash stands for it."""
    kind = literal.WhichOneof("value")
    if kind == "collection":
        for each in literal.collection.literals:
            yield from _places(each)
    elif kind == "map":
        for each in literal.map.literals.values():
            yield from _places(each)
    elif kind == "scalar":
        scalar = literal.scalar
        which = scalar.WhichOneof("value")
        if which == "union":
            yield from _places(scalar.union.value)
        elif which in ("blob", "structured_dataset"):
            yield literal, getattr(scalar, which)


def _local_path(uri: str) -> Path | None:
    if "://" in uri and not uri.startswith("file://"):
        return None
    path = Path(uri.removeprefix("file://"))
    is_kept = Endpoint.of(connection().target.endpoint).is_local and path.is_relative_to(devbox_folder())
    return None if is_kept or not uri else path


async def _stored(path: Path, project: str | None, domain: str | None, slots: asyncio.Semaphore) -> tuple[str, str]:
    if not await asyncio.to_thread(path.is_file):
        root = f"{path.name or 'folder'}-{os.urandom(8).hex()}"
        return "", await upload_folder(path, root, project, domain, slots=slots)
    async with slots:
        return await upload(path, project=project, domain=domain)
