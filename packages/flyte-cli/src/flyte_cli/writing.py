"""Files that commands write: whole or not at all."""

import os
import tempfile
from pathlib import Path

import click


def write_file(path: Path, text: str) -> None:
    """Write a text file under a temporary name, then rename it; folders above it are made.

    Raises:
        click.UsageError: It cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, text)
    except OSError as error:
        reason = error.strerror or str(error)
        raise click.UsageError(f"`{path}` cannot be written: {reason}\nhint: name another file") from None


def _replace(path: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
