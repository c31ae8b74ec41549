"""Checksums of what is moved, compared with the ETag where a store makes it from the content (S3, Google)."""

import hashlib
import re

from flyte_storage.limits import MIB, part_size_for

__all__ = ["digest_of", "expected_etag", "part_layout", "plain_md5"]

_PLAIN = re.compile(r"[0-9a-f]{32}")
_IN_PARTS = re.compile(r"[0-9a-f]{32}-([0-9]{1,5})")
_USUAL_PARTS = tuple(mib * MIB for mib in (8, 5, 16, 10, 15, 32, 50, 64, 25, 20))
"""Part sizes that common clients use, in bytes, the likeliest first."""


def plain_md5(e_tag: str | None) -> str | None:
    """Return the ETag if it has the form of the MD5 of the whole object."""
    return e_tag if e_tag is not None and _PLAIN.fullmatch(e_tag) else None


def part_layout(e_tag: str | None, size: int, smallest_part: int) -> int | None:
    """Return the part size, in bytes, that an object with this ETag was probably written with, or `None`.

    The ETag of an object written in parts ends with their number; the size is the one of our own or of a usual client that
    gives this number.
    """
    match = _IN_PARTS.fullmatch(e_tag or "")
    if match is None or size <= 0:
        return None
    count = int(match.group(1))
    for part in (part_size_for(size, smallest_part), *_USUAL_PARTS):
        if -(-size // part) == count:
            return part
    return None


def expected_etag(parts: list[bytes], *, is_multipart: bool) -> str:
    """Return the ETag that S3 gives to an object whose parts have these MD5 digests."""
    if not is_multipart:
        return parts[0].hex()
    return f"{hashlib.md5(b''.join(parts), usedforsecurity=False).hexdigest()}-{len(parts)}"


def digest_of(data: bytes) -> bytes:
    """Return the MD5 digest of `data`."""
    return hashlib.md5(data, usedforsecurity=False).digest()
