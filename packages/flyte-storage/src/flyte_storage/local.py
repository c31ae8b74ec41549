"""The local file system as a store: paths of `file://` URIs, reading, and writes that are whole or absent."""

import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+)://")


class UnsupportedStoreError(ValueError):
    """A URI of a store that this version cannot reach."""

    def __init__(self, uri: str, scheme: str) -> None:
        """Name the `uri` and its `scheme`."""
        self.uri = uri
        self.scheme = scheme
        super().__init__(
            f"`{uri}` is on `{scheme}://`, which is not a local path, or is no store that is known here\n"
            "hint: fetch it first with `flyte.storage.get`, or register the protocol with fsspec"
        )


class LocalFile:
    """One local file, named by a path or a `file://` URI."""

    def __init__(self, uri: str | os.PathLike[str]) -> None:
        """Resolve `uri`; nothing is opened."""
        self.path = local_path(uri)

    def exists(self) -> bool:
        """Tell whether there is a file (not a folder) at the path."""
        return self.path.is_file()

    def open(self, mode: str = "rb") -> IO[bytes]:
        """Open for binary reading (`rb`)."""
        if mode != "rb":
            raise ValueError(f"mode {mode!r} is not `rb`; use `write_atomically` to write")
        return self.path.open("rb")


def is_remote(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path or URI names something that is not on the local file system."""
    match = _SCHEME.match(os.fspath(path))
    return match is not None and match.group(1).lower() != "file"


def local_path(uri: str | os.PathLike[str]) -> Path:
    """Return the path that a local path or a `file://` URI names.

    Raises:
        UnsupportedStoreError: for a URI of any other scheme.
    """
    text = os.fspath(uri)
    match = _SCHEME.match(text)
    if match is None:
        return Path(text)
    scheme = match.group(1).lower()
    if scheme != "file":
        raise UnsupportedStoreError(text, scheme)
    return Path(unquote(urlsplit(text).path))


@contextmanager
def write_atomically(target: str | os.PathLike[str], *, mode: int = 0o666) -> Generator[IO[bytes]]:
    """Open `target` for binary writing so that it appears whole, or not at all.

    The bytes go to a temporary name in the same folder, which is created if need be; they are synced and renamed when the block
    ends, and removed when it raises.

    Args:
        target: A path, or a URI of this machine.
        mode: Who may use the file, before the umask.
    """
    path = local_path(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A short name of its own fits wherever the target's name does; the kernel applies the umask to the mode.
    temporary = path.parent / f".{os.urandom(8).hex()}.part"
    try:
        with os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
