"""Medians, ratios and spreads of samples: pure arithmetic, no measuring."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of a row of numbers and the half around it."""

    median: float
    low: float
    """First quartile."""
    high: float
    """Third quartile."""
    count: int


def spread(values: Sequence[float]) -> Spread:
    """Summarise `values` by median and quartiles.

    Raises:
        ValueError: `values` is empty.
    """
    if not values:
        raise ValueError("no samples to summarise\nhint: run at least one round")
    if len(values) == 1:
        return Spread(values[0], values[0], values[0], 1)
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high, len(values))


def above(values: Sequence[float], baseline: Sequence[float]) -> list[float]:
    """Subtract `baseline` from `values`, round by round; a round that noise turned negative counts as nothing.

    Raises:
        ValueError: The two do not come from the same rounds.
    """
    return [max(0.0, value - base) for value, base in zip(values, baseline, strict=True)]


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Divide ours by theirs, round by round: both halves of a ratio saw the same machine at the same moment.

    A round in which theirs took nothing measurable gives infinity, so that it never passes for a win.

    Raises:
        ValueError: The two do not come from the same rounds.
    """
    return [mine / other if other > 0 else math.inf for mine, other in zip(ours, theirs, strict=True)]
