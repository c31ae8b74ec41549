"""Leaves the pytest-benchmark cases out where that plugin is switched off, as the workspace's settings do."""

from pathlib import Path

import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect `bench/test_*.py` only when there is a `benchmark` fixture; `bench/tests` always."""
    if collection_path.parent == Path(__file__).parent and collection_path.name.startswith("test_"):
        return None if config.pluginmanager.hasplugin("benchmark") else True
    return None
