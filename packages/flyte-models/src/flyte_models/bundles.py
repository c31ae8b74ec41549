"""References to bundled code: what a container downloads before it can load a task."""

from dataclasses import replace
from typing import TYPE_CHECKING

from flyte_models.values import light_dataclass

if TYPE_CHECKING:
    # Costly to import, and seldom needed by whoever needs a bundle.
    from pathlib import Path

__all__ = ["CodeBundle"]


@light_dataclass(frozen=True, kw_only=True)
class CodeBundle:
    """Where a task's code is stored, and the version computed from it.

    Raises:
        ValueError: Neither `tgz` nor `pkl` is given.
    """

    computed_version: str
    destination: str = "."
    """The folder that the code is unpacked into, in the container."""
    tgz: str | None = None
    """URI of an archive of the source files."""
    pkl: str | None = None
    """URI of a pickled task."""
    downloaded_path: "Path | None" = None
    """Where the bundle stands on this machine, once it was downloaded."""
    files: list[str] | None = None
    """The files of the archive, where they are known."""

    def __post_init__(self) -> None:
        if self.tgz is None and self.pkl is None:
            raise ValueError("a code bundle is an archive or a pickled task: pass the URI as `tgz` or `pkl`")

    def with_downloaded_path(self, path: "Path") -> "CodeBundle":
        """Give the same bundle, knowing where it was downloaded to."""
        return replace(self, downloaded_path=path)
