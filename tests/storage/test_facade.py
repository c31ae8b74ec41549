"""`flyte.storage` and `flyte.init(storage=...)`: the names and parameters of PyPI flyte 2.12, and what they do to handles."""

import asyncio
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import flyte
from flyte import storage
from flyte.io import File

from .services import AZURITE_ACCOUNT, AZURITE_KEY, Server

SHARED = ["retries=3", "backoff", "enable_debug=False", "attach_execution_metadata=True"]
PARAMETERS: dict[str, list[str]] = {
    "ABFS": [
        *SHARED,
        "account_name=None",
        "account_key=None",
        "tenant_id=None",
        "client_id=None",
        "client_secret=None",
    ],
    "GCS": SHARED,
    "S3": [
        *SHARED,
        "endpoint=None",
        "access_key_id=None",
        "secret_access_key=None",
        "region=None",
        "addressing_style=None",
    ],
    "Storage": SHARED,
    "exists": ["path", "**kwargs"],
    "exists_sync": ["path", "**kwargs"],
    "get": ["from_path", "to_path=None", "recursive=False", "**kwargs"],
    "get_configured_fsspec_kwargs": ["protocol=None", "anonymous=False"],
    "get_random_local_directory": [],
    "get_random_local_path": ["file_path_or_file_name=None"],
    "get_stream": ["path", "chunk_size=10485760", "**kwargs"],
    "get_underlying_filesystem": ["protocol=None", "anonymous=False", "path=None", "**kwargs"],
    "is_remote": ["path"],
    "join": ["*paths"],
    "open": ["path", "mode='rb'", "**kwargs"],
    "put": [
        "from_path",
        "to_path=None",
        "recursive=False",
        "batch_size=None",
        "chunk_size=None",
        "max_concurrency=None",
        "**kwargs",
    ],
    "put_stream": [
        "data_iterable",
        "name=None",
        "to_path=None",
        "size_hint=None",
        "chunk_size=None",
        "max_concurrency=None",
        "**kwargs",
    ],
}
"""Inventory 2.12, `flyte.storage`: 17 names. Ours may take more, by keyword."""
COROUTINES = {"exists", "get", "open", "put", "put_stream"}


def test_every_name_is_there_and_no_other() -> None:
    assert sorted(storage.__all__) == sorted(PARAMETERS)
    assert len(PARAMETERS) == 17


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_parameters_are_those_of_the_reference(name: str) -> None:
    found = inspect.signature(getattr(storage, name)).parameters.values()
    ours = [parameter.name for parameter in found]
    for wanted in PARAMETERS[name]:
        text, _, default = wanted.partition("=")
        bare = text.lstrip("*")
        assert bare in ours
        parameter = next(parameter for parameter in found if parameter.name == bare)
        if default:
            assert repr(parameter.default) == default
        if text.startswith("**"):
            assert parameter.kind is parameter.VAR_KEYWORD
        elif not text.startswith("*") and name != "put_stream" and bare != "kwargs":
            assert parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    assert inspect.iscoroutinefunction(getattr(storage, name)) == (name in COROUTINES)


@pytest.fixture(autouse=True)
def initialized(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The root folder joins `sys.path`, and the settings stay: neither beyond a test."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    flyte.init()


def test_settings_given_to_init_reach_s3(moto_server: Server, tmp_path: Path) -> None:
    flyte.init(
        storage=storage.S3(
            endpoint=moto_server.endpoint, access_key_id="test", secret_access_key="test-secret", region="us-east-1"
        )
    )
    _round_trip(f"s3://{moto_server.bucket}/{tmp_path.name}/init")


def test_settings_given_to_init_reach_azure(
    azurite_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", azurite_server.endpoint)
    flyte.init_from_config(
        root_dir=tmp_path, storage=storage.ABFS(account_name=AZURITE_ACCOUNT, account_key=AZURITE_KEY)
    )
    _round_trip(f"abfs://{azurite_server.bucket}/{tmp_path.name}/init")


def _round_trip(uri: str) -> None:
    with File[Any](path=uri).open_sync("w") as stream:
        stream.write("x")
    assert asyncio.run(storage.exists(uri))
    assert storage.exists_sync(uri)


def test_what_is_no_setting_is_refused() -> None:
    with pytest.raises(TypeError, match="hint"):
        flyte.init(storage="s3")  # type: ignore[arg-type]


def test_init_without_storage_goes_back_to_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    flyte.init(storage=storage.S3(endpoint="http://planted"))
    flyte.init()
    monkeypatch.setenv("FLYTE_AWS_ENDPOINT", "http://127.0.0.1:1")
    config = storage.get_configured_fsspec_kwargs("s3")["config"]
    assert config["endpoint"] == "http://127.0.0.1:1"
