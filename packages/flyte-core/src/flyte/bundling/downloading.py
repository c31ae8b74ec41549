"""From a stored bundle to code on this machine: fetched and extracted once, however many processes want it."""

import asyncio
import contextlib
import hashlib
import sys
import tempfile
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import IO

import flyte_storage
from flyte.bundling.extraction import LIMIT, LOCK_NAME, LONGEST_WAIT, extract_over, is_extracted, try_lock
from flyte_models.bundles import CodeBundle
from flyte_models.errors import CodeBundleError

_BETWEEN_TRIES = 0.05
_ARCHIVE_NAME = "bundle.tar.gz"


class MissingBundleError(CodeBundleError, LookupError):
    """The store has no such bundle (any more); `uri` names it.

    Trying again does not help: who submitted the run must upload the bundle anew, for which `BundleCache.forget` is enough.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        super().__init__(
            f"the code bundle `{flyte_storage.redact(uri)}` is not in its store: it may have been cleaned up\n"
            "hint: run or deploy once more from where the code is, which uploads it again"
        )
        self.code = "MissingBundleError"


async def download_and_extract(uri: str, destination: Path | str = ".", *, limit: int = LIMIT) -> Path:
    """Fetch the `tar.gz` at `uri`, extract it into a folder unless that was done before, and return the folder.

    Among processes that do so at once, one fetches and extracts, the others wait; should it die, the next takes over. What
    is fetched is checked by the store's digest, and appears file by file, each whole.

    Args:
        uri: Of any store that `flyte_storage` knows; local paths too.
        destination: Made if it does not exist. Other files in it stay.
        limit: The most bytes that the uncompressed archive may have.

    Raises:
        MissingBundleError: The store does not have it.
        CodeBundleError: The archive is damaged, unsafe or too large, or the folder cannot be written.
        flyte_storage.StorageError: The store cannot be read; its time-outs and retries have been spent.
    """
    folder, version = Path(destination), key_of(uri)
    if is_extracted(folder, version):
        return folder
    async with _alone(folder):
        if is_extracted(folder, version):
            return folder
        async with _fetched(uri, folder) as archive:
            return await asyncio.to_thread(extract_over, archive, folder, version=version, limit=limit)


async def download_pickled(uri: str, destination: Path | str = ".") -> Path:
    """Fetch the pickled task at `uri` into a folder unless it is there, and return the path of the file.

    `flyte.bundling.pickling.load_pickled` makes the task of it.

    Raises:
        MissingBundleError: The store does not have it.
        CodeBundleError: The folder cannot be written.
        flyte_storage.StorageError: The store cannot be read; its time-outs and retries have been spent.
    """
    folder = Path(destination)
    path = folder / f".flyte-bundle-{key_of(uri)}.pkl.gz"
    if path.exists():
        return path
    async with _alone(folder):
        if not path.exists():
            with _told(uri):
                await flyte_storage.get(uri, path)
        return path


async def download_bundle(bundle: CodeBundle) -> CodeBundle:
    """Fetch a bundle into its `destination`, and give it with `downloaded_path`: the folder, or the file of a pickled task.

    Raises:
        MissingBundleError, CodeBundleError, flyte_storage.StorageError: As `download_and_extract`.
    """
    if bundle.tgz is not None:
        return bundle.with_downloaded_path(await download_and_extract(bundle.tgz, bundle.destination))
    return bundle.with_downloaded_path(await download_pickled(bundle.pkl or "", bundle.destination))


async def download_code_bundle(code_bundle: CodeBundle) -> CodeBundle:
    """Fetch a bundle into its `destination` and, if it has sources, let modules be imported from there.

    Returns:
        The bundle with its `downloaded_path`.

    Raises:
        MissingBundleError, CodeBundleError, flyte_storage.StorageError: As `download_and_extract`.
    """
    downloaded = await download_bundle(code_bundle)
    if downloaded.tgz is not None and downloaded.downloaded_path is not None:
        folder = str(downloaded.downloaded_path.absolute())
        if folder not in sys.path:
            sys.path.insert(0, folder)
    return downloaded


def key_of(uri: str) -> str:
    """Return what the marker of an extracted bundle is called by: bundles never change under their URI."""
    return hashlib.sha256(uri.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@contextlib.asynccontextmanager
async def _fetched(uri: str, folder: Path) -> AsyncGenerator[Path]:
    """The archive as a local file; a copy is made of remote ones only, and removed afterwards."""
    with _told(uri):
        if not flyte_storage.is_remote(uri):
            archive = flyte_storage.local_path(uri)
            if not archive.is_file():
                raise MissingBundleError(uri)
            yield archive
            return
        # Beside the code, because containers often have no other place that is large enough.
        with tempfile.TemporaryDirectory(prefix=".flyte-bundle-", dir=folder) as temporary:
            archive = Path(temporary, _ARCHIVE_NAME)
            await flyte_storage.get(uri, archive)
            yield archive


@contextlib.contextmanager
def _told(uri: str) -> Generator[None]:
    try:
        yield
    except flyte_storage.ObjectNotFoundError as error:
        raise MissingBundleError(uri) from error


@contextlib.asynccontextmanager
async def _alone(folder: Path) -> AsyncGenerator[None]:
    with _lock_of(folder) as lock:
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                # Another process releases it, which no event of this one tells.
                while not try_lock(lock):  # noqa: ASYNC110
                    await asyncio.sleep(_BETWEEN_TRIES)
        except TimeoutError:
            # The one before hangs. Doing the same work beside it does no harm.
            pass
        yield


def _lock_of(folder: Path) -> IO[bytes]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / LOCK_NAME).open("ab")
    except OSError as error:
        raise CodeBundleError(f"the code bundle cannot be written to `{folder}`: {error}") from error
