"""A bundle becomes files again, once, however many processes of a container want them at the same time."""

import contextlib
import time
from collections.abc import Generator
from pathlib import Path
from typing import IO

from flyte_models.errors import CodeBundleError
from flyte_native import extract_archive

try:
    import fcntl
except ImportError:  # Windows: extraction is right without the lock, only done more than once.
    fcntl = None

LIMIT = 16 * 1024**3
"""The most bytes that a bundle may have when it is unpacked."""

LOCK_NAME = ".flyte-bundle.lock"
LONGEST_WAIT = 600.0
"""Seconds to wait for another process, before the same work is done beside it."""

_BETWEEN_TRIES = 0.05


def extract_bundle(archive: Path, destination: Path, *, version: str, limit: int = LIMIT) -> Path:
    """Extract an archive into a folder, unless that was done before, and return the folder.

    The first process extracts and leaves a marker, the others wait for it. Should it die, the next one takes over; should
    it take longer than ten minutes, they extract as well, which does no harm.

    Args:
        archive: A `tar.gz`.
        destination: Made if it does not exist; files that are there already are replaced one by one, each at once.
        version: Of the bundle: another version is extracted over it.
        limit: The most bytes that the uncompressed archive may have.

    Raises:
        CodeBundleError: The archive is damaged, unsafe or too large, or the folder cannot be written.
    """
    try:
        destination.mkdir(parents=True, exist_ok=True)
        with _alone(destination / LOCK_NAME):
            if not is_extracted(destination, version):
                extract_over(archive, destination, version=version, limit=limit)
    except OSError as error:
        raise _failed(archive, error) from error
    return destination


def extract_over(archive: Path, destination: Path, *, version: str, limit: int = LIMIT) -> Path:
    """Extract an archive over what is in a folder, leave the marker and return the folder, for who holds the lock.

    Raises:
        CodeBundleError: As `extract_bundle`.
    """
    try:
        # While files are replaced, the folder holds neither version.
        for other in destination.glob(".flyte-bundle-?*"):
            if _is_marker(other):
                other.unlink(missing_ok=True)
        extract_archive(archive, destination, limit=limit)
        _marker(destination, version).touch()
    except (OSError, ValueError) as error:
        raise _failed(archive, error) from error
    return destination


def is_extracted(destination: Path, version: str) -> bool:
    """Tell whether a bundle of this version is in the folder, whole."""
    return _marker(destination, version).exists()


def try_lock(lock: IO[bytes]) -> bool:
    """Lock an open file, and tell whether that went well; closing it, or the end of the process, releases it.

    True also where the file system knows no locks.
    """
    if fcntl is None:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _marker(destination: Path, version: str) -> Path:
    return destination / f".flyte-bundle-{version}"


def _is_marker(path: Path) -> bool:
    return not path.suffix and not path.is_dir()


def _failed(archive: Path, error: Exception) -> CodeBundleError:
    return CodeBundleError(f"the code bundle `{archive}` could not be extracted: {error}")


@contextlib.contextmanager
def _alone(path: Path) -> Generator[None]:
    with path.open("ab") as lock:
        until = time.monotonic() + LONGEST_WAIT
        while not try_lock(lock) and time.monotonic() < until:
            time.sleep(_BETWEEN_TRIES)
        yield
