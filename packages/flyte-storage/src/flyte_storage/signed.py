"""Upload to and download from signed URLs, as DataProxy hands them out. The URL is a credential: no error text has its query."""

import asyncio
import base64
import hashlib
import io
import logging
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, cast
from urllib.parse import parse_qs, urlsplit

from pyqwest import Client, Headers, HTTPTransport, Proxy, ReadError, RemoteProtocolError, WriteError

from flyte_storage.errors import (
    IntegrityError,
    ObjectNotFoundError,
    StorageError,
    StoragePermissionError,
    StorageTimeoutError,
    redact,
)
from flyte_storage.exit import guard_exit
from flyte_storage.files import missing, opened, temporary_beside
from flyte_storage.limits import Limits, delay_before_retry
from flyte_storage.settings import limits_in_force
from flyte_storage.store import Progress
from flyte_storage.threads import in_thread

__all__ = ["content_md5", "get_signed", "put_signed", "wait_of"]

T = TypeVar("T")

_RETRIED = frozenset([408, 425, 429, 500, 502, 503, 504])
_BLOCK_BYTES = 1024 * 1024
_RETRIES = 4
_FIRST_SECONDS = 0.5
_LONGEST_SECONDS = 16.0
_SHOWN_BODY = 500


async def content_md5(source: str | os.PathLike[str] | bytes) -> bytes:
    """Return the MD5 digest of a file or of bytes, as `CreateUploadLocation` wants it."""
    if isinstance(source, bytes):
        return hashlib.md5(source, usedforsecurity=False).digest()
    return await asyncio.to_thread(_file_md5, Path(source))


async def put_signed(
    source: str | os.PathLike[str] | bytes,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    md5: bytes | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
    retries: int = _RETRIES,
) -> bytes:
    """Send a file or bytes to a signed URL with PUT, and return the MD5 digest that the store has checked.

    Args:
        source: A local path, which is streamed, or bytes.
        url: The signed URL.
        headers: Headers as the signer gave them; they are sent as they are. `Content-MD5` is added when it is not among them,
            and `x-ms-blob-type: BlockBlob` when the URL is one of Azure.
        md5: The digest, when it is known already.
        progress: Called with the bytes sent and the total.
        limits: Bounds; `request_seconds` bounds the whole call, attempts and waits together.
        retries: How often a failed attempt is repeated. What the server asks for with `Retry-After` is waited.

    Raises:
        ObjectNotFoundError: when there is no such file.
        StoragePermissionError: when the URL has expired or does not fit the headers; ask for a new one.
        StorageTimeoutError: when it takes longer than `request_seconds`; an attempt that stands still for `stall_seconds` is
            repeated before.
        StorageError: when the store refuses or fails for good.
    """
    bounds = limits or limits_in_force()
    digest = md5 or await content_md5(source)
    size = len(source) if isinstance(source, bytes) else (await asyncio.to_thread(Path(source).stat)).st_size
    sent = _upload_headers(url, headers or {}, digest, size)

    async def attempt() -> None:
        clock = asyncio.get_running_loop().time
        async with asyncio.timeout(bounds.stall_seconds) as silence:
            # Each block that is taken is a sign of life, and so is the answer.
            blocks = _blocks(source, size, progress, lambda: silence.reschedule(clock() + bounds.stall_seconds))
            async with _client(bounds, url).stream("PUT", url, sent, blocks) as response:
                await _raise_for_status(response.status, response.headers, response.content, "upload to", url)

    await _bounded(attempt, url, bounds, retries, "upload to")
    if progress is not None:
        progress(size, size)
    return digest


