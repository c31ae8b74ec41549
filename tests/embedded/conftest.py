"""What many of these tests begin with: a devbox for the tests of a file, and a process and a configuration that know it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .running import connected_to, end, start, write_config


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a devbox."""
    server, port = start(tmp_path_factory.mktemp("devbox") / "devbox")
    yield port
    end(server)


@pytest.fixture
def connected(port: int, tmp_path: Path) -> Iterator[int]:
    """A process that was told where the control plane is, with a home of its own."""
    with connected_to(port, tmp_path):
        yield port


@pytest.fixture
def config(connected: int, tmp_path: Path) -> Path:
    """The same, and a configuration for commands."""
    return write_config(tmp_path / "config.yaml", connected)
