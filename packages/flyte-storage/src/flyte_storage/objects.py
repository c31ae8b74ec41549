"""Object stores over obstore: S3, Google, Azure, web servers, memory. The only module that imports obstore."""

import asyncio
import contextlib
import json
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import AzureStore, GCSStore, HTTPStore, MemoryStore, S3Store

from flyte_storage.busy import BusyError, BusyServer
from flyte_storage.errors import (
    IntegrityError,
    InvalidKeyError,
    ObjectNotFoundError,
    StorageError,
    StoragePermissionError,
    StorageTimeoutError,
    redact,
)
from flyte_storage.exit import guard_exit
from flyte_storage.limits import Limits
from flyte_storage.profiles import aws_options
from flyte_storage.retries import again
from flyte_storage.settings import ABFS, S3, Storage
from flyte_storage.store import ObjectInfo, Reading
from flyte_storage.uris import Location

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

__all__ = ["ObstoreStore", "open_store"]

T = TypeVar("T")

_PIECE_BYTES = 512 * 1024
_DENIED = re.compile(
    r"\b(401|403)\b|AccessDenied|SignatureDoesNotMatch|InvalidAccessKeyId|AuthenticationFailed|credential",
    re.IGNORECASE,
)
_NO_BUCKET = re.compile(r"NoSuchBucket|ContainerNotFound|The specified bucket does not exist", re.IGNORECASE)
_STATUS = re.compile(r"status code: ?([0-9]{3})\b")
_RETRIED_STATUS = frozenset([408, 425, 429, 500, 502, 503, 504])
_URL = re.compile(r"Error performing [A-Z]+ (https?://[^\s]+) in ")
_LOGIN = re.compile(r"//[^/@]*@")
_TIMED_OUT = re.compile(r"timed ?out|deadline", re.IGNORECASE)
_MEMORY = MemoryStore()
"""What `memory://` names: one store per process, as with fsspec."""


def open_store(location: Location, storage: Storage, limits: Limits, *, anonymous: bool) -> "ObstoreStore":
    """Build the store that a location names; nothing is sent yet."""
    guard_exit()
    try:
        return ObstoreStore(
            _engine(location, storage, limits, anonymous=anonymous, retries=0),
            # Parts and pages are requests inside of the engine's own operations: it has to try them again itself.
            _engine(location, storage, limits, anonymous=anonymous, retries=storage.retries),
            location,
            limits,
            storage,
        )
    except BaseError as error:
        failure = StorageError(_message("cannot open", location.shown, error), uri=location.uri)
    raise failure


