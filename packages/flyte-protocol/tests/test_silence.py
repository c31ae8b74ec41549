"""Silence of the other side, and time in which this process stood still."""

import asyncio
import time

import pytest

from flyte_protocol.silence import heard_within


def test_what_never_comes_is_not_waited_for():
    async def main() -> None:
        with pytest.raises(TimeoutError):
            await heard_within(asyncio.Event().wait(), 0.2)

    asyncio.run(main())


def test_what_has_come_while_the_loop_stood_still_is_taken():
    async def main() -> str:
        loop = asyncio.get_running_loop()
        coming = loop.create_future()
        hearing = asyncio.create_task(heard_within(coming, 0.2))
        await asyncio.sleep(0)
        time.sleep(0.5)
        loop.call_soon(coming.set_result, "still here")
        return await hearing

    assert asyncio.run(main()) == "still here"


def test_who_waits_can_be_cancelled():
    async def main() -> None:
        hearing = asyncio.create_task(heard_within(asyncio.Event().wait(), 60.0))
        await asyncio.sleep(0)
        hearing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hearing

    asyncio.run(main())
