"""A task that raises `SystemExit` or `KeyboardInterrupt` ends alone, not the loop with everything on it."""

import asyncio

import pytest

from flyte_syncify.loop import BackgroundLoop


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_whoever_waits_hears_of_it_and_the_loop_goes_on(kind: type[BaseException]):
    background = BackgroundLoop("survivor")
    loop = background.get()

    async def raises() -> None:
        raise kind

    async def later() -> int:
        await asyncio.sleep(0.05)
        return 7

    try:
        other = asyncio.run_coroutine_threadsafe(later(), loop)
        with pytest.raises(kind):
            background.run(raises())
        assert other.result(30) == 7
        assert background.get() is loop
        assert background.run(later()) == 7
    finally:
        background.close()


def test_a_task_that_nobody_awaits_ends_alone():
    background = BackgroundLoop("survivor")

    async def leaves() -> None:
        raise SystemExit(4)

    async def goes_on() -> str:
        task = asyncio.create_task(leaves())
        await asyncio.sleep(0.05)
        return type(task.exception()).__name__

    try:
        assert background.run(goes_on()) == "SystemExit"
    finally:
        background.close()
