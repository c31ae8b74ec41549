"""Folders and copies between a local path and a URI: the one place that handles of files, folders and frames go through.

This is the blocking face, and all of the local one; `async_tree` has the coroutines, which this runs where an end is on a store.
"""

# ruff: noqa: PTH100, PTH102, PTH103, PTH104, PTH105, PTH110, PTH112, PTH113, PTH115, PTH120, PTH121, PTH208  # names are text here

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import IO, Any
from urllib.parse import quote

from flyte_storage.local import LocalFile, is_remote, local_path, write_atomically

__all__ = [
    "copy_file",
    "copy_folder",
    "is_file",
    "is_folder",
    "is_same",
    "join",
    "list_files",
    "open_reader",
    "open_writer",
]

_CHUNK = 1 << 20


def is_file(uri: str) -> bool:
    """Tell whether there is a file at `uri`."""
    if is_remote(uri):
        return _on_store("is_file", uri)
    return local_path(uri).is_file()


def is_folder(uri: str) -> bool:
    """Tell whether there is a folder at `uri`: in a store, whether there is anything below it."""
    if is_remote(uri):
        return _on_store("is_folder", uri)
    return local_path(uri).is_dir()


def join(uri: str, name: str) -> str:
    """Name something below a folder: `name` is taken as it is, whatever characters it has.

    It is quoted where URIs are: on `file://` and the web. Stores take their keys literally.
    """
    if uri.startswith(("file://", "http://", "https://")):
        name = quote(name)
    return f"{uri.rstrip('/') or '/'}/{name}" if uri.rstrip("/") else f"/{name}"


def open_reader(uri: str, *, read_ahead: int | None = None) -> IO[bytes]:
    """Open a file for binary reading.

    Args:
        uri: The file.
        read_ahead: How many bytes a store is asked for at once.

    Raises:
        FileNotFoundError: There is none.
    """
    if is_remote(uri):
        from flyte_storage.blocking import open_sync  # noqa: PLC0415 - obstore loads with the first URI of a store

        return open_sync(uri, read_ahead=read_ahead)
    return LocalFile(uri).open()


def open_writer(
    uri: str, *, size_hint: int | None = None, part_bytes: int | None = None
) -> AbstractContextManager[IO[bytes]]:
    """Open a file for binary writing: it appears whole when the block ends, or not at all when it raises.

    Args:
        uri: The file.
        size_hint: For stores: the expected size in bytes.
        part_bytes: For stores: the smallest part of an upload in bytes.
    """
    if is_remote(uri):
        from flyte_storage.blocking import open_sync  # noqa: PLC0415 - as above

        return open_sync(uri, "wb", size_hint=size_hint, chunk_size=part_bytes)
    return write_atomically(uri)


def list_files(uri: str, *, max_depth: int | None = None) -> Iterator[str]:
    """Name the files below a folder: those of one folder sorted by name, then those of its sub-folders.

    Links are followed, but not into a folder that is being listed already; links to nothing are left out.

    Args:
        uri: The folder; nothing is named if there is none.
        max_depth: 1 for the files of the folder itself, 2 for those of its sub-folders too, and so on.
    """
    if is_remote(uri):
        from flyte_storage import async_tree  # noqa: PLC0415 - as above
        from flyte_storage.loop import LOOP  # noqa: PLC0415 - as above

        yield from LOOP.iterate(async_tree.list_files(uri, max_depth=max_depth))
        return
    root = str(local_path(uri))
    yield from _list(root, uri, max_depth, (os.path.realpath(root),))


def _list(folder: str, uri: str, depth: int | None, above: tuple[str, ...]) -> Iterator[str]:
    try:
        names = sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    folders: list[str] = []
    for name in names:
        path = f"{folder}/{name}"
        if os.path.isfile(path):
            yield join(uri, name)
        elif os.path.isdir(path):
            folders.append(name)
    if depth is not None and depth <= 1:
        return
    for name in folders:
        path = f"{folder}/{name}"
        real = os.path.realpath(path)
        if real not in above:
            yield from _list(path, join(uri, name), None if depth is None else depth - 1, (*above, real))


