"""What becomes of the other uploads when one fails."""

import asyncio
from pathlib import Path

import pytest

from flyte_remote import uploads
from flyte_remote.uploads import UploadPlace, upload_folder


def folder_of(tmp_path: Path, count: int) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:02}.txt").write_text(str(number))
    return folder


def test_a_failed_upload_ends_the_others_and_names_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    ended: list[str] = []
    waiting = asyncio.Event()

    async def place(name: str, md5: bytes, **_: object) -> UploadPlace:
        asked.append(name)
        try:
            if name == "03.txt":
                await waiting.wait()
                raise PermissionError("the project is archived")
            if name == "05.txt":
                waiting.set()
            await asyncio.Event().wait()
        finally:
            ended.append(name)
        raise AssertionError

    monkeypatch.setattr(uploads, "upload_place", place)
    folder = folder_of(tmp_path, 3 * uploads.UPLOADS_AT_ONCE)

    async def go() -> set[str]:
        with pytest.raises(PermissionError, match="archived") as caught:
            await upload_folder(folder, "root", "project", "development")
        assert caught.value.__notes__ == [f"the file is `{folder / '03.txt'}`, which was not uploaded"]
        assert sorted(ended) == sorted(asked)
        return {task.get_name() for task in asyncio.all_tasks() - {asyncio.current_task()}}  # type: ignore[union-attr]

    assert asyncio.run(go()) == set()
    assert len(asked) < 3 * uploads.UPLOADS_AT_ONCE


def test_whoever_stops_waiting_ends_the_uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []
    started = asyncio.Event()

    async def place(name: str, md5: bytes, **_: object) -> UploadPlace:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)
        raise AssertionError

    monkeypatch.setattr(uploads, "upload_place", place)
    folder = folder_of(tmp_path, 3)

    async def go() -> None:
        task = asyncio.ensure_future(upload_folder(folder, "root", "project", "development"))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(go())
    assert ended
