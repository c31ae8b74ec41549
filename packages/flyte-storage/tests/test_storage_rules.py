"""Pure rules: URIs, part sizes, checksums, redaction, new local places."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flyte_storage as storage
from flyte_models.context import current_context
from flyte_storage.integrity import expected_etag, part_layout
from flyte_storage.limits import MIB, delay_before_retry, part_size_for
from flyte_storage.uris import locate


@pytest.mark.parametrize(
    ("uri", "scheme", "container", "key", "account"),
    [
        ("s3://b/k/l", "s3", "b", "k/l", None),
        ("S3://b/k%20?#", "s3", "b", "k%20?#", None),
        ("s3a://b/k/", "s3", "b", "k", None),
        ("gcs://b/k", "gs", "b", "k", None),
        ("abfs://c/k", "abfs", "c", "k", None),
        ("az://c/k", "abfs", "c", "k", None),
        ("abfss://c@acct.dfs.core.windows.net/k/l", "abfs", "c", "k/l", "acct"),
        ("memory://a/b", "memory", "", "a/b", None),
        ("memory:///a/b", "memory", "", "a/b", None),
        ("https://h:1/a%20b/c?x=1", "https", "https://h:1", "a b/c", None),
        ("redis://h/k", "redis", "", "h/k", None),
        ("s3://b", "s3", "b", "", None),
    ],
)
def test_locations(uri: str, scheme: str, container: str, key: str, account: str | None) -> None:
    place = locate(uri)
    assert (place.scheme, place.container, place.key, place.account) == (scheme, container, key, account)


@pytest.mark.parametrize("uri", ["s3:///k", "s3://b//k", "s3://b/a//c", "s3://b/./c", "s3://b/a/../c", "gs://b/a\nb"])
def test_uris_that_no_object_can_have(uri: str) -> None:
    with pytest.raises(storage.InvalidKeyError, match="hint"):
        locate(uri)


@pytest.mark.parametrize(
    ("parts", "joined"),
    [(("a", "b"), "a/b"), (("s3://a/", "b", "c"), "s3://a/b/c"), (("s3://a", "/b"), "/b"), (("s3://a", ""), "s3://a/")],
)
def test_join_is_that_of_paths(parts: tuple[str, ...], joined: str) -> None:
    assert storage.join(*parts) == joined


@given(st.integers(0, 5 * 1024**4), st.integers(5 * MIB, 100 * MIB))
@settings(max_examples=60, deadline=None)
def test_parts_are_never_too_many(size: int, smallest: int) -> None:
    part = part_size_for(size, smallest)
    assert part >= smallest
    assert -(-size // part) <= 10_000
    assert part == smallest or part % MIB == 0


def test_what_no_store_takes() -> None:
    with pytest.raises(ValueError, match="5 TiB"):
        part_size_for(5 * 1024**4 + 1, MIB)


@given(st.binary(max_size=200), st.integers(1, 64))
@settings(max_examples=40, deadline=None)
def test_etags_of_parts(data: bytes, part: int) -> None:
    digests = [hashlib.md5(data[at : at + part]).digest() for at in range(0, len(data), part)] or [
        hashlib.md5(data).digest()
    ]
    assert expected_etag([hashlib.md5(data).digest()], is_multipart=False) == hashlib.md5(data).hexdigest()
    assert expected_etag(digests, is_multipart=True).endswith(f"-{len(digests)}")


def test_part_layouts_are_found_again() -> None:
    assert part_layout("a" * 32 + "-3", 20 * MIB, 8 * MIB) == 8 * MIB
    assert part_layout("a" * 32 + "-4", 20 * MIB, 8 * MIB) == 5 * MIB
    assert part_layout("a" * 32, 20 * MIB, 8 * MIB) is None
    assert part_layout("0x8D", 20 * MIB, 8 * MIB) is None


def test_waits_grow_and_listen() -> None:
    assert all(0.1 <= delay_before_retry(1, 0.2, 16) <= 0.2 for _ in range(20))
    assert all(8 <= delay_before_retry(20, 0.2, 16) <= 16 for _ in range(20))
    assert all(30 < delay_before_retry(3, 0.2, 16, 30) <= 31 for _ in range(20))


@pytest.mark.parametrize(
    "text",
    [
        "PUT https://b.s3.amazonaws.com/k?X-Amz-Signature=SECRET&x=1 failed",
        'url: "https://acc.blob.core.windows.net/c/k?sv=1&sig=SECRET%3D"',
        "Authorization: Bearer SECRET",
        "AccountKey=SECRET;EndpointSuffix=x",
        'secret_access_key: Some("SECRET")',
        "http://user:SECRET@host/path",
        "<Error><AWSAccessKeyId>SECRET</AWSAccessKeyId><StringToSign>a\nSECRET</StringToSign></Error>",
    ],
)
def test_credentials_are_taken_out_of_texts(text: str) -> None:
    assert "SECRET" not in storage.redact(text)
    assert "SECRET" not in str(storage.StorageError(text, uri=text))


def test_new_local_places() -> None:
    named = storage.get_random_local_path("s3://a/b/c.txt")
    assert named.name == "c.txt"
    assert named.parent.is_dir()
    assert not named.exists()
    assert storage.get_random_local_path("a/b") != storage.get_random_local_path("a/b")
    assert storage.get_random_local_path().parent.is_dir()
    folder = storage.get_random_local_directory()
    assert isinstance(folder, Path)
    assert not folder.exists()


def test_no_target_outside_of_a_task() -> None:
    assert not current_context()
    with pytest.raises(ValueError, match="to_path"):
        storage.put_stream_sync(b"x")


def test_options_go_to_fsspec_only(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="`anything`"):
        storage.info_sync(str(tmp_path), anything=1)
    with pytest.raises((storage.UnsupportedStoreError, ImportError), match="nope"):
        storage.exists_sync("nope://x/y")


def test_a_custom_protocol_of_fsspec(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    from fsspec.implementations.memory import MemoryFileSystem

    class Custom(MemoryFileSystem):
        protocol = "flytecustom"
        store: dict = {}  # its own, not that of `memory`
        pseudo_dirs = [""]

    fsspec.register_implementation("flytecustom", Custom, clobber=True)
    storage.put_stream_sync(b"abc", to_path="flytecustom://a/b")
    assert b"".join(storage.get_stream_sync("flytecustom://a/b", 2)) == b"abc"
    assert storage.exists_sync("flytecustom://a")
    assert not storage.exists_sync("flytecustom://z")
    storage.get_sync("flytecustom://a", tmp_path / "got", recursive=True)
    assert (tmp_path / "got" / "b").read_bytes() == b"abc"
    assert storage.delete_sync("flytecustom://a", recursive=True) == 1
    assert not storage.exists_sync("flytecustom://a/b")
    assert type(storage.get_underlying_filesystem("flytecustom")) is Custom