def copy_file(source: str, target: str, *, part_bytes: int | None = None, concurrency: int | None = None) -> None:
    """Copy one file; the target appears whole. A file copied onto itself stays as it is.

    Args:
        source: The file.
        target: Its copy.
        part_bytes: For stores: the smallest part of an upload in bytes.
        concurrency: For stores: how many parts are under way at once.

    Raises:
        FileNotFoundError: There is no source.
    """
    if is_remote(source) or is_remote(target):
        _on_store("copy_file", source, target, part_bytes=part_bytes, concurrency=concurrency)
        return
    if is_same(source, target):
        return
    with open_reader(source) as stream, open_writer(target) as sink:
        while chunk := stream.read(_CHUNK):
            sink.write(chunk)


def copy_folder(
    source: str,
    target: str,
    *,
    files_at_once: int | None = None,
    part_bytes: int | None = None,
    concurrency: int | None = None,
) -> None:
    """Copy a folder with its sub-folders, empty ones too; links are copied as what they point at.

    A local target that is not there yet appears whole. Into one that is, the files are moved one by one, each whole. In a store
    each file appears whole, and folders without a file are not kept.

    Args:
        source: The folder.
        target: Its copy.
        files_at_once: For stores: how many files are under way at once.
        part_bytes: For stores: the smallest part of an upload in bytes.
        concurrency: For stores: how many parts of a file are under way at once.

    Raises:
        FileNotFoundError: There is no source, or a link in it points at nothing.
        NotADirectoryError: The source is not a folder.
        ValueError: The target is in the source, or the source has a link to a folder around it.
    """
    if is_remote(source) or is_remote(target):
        options = {"files_at_once": files_at_once, "part_bytes": part_bytes, "concurrency": concurrency}
        _on_store("copy_folder", source, target, **options)
        return
    if is_same(source, target):
        return
    import shutil  # noqa: PLC0415 - slow to import, and only copies of folders need it

    root, goal = str(local_path(source)), os.path.abspath(local_path(target))
    if not os.path.isdir(root):
        error = NotADirectoryError if os.path.exists(root) else FileNotFoundError
        raise error(f"there is no folder at `{source}`")
    if f"{os.path.realpath(goal)}/".startswith(f"{os.path.realpath(root)}/"):
        raise ValueError(f"the folder `{source}` cannot be copied into itself, to `{target}`")
    os.makedirs(os.path.dirname(goal), exist_ok=True)
    staged = f"{os.path.dirname(goal)}/.{os.urandom(8).hex()}.part"
    try:
        _copy_tree(root, staged, (os.path.realpath(root),))
        if os.path.lexists(goal):
            _move_into(staged, goal)
        else:
            os.rename(staged, goal)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _copy_tree(folder: str, target: str, above: tuple[str, ...]) -> None:
    import shutil  # noqa: PLC0415 - as above

    os.mkdir(target)
    for name in os.listdir(folder):
        path = f"{folder}/{name}"
        if os.path.isdir(path):
            real = os.path.realpath(path)
            if real in above:
                raise ValueError(f"`{path}` is a link to a folder around it, which cannot be copied")
            _copy_tree(path, f"{target}/{name}", (*above, real))
        elif os.path.exists(path):
            shutil.copyfile(path, f"{target}/{name}")
        else:
            raise FileNotFoundError(f"`{path}` is a link to `{os.readlink(path)}`, where there is nothing")


def _move_into(staged: str, goal: str) -> None:
    if not os.path.isdir(goal):
        raise NotADirectoryError(f"`{goal}` is a file, and a folder is expected")
    for name in os.listdir(staged):
        path, place = f"{staged}/{name}", f"{goal}/{name}"
        if os.path.isdir(path) and os.path.lexists(place):
            _move_into(path, place)
        else:
            os.replace(path, place)


def is_same(source: str, target: str) -> bool:
    """Tell whether two paths or URIs name one file or folder; a local one that is there."""
    if is_remote(source) or is_remote(target):
        return is_remote(source) and is_remote(target) and _place(source) == _place(target)
    try:
        return os.path.samefile(local_path(source), local_path(target))
    except FileNotFoundError:
        return False


def _place(uri: str) -> tuple[str, ...]:
    from flyte_storage.uris import locate  # noqa: PLC0415 - not for local paths

    found = locate(uri)
    return found.scheme, found.account or "", found.container, found.key, uri.partition("?")[2]


def _on_store(verb: str, *places: str, **options: Any) -> Any:
    from flyte_storage import async_tree  # noqa: PLC0415 - obstore loads with the first URI of a store
    from flyte_storage.loop import LOOP  # noqa: PLC0415 - as above

    return LOOP.run(getattr(async_tree, verb)(*places, **options))
