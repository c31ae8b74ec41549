"""A clean end of the interpreter after Rust's threads have worked for it.

The threads of obstore and pyqwest take the interpreter lock once more after they have delivered a result, to drop what they
hold. A thread that asks for the lock when the interpreter is already being torn down is ended by it in the middle of Rust code,
which aborts the process (SIGABRT after all work was done; seen in about a quarter of processes that had made 200 puts at once,
and in 3 of 100 that had made one call of a control plane). So the last thing before the tear-down is to let go of the lock until
those threads are at rest.
"""

import atexit
import os
import threading
import time

__all__ = ["settle", "settle_at_exit"]

_STEP_SECONDS = 0.004
_QUIET_STEPS = 3
_LONGEST_SECONDS = 0.5

_owner: int | None = None


def settle_at_exit() -> None:
    """Note that Rust's threads are in use in this process, and wait for them at its end."""
    global _owner  # noqa: PLW0603 - a fact of the process
    if _owner != os.getpid():
        _owner = os.getpid()
        atexit.register(_settle_here)


def settle() -> None:
    """Close the background loop, whose requests would ask for the lock later, and wait until all other threads are at rest."""
    from flyte_syncify import syncify  # noqa: PLC0415 - this is a module of it

    syncify.loop.close()
    deadline = time.monotonic() + _LONGEST_SECONDS
    quiet, before = 0, _switches()
    while quiet < _QUIET_STEPS and time.monotonic() < deadline:
        time.sleep(_STEP_SECONDS)
        now = _switches()
        quiet, before = (quiet + 1 if now == before else 0), now


def _settle_here() -> None:
    # A fork has none of the threads, and ends as its parent's children end.
    if _owner == os.getpid():
        settle()


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
