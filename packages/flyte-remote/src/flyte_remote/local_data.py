"""Files and folders of this machine that stand in literals: they go to the control plane's store, where tasks can read them.

Also those inside of dataclasses, models and other values that are written as one payload, if they were noted while it was
written (`flyte_types.noted`).
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from flyte_models.context import current_context
from flyte_models.errors import RuntimeUserError
from flyte_models.values import value
from flyte_protocol.endpoints import Endpoint
from flyte_remote.connection import connection, devbox_folder
from flyte_remote.uploads import UPLOADS_AT_ONCE, all_of, files_of, upload, upload_folder
from flyte_types.noted import noted_handles, payload_parts

if TYPE_CHECKING:
    from flyteidl2.core import literals_pb2
    from flyteidl2.task import common_pb2

__all__ = ["check_local_data", "digest_of_local_data", "named_literals", "upload_inputs", "upload_literals"]

_logger = logging.getLogger("flyte")


@value
class _Reference:
    """A place that a literal refers to."""

    where: str
    """The parameter, and the way from there to the handle: `config.files[2]`."""
    field: str
    """What of the handle has the place: `path` or `uri`."""
    uri: str
    replace: Callable[[str, str], None]
    """Takes the place in the store, and the MD5 of a file's content."""


def named_literals(
    inputs: "common_pb2.Inputs", stored: Collection[str] = ()
) -> "list[tuple[str, literals_pb2.Literal]]":
    """Give the literals of inputs by name, without those of the names in `stored`."""
    return [(pair.name, pair.value) for pair in inputs.literals if pair.name not in stored]


async def upload_inputs(
    inputs: "common_pb2.Inputs",
    *,
    project: str | None = None,
    domain: str | None = None,
    stored: Collection[str] = (),
) -> None:
    """Upload what the inputs refer to on this machine, and let them refer to the store.

    Args:
        inputs: Changed in place.
        project: Default: the configured one.
        domain: Default: the configured one.
        stored: Names of inputs that come from the control plane, and are left as they are.

    Raises:
        RuntimeUserError: There is nothing at a path; see `check_local_data`.
        RpcError: the control plane refuses.
        flyte_storage.StorageError: the store refuses, or fails for good.
    """
    await upload_literals(named_literals(inputs, stored), project=project, domain=domain)


def check_local_data(literals: "Iterable[tuple[str, literals_pb2.Literal]]") -> None:
    """Refuse literals that refer to what is not on this machine, before anything is sent.

    A path whose folder is not here either may be one in an image or of a volume: it is left as it is, with a warning.

    Raises:
        RuntimeUserError: There is nothing at a path. The error names it, and the parameter.
    """
    _local_references(literals, [], _is_kept)


async def digest_of_local_data(literals: "Iterable[tuple[str, literals_pb2.Literal]]") -> bytes:
    """Hash the content of what named literals refer to on this machine; nothing if they refer to nothing here.

    Raises:
        RuntimeUserError: As of `check_local_data`.
    """
    digest = hashlib.sha256()
    found = _local_references(literals, [], lambda _: False)
    for each, path in found:
        digest.update(f"{each.where}\0{await asyncio.to_thread(_content_digest, path)}\0".encode())
    return digest.digest() if found else b""


async def upload_literals(
    literals: "Iterable[tuple[str, literals_pb2.Literal]]", *, project: str | None = None, domain: str | None = None
) -> None:
    """Do what `upload_inputs` does with named literals. What is the same file, or has the same content and name, is sent once.

    What refers to a file gets the file's MD5 as its hash, unless it has one. What a task refers to is where other tasks find it
    already, and so is what is in the folder of this machine's devbox.
    """
    finish: list[Callable[[], None]] = []
    found = _local_references(literals, finish, _is_kept)
    if not found:
        return
    stored = await _stored({each.uri: path for each, path in found}, project, domain)
    for each, _ in found:
        each.replace(*stored[each.uri])
    for write in finish:
        write()


def _local_references(
    literals: "Iterable[tuple[str, literals_pb2.Literal]]",
    finish: list[Callable[[], None]],
    is_kept: Callable[[Path], bool],
) -> list[tuple[_Reference, Path]]:
    context = current_context()
    if context and context.is_in_cluster():
        return []
    found: list[tuple[_Reference, Path]] = []
    for name, literal in literals:
        for each in _references(literal, name, finish):
            path = _local_path(each.uri)
            if path is None or is_kept(path):
                continue
            if path.exists():
                found.append((each, path))
            elif not path.is_absolute() or path.parent.is_dir():
                raise RuntimeUserError(
                    "LocalDataNotFound",
                    f"input `{each.where}` refers to `{each.uri}`, and there is nothing at this {each.field}"
                    + ("" if path.is_absolute() else f"\nhint: the path is relative to `{Path.cwd()}`"),
                )
            else:
                _logger.warning(
                    "input `%s` refers to `%s`, which is not on this machine: it is left to the task to find it",
                    each.where,
                    each.uri,
                )
    return found


