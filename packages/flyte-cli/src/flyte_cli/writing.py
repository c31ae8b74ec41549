"""Files that commands write: whole or not at all."""

import os
import tempfile
from pathlib import Path


def write_file(path: Path, text: str) -> None:
    """Write a text file under a temporary name, then rename it; folders above it are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
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
