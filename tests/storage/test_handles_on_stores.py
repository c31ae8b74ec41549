"""`File`, `Dir` and `DataFrame` on every store, through `flyte.io`: both faces, whole or absent, hashed on the way."""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pyarrow as pa
import pytest

import flyte
from flyte.io import DataFrame, Dir, File, HashFunction
from flyte.models import ActionID, RawDataPath, TaskContext
from flyte_models.context import task_scope

MIB = 1024 * 1024
PARTS = 5 * MIB


@pytest.fixture
def task(root: str) -> Iterator[str]:
    """A running task whose data is in the store."""
    context = TaskContext(
        action=ActionID(name="a0", run_name="r", project="p", domain="d", org="o"),
        version="v",
        raw_data_path=RawDataPath(path=f"{root}/raw"),
        output_path=f"{root}/out",
        run_base_dir=f"{root}/base",
        report=None,
    )
    with task_scope(context):
        yield root


def test_a_file_is_written_read_and_fetched(root: str, tmp_path: Path) -> None:
    file = File[str](path=f"{root}/folder/a b.txt")
    assert not file.exists_sync()
    with pytest.raises(FileNotFoundError), file.open_sync():
        pass
    with file.open_sync("w") as text:
        text.write("häh\n")
        text.writelines(["two\n", "three"])
    with file.open_sync("r") as text:
        assert list(text) == ["häh\n", "two\n", "three"]
    with file.open_sync("a") as text:
        text.write("!")
    with file.open_sync() as stream:
        assert stream.seek(-6, 2) == len("häh\ntwo\n".encode())
        assert stream.read() == b"three!"
    with pytest.raises(FileExistsError), file.open_sync("x"):
        pass
    assert file.exists_sync()
    fetched = file.download_sync(f"{tmp_path}/new/")
    assert fetched == f"{tmp_path}/new/a b.txt"
    assert Path(fetched).read_text() == "häh\ntwo\nthree!"
    temporary = Path(file.download_sync())
    assert temporary.name == "a b.txt"
    assert temporary.read_bytes() == Path(fetched).read_bytes()


def test_the_async_face(root: str, tmp_path: Path, bytes_of: Callable[[int], bytes]) -> None:
    content = bytes_of(2 * MIB + 3)

    async def main() -> None:
        file = File[Any](path=f"{root}/async.bin", hash_method=hashlib.sha256())
        async with file.open("wb") as stream:
            await stream.write(content[:MIB])
            await stream.write(content[MIB:])
        assert file.hash == hashlib.sha256(content).hexdigest()
        async with file.open("rb", block_size=MIB) as stream:
            assert await stream.read(10) == content[:10]
            assert await stream.seek(MIB) == MIB
            assert await stream.read() == content[MIB:]
        async with File[Any](path=f"{root}/lines").open("w") as stream:
            await stream.writelines(["a\n", "b\n"])
        async with File[Any](path=f"{root}/lines").open("r") as stream:
            assert [line async for line in stream] == ["a\n", "b\n"]
        assert await file.exists()
        assert not await File(path=f"{root}/no").exists()
        assert Path(await file.download(tmp_path / "got")).read_bytes() == content
        with pytest.raises(FileNotFoundError):
            await File(path=f"{root}/no").download(tmp_path / "no")

    asyncio.run(main())
    assert [path.name for path in tmp_path.iterdir() if path.name != "store"] == ["got"]


def test_async_files_have_the_methods_of_files(root: str) -> None:
    async def main() -> None:
        file = File[Any](path=f"{root}/lines", hash_method=HashFunction.from_fn(lambda data: bytes(data).decode()[:3]))
        async with file.open("wb") as stream:
            await stream.writelines([b"one\n", b"two\n"])
            assert await stream.write(memoryview(b"three")) == 5
            await stream.flush()
            assert await stream.tell() == 13
        assert file.hash == "one"
        async with file.open("rb") as stream:
            assert await stream.readline() == b"one\n"
            assert await stream.readline(2) == b"tw"
            assert await stream.readlines(1) == [b"o\n"]
            assert [line async for line in stream] == [b"three"]
            assert await stream.seek(-2, 2) == 11
            assert await stream.read(1) == b"e"
            await stream.close()
        with pytest.raises(FileExistsError):
            async with file.open("xb"):
                pass
        async with File[Any](path=f"{root}/new").open("xb") as stream:
            await stream.write(b"x")
        assert await File(path=f"{root}/new").exists()
        with pytest.raises(FileNotFoundError):
            async with File[Any](path=f"{root}/no").open("rb"):
                pass

    asyncio.run(main())


