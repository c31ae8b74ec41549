"""`File` on the local file system: making, opening, copying, and living inside dataclasses and pydantic models."""

import asyncio
import copy
import hashlib
import inspect
import json
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyte_models.context import task_scope
from flyte_models.ids import ActionID
from flyte_models.paths import RawDataPath
from flyte_models.task_context import TaskContext
from flyte_types import File, InterfaceCodec
from flyte_types.codec import decode_literal, encode_literal
from flyte_types.hashing import HashFunction, HashlibAccumulator, PrecomputedValue


@dataclass
class Holder:
    f: File
    n: int = 1


def test_a_handle_knows_its_name(tmp_path):
    source = tmp_path / "a.txt"
    source.write_text("hi")
    assert File.from_local_sync(source) == File(path=str(source), name="a.txt")
    assert repr(File.from_existing_remote("s3://b/k.csv", "key")) == (
        "File(path='s3://b/k.csv', name='k.csv', format='', hash='key', hash_method=None)"
    )
    with pytest.raises(ValueError, match="file not found"):
        File.from_local_sync(tmp_path / "no")


def test_reading_and_writing(tmp_path):
    handle = File[str](path=str(tmp_path / "new" / "a.txt"))
    with handle.open_sync("w") as stream:
        stream.write("häh\n")
    with handle.open_sync("r") as stream:
        assert stream.read() == "häh\n"
    with handle.open_sync() as stream:
        assert stream.read() == "häh\n".encode()
    assert handle.exists_sync()
    with pytest.raises(FileNotFoundError), File(path=str(tmp_path / "no")).open_sync():
        pass


def test_a_failed_write_leaves_nothing(tmp_path):
    handle = File(path=str(tmp_path / "a.txt"))
    with pytest.raises(KeyError), handle.open_sync("wb") as stream:
        stream.write(b"half")
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_the_async_face(tmp_path):
    async def main():
        handle = File(path=str(tmp_path / "a.txt"))
        async with handle.open("wb") as stream:
            await stream.write(b"a\nb\n")
        async with handle.open("rb") as stream:
            lines = [line async for line in stream]
        copied = await (await File.from_local(handle.path)).download(tmp_path / "copy.txt")
        return lines, await File(path=copied).exists()

    assert asyncio.run(main()) == ([b"a\n", b"b\n"], True)


def test_copies(tmp_path):
    source = tmp_path / "a.txt"
    source.write_text("hi")
    folder = tmp_path / "folder"
    folder.mkdir()
    assert File(path=str(source)).download_sync() == str(source)
    assert File(path=str(source)).download_sync(folder) == str(folder / "a.txt")
    assert File.from_local_sync(source, str(tmp_path / "b.txt")).path == str(tmp_path / "b.txt")
    assert (tmp_path / "b.txt").read_text() == "hi"


def test_new_files_need_a_run():
    with pytest.raises(ValueError, match="inside a task"):
        File.new_remote()


def test_files_inside_a_dataclass_are_those_of_the_reference():
    """Recorded from PyPI flyte 2.12.1."""
    held = Holder(File(path="s3://x/y.txt", hash="h", format="csv"))
    payload = b"\202\241f\204\244path\254s3://x/y.txt\244name\245y.txt\246format\243csv\244hash\241h\241n\001"
    assert payload in encode_literal(held, Holder)
    assert held == decode_literal(encode_literal(held, Holder), Holder)


def test_the_blob_of_a_file_is_that_of_the_reference():
    """Recorded from PyPI flyte 2.12.1: an empty type is written, an empty format is not."""
    assert encode_literal(File(path="a.txt"), File) == b"\n\x0d\x12\x0b\n\x02\n\x00\x1a\x05a.txt"
    assert (
        InterfaceCodec({"f": File}, {}, task_name="t").typed_interface()
        == b"\n\x0b\n\t\n\x01f\x12\x04\n\x02*\x00\x12\x00"
    )


def test_pydantic_accepts_files():
    class Model(pydantic.BaseModel):
        f: File

    model = Model(f=File(path="s3://b/k"))
    assert json.loads(model.model_dump_json()) == {"f": {"path": "s3://b/k", "name": "k", "format": "", "hash": None}}
    assert Model.model_validate_json(model.model_dump_json()) == model
    schema = Model.model_json_schema()
    assert schema["properties"]["f"] == {"$ref": "#/$defs/File"}
    assert schema["$defs"]["File"] == File.model_json_schema()
    assert schema["$defs"]["File"]["x-flyte-type"] == "file"
    for bad in ("text", 3, {}, {"path": 3}):
        with pytest.raises(pydantic.ValidationError):
            Model(f=bad)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source" / "a.txt"
    path.parent.mkdir()
    path.write_bytes(b"hello")
    return path


