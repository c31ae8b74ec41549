"""What a bundle is asked for, and what comes of it before it is uploaded."""

import base64
from pathlib import Path
from typing import Literal, TypeAlias

from flyte_models.bundles import CodeBundle
from flyte_models.values import value

CopyStyle: TypeAlias = Literal["loaded_modules", "all", "none", "custom"]
"""Which files are bundled: those of imported modules, all under the root, none, or those that are listed."""

VERSION_LENGTH = 32
"""Hexadecimal digits of a version: 128 bits, and short enough for a label of Kubernetes."""


@value
class Include:
    """Files, folders and globs that an environment wants beside its modules."""

    declared_in: Path
    """The file that declares the environment; patterns are relative to its folder."""
    patterns: tuple[str, ...]


@value
class BundleRequest:
    """What to bundle."""

    root: Path
    """The folder that names in the bundle are relative to."""
    copy_style: CopyStyle = "loaded_modules"
    version: str | None = None
    """Needed with `none`; otherwise the version is computed from the files."""
    paths: tuple[str, ...] = ()
    """With `custom`: files and folders below the root."""
    includes: tuple[Include, ...] = ()
    destination: str = "."
    """The folder that the code is unpacked into, in the container."""


@value
class LocalBundle:
    """A bundle on this machine, ready to be uploaded."""

    kind: Literal["tgz", "pkl"]
    path: Path
    version: str
    """Computed from names, executable bits and contents, whatever the compression; for a pickled task from its bytes."""
    md5: str
    """Of the file at `path`, in hexadecimal."""
    size: int
    """Of the file at `path`, in bytes."""
    files: tuple[str, ...] = ()
    """Names in the bundle."""
    destination: str = "."

    @property
    def content_md5(self) -> str:
        """The MD5 as the header `Content-MD5` wants it."""
        return base64.b64encode(bytes.fromhex(self.md5)).decode("ascii")

    def stored_at(self, uri: str) -> CodeBundle:
        """Give the reference that goes into a task: this bundle, stored at `uri`."""
        return CodeBundle(
            computed_version=self.version,
            destination=self.destination,
            tgz=uri if self.kind == "tgz" else None,
            pkl=uri if self.kind == "pkl" else None,
            files=list(self.files) or None,
        )
