"""Ports of this machine for tests: for servers that have to be told theirs, and where nothing listens."""

import contextlib
import random
import socket
from collections.abc import Iterator


def free_port() -> int:
    """Return a port for a server that starts now: the system gives it to nobody who lets it choose (those are from 32768 on)."""
    for port in random.SystemRandom().sample(range(20000, 32000), 1000):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("of 1000 ports not one is free")


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """Hold a port within the block on which nothing listens, and on which nobody else can."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