SHA256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (None, None),
        ("known", "known"),
        (hashlib.sha256(), SHA256),
        (HashlibAccumulator.from_hash_name("sha256"), SHA256),
        (HashFunction.from_fn(lambda data: bytes(data).decode().upper()), "HELLO"),
        (PrecomputedValue("p"), "p"),
    ],
    ids=["none", "text", "hashlib", "accumulator", "function", "precomputed"],
)
@pytest.mark.parametrize("copied", [False, True])
def test_a_local_file_is_hashed(source, tmp_path, method, expected, copied):
    target = str(tmp_path / "copy.txt") if copied else None
    for _ in range(2):
        made = File.from_local_sync(source, target, hash_method=method)
        assert (made.hash, made.path) == (expected, target or str(source))
    assert asyncio.run(File.from_local(source, target, hash_method=method)).hash == expected


def test_a_file_copied_onto_itself_is_hashed_and_left_alone(source):
    before = source.stat()
    made = File.from_local_sync(source, str(source), hash_method=hashlib.sha256())
    assert made.hash == SHA256
    assert (source.stat().st_ino, source.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_what_is_no_hash_method_is_refused(source):
    with pytest.raises(TypeError, match="is not a hash method"):
        File.from_local_sync(source, hash_method=3)


@pytest.mark.parametrize(("mode", "pieces"), [("wb", (b"he", b"llo")), ("w", ("he", "llo")), ("xb", (b"hello",))])
@pytest.mark.parametrize("method", [hashlib.sha256(), HashFunction(lambda data: hashlib.sha256(data).hexdigest())])
def test_what_is_written_is_hashed_on_its_way(tmp_path, mode, pieces, method):
    handle = File(path=str(tmp_path / "a.bin"), hash_method=method)
    with handle.open_sync(mode) as stream:
        for piece in pieces:
            stream.write(piece)
        assert handle.hash is None
    assert handle.hash == SHA256

    async def main():
        again = File(path=str(tmp_path / "b.bin"), hash_method=method)
        async with again.open(mode) as stream:
            for piece in pieces:
                await stream.write(piece)
        return again.hash

    assert asyncio.run(main()) == SHA256


def test_appending_keeps_and_hashes_what_was_there(tmp_path):
    handle = File(path=str(tmp_path / "a.txt"), hash_method=hashlib.sha256())
    for text in ("he", "llo"):
        with handle.open_sync("a") as stream:
            stream.write(text)
    assert (tmp_path / "a.txt").read_text() == "hello"
    assert handle.hash == SHA256


def test_modes(tmp_path):
    handle = File(path=str(tmp_path / "a.txt"))
    with handle.open_sync("x") as stream:
        stream.write("1")
    with pytest.raises(FileExistsError), handle.open_sync("xb"):
        pass
    for mode in ("r+b", "rw", "", "q"):
        with pytest.raises(ValueError, match="is not one of"), handle.open_sync(mode):
            pass


@pytest.mark.parametrize(("compression", "suffix"), [("gzip", ".gz"), ("bz2", ".bz2"), ("xz", ".xz")])
def test_compression(tmp_path, compression, suffix):
    handle = File(path=str(tmp_path / f"a{suffix}"))
    with handle.open_sync("w", compression=compression) as stream:
        stream.write("häh" * 100)
    assert (tmp_path / f"a{suffix}").stat().st_size < 100
    with handle.open_sync("r", compression="infer") as stream:
        assert stream.read() == "häh" * 100
    with pytest.raises(ValueError, match="compression 'rar' is not one of"), handle.open_sync(compression="rar"):
        pass


def test_an_async_write_that_fails_leaves_nothing(tmp_path):
    async def main():
        async with File(path=str(tmp_path / "a.txt")).open("w") as stream:
            await stream.write("half")
            raise KeyError

    with pytest.raises(KeyError):
        asyncio.run(main())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["ü ?#%20.txt", "-dash", "new\nline", ".hidden", "a" * 200])
@pytest.mark.parametrize("content", [b"", b"1", b"\x00" * 3_000_000])
def test_odd_names_and_sizes_survive_every_copy(tmp_path, name, content):
    source = tmp_path / name
    source.write_bytes(content)
    handle = File.from_local_sync(source, f"{tmp_path}/copies/")
    assert (handle.name, handle.path) == (name, f"{tmp_path}/copies/{name}")
    assert handle.download_sync(f"{tmp_path}/down/") == f"{tmp_path}/down/{name}"
    assert (tmp_path / "down" / name).read_bytes() == content
    assert decode_literal(encode_literal(handle, File), File) == handle


def test_links_are_what_they_point_at(tmp_path):
    (tmp_path / "a.txt").write_text("hi")
    (tmp_path / "link").symlink_to("a.txt")
    (tmp_path / "broken").symlink_to("nowhere")
    handle = File.from_local_sync(tmp_path / "link", str(tmp_path / "copy"))
    assert handle.name == "link"
    assert not (tmp_path / "copy").is_symlink()
    with pytest.raises(ValueError, match="file not found"):
        File.from_local_sync(tmp_path / "broken")
    with pytest.raises(ValueError, match="is a folder"):
        File.from_local_sync(tmp_path)


