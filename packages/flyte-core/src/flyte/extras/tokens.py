"""Batches measured in tokens: `flyte.extras.TokenBatcher`, for prompts of a language model."""

import asyncio
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from flyte.extras.batching import DynamicBatcher
from flyte_models.values import light_dataclass

__all__ = ["Prompt", "TokenBatcher", "TokenEstimator"]

RecordT = TypeVar("RecordT")
ResultT = TypeVar("ResultT")

_LETTERS_PER_TOKEN = 4


@runtime_checkable
class TokenEstimator(Protocol):
    """A record that knows its tokens."""

    def estimate_tokens(self) -> int:
        """Give the number of tokens."""
        ...


@light_dataclass()
class Prompt:
    """A text for a language model."""

    text: str

    def estimate_tokens(self) -> int:
        """Give a rough number of tokens: one for four letters, and one more."""
        return len(self.text) // _LETTERS_PER_TOKEN + 1


class TokenBatcher(DynamicBatcher[RecordT, ResultT], Generic[RecordT, ResultT]):
    """A `DynamicBatcher` that counts tokens.

    Args:
        inference_fn: An async function from the records of a batch to their results, in the same order.
        process_fn: The same under its name of `DynamicBatcher`.
        token_estimator: Gives the tokens of a record; without it, its own `estimate_tokens()` or `estimate_cost()`.
        cost_estimator: The same under its name of `DynamicBatcher`.
        target_batch_tokens: The number of tokens at which a batch is complete.
        target_batch_cost: The same under its name of `DynamicBatcher`.
        default_token_estimate: The tokens of a record that nobody knows.
        default_cost: The same under its name of `DynamicBatcher`.
        max_batch_size: The number of records at which a batch is complete.
        min_batch_size: A batch with fewer records waits a second `batch_timeout_s`.
        batch_timeout_s: Seconds after the first record at which it is complete in any case.
        max_queue_size: How many records may wait.
        prefetch_batches: How many batches are put together ahead.

    Raises:
        TypeError: There is no function, or two of them.
        ValueError: A limit is none.
    """

    def __init__(
        self,
        inference_fn: Any = None,
        *,
        process_fn: Any = None,
        token_estimator: Callable[[RecordT], int] | None = None,
        cost_estimator: Callable[[RecordT], int] | None = None,
        target_batch_tokens: int | None = None,
        target_batch_cost: int = 32_000,
        default_token_estimate: int | None = None,
        default_cost: int = 1,
        max_batch_size: int = 256,
        min_batch_size: int = 1,
        batch_timeout_s: float = 0.05,
        max_queue_size: int = 5_000,
        prefetch_batches: int = 2,
    ) -> None:
        if (inference_fn is None) == (process_fn is None):
            raise TypeError("`TokenBatcher` takes one function: `inference_fn`, or `process_fn`, which is the same")
        super().__init__(
            inference_fn or process_fn,
            cost_estimator=token_estimator or cost_estimator,
            target_batch_cost=target_batch_tokens if target_batch_tokens is not None else target_batch_cost,
            max_batch_size=max_batch_size,
            min_batch_size=min_batch_size,
            batch_timeout_s=batch_timeout_s,
            max_queue_size=max_queue_size,
            prefetch_batches=prefetch_batches,
            default_cost=default_token_estimate if default_token_estimate is not None else default_cost,
        )

    async def submit(
        self, record: RecordT, *, estimated_tokens: int | None = None, estimated_cost: int | None = None
    ) -> "asyncio.Future[ResultT]":
        """Hand in a record; see `DynamicBatcher.submit`. `estimated_tokens` is its cost, if the caller knows it."""
        cost = estimated_tokens if estimated_tokens is not None else estimated_cost
        return await super().submit(record, estimated_cost=cost)

    def _cost(self, record: RecordT, given: int | None) -> int:
        if given is None and self._estimator is None and isinstance(record, TokenEstimator):
            return record.estimate_tokens()
        return super()._cost(record, given)
