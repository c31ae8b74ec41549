"""The code that an action ran with: which bundle, and its download."""

import asyncio
import itertools
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flyte_models.bundles import CodeBundle
from flyte_remote.connection import connection
from flyte_remote.downloads import download_link

if TYPE_CHECKING:
    from flyteidl2.common import identifier_pb2

__all__ = ["bundle_of", "download_code"]


def bundle_of(template: Any) -> CodeBundle | None:
    """Read from the arguments of a task which code it gets; None when they name none."""
    arguments = [*template.container.args]
    named = dict(itertools.pairwise(arguments))
    version, destination = named.get("--version", ""), named.get("--dest", ".")
    if "--tgz" in named:
        return CodeBundle(computed_version=version, destination=destination, tgz=named["--tgz"])
    if "--pkl" in named:
        return CodeBundle(computed_version=version, destination=destination, pkl=named["--pkl"])
    return None


async def download_code(
    action_id: "identifier_pb2.ActionIdentifier", attempt: int, dest: str | Path | None, *, extract: bool
) -> Path:
    """Fetch the bundle of an action, and unpack it.

    Args:
        action_id: The action.
        attempt: From 1 on.
        dest: The folder for it; default: one named after the run, below the working directory.
        extract: Whether it is unpacked; otherwise the archive stays as it is.

    Returns:
        The folder, or the archive.

    Raises:
        RpcError: The action has no bundle.
    """
    from flyte_storage.signed import get_signed  # noqa: PLC0415 - loads a client

    url = await download_link(connection(), action_id, attempt, "CODE_BUNDLE")
    folder = Path(dest) if dest is not None else Path.cwd() / f"{action_id.run.name}-code"
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    if not extract:
        return await get_signed(url, folder / "code_bundle.tar.gz")
    with tempfile.TemporaryDirectory(prefix="flyte-code-") as temporary:
        archive = await get_signed(url, Path(temporary) / "code_bundle.tar.gz")
        await asyncio.to_thread(_unpack, archive, folder)
    return folder


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        # Refuses names that lead out of the folder, links out of it, and devices.
        tar.extractall(folder, filter="data")