def _references(literal: "literals_pb2.Literal", where: str, finish: list[Callable[[], None]]) -> Iterator[_Reference]:
    """Yield what a literal refers to. What is in `finish` is to be called once all of it was replaced."""
    kind = literal.WhichOneof("value")
    if kind == "collection":
        for index, each in enumerate(literal.collection.literals):
            yield from _references(each, f"{where}[{index}]", finish)
    elif kind == "map":
        for key, each in literal.map.literals.items():
            yield from _references(each, f"{where}[{key!r}]", finish)
    elif kind == "scalar":
        scalar = literal.scalar
        which = scalar.WhichOneof("value")
        if which == "union":
            yield from _references(scalar.union.value, where, finish)
        elif which in ("blob", "structured_dataset"):
            yield _of_blob(literal, which, where)
        elif which == "binary" and noted_handles():
            yield from _of_payload(literal, where, finish)


def _of_blob(literal: "literals_pb2.Literal", which: str, where: str) -> _Reference:
    place = getattr(literal.scalar, which)

    def replace(uri: str, digest: str) -> None:
        place.uri = uri
        if digest and not literal.hash:
            literal.hash = digest

    return _Reference(where, "path" if which == "blob" else "uri", place.uri, replace)


def _of_payload(literal: "literals_pb2.Literal", where: str, finish: list[Callable[[], None]]) -> Iterator[_Reference]:
    handles, written = payload_parts(literal.SerializeToString())
    changed: list[bool] = []

    def write() -> None:
        if changed:
            made = type(literal).FromString(written())
            literal.scalar.binary.value = made.scalar.binary.value

    finish.append(write)
    for path, fields in handles:
        field = next(iter(fields))

        def replace(uri: str, digest: str, fields: "dict[str, object]" = fields, field: str = field) -> None:
            fields[field] = uri
            if digest and "hash" in fields and fields["hash"] is None:
                fields["hash"] = digest
            changed.append(True)

        yield _Reference(where + path, field, fields[field], replace)


def _local_path(uri: str) -> Path | None:
    if not uri or ("://" in uri and not uri.startswith("file://")):
        return None
    return Path(uri.removeprefix("file://"))


def _is_kept(path: Path) -> bool:
    """Tell whether the devbox of this machine has a path already, and is the control plane."""
    return Endpoint.of(connection().target.endpoint).is_local and path.is_relative_to(devbox_folder())


def _content_digest(path: Path) -> str:
    if path.is_file():
        return _file_digest(path)
    return "".join(f"{each.relative_to(path).as_posix()}\0{_file_digest(each)}\0" for each in files_of(path))


def _file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


async def _stored(paths: Mapping[str, Path], project: str | None, domain: str | None) -> dict[str, tuple[str, str]]:
    """Upload files and folders. Return where each is now, and the MD5 of files, by what it was called."""
    from flyte_storage.signed import content_md5  # noqa: PLC0415 - loads a client

    slots = asyncio.Semaphore(UPLOADS_AT_ONCE)
    inside: dict[str, list[Path]] = {}
    for uri, path in paths.items():
        inside[uri] = [] if await asyncio.to_thread(path.is_file) else await asyncio.to_thread(files_of, path)

    async def hashed(path: Path) -> tuple[Path, bytes]:
        async with slots:
            return path, await content_md5(path)

    every = dict.fromkeys(each for uri, path in paths.items() for each in (inside[uri] or [path] * path.is_file()))
    md5s = dict(await all_of(map(hashed, every)))

    async def file(path: Path) -> tuple[str, str]:
        async with slots:
            digest, address = await upload(path, project=project, domain=domain, md5=md5s[path])
        return address, digest

    async def folder(path: Path, root: str) -> tuple[str, str]:
        return await upload_folder(path, root, project, domain, slots=slots, md5s=md5s), ""

    # What has the same key has the same content and the same name, and goes once. A folder's place says what is in it, too: a
    # task that is deployed again has the same default.
    keys = {
        uri: _folder_root(path, inside[uri], md5s) if path.is_dir() else _file_key(path, md5s)
        for uri, path in paths.items()
    }
    once = {keys[uri]: (uri, path) for uri, path in paths.items()}
    sent = await all_of(folder(path, key) if path.is_dir() else file(path) for key, (_, path) in once.items())
    by_key = dict(zip(once, sent, strict=True))
    return {uri: by_key[key] for uri, key in keys.items()}


def _file_key(path: Path, md5s: Mapping[Path, bytes]) -> str:
    return f"{md5s[path].hex()}/{path.name}"


def _folder_root(folder: Path, files: Iterable[Path], md5s: Mapping[Path, bytes]) -> str:
    names = "".join(f"{path.relative_to(folder).as_posix()}\0{md5s[path].hex()}\0" for path in files)
    return f"{folder.name or 'folder'}-{hashlib.sha256(names.encode()).hexdigest()[:16]}"
