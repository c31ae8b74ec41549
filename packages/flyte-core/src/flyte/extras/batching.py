"""Batches put together of what many callers submit at once: `flyte.extras.DynamicBatcher`, say for one model on one GPU."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Generic, Protocol, Self, TypeVar, runtime_checkable

from flyte_models.values import light_dataclass

__all__ = ["BatchStats", "CostEstimator", "DynamicBatcher"]

RecordT = TypeVar("RecordT")
ResultT = TypeVar("ResultT")


@runtime_checkable
class CostEstimator(Protocol):
    """A record that knows what it costs."""

    def estimate_cost(self) -> int:
        """Give the cost, in the unit of `target_batch_cost`."""
        ...


@light_dataclass()
class BatchStats:
    """What a batcher has done so far."""

    total_submitted: int = 0
    total_completed: int = 0
    total_batches: int = 0
    total_batch_cost: int = 0
    avg_batch_size: float = 0.0
    avg_batch_cost: float = 0.0
    busy_time_s: float = 0.0
    """Seconds during which a batch was processed."""
    idle_time_s: float = 0.0
    """Seconds during which nothing was."""

    @property
    def utilization(self) -> float:
        """The share of time, from 0 to 1, during which a batch was processed."""
        whole = self.busy_time_s + self.idle_time_s
        return self.busy_time_s / whole if whole > 0 else 0.0


class _Waiting(Generic[RecordT, ResultT]):
    """A record, its cost, and who waits for its result."""

    __slots__ = ("cost", "future", "record")

    def __init__(self, record: RecordT, cost: int, future: "asyncio.Future[ResultT]") -> None:
        self.record = record
        self.cost = cost
        self.future = future


class DynamicBatcher(Generic[RecordT, ResultT]):
    """Puts together what is submitted one by one, and processes it batch by batch, one batch at a time.

    A batch is complete when its cost or its size is reached, or when `batch_timeout_s` has passed since its first record. While
    one batch is processed, the next ones are put together. Belongs to the event loop that it is started in.

    ```python
    import asyncio

    from flyte.extras import DynamicBatcher


    async def double(batch: list[int]) -> list[int]:
        return [2 * x for x in batch]


    async def main() -> list[int]:
        async with DynamicBatcher(double) as batcher:
            return await asyncio.gather(*await batcher.submit_batch([1, 2, 3]))


    assert asyncio.run(main()) == [2, 4, 6]
    ```

    Args:
        process_fn: An async function from the records of a batch to their results, in the same order.
        cost_estimator: Gives the cost of a record; without it, the record's own `estimate_cost()`, or `default_cost`.
        target_batch_cost: The cost at which a batch is complete.
        max_batch_size: The number of records at which it is.
        min_batch_size: A batch with fewer records waits a second `batch_timeout_s`.
        batch_timeout_s: Seconds after the first record at which it is complete in any case.
        max_queue_size: How many records may wait; further callers of `submit` wait until there is room.
        prefetch_batches: How many batches are put together ahead.
        default_cost: The cost of a record that nobody knows.

    Raises:
        ValueError: A limit is none.
    """

    def __init__(
        self,
        process_fn: Any,
        *,
        cost_estimator: Callable[[RecordT], int] | None = None,
        target_batch_cost: int = 32_000,
        max_batch_size: int = 256,
        min_batch_size: int = 1,
        batch_timeout_s: float = 0.05,
        max_queue_size: int = 5_000,
        prefetch_batches: int = 2,
        default_cost: int = 1,
    ) -> None:
        for name, limit in (
            ("target_batch_cost", target_batch_cost),
            ("max_batch_size", max_batch_size),
            ("min_batch_size", min_batch_size),
            ("max_queue_size", max_queue_size),
            ("prefetch_batches", prefetch_batches),
        ):
            if limit < 1:
                raise ValueError(f"`{name}` must be 1 or more, got {limit!r}")
        if batch_timeout_s <= 0:
            raise ValueError(f"`batch_timeout_s` must be more than 0 seconds, got {batch_timeout_s!r}")
        self._process = process_fn
        self._estimator = cost_estimator
        self._target_cost = target_batch_cost
        self._max_size = max_batch_size
        self._min_size = min(min_batch_size, max_batch_size)
        self._timeout = batch_timeout_s
        self._default_cost = default_cost
        self._max_queue = max_queue_size
        self._prefetch = prefetch_batches
        self._tasks: list[asyncio.Task[None]] = []
        self._open: set[asyncio.Future[ResultT]] = set()
        self._stats = BatchStats()
        self._idle_since: float | None = None
        self._is_stopping = False

    @property
    def is_running(self) -> bool:
        """Whether it was started and not stopped."""
        return bool(self._tasks) and not self._is_stopping

    @property
    def stats(self) -> BatchStats:
        """What it has done so far."""
        return self._stats

    async def start(self) -> None:
        """Begin to take records.

        Raises:
            RuntimeError: It runs already.
        """
        if self._tasks:
            raise RuntimeError("the batcher runs already\nhint: start it once, best by `async with`")
        self._queue: asyncio.Queue[_Waiting[RecordT, ResultT] | None] = asyncio.Queue(self._max_queue)
        self._batches: asyncio.Queue[list[_Waiting[RecordT, ResultT]] | None] = asyncio.Queue(self._prefetch)
        self._is_stopping = False
        self._idle_since = time.monotonic()
        self._tasks = [
            asyncio.create_task(self._gather(), name="flyte-batcher-gather"),
            asyncio.create_task(self._carry_out(), name="flyte-batcher-process"),
        ]

    async def stop(self) -> None:
        """Process what was submitted, and then take no more. Nothing happens if it does not run."""
        if not self._tasks or self._is_stopping:
            return
        self._is_stopping = True
        try:
            await self._queue.put(None)
            await asyncio.gather(*self._tasks)
        finally:
            for task in self._tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*self._tasks, return_exceptions=True)
            self._tasks = []
            self._fail_rest()

    async def __aenter__(self) -> Self:
        """Start it."""
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop it."""
        await self.stop()

    async def submit(self, record: RecordT, *, estimated_cost: int | None = None) -> "asyncio.Future[ResultT]":
        """Hand in a record, waiting while the queue is full.

        Args:
            record: The record.
            estimated_cost: Its cost, if the caller knows it.

        Returns:
            The future of its result, or of what `process_fn` raised.

        Raises:
            RuntimeError: The batcher does not run.
        """
        if not self.is_running:
            raise RuntimeError("the batcher does not run\nhint: `async with DynamicBatcher(...) as batcher:`")
        future: asyncio.Future[ResultT] = asyncio.get_running_loop().create_future()
        self._open.add(future)
        future.add_done_callback(self._open.discard)
        await self._queue.put(_Waiting(record, self._cost(record, estimated_cost), future))
        self._stats.total_submitted += 1
        return future

    async def submit_batch(
        self, records: Sequence[RecordT], *, estimated_cost: Sequence[int] | None = None
    ) -> "list[asyncio.Future[ResultT]]":
        """Hand in several records; they need not end up in the same batch.

        Raises:
            ValueError: There are not as many costs as records.
            RuntimeError: The batcher does not run.
        """
        if estimated_cost is not None and len(estimated_cost) != len(records):
            raise ValueError(f"there are {len(records)} records and {len(estimated_cost)} costs")
        return [
            await self.submit(record, estimated_cost=estimated_cost[index] if estimated_cost is not None else None)
            for index, record in enumerate(records)
        ]

    def _cost(self, record: RecordT, given: int | None) -> int:
        if given is not None:
            return given
        if self._estimator is not None:
            return self._estimator(record)
        return record.estimate_cost() if isinstance(record, CostEstimator) else self._default_cost

    async def _gather(self) -> None:
        """Put batches together until the end comes through the queue."""
        is_over = False
        while not is_over:
            first = await self._queue.get()
            if first is None:
                break
            batch, cost = [first], first.cost
            deadline, is_second = time.monotonic() + self._timeout, False
            while len(batch) < self._max_size and cost < self._target_cost:
                item, is_late = await self._next(deadline)
                if is_late:
                    if len(batch) >= self._min_size or is_second:
                        break
                    deadline, is_second = deadline + self._timeout, True
                    continue
                if item is None:
                    is_over = True
                    break
                batch.append(item)
                cost += item.cost
            await self._batches.put(batch)
        await self._batches.put(None)

    async def _next(self, deadline: float) -> "tuple[_Waiting[RecordT, ResultT] | None, bool]":
        """Give the next record, or say that there is none in time."""
        if not self._queue.empty():
            return self._queue.get_nowait(), False
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            return None, True
        try:
            return await asyncio.wait_for(self._queue.get(), remaining), False
        except TimeoutError:
            return None, True

    async def _carry_out(self) -> None:
        while (batch := await self._batches.get()) is not None:
            begun = time.monotonic()
            self._stats.idle_time_s += begun - (self._idle_since or begun)
            self._idle_since = None
            await self._process_batch(batch)
            self._idle_since = time.monotonic()
            self._count(batch, self._idle_since - begun)

    async def _process_batch(self, batch: "list[_Waiting[RecordT, ResultT]]") -> None:
        try:
            results = await self._process([each.record for each in batch])
            if len(results) != len(batch):
                raise ValueError(
                    f"`process_fn` gave {len(results)} results for {len(batch)} records\nhint: return one for each, in order"
                )
        except asyncio.CancelledError:
            for each in batch:
                each.future.cancel()
            raise
        except Exception as error:  # whatever the user's function raises belongs to whoever waits for the results
            for each in batch:
                if not each.future.done():
                    each.future.set_exception(error)
            return
        for each, result in zip(batch, results, strict=True):
            if not each.future.done():
                each.future.set_result(result)

    def _count(self, batch: "list[_Waiting[RecordT, ResultT]]", seconds: float) -> None:
        stats = self._stats
        stats.total_batches += 1
        stats.total_completed += len(batch)
        stats.total_batch_cost += sum(each.cost for each in batch)
        stats.busy_time_s += seconds
        stats.avg_batch_size = stats.total_completed / stats.total_batches
        stats.avg_batch_cost = stats.total_batch_cost / stats.total_batches

    def _fail_rest(self) -> None:
        """Let nobody wait for a record that came too late."""
        for future in list(self._open):
            if not future.done():
                future.set_exception(RuntimeError("the batcher was stopped before this record was processed"))
