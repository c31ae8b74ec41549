"""What local runs are carried out with, where somebody puts other things in place of the usual ones (`flyte.testing`)."""

from collections.abc import Callable
from pathlib import Path

from flyte.running.threads import BodyThreads
from flyte_engine.caching import OutputCache
from flyte_engine.clock import Clock
from flyte_engine.engine import EngineEvent
from flyte_engine.executors import Executor
from flyte_engine.store import ActionStore
from flyte_models.values import value

__all__ = ["Equipment", "equipment", "equip"]


@value
class Equipment:
    """A clock, an executor, threads, a store and a cache for all runs of this process; the caller owns and closes them."""

    clock: Clock
    executor: Executor
    threads: Callable[[], BodyThreads]
    store: ActionStore
    """For runs that are not told another one."""
    cache: OutputCache
    folder: Path
    """Where runs keep their files, each in a folder of its own."""
    name: Callable[[], str]
    """Names a run that has no name."""
    observe: Callable[[EngineEvent], None]


_present: Equipment | None = None


def equipment() -> Equipment | None:
    """Return what runs are to be carried out with, or None for the usual."""
    return _present


def equip(wanted: Equipment | None) -> Equipment | None:
    """Carry runs out with this from now on; return what it was before."""
    global _present
    before, _present = _present, wanted
    return before
