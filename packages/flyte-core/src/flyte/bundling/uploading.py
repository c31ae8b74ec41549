"""From a request to a bundle in a store: nothing is packed or uploaded that the store has already."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from flyte.bundling.archives import pack, version_of
from flyte.bundling.cache import BundleCache
from flyte.bundling.request import BundleRequest, LocalBundle
from flyte.bundling.selecting import select_code
from flyte_models.bundles import CodeBundle
from flyte_models.errors import CodeBundleError
from flyte_native import Selection
from flyte_storage import local_path


class BundleUploader(Protocol):
    """Brings bundles to a store."""

    @property
    def scope(self) -> str:
        """What the store belongs to, as `endpoint:project:domain`."""
        ...

    async def upload(self, bundle: LocalBundle) -> str:
        """Store a bundle and return its URI; a task refers to it by that."""
        ...

    async def is_stored(self, uri: str) -> bool:
        """Tell whether the store still has what was uploaded to `uri`; True where it cannot be asked."""
        ...


class FolderUploader:
    """Puts bundles into a folder of this machine: for dry runs, and for what runs beside it."""

    def __init__(self, folder: Path, scope: str = "local") -> None:
        self._folder = folder.absolute()
        self._scope = scope

    @property
    def scope(self) -> str:
        """What the folder belongs to, and the folder."""
        return f"{self._scope}:{self._folder}"

    async def upload(self, bundle: LocalBundle) -> str:
        """Put a bundle into the folder and return its URI there; `bundle.path` must not be written to any more."""
        return await asyncio.to_thread(self._copy, bundle)

    async def is_stored(self, uri: str) -> bool:
        """Tell whether it is still there."""
        return await asyncio.to_thread(self._has, uri)

    def _has(self, uri: str) -> bool:
        path = local_path(uri)
        return path.parent == self._folder and path.is_file()

    def _copy(self, bundle: LocalBundle) -> str:
        self._folder.mkdir(parents=True, exist_ok=True)
        # Pickled bundles all have one name: their version tells them apart.
        name = bundle.path.name if bundle.kind == "tgz" else f"{bundle.version}.pkl.gz"
        target = self._folder / name
        draft = self._folder / f".{name}.{uuid4().hex}"
        try:
            try:
                draft.hardlink_to(bundle.path)
            except OSError:
                # Another file system, or one without links.
                shutil.copyfile(bundle.path, draft)
            with draft.open("rb") as content:
                os.fsync(content.fileno())
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        return target.as_uri()


async def bundle_code(
    request: BundleRequest,
    uploader: BundleUploader,
    *,
    cache: BundleCache | None = None,
    modules: Mapping[str, object] | None = None,
) -> CodeBundle | None:
    """Select, pack and store the files of a request; what is stored already is neither packed nor uploaded.

    Args:
        request: What to bundle.
        uploader: Where to.
        cache: What is known from before.
        modules: As `sys.modules`, which is the default.

    Returns:
        The reference for the tasks, or None with copy style `none`.

    Raises:
        CodeBundleError: There is no version with copy style `none`, or as `write_bundle`.
    """
    if request.copy_style == "none":
        if not request.version:
            raise CodeBundleError(
                "copy style `none` bundles no code, so that no version can be computed from it\nhint: pass a `version`"
            )
        return None
    selection = await asyncio.to_thread(select_code, request, modules)
    index = await asyncio.to_thread(cache.index_file, request) if cache else None
    if cache and index and index.exists():
        # Most files are known: the digest costs nearly nothing, and often says that there is no more to do.
        known = await _stored_before(request, selection, uploader, cache, index)
        if known is not None:
            return known
    with tempfile.TemporaryDirectory(prefix="flyte-bundle-") as folder:
        bundle = await asyncio.to_thread(pack, request, selection, Path(folder), index=index)
        return await store(bundle, uploader, cache)


async def _stored_before(
    request: BundleRequest, selection: Selection, uploader: BundleUploader, cache: BundleCache, index: Path
) -> CodeBundle | None:
    try:
        digest, _ = await asyncio.to_thread(selection.digest, index)
    except (OSError, ValueError):
        # Packing meets the same file, and knows what to do about it.
        return None
    version = version_of(digest)
    uri = await _known_uri(version, uploader, cache)
    if uri is None:
        return None
    return CodeBundle(computed_version=version, destination=request.destination, tgz=uri, files=selection.names())


async def store(bundle: LocalBundle, uploader: BundleUploader, cache: BundleCache | None) -> CodeBundle:
    """Store a bundle unless the store has it, and return the reference for the tasks."""
    uri = await _known_uri(bundle.version, uploader, cache) if cache else None
    if uri is None:
        uri = await uploader.upload(bundle)
        if cache:
            await asyncio.to_thread(cache.remember, bundle.version, uploader.scope, uri)
    return bundle.stored_at(uri)


async def _known_uri(version: str, uploader: BundleUploader, cache: BundleCache) -> str | None:
    uri = await asyncio.to_thread(cache.find, version, uploader.scope)
    if uri is None or await uploader.is_stored(uri):
        return uri
    await asyncio.to_thread(cache.forget, version, uploader.scope)
    return None
