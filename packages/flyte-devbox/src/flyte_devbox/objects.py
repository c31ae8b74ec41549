"""The object folder: content written to a temporary name, synced, renamed; named by path here and by signed URLs over HTTP."""

import asyncio
import base64
import hashlib
import hmac
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Self
from urllib.parse import parse_qs, quote, urlencode

from flyte_devbox.errors import ServiceError, invalid_argument, not_found

__all__ = ["MAX_OBJECT_BYTES", "Grant", "ObjectFolder", "UrlSigner"]

MAX_OBJECT_BYTES = 64 * 1024**3
"""The largest object that is taken over HTTP."""
_MAX_NAME_BYTES = 255
_UPLOADS = ".uploads"


class ObjectFolder:
    """Content under keys such as `flytesnacks/development/r1/a0/inputs.pb`.

    A key and a URI name the same thing: the URI is the absolute path, which whatever runs on this machine can open.
    """

    def __init__(self, root: Path) -> None:
        self.kept: Callable[[str], bytes | None] = lambda _: None
        """Gives the content of a URI whose file is missing, if it was kept elsewhere."""
        self.root = root.resolve()
        (self.root / _UPLOADS).mkdir(parents=True, exist_ok=True, mode=0o700)
        self._prefix = f"{self.root}{os.sep}"

    def uri(self, key: str) -> str:
        """Return the URI of a key.

        Raises:
            ServiceError: the key is no path within the folder.
        """
        return str(self.path(key))

    def path(self, key: str) -> Path:
        """Return the file of a key, which may not exist.

        Raises:
            ServiceError: INVALID_ARGUMENT: the key is no path within the folder.
        """
        self._check(key)
        path = Path(f"{self._prefix}{key}")
        # A task may have left a link that leads out.
        if not f"{os.path.realpath(path.parent)}{os.sep}".startswith(self._prefix):
            raise invalid_argument(f"`{key[:200]}` leads out of the object folder")
        return path

    def _check(self, key: str) -> None:
        for part in key.split("/"):
            if part in {"", ".", "..", _UPLOADS} or "\0" in part or "\\" in part:
                raise invalid_argument(f"`{key[:200]}` is no name of an object: it has a part `{part[:50]}`")
            if len(part.encode(errors="surrogatepass")) > _MAX_NAME_BYTES:
                raise invalid_argument(
                    f"`{key[:50]}...` is no name of an object: a part has more than {_MAX_NAME_BYTES} bytes"
                )

    def key_of(self, uri: str) -> str | None:
        """Return the key of a URI, or `None` when it is not of this folder. Whether links lead out of it is seen at its use."""
        path = uri.removeprefix("file://")
        if not path.startswith(self._prefix):
            return None
        key = path[len(self._prefix) :]
        try:
            self._check(key)
        except ServiceError:
            return None
        return key

    def read_uri(self, uri: str) -> bytes | None:
        """Return the content behind a URI of this folder, or `None` if there is none, or it is not of this folder."""
        key = self.key_of(uri)
        return None if key is None else self.read(key)

    def read(self, key: str) -> bytes | None:
        """Return the content of a key, or `None` if there is none."""
        file = self._open(key)
        if file is None:
            return None
        with file:
            try:
                return file.read()
            except OSError:
                return None

    def has(self, uri: str) -> bool:
        """Tell whether there is something behind a URI of this folder."""
        file = self.open_uri(uri)
        if file is None:
            return False
        file.close()
        return True

    async def fetch(self, uri: str) -> bytes | None:
        """Do as `read_uri`. The disk is waited for in a thread."""
        file = self.open_uri(uri)
        if file is None:
            return None
        with file:
            try:
                return await asyncio.to_thread(file.read)
            except OSError:
                return None

    def open_uri(self, uri: str) -> BinaryIO | None:
        """Open what is behind a URI of this folder; `None` if there is none, or it is not of this folder.

        It may be large: a thread reads it, or it is not read as a whole.
        """
        key = self.key_of(uri)
        return None if key is None else self._open(key)

    def _open(self, key: str) -> BinaryIO | None:
        path = self.path(key)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            kept = self.kept(str(path))
            return None if kept is None else BytesIO(kept)
        except OSError:
            return None
        try:
            return os.fdopen(descriptor, "rb")
        except OSError:
            # A folder.
            os.close(descriptor)
            return None

    async def write(self, key: str, content: bytes) -> str:
        """Write an object durably and return its URI. The disk is waited for in a thread."""
        return await asyncio.to_thread(self.write_now, key, content)

    def write_now(self, key: str, content: bytes) -> str:
        """Do as `write` where nothing else may happen meanwhile."""
        path = self.path(key)
        with _Upload(self.root / _UPLOADS) as upload:
            upload.write(content)
            upload.keep(path)
        return str(path)

    async def receive(
        self, key: str, pieces: AsyncIterator[bytes], *, md5: bytes | None, length: int | None = None
    ) -> None:
        """Write an object from the network; nothing is left when it is incomplete or wrong.

        Args:
            key: where it goes.
            pieces: its content.
            md5: the digest that it must have; `None` if it is not known.
            length: how many bytes it must have; `None` if it is not known.

        Raises:
            ServiceError: its digest or length differ, or it is too large.
        """
        path = self.path(key)
        digest = hashlib.md5(usedforsecurity=False)
        size = 0
        limit = MAX_OBJECT_BYTES if length is None else length
        with _Upload(self.root / _UPLOADS) as upload:
            async for piece in pieces:
                size += len(piece)
                if size > limit:
                    raise ServiceError(
                        "resource_exhausted", f"`{key}` has more than the {limit:,} bytes that are allowed"
                    )
                digest.update(piece)
                upload.write(piece)
            if length is not None and size != length:
                raise invalid_argument(f"`{key}` was announced with {length:,} bytes and came with {size:,}")
            if md5 is not None and not hmac.compare_digest(md5, digest.digest()):
                raise invalid_argument(
                    f"`{key}` arrived damaged: its MD5 is {digest.hexdigest()}, announced was {md5.hex()}\nhint: send it again"
                )
            await asyncio.to_thread(upload.keep, path)