class ObstoreStore:
    """One container, reached through obstore."""

    def __init__(
        self, engine: "ObjectStore", retrying: "ObjectStore", location: Location, limits: Limits, storage: Storage
    ) -> None:
        """Wrap a store of obstore, once as `engine` that tries nothing again, and once `retrying`."""
        self.scheme = location.scheme
        self.is_etag_md5 = location.scheme in {"s3", "gs"}
        self._engine = engine
        self._retrying = retrying
        self._limits = limits
        self._retries = storage.retries
        self._first_seconds = _first_wait(storage, limits).total_seconds()
        self._busy = BusyServer()
        slash = "" if location.scheme == "memory" else "/"
        self._root = (
            location.container if location.scheme in {"http", "https"} else f"{location.scheme}://{location.container}"
        )
        self._root += slash
        # A web address with a query is one object: the engine keeps the query only where it stands in the base address.
        self._is_one_object = location.scheme in {"http", "https"} and "?" in location.uri

    async def info(self, key: str) -> ObjectInfo:
        """Describe one object."""
        return _info(
            await self._request(lambda: obstore.head_async(self._engine, self._name(key)), "look up", key), key
        )

    async def begin(self, key: str, *, start: int = 0, end: int | None = None, e_tag: str | None = None) -> Reading:
        """Start reading."""
        options: GetOptions = {}
        if end is not None:
            options["range"] = (start, end)
        elif start:
            options["range"] = {"offset": start}
        if e_tag is not None:
            options["if_match"] = f'"{e_tag}"'
        result = await self._request(
            lambda: obstore.get_async(self._engine, self._name(key), options=options), "read", key
        )
        info = _info(result.meta, key)
        expected = min(end, info.size) - start if end is not None else info.size - start
        return Reading(info, self._pieces(result, key, expected))

    async def write(self, key: str, data: bytes) -> str | None:
        """Write one object in one request."""
        result = await self._request(
            lambda: obstore.put_async(self._engine, self._name(key), data, use_multipart=False), "write", key
        )
        return _bare(result["e_tag"])

    async def write_parts(
        self, key: str, parts: AsyncIterator[bytes], *, part_size: int, concurrency: int
    ) -> str | None:
        """Write one object in parts.

        When the caller is cancelled, the parts sent so far are removed, for which `abort_seconds` are waited.
        """
        source = _Stoppable(parts)
        upload = asyncio.ensure_future(
            obstore.put_async(
                self._retrying,
                self._name(key),
                source,
                use_multipart=True,
                chunk_size=part_size,
                max_concurrency=concurrency,
            )
        )
        try:
            result = await asyncio.shield(upload)
        except asyncio.CancelledError:
            source.stop()
            await asyncio.wait({upload}, timeout=self._limits.abort_seconds)
            upload.cancel()
            with contextlib.suppress(BaseException):
                await upload
            raise
        except Exception as error:
            failure = source.error or self._translated(error, "write", key)
        else:
            return _bare(result["e_tag"])
        raise failure

    async def entries(self, prefix: str) -> AsyncGenerator[ObjectInfo]:
        """Yield the objects below a folder, without the markers that some tools write for folders."""
        stream = obstore.list(self._retrying, prefix or None, chunk_size=1000)  # pyright: ignore[reportUnknownMemberType]
        while True:
            try:
                batch = await self._answer(anext(stream), "list", prefix)
            except StopAsyncIteration:
                return
            for meta in batch:
                if meta["path"] != prefix:
                    yield _info(meta, meta["path"])

    async def level(self, prefix: str) -> tuple[list[ObjectInfo], list[str]]:
        """Return the objects and folders right below a folder."""
        # The engine asks for page after page in this.
        request = obstore.list_with_delimiter_async(self._retrying, prefix or None)  # pyright: ignore[reportUnknownMemberType]
        found = await self._answer(request, "list", prefix)
        objects = [_info(meta, meta["path"]) for meta in found["objects"] if meta["path"] != prefix]
        return objects, [folder.strip("/") for folder in found["common_prefixes"]]

    async def copy(self, source: str, target: str) -> None:
        """Copy within the container, without the bytes passing here."""
        await self._request(
            lambda: obstore.copy_async(self._engine, self._name(source), self._name(target)), "copy", source
        )

    async def delete(self, keys: list[str]) -> None:
        """Delete objects."""
        for key in keys:
            name = self._name(key)
            try:
                await self._request(lambda name=name: obstore.delete_async(self._engine, name), "delete", key)
            except ObjectNotFoundError:
                # S3 does not tell; so nobody does.
                continue

    async def _pieces(self, result: "obstore.GetResult", key: str, expected: int) -> AsyncGenerator[bytes]:
        stream = result.stream(min_chunk_size=_PIECE_BYTES)
        got = 0
        while True:
            try:
                piece = await self._answer(anext(stream), "read", key, self._limits.stall_seconds)
            except StopAsyncIteration:
                break
            got += len(piece)
            yield bytes(piece)
        if got != expected:
            raise IntegrityError(
                f"`{self._root}{key}` ended after {got} of {expected} bytes\n"
                "hint: try again; the connection or the store cut it short",
                uri=self._root + key,
                is_retry_safe=True,
            )

    async def _request(self, send: Callable[[], Awaitable[T]], verb: str, key: str) -> T:
        """Send one request and await its answer; again where that is safe, and not before a busy server wants."""
        return await again(
            lambda: self._answer(send(), verb, key),
            retries=self._retries,
            limits=self._limits,
            first_seconds=self._first_seconds,
            ask=self._busy.asked_wait,
        )

    async def _answer(self, request: Awaitable[T], verb: str, key: str, seconds: float | None = None) -> T:
        try:
            if seconds is None:
                return await request
            async with asyncio.timeout(seconds):
                return await request
        except (StopAsyncIteration, asyncio.CancelledError):
            raise
        except Exception as error:
            if isinstance(error, TimeoutError) and seconds is not None:
                failure: StorageError = StorageTimeoutError(
                    f"cannot {verb} `{self._root}{key}`: nothing came for {seconds:g} seconds\nhint: check the network, or raise "
                    "`FLYTE_STORAGE_STALL_SECONDS`",
                    uri=self._root + key,
                    is_retry_safe=True,
                )
            else:
                failure = self._translated(error, verb, key)
        # Out here it does not get the engine's error as its context, which has requests with their headers in it.
        raise failure

    def _name(self, key: str) -> str:
        return "" if self._is_one_object else key

    def _translated(self, error: Exception, verb: str, key: str) -> StorageError:
        uri = self._root + key
        text = str(error)
        if isinstance(error, StorageError):
            return error
        if isinstance(error, FileNotFoundError) and not _NO_BUCKET.search(text):
            return ObjectNotFoundError(
                f"there is no object `{uri}`\nhint: check the name with `flyte_storage.list_objects`", uri=uri
            )
        if _NO_BUCKET.search(text):
            return ObjectNotFoundError(
                f"there is no bucket or container `{self._root}`\nhint: create it first", uri=uri
            )
        if isinstance(error, PreconditionError):
            return IntegrityError(
                f"`{uri}` was replaced while it was read\nhint: read it again", uri=uri, is_retry_safe=True
            )
        if isinstance(error, AlreadyExistsError):
            return StorageError(f"`{uri}` exists already", uri=uri)
        message = _message(f"cannot {verb}", uri, error)
        status = _STATUS.search(text)
        if status is not None and int(status[1]) in _RETRIED_STATUS:
            return BusyError(message, uri=uri, status=int(status[1]), url=_url_of(text))
        if isinstance(error, (PermissionDeniedError, UnauthenticatedError)) or _DENIED.search(text):
            return StoragePermissionError(message + "\nhint: check the credentials of this store", uri=uri)
        if _TIMED_OUT.search(text):
            return StorageTimeoutError(
                message + "\nhint: check the network and the endpoint", uri=uri, is_retry_safe=True
            )
        if isinstance(error, ValueError):
            return InvalidKeyError(message, uri=uri)
        # Without a status, the connection failed.
        return StorageError(message, uri=uri, is_retry_safe=status is None)