def test_many_files_are_open_at_once(root: str) -> None:
    """More than there are threads for: none waits for another to be closed."""
    count = 60

    async def main() -> None:
        everyone = asyncio.Barrier(count)

        async def one(number: int) -> bytes:
            file = File[Any](path=f"{root}/many/{number}")
            async with file.open("wb") as stream:
                await everyone.wait()
                await stream.write(str(number).encode())
            async with file.open("rb") as stream:
                await everyone.wait()
                return await stream.read()

        found = await asyncio.gather(*(one(number) for number in range(count)))
        assert found == [str(number).encode() for number in range(count)]

    asyncio.run(main())


@pytest.mark.parametrize("is_async", [False, True])
def test_what_is_read_in_any_order_is_right(root: str, is_async: bool, bytes_of: Callable[[int], bytes]) -> None:
    """Blocks are read ahead of who reads on; a seek elsewhere must not mix them up."""
    content = bytes_of(3 * MIB + 11)
    steps = [(0, 100), (100, 900_000), (900_100, 900_000), (1_800_100, 300_000), (5, 10), (2_000_000, 700_000)]
    steps += [(2_700_000, 600_000), (0, len(content)), (len(content) - 3, 10)]
    file = File[Any](path=f"{root}/blocks")
    with file.open_sync("wb") as stream:
        stream.write(content)

    async def main() -> None:
        async with file.open("rb", block_size=256 * 1024) as reader:
            for at, size in steps:
                await reader.seek(at)
                assert await reader.read(size) == content[at : at + size]

    if is_async:
        asyncio.run(main())
        return
    with file.open_sync("rb", block_size=256 * 1024) as stream:
        for at, size in steps:
            stream.seek(at)
            assert stream.read(size) == content[at : at + size]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_write_that_fails_leaves_what_was_there(root: str, is_async: bool) -> None:
    file = File[Any](path=f"{root}/kept")
    with file.open_sync("wb") as stream:
        stream.write(b"first")

    async def fail() -> None:
        async with file.open("wb") as stream:
            await stream.write(bytes(3 * MIB))
            raise KeyError

    with pytest.raises(KeyError):
        if is_async:
            asyncio.run(fail())
        else:
            with file.open_sync("wb") as stream:
                stream.write(bytes(3 * MIB))
                raise KeyError
    with file.open_sync() as stream:
        assert stream.read() == b"first"


@pytest.mark.parametrize("compression", ["gzip", "infer"])
def test_compression(root: str, compression: str) -> None:
    file = File[Any](path=f"{root}/text.gz")
    with file.open_sync("w", compression=compression) as stream:
        stream.write("text" * 1000)
    with file.open_sync("r", compression=compression) as stream:
        assert stream.read() == "text" * 1000
    with file.open_sync() as stream:
        assert stream.read(2) == b"\x1f\x8b"


@pytest.mark.parametrize("size", [0, 10, 11 * MIB + 1])
def test_local_files_are_taken_and_hashed_on_their_way(
    root: str, tmp_path: Path, size: int, bytes_of: Callable[[int], bytes]
) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(bytes_of(size))
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    plain = File.from_local_sync(source, f"{root}/plain.bin", chunk_size=PARTS, max_concurrency=2)
    hashed = File.from_local_sync(source, f"{root}/below/", hash_method=hashlib.sha256(), chunk_size=PARTS)
    given = asyncio.run(File.from_local(source, f"{root}/given.bin", hash_method="known"))
    assert (plain.path, plain.hash) == (f"{root}/plain.bin", None)
    assert (hashed.path, hashed.name, hashed.hash) == (f"{root}/below/source.bin", "source.bin", digest)
    assert given.hash == "known"
    for file in (plain, hashed, given):
        assert Path(file.download_sync()).read_bytes() == source.read_bytes()


