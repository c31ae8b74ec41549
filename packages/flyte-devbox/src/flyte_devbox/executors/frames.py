"""Messages between this server and processes that carry attempts out: four bytes of length, then JSON."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

__all__ = ["environment_change", "frame", "read_frame"]

_HEAD = 4


def frame(message: Mapping[str, Any]) -> bytes:
    """Return the bytes of a message."""
    content = json.dumps(message).encode()
    return len(content).to_bytes(_HEAD, "big") + content


async def read_frame(reader: asyncio.StreamReader) -> dict[str, Any]:
    """Return the next message.

    Raises:
        asyncio.IncompleteReadError: the other side is gone.
    """
    head = await reader.readexactly(_HEAD)
    message: dict[str, Any] = json.loads(await reader.readexactly(int.from_bytes(head, "big")))
    return message


def environment_change(base: Mapping[str, str], env: Mapping[str, str]) -> dict[str, Any]:
    """Describe how an environment differs from that of the process which is told."""
    return {
        "env": {name: text for name, text in env.items() if base.get(name) != text},
        "unset": [name for name in base if name not in env],
    }
