"""Checkpoints: what one attempt saves the next one loads; files, folders and bytes."""

import asyncio
import os
from pathlib import Path

import pytest

import flyte
from flyte.running.options import RunOptions
from flyte.running.start import Runner
from flyte_engine.memory import MemoryStore

env = flyte.TaskEnvironment("checkpoints")


def folder(place: Path) -> Path:
    (place / "sub").mkdir(parents=True)
    (place / "sub" / "weights").write_bytes(b"\x00\x01")
    (place / "epoch").write_text("3")
    return place


def test_bytes_come_back_as_a_payload(tmp_path: Path) -> None:
    saved = flyte.Checkpoint(str(tmp_path / "a"))
    assert not saved.prev_exists()
    assert saved.load_sync() is None
    saved.save_sync(b"state")
    assert (tmp_path / "a").read_bytes() == b"state"
    loaded = flyte.Checkpoint(str(tmp_path / "b"), str(tmp_path / "a"))
    assert loaded.prev_exists()
    path = loaded.load_sync()
    assert path == loaded.path / "payload"
    assert path.read_bytes() == b"state"
    assert loaded.load_sync() == path
    assert (loaded.remote_source, loaded.remote_destination) == (str(tmp_path / "a"), str(tmp_path / "b"))


@pytest.mark.parametrize("as_text", [False, True])
def test_folder_comes_back_as_a_folder(tmp_path: Path, as_text: bool) -> None:
    source = folder(tmp_path / "source")
    flyte.Checkpoint(str(tmp_path / "a")).save_sync(str(source) if as_text else source)
    path = flyte.Checkpoint(str(tmp_path / "b"), f"file://{tmp_path / 'a'}").load_sync()
    assert path is not None
    files = {str(each.relative_to(path)): each.read_bytes() for each in path.rglob("*") if each.is_file()}
    assert files == {"sub/weights": b"\x00\x01", "epoch": b"3"}


def test_file_comes_back_as_a_payload(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"\x1f\x8b no archive")
    flyte.Checkpoint(str(tmp_path / "a")).save_sync(tmp_path / "model.bin")
    path = flyte.Checkpoint(str(tmp_path / "b"), str(tmp_path / "a")).load_sync()
    assert path is not None
    assert path.read_bytes() == b"\x1f\x8b no archive"
    assert (tmp_path / "model.bin").exists()


def test_later_save_replaces_the_earlier_and_leaves_nothing_else(tmp_path: Path) -> None:
    checkpoint = flyte.Checkpoint(str(tmp_path / "at" / "a"))
    checkpoint.save_sync(b"1")
    checkpoint.save_sync(b"2")
    assert [(each.name, each.read_bytes()) for each in (tmp_path / "at").iterdir()] == [("a", b"2")]


def test_a_uri_of_this_machine_names_a_path(tmp_path: Path) -> None:
    place = tmp_path / "two words" / "a"
    flyte.Checkpoint(place.as_uri()).save_sync(b"state")
    assert place.read_bytes() == b"state"
    path = flyte.Checkpoint("", place.as_uri()).load_sync()
    assert path is not None
    assert path.read_bytes() == b"state"


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing to save"):
        flyte.Checkpoint(str(tmp_path / "a")).save_sync(tmp_path / "missing")
    assert flyte.Checkpoint(str(tmp_path / "b"), str(tmp_path / "a")).load_sync() is None


def test_latest_checkpoint(tmp_path: Path) -> None:
    assert flyte.latest_checkpoint(tmp_path) is None
    for age, name in enumerate(("old", "new")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "last.ckpt").touch()
        os.utime(tmp_path / name / "last.ckpt", (age, age))
    assert flyte.latest_checkpoint(tmp_path) == tmp_path / "new" / "last.ckpt"
    assert flyte.latest_checkpoint(tmp_path, "*/last.ckpt", key=str) == tmp_path / "old" / "last.ckpt"


@env.task(retries=3)
async def counts() -> list[int]:
    checkpoint = flyte.ctx().checkpoint
    assert checkpoint is flyte.ctx().checkpoint
    loaded = await checkpoint.load()
    seen = [int(loaded.read_text())] if loaded is not None else []
    number = flyte.ctx().attempt_number
    if number != 1:
        # The second attempt saves nothing, and the third one finds what the first has saved.
        await checkpoint.save(str(number).encode())
    if number < 3:
        raise ValueError("again")
    return [*seen, number]


@env.task(retries=1)
def counts_sync() -> str:
    checkpoint = flyte.ctx().checkpoint
    loaded = checkpoint.load_sync()
    if loaded is None:
        checkpoint.save_sync(b"first")
        raise ValueError("again")
    return loaded.read_text()


def test_attempts_hand_checkpoints_on() -> None:
    store = MemoryStore()
    run = asyncio.run(Runner(RunOptions(store=store)).attempt(counts, (), {}))
    assert run.outputs()[0] == [2, 3]
    assert flyte.run(counts_sync).outputs()[0] == "first"