def test_folders_go_up_and_come_down(root: str, tmp_path: Path) -> None:
    source = tmp_path / "tree"
    files = {"b.txt": b"1", "a b/c": b"", "a b/ü.txt": b"22", "z/y/x.csv": b"333", "%41": b"4"}
    for name, content in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    (source / "link").symlink_to(source / "z")
    files |= {"link/y/x.csv": b"333"}
    folder = Dir.from_local_sync(source, f"{root}/tree", batch_size=2)
    assert (folder.path, folder.name) == (f"{root}/tree", "tree")
    assert folder.exists_sync()
    assert not Dir(path=f"{root}/tr").exists_sync()

    def names(found: list[File[Any]]) -> list[str]:
        return [file.path.removeprefix(f"{root}/tree/") for file in found]

    ordered = ["%41", "b.txt", "a b/c", "a b/ü.txt", "link/y/x.csv", "z/y/x.csv"]
    assert names(list(folder.walk_sync())) == ordered
    assert names(list(folder.walk_sync(max_depth=2))) == ordered[:4]
    assert names(list(folder.walk_sync(file_pattern="*.csv"))) == ordered[4:]
    assert names(folder.list_files_sync()) == ordered[:2]
    assert names(list(Dir(path=f"{root}/nothing").walk_sync())) == []
    found = folder.get_file_sync("a b/ü.txt")
    assert found is not None
    with found.open_sync() as stream:
        assert stream.read() == b"22"
    assert folder.get_file_sync("a b") is None

    async def main() -> str:
        assert names([file async for file in folder.walk()]) == ordered
        assert names([file async for file in folder.walk(max_depth=1)]) == ordered[:2]
        assert names(await folder.list_files()) == ordered[:2]
        assert await folder.get_file("no") is None
        assert (await folder.get_file("z/y/x.csv")) == File(path=f"{root}/tree/z/y/x.csv")
        assert await folder.exists()
        again = await Dir.from_local(source, f"{root}/again/", dir_cache_key="key")
        assert again.hash == "key"
        return await again.download()

    for target in (Path(asyncio.run(main())), Path(folder.download_sync(tmp_path / "down"))):
        found = {path.relative_to(target).as_posix(): path for path in target.rglob("*") if path.is_file()}
        assert {name: path.read_bytes() for name, path in found.items()} == files
    with pytest.raises(FileNotFoundError):
        Dir(path=f"{root}/nothing").download_sync(tmp_path / "nothing")
    with pytest.raises((FileNotFoundError, NotADirectoryError)):
        Dir(path=f"{root}/tree/b.txt").download_sync(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("make", ["circle", "nowhere"])
def test_links_that_lead_nowhere_are_refused(root: str, tmp_path: Path, make: str) -> None:
    source = tmp_path / "tree"
    (source / "a").mkdir(parents=True)
    (source / "a" / "link").symlink_to(source if make == "circle" else tmp_path / "no")
    with pytest.raises((ValueError, FileNotFoundError), match="link"):
        Dir.from_local_sync(source, f"{root}/tree")
    assert not Dir(path=f"{root}/tree").exists_sync()


FRAME = pd.DataFrame({"name": ["a", "b", "c"], "size": [1, 2, 3]})


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_frames_are_stored_and_read(task: str, file_format: str) -> None:
    @ENV.task
    async def widen(frame: DataFrame) -> DataFrame:
        read: pd.DataFrame = await frame.open(pd.DataFrame).all()
        made = DataFrame.wrap_df(read.assign(double=read["size"] * 2))
        made.format = file_format
        return made

    async def main() -> None:
        from flyte_types import InterfaceCodec

        codec = InterfaceCodec({"frame": DataFrame}, {}, task_name="t")
        held = DataFrame.wrap_df(FRAME)
        held.format = file_format
        stored = (await codec.decode_inputs_async(await codec.encode_inputs_async({"frame": held})))["frame"]
        assert stored.uri.startswith(f"{task}/raw/")
        assert stored.format == file_format
        pd.testing.assert_frame_equal(await stored.open(pd.DataFrame).all(), FRAME)
        table: pa.Table = await stored.open(pa.Table).all()
        assert table["size"].to_pylist() == [1, 2, 3]
        parts = [part async for part in stored.open(pa.Table).iter()]
        assert len(parts) == 1
        made = await codec.decode_inputs_async(await codec.encode_inputs_async({"frame": await widen.func(stored)}))
        assert list((await made["frame"].open(pd.DataFrame).all())["double"]) == [2, 4, 6]

    asyncio.run(main())


ENV = flyte.TaskEnvironment("handles")


def test_a_frame_of_many_files_is_read_as_one(root: str) -> None:
    for number in range(3):
        with File[Any](path=f"{root}/frame/part-{number}.parquet").open_sync("wb") as stream:
            FRAME.assign(part=number).to_parquet(stream)
    with File[Any](path=f"{root}/frame/_SUCCESS").open_sync("wb"):
        pass
    frame = DataFrame.from_existing_remote(f"{root}/frame", format="parquet")
    assert list(frame.open(pd.DataFrame).all_sync()["part"]) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    with pytest.raises(FileNotFoundError):
        DataFrame.from_existing_remote(f"{root}/no", format="parquet").open(pa.Table).all_sync()


def test_new_places_are_under_the_data_of_the_task(task: str, tmp_path: Path) -> None:
    file, folder, named = File.new_remote("a.txt"), Dir.new_remote("images"), File.named_remote("shared.txt")
    assert file.path.startswith(f"{task}/raw/")
    assert named.path == f"{task}/base/shared.txt"
    for place in (file, File(path=f"{folder.path}/b.txt"), named):
        with place.open_sync("w") as stream:
            stream.write("x")
        assert place.exists_sync()
    assert [found.name for found in folder.walk_sync()] == ["b.txt"]
    source = tmp_path / "local.txt"
    source.write_text("local")
    taken = File.from_local_sync(source)
    # Also to a local place: of a container nothing stays but that.
    assert taken.path.startswith(f"{task}/raw/")
    with taken.open_sync("r") as stream:
        assert stream.read() == "local"


def test_blocking_faces_work_inside_async_tasks(root: str) -> None:
    """A sync call inside an async task blocks it, and must not wait for the loop that it blocks."""

    @ENV.task
    async def inside(uri: str) -> str:
        with File[Any](path=uri).open_sync("w") as stream:
            stream.write("x")
        with File[Any](path=uri).open_sync("r") as stream:
            return stream.read()

    assert flyte.run(inside, f"{root}/inside").outputs()[0] == "x"


def test_a_cancelled_upload_leaves_nothing(root: str, tmp_path: Path) -> None:
    if not root.startswith(("s3", "abfs", "gs")):
        pytest.skip("the copy may be over before it is cancelled")
    source = tmp_path / "large"
    with source.open("wb") as stream:
        stream.truncate(400 * MIB)

    async def main() -> None:
        # Each of the 80 parts needs a step of this loop.
        upload = asyncio.ensure_future(File.from_local(source, f"{root}/large", chunk_size=PARTS, max_concurrency=1))
        await asyncio.sleep(0.02)
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload
        assert not await File(path=f"{root}/large").exists()

    asyncio.run(main())


class _Site(BaseHTTPRequestHandler):
    files: ClassVar[dict[str, bytes]] = {"/a%20b.csv?token=planted": b"name,size\na,1\n"}

    def do_GET(self) -> None:
        content = self.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start, stop = 0, len(content)
        given = self.headers.get("range")
        if given:
            first, _, last = given.removeprefix("bytes=").partition("-")
            start, stop = int(first), int(last) + 1 if last else stop
        self.send_response(206 if given else 200)
        self.send_header("Content-Length", str(stop - start))
        self.send_header("Last-Modified", "Thu, 26 Nov 2026 00:00:00 GMT")
        if given:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(content)}")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content[start:stop])

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def test_web_addresses_are_read(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        site = f"http://127.0.0.1:{server.server_address[1]}"
        file = File[Any].from_existing_remote(f"{site}/a%20b.csv?token=planted")
        assert file.exists_sync()
        with file.open_sync("r") as stream:
            assert stream.read() == "name,size\na,1\n"
        assert Path(file.download_sync()).name == "a b.csv"
        frame = DataFrame.from_existing_remote(file.path, format="csv").open(pd.DataFrame).all_sync()
        assert list(frame["size"]) == [1]
        missing = File[Any](path=f"{site}/no?token=planted")
        assert not missing.exists_sync()
        with pytest.raises(FileNotFoundError) as caught:
            missing.download_sync(tmp_path / "no")
        assert "planted" not in str(caught.value)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def test_the_data_of_a_run_may_be_on_a_store(root: str, tmp_path: Path) -> None:
    """Files, folders and frames go from task to task through the store, and nothing of them is left on this machine."""
    local = tmp_path / "local.txt"
    local.write_text("local")

    @ENV.task
    async def make() -> tuple[File, Dir, pd.DataFrame]:
        folder = Dir[Any].new_remote("images")
        async with File[Any](path=f"{folder.path}/a.txt").open("wb") as stream:
            await stream.write(b"one")
        return await File.from_local(local), folder, FRAME

    @ENV.task
    def take(file: File, folder: Dir, frame: DataFrame) -> str:
        read: pd.DataFrame = frame.open(pd.DataFrame).all_sync()
        with file.open_sync("r") as stream:
            return (
                f"{stream.read()} {Path(folder.download_sync(), 'a.txt').read_text()} {read['size'].sum()} {frame.uri}"
            )

    @ENV.task
    async def main() -> str:
        file, folder, frame = await make()
        return await take.aio(file, folder, DataFrame.wrap_df(frame))

    run = flyte.with_runcontext(mode="local", raw_data_path=f"{root}/raw").run(main)
    said = str(run.outputs()[0])
    assert said.startswith("local one 6 ")
    assert f" {root}/raw" in said