class _Upload:
    def __init__(self, folder: Path) -> None:
        descriptor, name = tempfile.mkstemp(dir=folder)
        self._file = os.fdopen(descriptor, "wb")
        self._name = Path(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._name.unlink(missing_ok=True)

    def write(self, content: bytes) -> None:
        self._file.write(content)

    def keep(self, path: Path) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._name.replace(path)
        except IsADirectoryError:
            raise invalid_argument(f"`{path.name}` is a folder of objects, not an object") from None
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class Grant:
    """What a signed URL allows."""

    __slots__ = ("key", "length", "md5")

    def __init__(self, key: str, md5: bytes | None, length: int | None) -> None:
        self.key = key
        self.md5 = md5
        self.length = length


class UrlSigner:
    """Makes and checks URLs that allow one method on one object until they expire."""

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.sha256(b"flyte-devbox object urls" + key).digest()

    def sign(
        self,
        base: str,
        method: str,
        key: str,
        *,
        expires_at: float,
        md5: bytes | None = None,
        length: int | None = None,
    ) -> str:
        """Return the URL; `base` is such as `http://localhost:30080`."""
        fields = {"method": method, "expires": str(int(expires_at))}
        if md5 is not None:
            fields["md5"] = md5.hex()
        if length is not None:
            fields["length"] = str(length)
        fields["signature"] = self._signature(key, fields)
        return f"{base}/objects/{quote(key)}?{urlencode(fields)}"

    def check(self, method: str, key: str, query: str) -> Grant:
        """Return what the URL of a request allows.

        Raises:
            ServiceError: PERMISSION_DENIED: it was not signed here, for another method or object, or it has expired.
        """
        try:
            parsed = {
                name: values[0] for name, values in parse_qs(query, strict_parsing=True, max_num_fields=8).items()
            }
        except ValueError:
            parsed = {}
        signature = parsed.pop("signature", "")
        if not hmac.compare_digest(signature.encode(), self._signature(key, parsed).encode()):
            raise ServiceError("permission_denied", "the signature of the URL is not right\nhint: ask for a new URL")
        if parsed.get("method") != method:
            raise ServiceError("permission_denied", f"the URL does not allow {method}")
        if time.time() >= int(parsed["expires"]):
            raise ServiceError("permission_denied", "the URL has expired\nhint: ask for a new one")
        md5 = parsed.get("md5")
        length = parsed.get("length")
        return Grant(key, bytes.fromhex(md5) if md5 else None, int(length) if length else None)

    def _signature(self, key: str, fields: dict[str, str]) -> str:
        text = "\n".join([key, *(f"{name}={fields[name]}" for name in sorted(fields))])
        return hmac.new(self._key, text.encode(errors="surrogatepass"), hashlib.sha256).hexdigest()


def content_md5(header: str | None) -> bytes | None:
    """Return the digest of a `Content-MD5` header.

    Raises:
        ServiceError: INVALID_ARGUMENT: it is none.
    """
    if header is None:
        return None
    try:
        digest = base64.b64decode(header, validate=True)
    except ValueError:
        digest = b""
    if len(digest) != 16:
        raise invalid_argument("`Content-MD5` is not the base64 of 16 bytes")
    return digest


def missing_object(key: str) -> ServiceError:
    """Build the error for an object that does not exist."""
    return not_found(f"there is no object `{key[:200]}`")
