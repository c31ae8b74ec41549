"""Places for data: the raw data prefix of an action, rewrites of input URIs, checkpoint URIs.

Paths are text here, and `pathlib` is not imported: it would cost as much as the rest of the package.
"""

# ruff: noqa: PTH100, PTH103, PTH120

import os

from flyte_models.values import light_dataclass

__all__ = ["CheckpointPaths", "PathRewrite", "RawDataPath"]


@light_dataclass()
class PathRewrite:
    """Replaces a prefix of the blob URIs among an action's inputs, so that a mounted copy is read instead.

    Raises:
        ValueError: A prefix is empty, or both are the same.
    """

    old_prefix: str
    new_prefix: str

    def __post_init__(self) -> None:
        if not self.old_prefix or not self.new_prefix:
            raise ValueError(f"a path rewrite needs two prefixes, got {self.old_prefix!r} and {self.new_prefix!r}")
        if self.old_prefix == self.new_prefix:
            raise ValueError(f"a path rewrite needs two different prefixes, got {self.old_prefix!r} twice")

    @classmethod
    def from_str(cls, pattern: str) -> "PathRewrite":
        """Read `old->new`.

        Raises:
            ValueError: The pattern has not exactly one `->`, or a prefix is empty.
        """
        parts = pattern.split("->")
        if len(parts) != 2:
            raise ValueError(f"a path rewrite is written `old->new`, got {pattern!r}")
        return cls(parts[0], parts[1])


@light_dataclass(frozen=True, kw_only=True)
class RawDataPath:
    """The prefix under which an action stores files, folders and frames that are too large to stand in its outputs."""

    path: str
    """A URI or a local folder."""
    path_rewrite: PathRewrite | None = None

    @classmethod
    def from_local_folder(cls, local_folder: str | os.PathLike[str] | None = None) -> "RawDataPath":
        """Use a local folder; without one, a new temporary folder, which the caller owns.

        Raises:
            ValueError: The argument is not a path.
        """
        if local_folder is None:
            import tempfile  # noqa: PLC0415  # costly, and hardly ever needed

            return cls(path=tempfile.mkdtemp(prefix="flyte-raw-"))
        if isinstance(local_folder, os.PathLike):
            folder = os.fspath(local_folder)
            os.makedirs(folder, exist_ok=True)
            return cls(path=folder)
        if isinstance(local_folder, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            return cls(path=local_folder)
        raise ValueError(f"a local folder is a path, got {local_folder!r}")

    def get_random_remote_path(self, file_name: str | None = None) -> str:
        """Make a new path under the prefix: `<path>/<32 hexadecimal digits>[/<file name>]`.

        Under a local prefix the path is absolute and its folder is made, so that a program can open a file there at once. Under a
        URI nothing is touched.
        """
        prefix = self.path.removeprefix("file://")
        is_local = "://" not in prefix
        if is_local:
            prefix = os.path.abspath(prefix)
        path = f"{prefix.rstrip('/')}/{os.urandom(16).hex()}"
        if file_name:
            path = f"{path}/{file_name}"
        if is_local:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        return path


@light_dataclass(frozen=True)
class CheckpointPaths:
    """Where an attempt reads the checkpoint of the one before, and where it writes its own."""

    prev_checkpoint_path: str | None
    checkpoint_path: str | None
