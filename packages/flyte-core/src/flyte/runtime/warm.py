"""A warm parent: it has imported what actions need and nothing of the user's, and forks a process for each attempt it is told of.

Started by a control plane on the same machine as `python -m flyte.runtime.warm DESCRIPTOR`, with its end of a Unix socket. Both
sides send `flyte_protocol.process_messages`. It is told `{"id", "argv", "cwd", "log", "env", "unset", "has_inputs"}` with the
inputs, if it has them; `env` and `unset` are what differs from its own environment. It answers `{"id", "pid"}` or
`{"id", "error"}`, and when the process has ended `{"id", "status", "cpu", "rss"}`: the wait status, seconds of CPU and most bytes
resident.

Forking is safe only for a process with one thread that holds no connection, store or event loop. It has none by then, and looks
before each fork. Once the other side is gone nothing more is forked, and it ends with the last of its processes.
"""

import ctypes
import gc
import os
import selectors
import signal
import socket
import sys
import time
from typing import Any, NoReturn

from flyte.runtime.forked import become_action
from flyte.runtime.kept_code import CodeKeeper
from flyte.runtime.preloading import preload
from flyte.runtime.rehearsal import rehearse
from flyte_protocol.process_messages import MessageCutter, MessageError, pack_message

__all__ = ["WarmParent", "main"]

_PIECE = 1 << 16
_SUBREAPER = 36
_LOOKS = 1000
_BETWEEN_LOOKS = 0.005
_BLOCKED = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP)


class Attempt:
    """What a forked process is to become; raised through the parent's frames, so that none of them is left below it."""

    def __init__(self, request: dict[str, Any], inputs: bytes | None, log: int) -> None:
        self.request = request
        self.inputs = inputs
        self.log = log


class WarmParent:
    """Forks at request, and tells how what it forked has ended.

    Args:
        control: the socket to who asks.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._cutter = MessageCutter()
        self._code = CodeKeeper()
        self._children: dict[int, int] = {}
        self._is_asked = True

    def run(self) -> Attempt | None:
        """Serve until the other side and every process is gone; in a forked process, return at once what it is to become."""
        read, write = os.pipe()
        for end in (read, write):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, _notice)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        with selectors.DefaultSelector() as selector:
            selector.register(read, selectors.EVENT_READ)
            selector.register(self._control, selectors.EVENT_READ)
            while self._is_asked or self._children:
                ready = {key.fileobj for key, _ in selector.select()}
                if read in ready:
                    os.read(read, _PIECE)
                    self._reap()
                if self._control in ready and (attempt := self._serve()) is not None:
                    # In the new process: these belong to its parent.
                    selector.close()
                    for end in (read, write):
                        os.close(end)
                    return attempt
                if not self._is_asked and self._control.fileno() >= 0:
                    selector.unregister(self._control)
                    self._control.close()
        return None

    def _serve(self) -> Attempt | None:
        try:
            piece = self._control.recv(_PIECE)
        except OSError:
            piece = b""
        if not piece:
            # What was asked for and not begun is for the next server to decide.
            self._is_asked = False
            return None
        try:
            for request, content in self._cutter.feed(piece):
                attempt = self._fork(request, content)
                if attempt is not None:
                    return attempt
        except MessageError:
            self._is_asked = False
        return None

    def _fork(self, request: dict[str, Any], content: bytes) -> Attempt | None:
        threads = thread_count()
        if threads != 1:
            self.tell({"id": request["id"], "error": f"the warm parent has {threads} threads"})
            return None
        try:
            log = _open_log(request["log"])
        except OSError as error:
            self.tell({"id": request["id"], "error": f"its log cannot be opened: {error}"})
            return None
        self._code.look(request["argv"], request["env"])
        # Until the child has put its own in place, no handler of this process may run in it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)
        try:
            pid = os.fork()
        except OSError as error:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(log)
            self.tell({"id": request["id"], "error": f"no process can be made: {error}"})
            return None
        if pid == 0:
            self._control.close()
            return Attempt(request, content if request["has_inputs"] else None, log)
        os.close(log)
        self._children[pid] = request["id"]
        self.tell({"id": request["id"], "pid": pid})
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return None

    def _reap(self) -> None:
        has_ended = False
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            number = self._children.pop(pid, None)
            if number is None:
                continue
            has_ended = True
            scale = 1 if sys.platform == "darwin" else 1024
            cpu = usage.ru_utime + usage.ru_stime
            self.tell({"id": number, "status": status, "cpu": cpu, "rss": usage.ru_maxrss * scale})
        if has_ended:
            self._end_orphans()

    def _end_orphans(self) -> None:
        """Kill what processes that are over have left: it came to this process when they ended."""
        for pid in _own_children():
            if pid not in self._children:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message, unless nobody listens any more."""
        if not self._is_asked:
            return
        try:
            self._control.sendall(pack_message(message))
        except OSError:
            self._is_asked = False


def _notice(number: int, frame: object) -> None:
    """Do nothing: that there is a handler makes the signal wake the selector."""


def _open_log(path: str) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120 - of every start
        return os.open(path, flags, 0o600)


def thread_count() -> int:
    """Return how many threads this process has, whoever made them."""
    try:
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - before every fork
    except OSError:
        import threading  # noqa: PLC0415 - where the system does not tell

        return threading.active_count()


def _wait_for_threads() -> None:
    """Wait for the threads of the rehearsal: they have nothing to do any more, and are about to end."""
    for _ in range(_LOOKS):
        if thread_count() == 1:
            return
        time.sleep(_BETWEEN_LOOKS)


def adopt_orphans() -> None:
    """Let the orphans among the descendants of this process become its children."""
    try:
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    except (OSError, AttributeError):
        pass  # not Linux


def _own_children() -> list[int]:
    pid = os.getpid()
    try:
        with open(f"/proc/self/task/{pid}/children", encoding="ascii") as file:  # noqa: PTH123
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def main(descriptor: int) -> int:
    """Serve a control plane; return the exit code of this process, or in a forked one leave it."""
    control = socket.socket(fileno=descriptor)
    control.set_inheritable(False)
    # It is ended by its socket. A terminal's Ctrl-C is for the server.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    preload()
    rehearse()
    _wait_for_threads()
    # Of the rehearsal, which another loop set and took away again.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    adopt_orphans()
    parent = WarmParent(control)
    # What is here now stays: collecting it in a child would only copy its pages.
    gc.collect()
    gc.freeze()
    gc.disable()
    parent.tell({"ready": thread_count()})
    attempt = parent.run()
    if attempt is not None:
        _leave_as(attempt)
    return 0


def _leave_as(attempt: Attempt) -> NoReturn:
    gc.enable()
    adopt_orphans()
    become_action(attempt.request, attempt.inputs, attempt.log)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
