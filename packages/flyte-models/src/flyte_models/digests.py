"""Small digests that stand on the wire or in names: input, identity and cache key hashes.

They agree bit for bit with PyPI flyte 2.12.1: a re-run finds its children and the cache by them.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from functools import lru_cache

__all__ = ["base36", "cache_key_hash", "hash_data", "inputs_hash", "task_identity_hash"]

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_EIGHT_DIGITS = 36**8
_PAIRS = [high + low for high in _DIGITS for low in _DIGITS]


def hash_data(data: str | bytes) -> str:
    """Hash text (as UTF-8) or bytes: standard base64, with padding, of their SHA-256."""
    raw = data.encode() if isinstance(data, str) else data
    return b64encode(hashlib.sha256(raw).digest()).decode()


def base36(number: int) -> str:
    """Write a number that is not negative in base 36 with lower-case letters and no padding."""
    if number < 0:
        raise ValueError(f"base36 takes numbers from 0 on, got {number}")
    if not number:
        return "0"
    # The name of every action goes through here: first parts of eight digits, with which the processor can do sums.
    parts: list[str] = []
    while number:
        rest = number // _EIGHT_DIGITS
        part = number - rest * _EIGHT_DIGITS
        parts.append(
            f"{_PAIRS[part // 2176782336]}{_PAIRS[part // 1679616 % 1296]}{_PAIRS[part // 1296 % 1296]}{_PAIRS[part % 1296]}"
        )
        number = rest
    parts.reverse()
    return "".join(parts).lstrip("0")


def inputs_hash(inputs: Iterable[tuple[str, bytes]]) -> str:
    """Hash an action's inputs, in the order of its signature: `hash_data` over `name:bytes;` of each.

    Args:
        inputs: Name and canonical bytes of each input (for a literal without a hash of its own: its deterministic wire form).

    Returns:
        The hash, or an empty string when there are no inputs.
    """
    text = b"".join(name.encode() + b":" + value + b";" for name, value in inputs)
    return hash_data(text) if text else ""


@lru_cache(maxsize=1024)
def task_identity_hash(task_name: str, interface_hash: str, discovery_version: str) -> str:
    """Hash what makes a task itself, as child names use it.

    Args:
        task_name: The registered name, `environment.function`.
        interface_hash: `hash_data` of the deterministic bytes of the `TypedInterface`, variables sorted.
        discovery_version: The cache version that the task is registered with; empty for none.
    """
    return hash_data(f"{task_name}-{interface_hash}-{discovery_version}")


def cache_key_hash(task_name: str, inputs_hash: str, interface_hash: str, cache_version: str) -> str:
    """Hash the key under which an action's outputs are cached.

    Args:
        task_name: The registered name, `environment.function`.
        inputs_hash: `inputs_hash` of the inputs without those that the cache ignores.
        interface_hash: As in `task_identity_hash`.
        cache_version: The task's cache version.
    """
    return hash_data(f"{inputs_hash}{task_name}{interface_hash}{cache_version}")
