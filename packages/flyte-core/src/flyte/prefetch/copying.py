"""From the Hub into a store: several files at a time, none whole in memory, and what is there already left as it is.

A record beside the files says what was fetched, and whether that is all. It is written before the first file and after the last,
so that whoever looks knows a half copy from a whole one, and the next attempt goes on where this one was ended.
"""

import asyncio
import dataclasses
import json
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import field
from typing import Any, cast

from flyte.prefetch.hub import WHOLE_ATTEMPTS, DamagedFileError, Hub, HubFile, Snapshot
from flyte_models.values import value
from flyte_storage import ObjectNotFoundError, StorageError, delete, get_stream, list_objects, put_stream
from flyte_storage.transfer import run_all

__all__ = ["RECORD_NAME", "CopyRecord", "Tell", "copy_repository", "read_record", "write_record"]

RECORD_NAME = ".flyte-prefetch.json"
"""The record's name, beside the files of the model."""
Tell = Callable[[str], None]

_logger = logging.getLogger("flyte")

_FILES_AT_ONCE = 4
_SAVE_SECONDS = 2.0
_TELL_SECONDS = 10.0


@value
class CopyRecord:
    """What is in a folder: of which repository, at which commit, and whether it is all."""

    repo: str
    commit: str
    force: int = 0
    """What `force` was when the copy was begun: another number begins it anew."""
    shards: str = ""
    """How the model was cut, as JSON; nothing for a plain copy."""
    is_complete: bool = False
    files: dict[str, str] = field(default_factory=dict[str, str])
    """Digests, as of `HubFile`, of the files that are there."""

    def is_of_same_copy(self, other: "CopyRecord") -> bool:
        """Tell whether files of the one can stand for files of the other."""
        return (self.repo, self.force, self.shards) == (other.repo, other.force, other.shards)


def _within(place: str, name: str) -> str:
    return f"{place.rstrip('/')}/{name}"


