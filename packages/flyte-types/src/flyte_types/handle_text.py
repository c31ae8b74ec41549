"""Texts of the command line as files, folders and frames: a local path, or a URI that is taken as it is."""

import os
import typing
from collections.abc import Mapping
from typing import Any, cast

from flyte_storage import is_remote, local_path, tree
from flyte_types.dataframe.conversion import load_frame, run_blocking
from flyte_types.dataframe.handle import DataFrame
from flyte_types.dataframe.lookup import CSV, PARQUET, is_frame_type
from flyte_types.dataframe.spec import FrameSpec, StoredFrame, spec_of
from flyte_types.dir import Dir
from flyte_types.file import File
from flyte_types.handle import Handle

__all__ = ["is_handle_type", "parse_handle", "read_handle"]


def is_handle_type(t: Any) -> bool:
    """Tell whether values of a type are files, folders or frames."""
    kind = _class_of(t)
    return (isinstance(kind, type) and issubclass(kind, Handle)) or is_frame_type(kind)


def parse_handle(text: str, t: Any) -> Any:
    """Convert a path or URI to a handle, or to the frame that is there.

    Raises:
        ValueError: There is nothing at a local path, or a folder instead of a file, or the other way round.
    """
    kind = _class_of(t)
    if isinstance(kind, type) and issubclass(kind, File):
        return File[Any](path=text if is_remote(text) else _existing(text, "file"))
    if isinstance(kind, type) and issubclass(kind, Dir):
        return Dir[Any](path=text if is_remote(text) else _existing(text, "folder"))
    _, spec, _ = spec_of(t)
    uri = text if is_remote(text) else _existing(text, "frame")
    file_format = spec.format or _format_of(uri)
    if kind is DataFrame:
        return DataFrame(uri=uri, format=file_format)
    return run_blocking(load_frame(StoredFrame(uri, FrameSpec(spec.columns, file_format)), cast("type[Any]", kind)))


def read_handle(data: Any, t: Any) -> Any:
    """Convert plain JSON data to a handle: a path or URI, or a dict of its fields.

    Raises:
        ValueError: It is neither, or there is nothing at the path.
    """
    kind = _class_of(t)
    if isinstance(data, str):
        return parse_handle(data, t)
    if isinstance(data, Mapping) and issubclass(kind, Handle):
        return kind.from_fields(cast("Mapping[str, Any]", data))
    raise ValueError(f"{data!r:.80} is not a path, and not a `{kind.__name__}`")


def _class_of(t: Any) -> Any:
    if typing.get_origin(t) is typing.Annotated:
        t = typing.get_args(t)[0]
    return typing.get_origin(t) or t


def _existing(text: str, kind: str) -> str:
    path = str(local_path(text))
    if kind != "folder" and tree.is_file(path):
        return os.path.abspath(path)  # noqa: PTH100  # kept as it is written, but for the working directory
    if kind != "file" and tree.is_folder(path):
        return os.path.abspath(path)  # noqa: PTH100  # as above
    if tree.is_folder(path) or tree.is_file(path):
        found = "folder" if kind == "file" else "file"
        raise ValueError(f"`{text}` is a {found}, and a {kind} is expected")
    raise ValueError(f"{kind} not found: `{text}`\nhint: the path is relative to `{os.getcwd()}`")  # noqa: PTH109


def _format_of(uri: str) -> str:
    names = [uri] if is_remote(uri) or tree.is_file(uri) else list(tree.list_files(uri, max_depth=1))
    return CSV if names and all(name.lower().endswith(".csv") for name in names) else PARQUET
