"""What a URI says: scheme, container, key. Joining, and the names that stores cannot hold."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from flyte_storage.errors import InvalidKeyError, redact
from flyte_storage.local import is_remote, local_path

__all__ = ["Location", "child_uri", "join", "leaf_name", "locate"]

_AZURE = frozenset(["abfs", "abfss", "az"])
_ALIASES = {"s3a": "s3", "gcs": "gs"}
_SPLIT_BY_CONTAINER = frozenset(["s3", "gs", *_AZURE])
_LAST_CONTROL = 0x1F
_DELETE = 0x7F


@dataclass(frozen=True)
class Location:
    """A place in a store."""

    scheme: str
    """Lower case; `file` for local paths, `gs` and `s3` for their aliases too."""
    container: str
    """Bucket, Azure container, or `scheme://host` of a web address; empty where the store has none."""
    key: str
    """The name in the container, as it is (not URL-encoded), without a slash at the end. A local path as text."""
    uri: str
    """What the user wrote."""
    account: str | None = None
    """The storage account, where an Azure URI names it."""
    is_folder: bool = False
    """Whether the user wrote a slash at the end."""

    @property
    def path(self) -> Path:
        """The local path; only for `file`."""
        return Path(self.key)

    @property
    def shown(self) -> str:
        """The URI without credentials."""
        return redact(self.uri)


def locate(uri: str | os.PathLike[str]) -> Location:
    """Split a URI or local path.

    Keys of `s3`, `gs`, `abfs` and `memory` are taken literally: `%20`, `?` and `#` stand for themselves, as in the tools of
    those stores. Web addresses and `file://` URIs are decoded.

    Raises:
        InvalidKeyError: when the key has empty, `.` or `..` parts or control characters, which would name another object.
    """
    text = os.fspath(uri)
    if not is_remote(text):
        return Location("file", "", str(local_path(text)), text, is_folder=text.endswith(("/", os.sep)))
    scheme, _, rest = text.partition("://")
    scheme = _ALIASES.get(scheme.lower(), scheme.lower())
    if scheme in {"http", "https"}:
        return _web(scheme, text)
    is_folder = rest.endswith("/")
    if scheme not in _SPLIT_BY_CONTAINER:
        key = rest.rstrip("/")
        if scheme == "memory":
            key = key.lstrip("/")
            _check(key, text)
        return Location(scheme, "", key, text, is_folder=is_folder)
    container, _, key = rest.partition("/")
    account = None
    if scheme in _AZURE:
        scheme = "abfs"
        container, _, host = container.partition("@")
        account = host.partition(".")[0] or None
    if not container:
        raise InvalidKeyError(f"`{text}` names no bucket or container\nhint: write `{scheme}://bucket/key`", uri=text)
    key = key.removesuffix("/")
    _check(key, text)
    if scheme == "abfs" and "\\" in key:
        raise InvalidKeyError(
            f"the key of `{text}` has a backslash, which Azure would store as a slash\nhint: rename the file", uri=text
        )
    return Location(scheme, container, key, text, account, is_folder)


def join(*paths: str) -> str:
    """Join parts as `os.path.join` does; a URI stays one."""
    return os.path.join(*paths)  # noqa: PTH118 - pathlib would fold the slashes of a URI


def child_uri(uri: str, relative: str) -> str:
    """Return the URI of `relative` below the folder `uri`."""
    return f"{uri.rstrip('/')}/{relative}"


def leaf_name(uri: str | os.PathLike[str]) -> str:
    """Return the last part of the name, or an empty text."""
    return locate(uri).key.rstrip("/").rpartition("/")[2]


def _web(scheme: str, text: str) -> Location:
    parts = urlsplit(text)
    if not parts.netloc:
        raise InvalidKeyError(f"`{redact(text)}` names no host\nhint: write `{scheme}://host/path`", uri=text)
    return Location(
        scheme, f"{scheme}://{parts.netloc}", unquote(parts.path).strip("/"), text, None, parts.path.endswith("/")
    )


def _check(key: str, uri: str) -> None:
    if not key:
        return
    for part in key.split("/"):
        if part in {"", ".", ".."}:
            raise InvalidKeyError(
                f"the key of `{uri}` has {part!r} between slashes, which the storage engine would fold into another name\n"
                "hint: remove doubled slashes, `.` and `..`",
                uri=uri,
            )
        if any(ord(letter) <= _LAST_CONTROL or ord(letter) == _DELETE for letter in part):
            raise InvalidKeyError(
                f"the key of {uri!r} has a control character, which the storage engine cannot send\nhint: rename the file",
                uri=uri,
            )
