"""`DynamicBatcher` and `TokenBatcher`: what ends a batch, order, failures, and that nobody waits for ever."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte.extras import BatchStats, CostEstimator, DynamicBatcher, Prompt, TokenBatcher, TokenEstimator

LONG = 30.0


class Recorder:
    def __init__(self) -> None:
        self.batches: list[list[Any]] = []

    async def __call__(self, batch: list[Any]) -> list[Any]:
        self.batches.append(batch)
        return [item * 2 for item in batch]


async def submit_all(records: list[int], **settings: Any) -> tuple[list[int], Recorder, BatchStats]:
    recorder = Recorder()
    async with DynamicBatcher(recorder, **settings) as batcher:
        results = await asyncio.gather(*await batcher.submit_batch(records))
    return results, recorder, batcher.stats


def test_size_ends_a_batch() -> None:
    results, recorder, stats = asyncio.run(submit_all(list(range(10)), max_batch_size=4, batch_timeout_s=0.01))
    assert results == [2 * x for x in range(10)]
    assert [len(batch) for batch in recorder.batches] == [4, 4, 2]
    assert (stats.total_submitted, stats.total_completed, stats.total_batches) == (10, 10, 3)
    assert 0 <= stats.utilization <= 1


def test_cost_ends_a_batch() -> None:
    _, recorder, stats = asyncio.run(
        submit_all([1, 2, 3, 4, 5], cost_estimator=lambda x: x, target_batch_cost=3, batch_timeout_s=0.01)
    )
    assert recorder.batches == [[1, 2], [3], [4], [5]]
    assert stats.total_batch_cost == 15
    assert stats.avg_batch_cost == 15 / 4


def test_the_end_of_the_block_processes_what_waits() -> None:
    """Long before the time is up."""

    async def main() -> list[int]:
        async with DynamicBatcher(Recorder(), batch_timeout_s=LONG) as batcher:
            futures = await batcher.submit_batch([1, 2])
        return [future.result() for future in futures]

    assert asyncio.run(asyncio.wait_for(main(), LONG / 2)) == [2, 4]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(1, 50), max_size=40),
    st.integers(1, 10),
    st.integers(1, 60),
    st.integers(1, 5),
    st.integers(1, 4),
)
def test_every_record_gets_its_own_result(records: list[int], size: int, cost: int, queue: int, ahead: int) -> None:
    results, recorder, stats = asyncio.run(
        submit_all(
            records,
            max_batch_size=size,
            target_batch_cost=cost,
            max_queue_size=queue,
            prefetch_batches=ahead,
            cost_estimator=lambda x: x,
            batch_timeout_s=0.001,
        )
    )
    assert results == [2 * x for x in records]
    assert [item for batch in recorder.batches for item in batch] == records
    assert all(len(batch) <= size and sum(batch[:-1]) < cost for batch in recorder.batches)
    assert stats.total_completed == len(records)


def test_a_failure_reaches_those_of_its_batch_only() -> None:
    async def process(batch: list[int]) -> list[int]:
        if 3 in batch:
            raise ValueError("no threes")
        return batch

    async def main() -> list[Any]:
        async with DynamicBatcher(process, max_batch_size=2, batch_timeout_s=0.01) as batcher:
            return await asyncio.gather(*await batcher.submit_batch([1, 2, 3, 4, 5]), return_exceptions=True)

    one, two, three, four, five = asyncio.run(main())
    assert (one, two, five) == (1, 2, 5)
    assert str(three) == str(four) == "no threes"


def test_the_function_must_give_a_result_for_each_record() -> None:
    async def process(batch: list[int]) -> list[int]:
        return batch[1:]

    async def main() -> Any:
        async with DynamicBatcher(process, batch_timeout_s=0.01) as batcher:
            return await asyncio.gather(await batcher.submit(1), return_exceptions=True)

    (error,) = asyncio.run(main())
    assert "0 results for 1 records" in str(error)


def test_a_batcher_that_does_not_run_takes_nothing() -> None:
    async def main() -> None:
        batcher: DynamicBatcher[int, int] = DynamicBatcher(Recorder())
        with pytest.raises(RuntimeError, match="async with"):
            await batcher.submit(1)
        async with batcher:
            assert batcher.is_running
            with pytest.raises(RuntimeError, match="already"):
                await batcher.start()
            with pytest.raises(ValueError, match="2 records and 1 costs"):
                await batcher.submit_batch([1, 2], estimated_cost=[1])
        assert not batcher.is_running
        await batcher.stop()
        async with batcher:
            assert await (await batcher.submit(4)) == 8

    asyncio.run(main())


def test_cancelling_the_stop_leaves_nobody_waiting() -> None:
    async def main() -> list[Any]:
        never = asyncio.Event()

        async def process(batch: list[int]) -> list[int]:
            await never.wait()
            return batch

        batcher: DynamicBatcher[int, int] = DynamicBatcher(process, max_batch_size=1, batch_timeout_s=0.001)
        await batcher.start()
        futures = await batcher.submit_batch([1, 2, 3, 4, 5, 6])
        stopping = asyncio.create_task(batcher.stop())
        await asyncio.sleep(0.02)
        stopping.cancel()
        return await asyncio.wait_for(asyncio.gather(*futures, stopping, return_exceptions=True), LONG)

    results = asyncio.run(main())
    assert all(isinstance(each, BaseException) for each in results)


@pytest.mark.parametrize(
    "setting", ["target_batch_cost", "max_batch_size", "min_batch_size", "max_queue_size", "prefetch_batches"]
)
def test_limits_are_checked(setting: str) -> None:
    with pytest.raises(ValueError, match=setting):
        DynamicBatcher(Recorder(), **{setting: 0})
    with pytest.raises(ValueError, match="batch_timeout_s"):
        DynamicBatcher(Recorder(), batch_timeout_s=0)


def test_records_know_their_cost() -> None:
    class Costly:
        def estimate_cost(self) -> int:
            return 7

        def __mul__(self, other: int) -> int:
            return other

    assert isinstance(Costly(), CostEstimator)
    _, _, stats = asyncio.run(submit_all([Costly()], batch_timeout_s=0.001))  # type: ignore[list-item]
    assert stats.total_batch_cost == 7


def test_tokens_are_counted() -> None:
    assert [Prompt(text).estimate_tokens() for text in ("", "abcdefgh", "abcdefghi")] == [1, 3, 3]
    assert isinstance(Prompt(""), TokenEstimator)

    async def lengths(batch: list[Prompt]) -> list[int]:
        return [len(each.text) for each in batch]

    async def main() -> BatchStats:
        async with TokenBatcher(lengths, target_batch_tokens=5, batch_timeout_s=0.01) as batcher:
            futures = await batcher.submit_batch([Prompt("x" * 8)] * 4)
            futures.append(await batcher.submit(Prompt("y"), estimated_tokens=100))
            assert await asyncio.gather(*futures) == [8, 8, 8, 8, 1]
        return batcher.stats

    stats = asyncio.run(main())
    assert (stats.total_batches, stats.total_batch_cost) == (3, 112)
    with pytest.raises(TypeError, match="inference_fn"):
        TokenBatcher()
