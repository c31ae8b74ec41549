"""A clean end of the interpreter after Rust's threads have worked for it.

The threads of obstore and pyqwest take the interpreter lock once more after they have delivered a result, to drop what they
hold. A thread that asks for the lock when the interpreter is already being torn down is ended by it in the middle of Rust code,
which aborts the process (SIGABRT after all work was done; seen in about a quarter of processes that had made 200 puts at once).
So the last thing before the tear-down is to let go of the lock until those threads are at rest.
"""

import atexit
import os
import threading
import time

__all__ = ["ForkedProcessError", "guard_exit"]

_STEP_SECONDS = 0.004
_QUIET_STEPS = 3
_LONGEST_SECONDS = 0.5

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
    deadline = time.monotonic() + _LONGEST_SECONDS
    quiet, before = 0, _switches()
    while quiet < _QUIET_STEPS and time.monotonic() < deadline:
        time.sleep(_STEP_SECONDS)
        now = _switches()
        quiet, before = (quiet + 1 if now == before else 0), now


def _switches() -> dict[str, str]:
    """Return how often each thread but this one has run, where the system tells (Linux)."""
    own = str(threading.get_native_id())
    found: dict[str, str] = {}
    try:
        for name in os.listdir("/proc/self/task"):  # noqa: PTH208 - the cheapest way, in a loop
            if name == own:
                continue
            with open(f"/proc/self/task/{name}/status", "rb") as status:  # noqa: PTH123
                found[name] = status.read().decode(errors="replace").rpartition("voluntary_ctxt_switches:")[0][-120:]
    except OSError:
        # Not Linux, or a thread that has just ended.
        return found
    return found
