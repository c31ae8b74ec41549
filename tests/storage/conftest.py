"""Fixtures: the stores, a clean environment, the fault proxy."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import flyte_storage

from .fault_proxy import FaultProxy, fault_proxy
from .services import CLEARED, Server, azurite, clean_environment, fake_gcs, moto, versitygw


@pytest.fixture(scope="session")
def moto_server() -> Iterator[Server]:
    with moto() as server:
        yield server


@pytest.fixture(scope="session")
def versitygw_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with versitygw(tmp_path_factory.mktemp("versitygw")) as server:
        yield server


@pytest.fixture(scope="session")
def azurite_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with azurite(tmp_path_factory.mktemp("azurite")) as server:
        yield server


@pytest.fixture(scope="session")
def fake_gcs_server() -> Iterator[Server]:
    with fake_gcs() as server:
        yield server


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tests see no credentials but those they set, and nothing leaves loopback."""
    import os

    for name in list(os.environ):
        if name.startswith(CLEARED):
            monkeypatch.delenv(name)
    for name, text in clean_environment().items():
        monkeypatch.setenv(name, text)
    flyte_storage.configure()
    yield
    flyte_storage.configure()


@pytest.fixture(params=["local", "memory", "moto", "azurite", "versitygw", "fake-gcs"])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A URI below which a test has a store for itself."""
    own = tmp_path.name
    if request.param == "local":
        return str(tmp_path / "store")
    if request.param == "memory":
        return f"memory://{own}"
    server: Server = request.getfixturevalue(f"{request.param.replace('-', '_')}_server")
    for name, text in server.environment.items():
        monkeypatch.setenv(name, text)
    return f"{server.root}/{own}"


@pytest.fixture
def proxied(moto_server: Server) -> Iterator[FaultProxy]:
    """S3 behind the fault proxy."""
    with fault_proxy(moto_server.endpoint) as proxy:
        yield proxy


@pytest.fixture
def bytes_of() -> Callable[[int], bytes]:
    """Deterministic content that does not repeat within a part."""
    import random

    return lambda size: random.Random(size).randbytes(size)
