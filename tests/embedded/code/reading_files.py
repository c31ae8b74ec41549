"""Tasks that read files."""

from datetime import datetime
from pathlib import Path

import flyte
from flyte.io import Dir, File

env = flyte.TaskEnvironment("reading_files")


@env.task
def read(file: File) -> str:
    return Path(file.path).read_text()


@env.task
def read_of(file: File, where: str, day: datetime) -> str:
    return f"{where}, {day:%-d %B}: {Path(file.path).read_text()}"


@env.task
def read_all(files: list[File]) -> str:
    return "".join(Path(file.path).read_text() for file in files)


@env.task
def read_some(files: dict[str, File]) -> str:
    return "".join(Path(file.path).read_text() for file in files.values())


@env.task
def count(folder: Dir) -> int:
    return len(list(Path(folder.path).iterdir()))
