"""Tasks that publish what they make."""

from datetime import date
from pathlib import Path

import flyte
from flyte.artifacts import Card, Metadata, new, produces
from flyte.io import File

env = flyte.TaskEnvironment("making_artifacts")


@env.task(produces_artifacts=True)
async def make(region: str, content: str) -> File:
    file = File.new_remote("made.txt")
    Path(file.path).parent.mkdir(parents=True, exist_ok=True)
    Path(file.path).write_text(content)
    return new(
        file, Metadata(name="made", description="by a task", partitions={"region": region, "day": date(2026, 1, 2)})
    )


@env.task
async def plain(content: str) -> File:
    file = File.new_remote("plain.txt", hash_method=content)
    Path(file.path).parent.mkdir(parents=True, exist_ok=True)
    Path(file.path).write_text(content)
    return file


@env.task(produces_artifacts=True)
async def parent(content: str) -> str:
    with produces(o0=Metadata(name="by_parent", version="one")):
        file = await plain(content)
    return file.path


@env.task(produces_artifacts=True)
async def by_content(content: str) -> File:
    return new(await plain(content), Metadata(name="by_hash", version_from_content=True))


@env.task
async def use(file: File) -> str:
    return Path(file.path).read_text()


@env.task
async def described(content: str) -> str:
    return (await Card.create_from.aio(content=content, format="md")).uri