@pytest.fixture
def task(tmp_path):
    context = TaskContext(
        action=ActionID(name="a0"),
        version="v",
        raw_data_path=RawDataPath(path=str(tmp_path / "raw")),
        output_path=str(tmp_path / "out"),
        run_base_dir=str(tmp_path / "run"),
        report=None,
    )
    with task_scope(context):
        yield context


def test_new_files_are_under_the_data_of_the_task(task, tmp_path):
    assert File.new_remote("n.txt").path.startswith(f"{tmp_path}/raw/")
    assert File.new_remote("n.txt").path != File.new_remote("n.txt").path
    assert (File.new_remote("n.txt", "h").name, File.new_remote("n.txt", "h").hash) == ("n.txt", "h")
    method = hashlib.md5()
    handle = File.new_remote(hash_method=method)
    with handle.open_sync("wb") as stream:
        stream.write(b"hello")
    assert handle.hash == "5d41402abc4b2a76b9719d911017c592"


def test_named_files_are_shared_by_the_run(task, tmp_path):
    assert File.named_remote("a/n.txt") == File.named_remote("a/n.txt") == File(path=f"{tmp_path}/run/a/n.txt")
    for name in ("", "/etc/passwd", "../x", "a/../../x"):
        with pytest.raises(ValueError, match="must be a relative path"):
            File.named_remote(name)


def test_named_files_need_a_run():
    with pytest.raises(ValueError, match="inside a task"):
        File.named_remote("n.txt")


def test_a_protocol_that_nobody_knows_is_named():
    handle = File(path="nowhere://b/k")
    for call in (handle.exists_sync, handle.download_sync):
        with pytest.raises((ValueError, ImportError), match="nowhere"):
            call()


def test_what_signs_a_web_address_is_not_shown():
    handle = File(path="https://host/a/data.csv?X-Amz-Signature=planted")
    assert handle.name == "data.csv?X-Amz-Signature=planted", "what is stored is what 2.12.1 stores"
    assert "planted" not in repr(handle)
    assert "name='data.csv'" in repr(handle)
    assert "name='mine'" in repr(File(path=handle.path, name="mine"))


def test_a_handle_behaves_like_a_model():
    handle = File(path="s3://b/k", hash="h")
    assert handle.model_dump() == {"path": "s3://b/k", "name": "k", "format": "", "hash": "h"}
    assert handle.model_dump_json() == '{"path":"s3://b/k","name":"k","format":"","hash":"h"}'
    assert File.model_validate_json(handle.model_dump_json()) == File.model_validate(handle.model_dump()) == handle
    assert handle.model_copy(update={"hash": None}) == File(path="s3://b/k")
    assert pickle.loads(pickle.dumps(handle)) == copy.deepcopy(handle) == handle
    with pytest.raises(TypeError, match="unhashable"):
        hash(handle)


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.text(max_size=9), st.none() | st.text(max_size=9)
)
def test_any_handle_survives_the_wire(path, file_format, file_hash):
    handle = File(path=path, format=file_format, hash=file_hash or None)
    assert decode_literal(encode_literal(handle, File), File) == handle
    assert decode_literal(encode_literal(Holder(handle), Holder), Holder) == Holder(handle)


def test_importing_the_package_is_light():
    heavy = {
        "pydantic",
        "pydantic_core",
        "google.protobuf",
        "flyteidl2",
        "asyncio",
        "pandas",
        "pyarrow",
        "msgpack",
        "yaml",
    }
    code = "import sys, json, flyte_types; print(json.dumps(sorted(sys.modules)))"
    loaded = set(json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout))
    assert heavy & loaded == set()


# Parameters of the public methods as PyPI flyte 2.12.1 has them.
FROM_LOCAL = ["local_path", "remote_destination", "hash_method", "chunk_size", "max_concurrency"]
OPEN = ["mode", "block_size", "cache_type", "cache_options", "compression", "kwargs"]
SIGNATURES = {
    "download": ["local_path"],
    "download_sync": ["local_path"],
    "exists": [],
    "exists_sync": [],
    "from_existing_remote": ["remote_path", "file_cache_key"],
    "from_local": FROM_LOCAL,
    "from_local_sync": FROM_LOCAL,
    "named_remote": ["name"],
    "new_remote": ["file_name", "hash_method"],
    "open": OPEN,
    "open_sync": OPEN,
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name):
    found = list(inspect.signature(getattr(File, name)).parameters)
    assert SIGNATURES[name] == [parameter for parameter in found if parameter != "self"]


def test_the_constructor_is_that_of_the_reference():
    assert ["path", "name", "format", "hash", "hash_method"] == list(inspect.signature(File).parameters)
    with pytest.raises(TypeError):
        File("s3://b/k")
    with pytest.raises(TypeError, match="os.PathLike"):
        File(path=3)
    assert File(path=Path("/a/b")).path == "/a/b"
