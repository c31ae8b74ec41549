from collections.abc import Iterator
from pathlib import Path

import pytest

from .serving import Server, start


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = start(tmp_path_factory.mktemp("devbox"))
    yield running
    running.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "devbox"