async def read_record(place: str) -> CopyRecord | None:
    """Read the record of a folder; None if there is none that can be read."""
    try:
        content = b"".join([piece async for piece in get_stream(_within(place, RECORD_NAME))])
    except (ObjectNotFoundError, FileNotFoundError):
        return None
    try:
        found: Any = json.loads(content)
        files = cast("dict[str, Any]", found["files"])
        return CopyRecord(
            repo=str(found["repo"]),
            commit=str(found["commit"]),
            force=int(found["force"]),
            shards=str(found["shards"]),
            is_complete=bool(found["is_complete"]),
            files={str(name): str(digest) for name, digest in files.items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        # Of a version to come, or of somebody else: what is there is not known.
        return None


async def write_record(place: str, record: CopyRecord) -> None:
    """Write the record of a folder."""
    content = json.dumps(dataclasses.asdict(record), indent=1).encode()
    await put_stream(content, to_path=_within(place, RECORD_NAME))


async def copy_repository(hub: Hub, snapshot: Snapshot, place: str, *, force: int = 0, tell: Tell = print) -> int:
    """Bring all files of a repository into a folder.

    Files that an earlier copy has left there, with the content they are to have, stay; those that it left and the repository has
    no more are deleted. Files that no copy has made are overwritten by one of the same name, and otherwise left.

    Args:
        hub: Where from.
        snapshot: What.
        place: Path or URI of the folder.
        force: A number; another than last time fetches all again.
        tell: Is told how far it is, in lines, every ten seconds.

    Returns:
        How many files were fetched.

    Raises:
        RuntimeUserError: A file could not be fetched.
        StorageError: The store refused it, or could not be reached.
    """
    wanted = CopyRecord(repo=snapshot.repo, commit=snapshot.commit, force=force)
    earlier = await read_record(place)
    there = await _there(place)
    kept: dict[str, str] = {}
    if earlier is not None and earlier.is_of_same_copy(wanted):
        kept = {
            each.name: each.digest
            for each in snapshot.files
            if each.digest and earlier.files.get(each.name) == each.digest and there.get(each.name) == each.size
        }
    missing = [each for each in snapshot.files if each.name not in kept]
    stale = sorted(set(earlier.files) - {each.name for each in snapshot.files}) if earlier is not None else []
    wanted = dataclasses.replace(wanted, files=kept)
    is_whole = earlier is not None and earlier.is_complete and earlier.commit == snapshot.commit
    if is_whole and not missing and not stale:
        tell(f"all {len(snapshot.files)} files of {snapshot.repo} are there already: {place}")
        return 0
    await write_record(place, wanted)
    for name in stale:
        if name in there:
            await delete(_within(place, name))
    if kept:
        tell(f"{len(kept)} of {len(snapshot.files)} files of {snapshot.repo} are there already")
    # Large files first: the last to end is then a short one.
    missing.sort(key=lambda each: -each.size)
    async with _saving(place, wanted), _telling(missing, tell) as told:

        async def fetch(file: HubFile) -> None:
            await _fetch(hub, snapshot, file, place, told)
            wanted.files[file.name] = file.digest

        await run_all([fetch(each) for each in missing], _FILES_AT_ONCE)
    await write_record(place, dataclasses.replace(wanted, is_complete=True))
    return len(missing)


async def _there(place: str) -> dict[str, int]:
    """Give the sizes of the files of a folder by their name below it."""
    root = f"{place.rstrip('/')}/"
    found: dict[str, int] = {}
    async for uri, info in list_objects(place):
        found[uri.removeprefix("file://").removeprefix(root.removeprefix("file://"))] = info.size
    return found


async def _fetch(hub: Hub, snapshot: Snapshot, file: HubFile, place: str, told: "_Told") -> None:
    """Bring one file into the folder; it appears when all of it is there and right."""
    for attempt in range(1, WHOLE_ATTEMPTS + 1):
        try:
            source = told.counted(hub.pieces(snapshot, file))
            await put_stream(source, to_path=_within(place, file.name), size_hint=file.size)
        except DamagedFileError:
            if attempt == WHOLE_ATTEMPTS:
                raise
        else:
            break
    told.files += 1


@asynccontextmanager
async def _saving(place: str, record: CopyRecord) -> AsyncGenerator[None]:
    """Write the record of the folder while files are added to it: every two seconds, and at the end whatever ends it."""
    saved = len(record.files)

    async def save() -> None:
        nonlocal saved
        count = len(record.files)
        if count > saved:
            await write_record(place, record)
            saved = count

    async def beat() -> None:
        while True:
            await asyncio.sleep(_SAVE_SECONDS)
            try:
                await save()
            except StorageError as error:
                # The copy itself meets a store that is gone, and ends with its error; the record is tried again.
                _logger.warning("the record of %s could not be written: %s", place, error)

    beating = asyncio.ensure_future(beat())
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        await save()


class _Told:
    """How far a copy is."""

    def __init__(self) -> None:
        self.files = self.bytes = 0

    async def counted(self, source: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        try:
            async for piece in source:
                self.bytes += len(piece)
                yield piece
        finally:
            await source.aclose()


@asynccontextmanager
async def _telling(files: list[HubFile], tell: Tell) -> AsyncGenerator[_Told]:
    """Tell every ten seconds how far a copy is, and at its end."""
    told, began, total = _Told(), time.monotonic(), sum(each.size for each in files)

    def line() -> str:
        seconds = time.monotonic() - began
        return (
            f"{told.files} of {len(files)} files, {_size(told.bytes)} of {_size(total)}, "
            f"{_size(int(told.bytes / max(seconds, 0.1)))}/s"
        )

    async def heartbeat() -> None:
        while True:
            await asyncio.sleep(_TELL_SECONDS)
            tell(line())

    beating = asyncio.ensure_future(heartbeat())
    try:
        yield told
        tell(line())
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)


def _size(count: int) -> str:
    """Write a number of bytes for people."""
    amount, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
