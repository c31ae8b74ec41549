"""Settings objects with the fields, defaults and keyword arguments of PyPI flyte 2.12, recorded from it."""

from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

import flyte_storage as storage
from flyte_models.errors import InitializationError

SHARED = {"retries": 3, "backoff": timedelta(seconds=5), "enable_debug": False, "attach_execution_metadata": True}
RETRY = {
    "retry_config": {
        "max_retries": 3,
        "backoff": {"base": 2, "init_backoff": timedelta(seconds=5), "max_backoff": timedelta(seconds=16)},
        "retry_timeout": timedelta(seconds=180),
    },
    "client_options": {"timeout": "99999s", "allow_http": True},
}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_", "FLYTE_")):
            monkeypatch.delenv(name)
    storage.configure()


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        (storage.Storage, []),
        (storage.GCS, []),
        (storage.S3, ["endpoint", "access_key_id", "secret_access_key", "region", "addressing_style"]),
        (storage.ABFS, ["account_name", "account_key", "tenant_id", "client_id", "client_secret"]),
    ],
)
def test_fields_and_defaults(kind: type[storage.Storage], own: list[str]) -> None:
    assert {field.name: field.default for field in fields(kind)} == SHARED | dict.fromkeys(own)
    assert kind() == kind.auto()
    assert kind().get_fsspec_kwargs() == RETRY
    assert kind().get_fsspec_kwargs(anonymous=True) == RETRY | {"config": {"skip_signature": True}}


def test_s3_keyword_arguments() -> None:
    sandbox = {"access_key_id": "minio", "secret_access_key": "miniostorage", "endpoint": "http://localhost:4566"}
    assert storage.S3.for_sandbox().get_fsspec_kwargs() == RETRY | {"config": sandbox}
    made = storage.S3(region="eu-west-1", addressing_style="virtual", endpoint="http://x")
    assert made.get_fsspec_kwargs() == RETRY | {
        "config": {"endpoint": "http://x", "virtual_hosted_style_request": True},
        "region": "eu-west-1",
    }
    assert storage.S3(addressing_style="path").get_fsspec_kwargs()["config"] == {"virtual_hosted_style_request": False}


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {
        "FLYTE_AWS_ENDPOINT": "http://e:9",
        "FLYTE_AWS_ACCESS_KEY_ID": "ak",
        "FLYTE_AWS_SECRET_ACCESS_KEY": "sk",
        "FLYTE_AWS_S3_ADDRESSING_STYLE": "virtual",
        "AZURE_STORAGE_ACCOUNT_NAME": "an",
        "AZURE_STORAGE_ACCOUNT_KEY": "akey",
        "FLYTE_STORAGE_DEBUG": "true",
        "FLYTE_STORAGE_RETRIES": "9",
        "FLYTE_STORAGE_BACKOFF_SECONDS": "7",
    }.items():
        monkeypatch.setenv(name, text)
    shared = {"retries": 9, "backoff": timedelta(seconds=7), "enable_debug": True}
    assert storage.S3.auto(region="r") == storage.S3(
        endpoint="http://e:9",
        access_key_id="ak",
        secret_access_key="sk",
        addressing_style="virtual",
        region="r",
        **shared,
    )
    assert storage.ABFS.auto() == storage.ABFS(account_name="an", account_key="akey", **shared)
    assert storage.get_configured_fsspec_kwargs("abfs")["config"] == {"account_name": "an", "account_key": "akey"}
    assert storage.get_configured_fsspec_kwargs("s3")["retry_config"]["max_retries"] == 9
    for secret in ("sk", "akey"):
        assert repr(secret) not in repr(storage.S3.auto()) + repr(storage.ABFS.auto())


@pytest.mark.parametrize("name", ["FLYTE_STORAGE_RETRIES", "FLYTE_STORAGE_BACKOFF_SECONDS"])
def test_numbers_that_are_none_are_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "soon")
    with pytest.raises(ValueError, match=f"`{name}` is 'soon'.*\nhint"):
        storage.S3.auto()


def test_limits_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLYTE_IO_UPLOAD_CHUNK_SIZE", "1000")
    monkeypatch.setenv("FLYTE_IO_UPLOAD_MAX_CONCURRENCY", "3")
    monkeypatch.setenv("FLYTE_STORAGE_STALL_SECONDS", "7.5")
    limits = storage.Limits.from_environment()
    assert (limits.part_bytes, limits.upload_concurrency, limits.stall_seconds) == (5 * 1024 * 1024, 3, 7.5)
    monkeypatch.setenv("FLYTE_IO_BATCH_SIZE", "-1")
    with pytest.raises(ValueError, match="`FLYTE_IO_BATCH_SIZE`"):
        storage.Limits.from_environment()


def test_configured_kwargs() -> None:
    with pytest.raises(InitializationError, match=r"flyte\.init"):
        storage.get_configured_fsspec_kwargs()
    for protocol in ("file", "http", "memory", "redis", "az", "gcs"):
        assert storage.get_configured_fsspec_kwargs(protocol) == {}
    storage.configure(storage.S3.for_sandbox())
    assert storage.get_configured_fsspec_kwargs() == storage.S3.for_sandbox().get_fsspec_kwargs()
    assert storage.get_configured_fsspec_kwargs("s3") == storage.S3.for_sandbox().get_fsspec_kwargs()
    assert storage.get_configured_fsspec_kwargs("gs") == RETRY
    storage.configure(storage.Storage(retries=8))
    assert storage.get_configured_fsspec_kwargs("gs")["retry_config"]["max_retries"] == 8
    storage.configure()


def test_profiles_of_the_aws_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from flyte_storage.profiles import aws_options

    (tmp_path / "config").write_text("[profile work]\nregion = eu-central-1\nendpoint_url = http://s3.work\n")
    (tmp_path / "credentials").write_text("[work]\naws_access_key_id = ak\naws_secret_access_key = sk\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "work")
    profile = {"region": "eu-central-1", "endpoint": "http://s3.work"}
    keys = {"access_key_id": "ak", "secret_access_key": "sk"}
    assert aws_options(storage.S3(), anonymous=False) == profile | keys
    assert aws_options(storage.S3(), anonymous=True) == profile
    explicit = storage.S3(access_key_id="x", secret_access_key="y", region="r")
    assert aws_options(explicit, anonymous=False) == profile | {
        "access_key_id": "x",
        "secret_access_key": "y",
        "region": "r",
    }
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(storage.StoragePermissionError, match="no AWS profile `nobody`"):
        aws_options(storage.S3(), anonymous=False)