class _Stoppable:
    """An async iterator that can be told to fail, so that the engine removes the parts it has sent."""

    def __init__(self, parts: AsyncIterator[bytes]) -> None:
        self._parts = parts
        self._is_stopped = False
        self._step: asyncio.Future[bytes] | None = None
        self.error: BaseException | None = None

    def __aiter__(self) -> "_Stoppable":
        return self

    async def __anext__(self) -> bytes:
        if self._is_stopped:
            raise StorageError("the upload was cancelled")
        self._step = asyncio.ensure_future(self._following())
        try:
            return await self._step
        except StopAsyncIteration:
            raise
        except asyncio.CancelledError:
            raise StorageError("the upload was cancelled") from None
        except BaseException as error:
            self.error = error
            raise

    def stop(self) -> None:
        """Fail at the next step, and end the one that is waiting."""
        self._is_stopped = True
        if self._step is not None:
            self._step.cancel()

    async def _following(self) -> bytes:
        return await anext(self._parts)


def _first_wait(storage: Storage, limits: Limits) -> timedelta:
    return min(storage.backoff, timedelta(seconds=limits.retry_seconds / 10)) / 10


def _engine(location: Location, storage: Storage, limits: Limits, *, anonymous: bool, retries: int) -> "ObjectStore":
    if location.scheme == "memory":
        return _MEMORY
    client: ClientConfig = {
        "allow_http": True,
        "connect_timeout": timedelta(seconds=limits.connect_seconds),
        "timeout": timedelta(seconds=limits.request_seconds),
    }
    retry: RetryConfig = {
        "max_retries": retries,
        "backoff": {
            "base": 2,
            "init_backoff": _first_wait(storage, limits),
            "max_backoff": max(storage.backoff, timedelta(seconds=16)),
        },
        "retry_timeout": timedelta(seconds=limits.retry_seconds),
    }
    shared: dict[str, Any] = {"client_options": client, "retry_config": retry}
    if location.scheme in {"http", "https"}:
        address = location.uri if "?" in location.uri else location.container
        return HTTPStore(address, **shared)
    if anonymous:
        shared["skip_signature"] = True
    if location.scheme == "s3":
        return S3Store(
            location.container,
            **shared,
            **aws_options(storage if isinstance(storage, S3) else S3(), anonymous=anonymous),
        )
    if location.scheme == "gs":
        if emulator := os.environ.get("STORAGE_EMULATOR_HOST"):
            # With an account that signs in nowhere: `skip_signature` alone still asks this machine for a token before a write.
            account = {"disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}
            shared |= {
                "base_url": emulator if "://" in emulator else f"http://{emulator}",
                "service_account_key": json.dumps(account),
                "skip_signature": True,
            }
        return GCSStore(location.container, **shared)
    config: dict[str, Any] = storage.get_fsspec_kwargs().get("config", {}) if isinstance(storage, ABFS) else {}
    if location.account:
        config["account_name"] = location.account
    return AzureStore(location.container, **shared, **config)


def _info(meta: "ObjectMeta", key: str) -> ObjectInfo:
    return ObjectInfo(key, meta["size"], _bare(meta["e_tag"]), meta["last_modified"])


def _bare(e_tag: str | None) -> str | None:
    return None if e_tag is None else e_tag.removeprefix("W/").strip('"')


def _url_of(text: str) -> str | None:
    found = _URL.search(text)
    return None if found is None else _LOGIN.sub("//", found[1].partition("?")[0])


def _message(what: str, uri: str, error: Exception) -> str:
    said = str(error).partition("\n\nDebug source:")[0].strip()
    return f"{what} `{uri}`: {redact(said)}"
