"""A program whose tasks read files that stand inside other values."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypedDict

from pydantic import BaseModel

import flyte
from flyte.io import DataFrame, Dir, File

FOLDER = Path(os.environ.get("NESTED_FILES", "/nowhere/at/all"))
env = flyte.TaskEnvironment("nested_files")
deployed = flyte.TaskEnvironment("nested_defaults")


@dataclass
class Config:
    n: float
    files: list[File]
    folder: Dir | None = None
    named: dict[str, File] = field(default_factory=dict)


class Model(BaseModel):
    file: File
    maybe: File | None = None
    inner: list["Model"] = []


class Pair(NamedTuple):
    left: File
    right: int


class Keys(TypedDict):
    file: File


@dataclass
class Lookalike:
    path: str
    name: str | None
    format: str
    hash: str | None


async def words(file: File) -> str:
    assert Path(file.path).is_file()
    async with file.open("rb") as stream:
        return bytes(await stream.read()).decode()


@env.task
async def dataclass_words(config: Config) -> list[str]:
    found = [await words(each) for each in (*config.files, *config.named.values())]
    if config.folder is not None:
        found += sorted([await words(each) async for each in config.folder.walk()])
    return found


@env.task
async def model_words(model: Model) -> list[str]:
    found = [await words(each) for each in (model.file, model.maybe) if each is not None]
    return found + [line for each in model.inner for line in await model_words.func(each)]


@env.task
async def other_words(
    pair: Pair, keys: Keys, either: Config | int, listed: list[Model], mapped: dict[str, list[File]]
) -> list[str]:
    assert isinstance(either, Config)
    files = [pair.left, keys["file"], *either.files, *(each.file for each in listed), *mapped["a"]]
    return [await words(each) for each in files]


@dataclass
class Frames:
    made: DataFrame
    stored: DataFrame


@env.task
async def frame_sums(frames: Frames) -> list[int]:
    import pandas as pd  # costs the other tasks seconds

    return [int((await each.open(pd.DataFrame).all())["x"].sum()) for each in (frames.made, frames.stored)]


@env.task
async def lookalike(config: Config, other: Lookalike) -> str:
    return other.path


@env.task
async def default_words(config: Config = Config(1, [File(path=str(FOLDER / "one.txt"))])) -> list[str]:
    return [await words(each) for each in config.files]


@deployed.task(
    triggers=tuple(
        flyte.Trigger(
            name,
            flyte.Cron("0 0 1 1 *"),
            inputs={"config": Config(2, [File(path=str(FOLDER / "two.txt"))])},
            auto_activate=False,
        )
        for name in ("now_and_then", "seldom")
    )
)
async def deployed_words(
    config: Config = Config(1, [], Dir(path=str(FOLDER / "inner"))), file: File = File(path=str(FOLDER / "one.txt"))
) -> list[str]:
    return [*await dataclass_words.func(config), await words(file)]
