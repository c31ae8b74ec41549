"""File, Dir and DataFrame handles with fixed locations and hashes: nothing is read or written."""

import collections
import typing
from dataclasses import dataclass, field

from pydantic import BaseModel, Field

from flyte.io import DataFrame, Dir, EmptyDir, File

from ._case import Case


@dataclass
class Holder:
    file: File
    folder: Dir
    frame: DataFrame
    files: list[File] = field(default_factory=list)
    by_name: dict[str, File] = field(default_factory=dict)
    maybe: File | None = None


class HolderModel(BaseModel):
    file: File
    folder: Dir
    frame: DataFrame
    files: list[File] = []
    maybe: Dir | None = None


FILE = File.from_existing_remote("s3://bucket/a/b.txt")
HASHED = File.from_existing_remote("s3://bucket/a/b.txt", file_cache_key="key-1")
FOLDER = Dir.from_existing_remote("s3://bucket/a/dir")
HASHED_FOLDER = Dir.from_existing_remote("s3://bucket/a/dir", dir_cache_key="key-2")
HASHED_FRAME = DataFrame(uri="s3://bucket/f", format="parquet", hash="h")
FRAME = DataFrame.from_existing_remote("s3://bucket/a/frame")

CASES = [
    Case("file-remote", File, FILE),
    Case("file-hashed", File, HASHED),
    Case("file-gs", File, File.from_existing_remote("gs://bucket/ü ?#%20.txt")),
    Case("file-local-path", File, File.from_existing_remote("/tmp/somewhere/x.bin")),
    Case("file-http", File, File.from_existing_remote("https://example.org/a?b=c")),
    Case("file-named", File, File(path="s3://bucket/x", name="other.txt")),
    Case("file-format", File, File(path="s3://bucket/x", format="csv")),
    Case("file-hash-empty", File, File(path="s3://bucket/x", hash="")),
    Case("file-typed", File[str], FILE, rejects="value", deviation="typed-handle"),
    Case("file-typed-class", File[DataFrame], FILE, rejects="value", deviation="typed-handle"),
    Case("file-list", list[File], [FILE, HASHED]),
    Case("file-dict", dict[str, File], {"b": FILE, "a": HASHED}),
    Case("file-optional", File | None, HASHED),
    Case("file-optional-none", File | None, None),
    Case("file-tuple", tuple[File, int], (HASHED, 1)),
    Case("file-from-str", File, "s3://bucket/x", rejects="value"),
    Case("file-from-none", File, None, rejects="value"),
    Case("file-from-dir", File, FOLDER, rejects="value"),
    Case("file-annotated", typing.Annotated[File, Field(description="a file")], FILE),
    Case("dir-remote", Dir, FOLDER),
    Case("dir-hashed", Dir, HASHED_FOLDER),
    Case("dir-trailing-slash", Dir, Dir.from_existing_remote("s3://bucket/a/dir/")),
    Case("dir-constructed", Dir, Dir(path="s3://bucket/d", name="n", format="f", hash="h")),
    Case("dir-empty", Dir, Dir.empty()),
    Case("dir-empty-class", Dir, EmptyDir(path="::flyte-empty-dir::")),
    Case("dir-typed", Dir[str], FOLDER, rejects="value", deviation="typed-handle"),
    Case("dir-list", list[Dir], [FOLDER, HASHED_FOLDER]),
    Case("dir-optional", Dir | None, FOLDER),
    Case("dir-from-str", Dir, "s3://bucket/x", rejects="value"),
    Case("dir-from-file", Dir, FILE, rejects="value"),
    Case("file-or-dir-file", File | Dir, FILE),
    Case("file-or-dir-dir", File | Dir, FOLDER),
    Case("file-or-str-str", File | str, "s3://bucket/x"),
    Case("file-or-frame", File | DataFrame, FILE),
    Case("frame-remote", DataFrame, FRAME),
    Case("frame-format", DataFrame, DataFrame.from_existing_remote("s3://bucket/f", format="csv")),
    Case("frame-hashed", DataFrame, DataFrame(uri="s3://bucket/f", format="parquet", hash="h")),
    Case("frame-no-uri", DataFrame, DataFrame(), rejects="value"),
    Case("frame-columns", typing.Annotated[DataFrame, collections.OrderedDict(a=int, b=str, c=float)], FRAME),
    Case(
        "frame-columns-nested",
        typing.Annotated[DataFrame, collections.OrderedDict(a=list[int], b=dict[str, float])],
        FRAME,
    ),
    Case("frame-annotated-format", typing.Annotated[DataFrame, "csv"], FRAME),
    Case("frame-columns-format", typing.Annotated[DataFrame, collections.OrderedDict(a=int), "csv"], FRAME),
    Case("frame-annotated-description", typing.Annotated[DataFrame, Field(description="table")], FRAME, rejects="type"),
    Case("frame-list", list[DataFrame], [FRAME]),
    Case("frame-optional", DataFrame | None, FRAME),
    Case("frame-from-str", DataFrame, "s3://bucket/f", rejects="value"),
    Case("handles-dataclass", Holder, Holder(HASHED, HASHED_FOLDER, FRAME, [FILE], {"z": FILE, "a": HASHED}, FILE)),
    Case("handles-dataclass-defaults", Holder, Holder(FILE, FOLDER, FRAME)),
    Case("handles-dataclass-hashed-frame", Holder, Holder(FILE, FOLDER, HASHED_FRAME)),
    Case("handles-tuple-hashed-frame", tuple[DataFrame, Dir], (HASHED_FRAME, HASHED_FOLDER)),
    Case("handles-model", HolderModel, HolderModel(file=HASHED, folder=HASHED_FOLDER, frame=FRAME, files=[FILE])),
    Case("handles-model-maybe", HolderModel, HolderModel(file=FILE, folder=FOLDER, frame=FRAME, maybe=FOLDER)),
]