async def get_signed(
    url: str,
    to_path: str | os.PathLike[str],
    *,
    headers: Mapping[str, str] | None = None,
    md5: bytes | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
    retries: int = _RETRIES,
) -> Path:
    """Fetch a signed URL with GET into a local file, which appears when it is whole, and return its path.

    The size is checked, and the MD5 digest where `md5` or the store's answer (`Content-MD5`, `x-goog-hash`) names one.

    Raises:
        ObjectNotFoundError: when there is nothing behind the URL.
        IntegrityError: when the content is not what was promised.
        StoragePermissionError, StorageTimeoutError, StorageError: as in `put_signed`; a download has no total bound, but each
            attempt ends after `stall_seconds` without a byte.
    """
    bounds, target = limits or limits_in_force(), Path(to_path)

    async def attempt() -> None:
        clock = asyncio.get_running_loop().time
        async with (
            asyncio.timeout(bounds.stall_seconds) as silence,
            _client(bounds, url).stream("GET", url, Headers((headers or {}).items())) as response,
        ):
            await _raise_for_status(response.status, response.headers, response.content, "download", url)
            length = response.headers.get("content-length", "")
            total = int(length) if length.isdigit() and not response.headers.get("content-encoding") else None
            state, got = hashlib.md5(usedforsecurity=False), 0
            with temporary_beside(target) as stream:
                async for piece in response.content:
                    silence.reschedule(clock() + bounds.stall_seconds)
                    await asyncio.to_thread(stream.write, piece)
                    state.update(piece)
                    got += len(piece)
                    if progress is not None:
                        progress(got, total)
                _check_download(url, response.headers, md5, total=total, got=got, digest=state.digest())

    await _bounded(attempt, url, bounds, retries, "download", is_total=False)
    return target


async def wait_of(url: str) -> float | None:
    """Ask a server for headers only, and return the seconds that it wants to be left alone, if it says so in a refusal."""
    async with _client(limits_in_force(), url).stream("HEAD", url) as response:
        return _retry_after(response.headers.get("retry-after", "")) if response.status in _RETRIED else None


def _upload_headers(url: str, given: Mapping[str, str], digest: bytes, size: int) -> Headers:
    names = {name.lower() for name in given}
    headers = dict(given)
    if "content-md5" not in names:
        headers["Content-MD5"] = base64.b64encode(digest).decode()
    if "content-length" not in names:
        headers["Content-Length"] = str(size)
    query = parse_qs(urlsplit(url).query)
    if "x-ms-blob-type" not in names and query.keys() >= {"sv", "sig"}:
        headers["x-ms-blob-type"] = "BlockBlob"
    return Headers(headers.items())


def _check_download(
    url: str, headers: Headers, md5: bytes | None, *, total: int | None, got: int, digest: bytes
) -> None:
    if total is not None and got != total:
        raise IntegrityError(f"`{_shown(url)}` ended after {got} of {total} bytes", is_retry_safe=True)
    promised = [md5] if md5 is not None else []
    hashes = [part.strip().partition("=") for part in headers.get("x-goog-hash", "").split(",")]
    texts = [value for name, _, value in hashes if name == "md5"] + [headers.get("content-md5", "")]
    if not headers.get("content-encoding"):
        promised += [base64.b64decode(text) for text in texts if text]
    for expected in promised:
        if expected != digest:
            raise IntegrityError(
                f"`{_shown(url)}` arrived with MD5 {digest.hex()}, promised was {expected.hex()}\n"
                "hint: try again, over another network",
                is_retry_safe=True,
            )


async def _bounded(
    attempt: Callable[[], Awaitable[T]], url: str, limits: Limits, retries: int, verb: str, *, is_total: bool = True
) -> T:
    """Await `attempt()` with retries; with `is_total` all of it within `request_seconds`."""
    deadline = time.monotonic() + limits.request_seconds
    for number in range(1, retries + 2):
        try:
            async with asyncio.timeout(deadline - time.monotonic() if is_total else None):
                return await attempt()
        except _RefusedError as refused:
            error, wait = refused.error, refused.retry_after
        except StorageError as failed:
            error, wait = failed, None
        except TimeoutError:
            is_over = is_total and time.monotonic() >= deadline
            said = (
                f" within {limits.request_seconds:g} seconds"
                if is_over
                else f": nothing moved for {limits.stall_seconds:g} seconds"
            )
            error = StorageTimeoutError(
                f"cannot {verb} `{_shown(url)}`{said}\nhint: check the network, or raise "
                "`FLYTE_STORAGE_REQUEST_SECONDS` and `FLYTE_STORAGE_STALL_SECONDS`",
                is_retry_safe=True,
            )
            wait = None
        except (ConnectionError, ReadError, WriteError, RemoteProtocolError) as broken:
            error = StorageError(
                f"cannot {verb} `{_shown(url)}`: the connection failed ({type(broken).__name__}: {redact(str(broken))})\n"
                "hint: check the network and any proxy settings",
                is_retry_safe=True,
            )
            wait = None
        # Out of the `except` blocks, so that the errors below, whose texts have the URL, do not become its context.
        if not error.is_retry_safe or number > retries:
            raise error
        delay = delay_before_retry(number, _FIRST_SECONDS, _LONGEST_SECONDS, wait)
        bound = deadline if is_total else deadline + limits.retry_seconds
        if time.monotonic() + delay >= bound:
            raise error
        await asyncio.sleep(delay)
    raise AssertionError("unreachable")


