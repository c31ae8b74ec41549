"""New local places, and where a task's data goes when the caller names no target."""

import os
from pathlib import Path
from uuid import uuid4

from flyte_models.context import current_context
from flyte_storage.uris import leaf_name

__all__ = ["get_random_local_directory", "get_random_local_path", "raw_data_uri"]


def get_random_local_path(file_path_or_file_name: Path | str | None = None) -> Path:
    """Return a new path in a new temporary folder, which keeps the last part of the given name.

    The file is not created, its folder is.
    """
    folder = get_random_local_directory()
    if file_path_or_file_name is None:
        return folder
    folder.mkdir(parents=True)
    return folder / (leaf_name(_as_text(file_path_or_file_name)) or uuid4().hex)


def get_random_local_directory() -> Path:
    """Return a new path in a new temporary folder; the path itself is not created."""
    import tempfile  # noqa: PLC0415 - as in `local`

    return Path(tempfile.mkdtemp(prefix="flyte-tmp-")) / uuid4().hex


def raw_data_uri(name: str | None = None) -> str:
    """Return a new URI below the raw data of the running task.

    Raises:
        ValueError: outside of a task.
    """
    context = current_context()
    if not context:
        raise ValueError(
            "no target was named, and no task is running whose raw data it could join\n"
            "hint: pass `to_path`, for example `s3://bucket/key`, or call this inside a task"
        )
    return context.raw_data_path.get_random_remote_path(file_name=name)


def _as_text(name: Path | str) -> str:
    return os.fspath(name)
