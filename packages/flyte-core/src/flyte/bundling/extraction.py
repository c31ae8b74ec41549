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

_LOCK_NAME = ".flyte-bundle.lock"
_LONGEST_WAIT = 600.0
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
    marker = destination / f".flyte-bundle-{version}"
    try:
        destination.mkdir(parents=True, exist_ok=True)
        with _alone(destination / _LOCK_NAME):
            if not marker.exists():
                extract_archive(archive, destination, limit=limit)
                # Of another version that was extracted here before, files may have been replaced.
                for other in destination.glob(".flyte-bundle-*"):
                    other.unlink(missing_ok=True)
                marker.touch()
    except (OSError, ValueError) as error:
        raise CodeBundleError(f"the code bundle `{archive}` could not be extracted: {error}") from error
    return destination


@contextlib.contextmanager
def _alone(path: Path) -> Generator[None, None, None]:
    with path.open("ab") as lock:
        _wait_for(lock)
        # Closing the file, or the end of the process, releases the lock.
        yield


def _wait_for(lock: IO[bytes]) -> None:
    if fcntl is None:
        return
    until = time.monotonic() + _LONGEST_WAIT
    while time.monotonic() < until:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_BETWEEN_TRIES)
        except OSError:
            # The file system knows no locks.
            return
        else:
            return
