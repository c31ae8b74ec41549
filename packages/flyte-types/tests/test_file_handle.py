"""`File` on the local file system: making, opening, copying, and living inside dataclasses and pydantic models."""

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass

import pydantic
import pytest

from flyte_types import File, InterfaceCodec
from flyte_types.codec import decode_literal, encode_literal


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
    assert Model.model_json_schema()["properties"]["f"]["x-flyte-type"] == "file"


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
