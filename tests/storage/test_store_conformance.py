"""One suite for every store: what is put comes back, whole, under its own name."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

import flyte_storage as storage

MIB = 1024 * 1024
ODD_NAMES = [
    "plain.txt",
    "a b",
    "a%20b",
    "ü/é 漢字.txt",
    "q?x=1&y=2#z",
    "plus+and,comma;(1)[2]{3}!$'@~*",
    "back\\slash",
    ".hidden",
    "trailing.dot.",
    "x" * 200,
    "~home",
    '=equals&amp;<tag>"quote"',
]
SMALL = storage.Limits(range_bytes=MIB, part_bytes=5 * MIB)


async def read(uri: str) -> bytes:
    return b"".join([piece async for piece in storage.get_stream(uri)])


async def names_below(uri: str) -> list[str]:
    return sorted([found.removeprefix(uri).strip("/") async for found, _ in storage.list_objects(uri)])


@pytest.mark.parametrize("size", [0, 1, 1000, MIB, MIB + 1, 11 * MIB + 3])
def test_files_come_back_as_they_were(root: str, tmp_path: Path, size: int, bytes_of: Callable[[int], bytes]) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes_of(size))
    moved: list[tuple[int, int | None]] = []

    async def body() -> None:
        uri = f"{root}/file.bin"
        assert await storage.put(str(source), uri, limits=SMALL, progress=lambda *step: moved.append(step)) == uri
        assert await storage.get(uri, target, limits=SMALL) == str(target)
        assert (await storage.info(uri)).size == size
        assert await storage.exists(uri)

    asyncio.run(body())
    assert target.read_bytes() == source.read_bytes()
    if not root.startswith("/"):
        assert moved[-1] == (size, size)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_kept(root: str, tmp_path: Path, name: str) -> None:
    if "\\" in name and root.startswith("abfs"):
        # Azure stores a slash instead, so it is refused.
        with pytest.raises(storage.InvalidKeyError, match="backslash"):
            asyncio.run(storage.put_stream(b"", to_path=f"{root}/{name}"))
        return

    async def body() -> None:
        folder = f"{root}/odd"
        uri = f"{folder}/{name}"
        await storage.put_stream(name.encode(), to_path=uri)
        assert await read(uri) == name.encode()
        assert await names_below(folder) == [name]
        await storage.get(folder, tmp_path / "got", recursive=True)
        assert (tmp_path / "got" / name).read_bytes() == name.encode()
        assert await storage.exists(uri)
        await storage.delete(uri)
        assert not await storage.exists(uri)

    asyncio.run(body())


def test_folders_keep_names_and_empty_files(root: str, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    files = {"a": b"1", "b/c": b"", "b/d e/f": b"22", "b/d e/.g": b"333", "z/" + "n" * 100: b"4444"}
    for name, content in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(content)

    async def body() -> None:
        assert await storage.put(str(tree), f"{root}/tree", recursive=True) == f"{root}/tree"
        assert await names_below(f"{root}/tree") == sorted(files)
        await storage.put_stream(b"not in it", to_path=f"{root}/tree2/x")
        await storage.get(f"{root}/tree", tmp_path / "got", recursive=True)
        await storage.get(f"{root}/tree/", tmp_path / "got-slash", recursive=True)
        await storage.copy(f"{root}/tree", f"{root}/copied", recursive=True)
        assert await names_below(f"{root}/copied") == sorted(files)
        assert await storage.exists(f"{root}/tree/b")
        assert await storage.delete(f"{root}/tree", recursive=True) == len(files)
        assert await names_below(f"{root}/tree") == []
        assert await names_below(f"{root}/tree2") == ["x"]

    asyncio.run(body())
    for got in ("got", "got-slash"):
        found = {path.relative_to(tmp_path / got).as_posix(): path for path in (tmp_path / got).rglob("*")}
        assert {name: path.read_bytes() for name, path in found.items() if path.is_file()} == files


@pytest.mark.parametrize("name", ["a//b", "./a", "a/../b", "a\nb", "a\x7f"])
def test_names_that_would_become_others_are_refused(root: str, name: str) -> None:
    if root.startswith("/"):
        pytest.skip("paths are what the file system makes of them")
    with pytest.raises(storage.InvalidKeyError, match="hint"):
        asyncio.run(storage.put_stream(b"", to_path=f"{root}/{name}"))


def test_what_is_not_there(root: str, tmp_path: Path) -> None:
    async def body() -> None:
        uri = f"{root}/nothing"
        for call in (
            storage.get(uri, tmp_path / "x"),
            storage.get(uri, tmp_path / "x", recursive=True),
            storage.info(uri),
            read(uri),
            storage.open_file(uri),
            storage.copy(uri, f"{root}/else"),
        ):
            with pytest.raises(FileNotFoundError) as caught:
                await call
            assert isinstance(caught.value, storage.ObjectNotFoundError)
            assert "nothing" in str(caught.value)
        assert not await storage.exists(uri)
        await storage.delete(uri)
        assert await names_below(uri) == []

    asyncio.run(body())
    assert not (tmp_path / "x").exists()


def test_streams_in_pieces(root: str, bytes_of: Callable[[int], bytes]) -> None:
    content = bytes_of(9 * MIB + 5)

    async def source() -> AsyncGenerator[bytes]:
        for at in range(0, len(content), 700_001):
            yield content[at : at + 700_001]

    async def body() -> None:
        uri = f"{root}/stream"
        assert await storage.put_stream(source(), to_path=uri, size_hint=len(content), limits=SMALL) == uri
        pieces = [piece async for piece in storage.get_stream(uri, 1_000_003, limits=SMALL)]
        assert {len(piece) for piece in pieces[:-1]} == {1_000_003}
        assert b"".join(pieces) == content
        await storage.put_stream(b"", to_path=uri)
        assert await read(uri) == b""

    asyncio.run(body())


def test_a_stream_that_fails_leaves_what_was_there(root: str) -> None:
    async def failing() -> AsyncGenerator[bytes]:
        yield bytes(6 * MIB)
        yield bytes(6 * MIB)
        raise RuntimeError("the source broke")

    async def body() -> None:
        uri = f"{root}/kept"
        await storage.put_stream(b"first", to_path=uri)
        with pytest.raises(RuntimeError, match="the source broke"):
            await storage.put_stream(failing(), to_path=uri, size_hint=20 * MIB, limits=SMALL)
        assert await read(uri) == b"first"
        assert await names_below(root) == ["kept"]

    asyncio.run(body())


def test_a_cancelled_upload_leaves_nothing(root: str) -> None:
    started = asyncio.Event()

    async def endless() -> AsyncGenerator[bytes]:
        while True:
            yield bytes(6 * MIB)
            started.set()
            await asyncio.sleep(3600 if started.is_set() else 0)

    async def body() -> None:
        upload = asyncio.create_task(
            storage.put_stream(endless(), to_path=f"{root}/never", size_hint=20 * MIB, limits=SMALL)
        )
        await started.wait()
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload
        assert not await storage.exists(f"{root}/never")
        assert await names_below(root) == []

    asyncio.run(body())


def test_open_reads_seeks_and_writes(root: str) -> None:
    async def body() -> None:
        uri = f"{root}/lines"
        writer = await storage.open_file(uri, "wb")
        assert isinstance(writer, storage.AsyncWriter)
        async with writer:
            assert await writer.write(b"one\ntwo\n") == 8
            await writer.write(b"three")
            assert not await storage.exists(uri)
        reader = await storage.open_file(uri)
        assert isinstance(reader, storage.AsyncReader)
        async with reader:
            assert reader.size == 13
            assert [line async for line in reader] == [b"one\n", b"two\n", b"three"]
            assert await reader.seek(4) == 4
            assert await reader.read(3) == b"two"
            assert await reader.seek(-5, 2) == 8
            assert await reader.read() == b"three"
            assert await reader.read() == b""
        with pytest.raises(RuntimeError):
            async with await storage.open_file(uri, "wb") as again:
                await again.write(b"lost")
                raise RuntimeError
        assert await read(uri) == b"one\ntwo\nthree"

    asyncio.run(body())


def test_blocking_face(root: str, tmp_path: Path) -> None:
    uri = f"{root}/blocking"
    with storage.open_sync(uri, "wb") as stream:
        stream.write(b"a\nb\n")
        assert not storage.exists_sync(uri)
    with storage.open_sync(uri) as stream:
        assert stream.readline() == b"a\n"
        assert stream.read() == b"b\n"
        assert stream.seek(0) == 0
        assert stream.read(1) == b"a"
    with pytest.raises(RuntimeError), storage.open_sync(uri, "wb") as stream:
        stream.write(b"lost")
        raise RuntimeError
    assert storage.get_sync(uri, tmp_path / "got") == str(tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == b"a\nb\n"
    assert storage.put_sync(str(tmp_path / "got"), f"{root}/second") == f"{root}/second"
    assert sorted(found for found, _ in storage.list_objects_sync(root)) == [uri, f"{root}/second"]
    assert b"".join(storage.get_stream_sync(uri)) == b"a\nb\n"
    assert storage.info_sync(uri).size == 4
    storage.copy_sync(uri, f"{root}/third")
    assert storage.delete_sync(root, recursive=True) == 3
    assert not storage.exists_sync(uri)


def test_many_files_at_once(root: str, tmp_path: Path) -> None:
    tree = tmp_path / "many"
    tree.mkdir()
    for number in range(60):
        (tree / f"{number:03}").write_bytes(bytes([number]) * number)

    async def body() -> None:
        await storage.put(str(tree), f"{root}/many", recursive=True, batch_size=16)
        await storage.get(f"{root}/many", tmp_path / "back", recursive=True)

    asyncio.run(body())
    assert {path.name: path.read_bytes() for path in (tmp_path / "back").iterdir()} == {
        path.name: path.read_bytes() for path in tree.iterdir()
    }


def test_between_stores(root: str, bytes_of: Callable[[int], bytes]) -> None:
    content = bytes_of(6 * MIB)

    async def body() -> None:
        await storage.put_stream(content, to_path="memory://between/a")
        await storage.copy("memory://between/a", f"{root}/a")
        await storage.copy(f"{root}/a", f"{root}/b")
        await storage.copy(f"{root}/b", "memory://between/b")
        assert await read("memory://between/b") == content
        await storage.delete("memory://between", recursive=True)

    asyncio.run(body())
