"""What the interface reads: runs and actions as they change, without ever holding up the loop that draws."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, ParamSpec, TypeVar, cast

from flyte_cli.history import LONGEST_WRITE, is_over, remote_of
from flyte_engine.records import ActionRecord, RunRecord
from flyte_engine.sqlite import SQLiteStore
from flyte_engine.store import ActionStore

__all__ = ["action_looks", "apart", "run_looks"]

P = ParamSpec("P")
T = TypeVar("T")

_MOST_RUNS = 1000
_MOST_REMOTE_RUNS = 100
"""Of a control plane, which is asked for all of them each time."""


async def apart(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function that blocks on a thread of its own, and return what it returns.

    Whoever is cancelled waits no longer, and neither does the end of the process: a control plane that does not answer must
    not keep the terminal. The function itself goes on to its end.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def settle(settling: Callable[[Any], None], outcome: Any) -> None:
        if not answer.done():
            settling(outcome)

    def call() -> None:
        settling: Callable[[Any], None] = answer.set_result
        try:
            outcome: Any = function(*args, **kwargs)
        except Exception as error:
            settling, outcome = answer.set_exception, error
        except BaseException as error:  # the background loop is closed: the process ends
            settling, outcome = answer.set_exception, RuntimeError(f"interrupted: {error!r}")
        try:
            loop.call_soon_threadsafe(settle, settling, outcome)
        except RuntimeError:
            pass  # the loop is closed: nobody waits

    threading.Thread(target=call, name="flyte-tui-read", daemon=True).start()
    return await answer


async def run_looks(
    store: ActionStore, seconds: float, project: str | None, domain: str | None
) -> AsyncIterator[list[RunRecord]]:
    """Yield the latest runs, again and again."""
    most = _MOST_RUNS if remote_of(store) is None else _MOST_REMOTE_RUNS
    while True:
        yield await apart(store.runs, most, project=project, domain=domain)
        await asyncio.sleep(seconds)


async def action_looks(store: ActionStore, run_name: str, seconds: float) -> AsyncIterator[Sequence[ActionRecord]]:
    """Yield the actions of a run, then those that may have changed, until it is over.

    A control plane tells of changes by itself. This machine's history is asked, every so many seconds, for what is not over.
    A run that is not there yet is waited for.
    """
    remote = remote_of(store)
    if remote is not None:
        async for changed in remote.changes_async(run_name):
            yield changed
        return
    local = cast("SQLiteStore", store)
    while (run := await apart(store.run, run_name)) is None:  # noqa: ASYNC110 - another process may make it
        await asyncio.sleep(seconds)
    began = time.time()
    yield await apart(store.actions, run_name)
    while run is not None and not await apart(is_over, store, run):
        await asyncio.sleep(seconds)
        since, began = began - LONGEST_WRITE, time.time()
        run = await apart(store.run, run_name)
        yield await apart(local.actions_since, run_name, since)
    yield await apart(store.actions, run_name)