class _RefusedError(Exception):
    """A status that is no success, and what the server said of the time to wait, in seconds."""

    def __init__(self, error: StorageError, retry_after: float | None) -> None:
        super().__init__()
        self.error = error
        self.retry_after = retry_after


async def _raise_for_status(
    status: int, headers: Headers, content: AsyncIterator[bytes | memoryview | bytearray], verb: str, url: str
) -> None:
    if status < 300:
        return
    said = await _start_of(content)
    text = f"cannot {verb} `{_shown(url)}`: HTTP {status}{': ' + said if said else ''}"
    wait = _retry_after(headers.get("retry-after", ""))
    if status == 404:
        raise ObjectNotFoundError(text)
    if status in {401, 403}:
        raise StoragePermissionError(text + "\nhint: the signed URL may have expired; ask for a new one")
    raise _RefusedError(StorageError(text, is_retry_safe=status in _RETRIED), wait)


async def _start_of(content: AsyncIterator[bytes | memoryview | bytearray]) -> str:
    said = b""
    try:
        async with asyncio.timeout(5):
            async for piece in content:
                said += bytes(piece)
                if len(said) > 16 * _SHOWN_BODY:
                    break
    except (TimeoutError, OSError, ReadError, RemoteProtocolError):
        pass  # the status says enough
    return " ".join(redact(said.decode(errors="replace")).split())[:_SHOWN_BODY]


def _retry_after(text: str) -> float | None:
    """Return the seconds of a `Retry-After` header, which is a number or a date (RFC 9110, section 10.2.3)."""
    if not text:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


async def _blocks(
    source: str | os.PathLike[str] | bytes, size: int, progress: Progress | None, on_block: Callable[[], None]
) -> AsyncGenerator[bytes]:
    path = None if isinstance(source, bytes) else Path(source)
    sent = 0
    async with in_thread(opened(path) if path is not None else io.BytesIO(cast("bytes", source))) as stream:
        while block := await asyncio.to_thread(stream.read, min(_BLOCK_BYTES, size - sent)):
            sent += len(block)
            on_block()
            yield block
            if progress is not None:
                progress(sent, size)
    if sent != size:
        raise StorageError(
            f"`{path}` changed while it was sent: it had {size} bytes\nhint: write the file first, then send it"
        )


def _file_md5(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).digest()
    except FileNotFoundError:
        raise missing(path) from None


def _shown(url: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def _client(limits: Limits, url: str) -> Client:
    guard_exit()
    return _make_client(limits.connect_seconds, is_local=urlsplit(url).hostname in _LOOPBACK)


class _Redacting(logging.Filter):
    """Takes the signatures out of what the HTTP client logs: each request with its URL."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, redacted."""
        record.msg, record.args = redact(record.getMessage()), ()
        return True


_REDACTING = _Redacting()
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_DIRECT = Proxy("http://127.0.0.1:9", no_proxy="localhost,127.0.0.1,::1")


@lru_cache(maxsize=4)
def _make_client(connect_seconds: float, *, is_local: bool) -> Client:
    for name in ("pyqwest", "pyqwest.access"):
        logging.getLogger(name).addFilter(_REDACTING)
    return Client(
        HTTPTransport(
            connect_timeout=connect_seconds,
            tls_include_system_certs=True,
            enable_gzip=False,
            enable_brotli=False,
            enable_zstd=False,
            enable_otel=False,
            follow_redirects=False,
            # No proxy elsewhere leads to a store on this machine, as that of a devbox is.
            proxy=_DIRECT if is_local else None,
        )
    )
