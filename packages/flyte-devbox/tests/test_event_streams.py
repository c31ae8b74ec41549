"""The stream of events of a browser, when something goes wrong with what it looks at."""

import asyncio
import logging
from typing import Any

import pytest

from flyte_devbox.console.events import EventStreams


class Broken:
    """A devbox whose database cannot be read any more."""

    class database:  # noqa: N801 - stands for an attribute
        @staticmethod
        def read_one(sql: str) -> None:
            raise OSError(f"the disk is gone: {sql[:6]}")


def test_a_stream_that_cannot_look_any_more_ends(caplog: pytest.LogCaptureFixture) -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def go() -> None:
        async with asyncio.timeout(60):
            await EventStreams(Broken()).serve([("triggers",)], receive, send)  # type: ignore[arg-type]

    with caplog.at_level(logging.ERROR):
        asyncio.run(go())
    assert not sent[-1].get("more_body", False)
    assert "the disk is gone" in caplog.text
