"""Virtual time wakes sleepers in order and only when it should."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_engine.clock import SystemClock, VirtualClock


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 20), max_size=8), st.booleans())
def test_sleepers_wake_in_the_order_of_their_deadlines(delays, auto_advance):
    async def scenario():
        clock = VirtualClock(50.0, auto_advance=auto_advance)
        woken = []

        async def sleep(delay):
            await clock.sleep(delay)
            woken.append((clock.now() - 50.0, delay))

        tasks = [asyncio.create_task(sleep(delay)) for delay in delays]
        if not auto_advance:
            await clock.advance(20)
        await asyncio.gather(*tasks)
        return woken

    assert asyncio.run(scenario()) == [(delay, delay) for delay in sorted(delays)]


@pytest.mark.parametrize("auto_advance", [False, True])
def test_a_sleeper_that_sleeps_again_is_not_overtaken(auto_advance):
    async def scenario():
        clock = VirtualClock(auto_advance=auto_advance)
        woken = []

        async def sleep_in_steps():
            for _ in range(3):
                await asyncio.wait_for(asyncio.gather(clock.sleep(1)), None)
                woken.append(clock.now())

        async def sleep_long():
            await clock.sleep(10)
            woken.append(clock.now())

        tasks = asyncio.gather(sleep_long(), sleep_in_steps())
        if not auto_advance:
            await clock.advance(10)
        await tasks
        return woken

    assert asyncio.run(scenario()) == [1, 2, 3, 10]


def test_time_stands_still_until_advanced_and_forgets_the_cancelled():
    async def scenario():
        clock = VirtualClock()
        tasks = [asyncio.create_task(clock.sleep(5)) for _ in range(3)]
        await clock.advance(4.5)
        assert (clock.now(), clock.sleepers) == (4.5, 3)
        tasks[0].cancel()
        await asyncio.gather(tasks[0], return_exceptions=True)
        assert clock.sleepers == 2
        await clock.advance(1)
        await asyncio.gather(*tasks[1:])
        assert (clock.now(), clock.sleepers) == (5.5, 0)

    asyncio.run(scenario())


def test_the_system_clock_tells_unix_time():
    clock = SystemClock()
    before = clock.now()
    asyncio.run(clock.sleep(0))
    assert 1.7e9 < before <= clock.now()
