"""How containers stay warm between the actions of an environment."""

import warnings
from datetime import timedelta
from typing import Any, Literal, cast

from flyte_models.values import light_dataclass

__all__ = ["ReusePolicy"]

_SHORTEST = timedelta(seconds=30)


@light_dataclass()
class ReusePolicy:
    """Warm containers for an environment: how many, how long they wait, and how much each does at once.

    A number of replicas becomes a pair, and seconds become durations.

    Raises:
        ValueError: A field is of another type, out of range (durations are at least 30 seconds), or a pair the wrong way round.

    Warns:
        UserWarning: One container that runs one action at a time can starve: a parent would hold it while its child waits for it.
    """

    replicas: int | tuple[int, int] = 2
    """How many containers; a pair is the fewest and the most."""
    idle_ttl: int | timedelta = 30
    """How long the environment is kept when nothing runs in any of its containers; a number counts seconds."""
    concurrency: int = 1
    """How many actions a container runs at once; more than one for async tasks only."""
    scaledown_ttl: int | timedelta = 30
    """How long a single container waits for work before it ends; a number counts seconds."""
    scope: Literal["global", "run"] = "global"
    """Whether containers serve all runs, or each run has its own."""

    def __post_init__(self) -> None:
        self.replicas = _replicas(self.replicas)
        self.idle_ttl = _time_to_live("idle_ttl", self.idle_ttl)
        if not isinstance(self.concurrency, int):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"`ReusePolicy.concurrency` must be an integer, got {self.concurrency!r}")  # noqa: TRY004  # the reference's type
        if self.concurrency < 1:
            raise ValueError(f"`ReusePolicy.concurrency` must be at least 1, got {self.concurrency}")
        self.scaledown_ttl = _time_to_live("scaledown_ttl", self.scaledown_ttl)
        if self.scope not in ("global", "run"):
            raise ValueError(f"`ReusePolicy.scope` must be `global` or `run`, got {self.scope!r}")
        if self.max_replicas == 1 and self.concurrency == 1:
            warnings.warn(
                "one replica with a concurrency of 1 can starve: a task that calls another of its environment waits for itself\n"
                "hint: allow 2 replicas, or a higher `concurrency` if the tasks are async",
                stacklevel=3,
            )

    @property
    def min_replicas(self) -> int:
        """The fewest containers."""
        return self.replicas[0] if isinstance(self.replicas, tuple) else self.replicas

    @property
    def max_replicas(self) -> int:
        """The most containers."""
        return self.replicas[1] if isinstance(self.replicas, tuple) else self.replicas

    def get_scaledown_ttl(self) -> timedelta | None:
        """Give `scaledown_ttl` as a duration."""
        return _time_to_live("scaledown_ttl", self.scaledown_ttl)


def _replicas(replicas: Any) -> tuple[int, int]:
    counts = cast("tuple[Any, ...]", replicas) if isinstance(replicas, tuple) else (replicas, replicas)
    if len(counts) != 2 or not all(isinstance(count, int) for count in counts):
        raise ValueError(
            f"`ReusePolicy.replicas` must be an integer or a pair of integers, got {replicas!r}\n"
            "hint: `replicas=(1, 4)` keeps one container and allows four"
        )
    fewest, most = counts
    if fewest < 0 or most < fewest:
        raise ValueError(f"`ReusePolicy.replicas` must be (fewest, most) and not negative, got {replicas!r}")
    return (fewest, most)


def _time_to_live(name: str, ttl: object) -> timedelta:
    if isinstance(ttl, int):
        ttl = timedelta(seconds=ttl)
    if not isinstance(ttl, timedelta):
        raise ValueError(f"`ReusePolicy.{name}` must be a `timedelta` or whole seconds, got {ttl!r}")  # noqa: TRY004  # the reference's type
    if ttl < _SHORTEST:
        raise ValueError(f"`ReusePolicy.{name}` must be at least 30 seconds, got {ttl.total_seconds():g}")
    return ttl
