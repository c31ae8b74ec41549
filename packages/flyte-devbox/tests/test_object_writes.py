"""Objects that the devbox writes itself: durable when it says so, with a loop that goes on meanwhile."""

import asyncio
import os
import threading

from flyte_devbox.objects import ObjectFolder


def test_the_loop_goes_on_while_the_disk_is_waited_for(tmp_path, monkeypatch) -> None:
    real, goes_on = os.fsync, threading.Event()

    def slow(descriptor: int) -> None:
        assert goes_on.wait(60), "the loop stands still"
        real(descriptor)

    monkeypatch.setattr(os, "fsync", slow)

    async def go() -> str:
        objects = ObjectFolder(tmp_path / "objects")
        writing = asyncio.create_task(objects.write("a/b.pb", b"content"))
        await asyncio.sleep(0.05)
        assert not writing.done()
        goes_on.set()
        uri = await writing
        assert objects.read("a/b.pb") == b"content"
        assert objects.read_uri(uri) == b"content"
        return uri

    assert asyncio.run(go()) == str((tmp_path / "objects" / "a" / "b.pb").resolve())
