"""What a process that was forked from a warm parent does to be like one that was started by command, and its end."""

import atexit
import os
import signal
import sys
import time
import traceback
from typing import Any, NoReturn

from flyte.runtime.entry import main

__all__ = ["become_action"]

_CRASHED = 1


def become_action(request: dict[str, Any], inputs: bytes | None, log: int) -> NoReturn:
    """Carry the attempt out and leave the process; what is buffered is written and exit functions have run."""
    code = _CRASHED
    try:
        _enter(request, log)
        code = main(request["argv"], inputs=inputs)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 0 if error.code is None else _CRASHED
    except BaseException:
        traceback.print_exc()
    finally:
        # Nothing may get back into the frames of the parent, and tearing the interpreter down is for who has no next one.
        try:
            atexit._run_exitfuncs()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # there is no other way but to tear down
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _enter(request: dict[str, Any], log: int) -> None:
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for name in request["unset"]:
        os.environ.pop(name, None)
    os.environ.update(request["env"])
    if "TZ" in request["env"] or "TZ" in request["unset"]:
        time.tzset()
    os.chdir(request["cwd"])
    sys.argv = ["a0", *request["argv"]]
