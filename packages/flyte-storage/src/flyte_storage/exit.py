"""A clean end of the interpreter after a store was used, and a refusal of stores in forks that could not use them."""

import atexit
import os

from flyte_syncify.settling import settle

__all__ = ["ForkedProcessError", "guard_exit"]

_owner: int | None = None


class ForkedProcessError(RuntimeError):
    """The process was forked after a store was used, so that the threads of the store engine are gone."""


def guard_exit() -> None:
    """Note that Rust's threads are in use in this process, and wait for them at its end.

    Raises:
        ForkedProcessError: in a child that was forked after its parent used a store, where a request would wait for ever.
    """
    global _owner  # noqa: PLW0603 - a fact of the process
    if _owner == os.getpid():
        return
    if _owner is not None:
        raise ForkedProcessError(
            "this process was forked from one that had already used a remote store, and the engine does not survive a fork\n"
            'hint: start it with `multiprocessing.get_context("spawn")` (or "forkserver"), or use the store only in the child'
        )
    _owner = os.getpid()
    atexit.register(_settle)


def _settle() -> None:
    if _owner != os.getpid():
        return
    # The background loops would otherwise be closed after this, and cancel requests whose threads then ask for the lock.
    from flyte_storage.loop import LOOP  # noqa: PLC0415 - only a process that used a store pays for it
    from flyte_syncify import syncify  # noqa: PLC0415 - as above

    syncify.loop.close()
    LOOP.close()
    settle()
