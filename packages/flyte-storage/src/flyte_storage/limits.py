"""How long a request may take, how often it is tried, how much is under way at once."""

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["MIB", "Limits", "delay_before_retry", "part_size_for"]

MIB = 1024 * 1024

_MAX_PARTS = 9_500
"""S3 and its kin take 10,000 parts; the rest is slack for a file that is longer than it was."""

_MAX_OBJECT = 5 * 1024**4
"""The largest object of S3 and GCS, in bytes."""


@dataclass(frozen=True)
class Limits:
    """Bounds of every operation. Times are in seconds, sizes in bytes."""

    connect_seconds: float = 10.0
    """How long opening a connection may take."""
    request_seconds: float = 600.0
    """How long one request may take with its body: a part, not a whole file."""
    stall_seconds: float = 60.0
    """How long a download may go without a new piece."""
    retry_seconds: float = 180.0
    """No new attempt begins later than this after the first."""
    abort_seconds: float = 10.0
    """How long a cancelled upload may take to remove its parts."""
    part_bytes: int = 8 * MIB
    """The size of an upload part; it grows with the file."""
    range_bytes: int = 8 * MIB
    """The size of one ranged read."""
    upload_concurrency: int = 12
    download_concurrency: int = 12
    files_at_once: int = 32
    """How many files of a folder are under way at once."""
    bytes_in_flight: int = 64 * MIB
    """An upper bound of what one file keeps in memory; at least one part is always allowed."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Limits":
        """Read the variables `FLYTE_IO_*` and `FLYTE_STORAGE_{CONNECT,REQUEST,STALL,RETRY}_SECONDS`.

        Raises:
            ValueError: when one of them is not a positive number.
        """
        env = os.environ if environment is None else environment
        return cls(
            connect_seconds=_number(env, "FLYTE_STORAGE_CONNECT_SECONDS", cls.connect_seconds),
            request_seconds=_number(env, "FLYTE_STORAGE_REQUEST_SECONDS", cls.request_seconds),
            stall_seconds=_number(env, "FLYTE_STORAGE_STALL_SECONDS", cls.stall_seconds),
            retry_seconds=_number(env, "FLYTE_STORAGE_RETRY_SECONDS", cls.retry_seconds),
            part_bytes=max(5 * MIB, int(_number(env, "FLYTE_IO_UPLOAD_CHUNK_SIZE", cls.part_bytes))),
            range_bytes=int(_number(env, "FLYTE_IO_CHUNK_SIZE", cls.range_bytes)),
            upload_concurrency=int(_number(env, "FLYTE_IO_UPLOAD_MAX_CONCURRENCY", cls.upload_concurrency)),
            download_concurrency=int(_number(env, "FLYTE_IO_MAX_CONCURRENCY", cls.download_concurrency)),
            files_at_once=int(_number(env, "FLYTE_IO_BATCH_SIZE", cls.files_at_once)),
        )

    def concurrency(self, piece: int, wanted: int) -> int:
        """Return how many pieces of `piece` bytes may be under way, `wanted` at most."""
        return max(1, min(wanted, self.bytes_in_flight // max(1, piece)))


def part_size_for(size: int, smallest: int) -> int:
    """Return the part size of an upload of `size` bytes: `smallest`, or as much more as 10,000 parts need, in whole MiB.

    Raises:
        ValueError: when `size` is more than 5 TiB, which no store takes.
    """
    if size > _MAX_OBJECT:
        raise ValueError(f"{size} bytes are more than the 5 TiB that an object store takes\nhint: split the file")
    needed = -(-size // _MAX_PARTS)
    return max(smallest, -(-needed // MIB) * MIB)


def delay_before_retry(attempt: int, first: float, longest: float, retry_after: float | None = None) -> float:
    """Return the seconds to wait before attempt number `attempt` (1 is the first retry): exponential, with full jitter.

    What the server asked for (`retry_after`) is waited in any case, plus the jitter.
    """
    jitter = random.uniform(0.5, 1.0) * min(longest, first * 2 ** (attempt - 1))  # noqa: S311 - spreads load, keeps no secret
    return jitter if retry_after is None else retry_after + min(jitter, 1.0)


def _number(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ValueError(
            f"environment variable `{name}` is {text!r}, not a positive number\nhint: unset it, or set a number"
        )
    return value
