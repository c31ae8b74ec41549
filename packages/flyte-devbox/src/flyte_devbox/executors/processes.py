"""What the system tells about processes: which belong to an attempt, which still live. Reads Linux's `/proc`."""

import os
import signal
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

__all__ = [
    "ATTEMPT_VARIABLE",
    "FOLDER_VARIABLE",
    "WARM_VARIABLE",
    "belonging_to",
    "end_forks",
    "group_is_alive",
    "marked_with",
    "offer_to_kernel",
    "oom_kills",
    "resident_bytes",
    "send",
    "started_at",
]

ATTEMPT_VARIABLE = "FLYTE_DEVBOX_ATTEMPT"
"""Environment variable that names the attempt, so that a process which left its session is still found."""

FOLDER_VARIABLE = "FLYTE_DEVBOX_FOLDER"
"""Environment variable that names the devbox whose process it is."""
WARM_VARIABLE = "FLYTE_DEVBOX_WARM"
"""Environment variable of a warm parent, and so, to the system, of every process that was forked from it; names the parent."""

_PROC = Path("/proc")
_OOM_SCORE = "500"
_ROUNDS = 20
_PAUSE = 0.01
# Places in `/proc/<pid>/stat`, counted from behind the name, which may contain anything.
_STATE, _PARENT, _SESSION, _START_TIME, _RSS_PAGES = 0, 1, 3, 19, 21


def started_at(pid: int) -> str | None:
    """Return when a process started, in the system's own unit, or `None` if it is over (a zombie is)."""
    fields = _fields(pid)
    return None if fields is None or fields[_STATE] == "Z" else fields[_START_TIME]


def belonging_to(leader: int, attempt: str) -> list[int]:
    """Return the processes of an attempt, the oldest first.

    They are its session, what descends from it, and what carries its name in the environment. A process that hears of the end
    before its children do can clean up; the other way round it sees them end, and may go on or be over before its turn.
    """
    found: set[int] = set()
    parents: dict[int, int] = {}
    ages: dict[int, tuple[int, int]] = {}
    marker = f"{ATTEMPT_VARIABLE}={attempt}".encode()
    for pid in _all_pids():
        fields = _fields(pid)
        if fields is None or fields[_STATE] == "Z":
            continue
        parents[pid] = int(fields[_PARENT])
        ages[pid] = (int(fields[_START_TIME]), pid)
        if int(fields[_SESSION]) == leader or pid == leader or marker in _environ(pid):
            found.add(pid)
    return sorted(_with_descendants(found, parents) - {os.getpid()}, key=ages.__getitem__)


def group_is_alive(group: int) -> bool:
    """Tell whether a process of the group still lives."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to each process that still lives."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def resident_bytes(leader: int) -> int:
    """Return the memory that the processes of a session have resident, together."""
    total = 0
    for pid in _all_pids():
        fields = _fields(pid)
        if fields is not None and int(fields[_SESSION]) == leader:
            total += int(fields[_RSS_PAGES])
    return total * os.sysconf("SC_PAGESIZE")


def oom_kills() -> int:
    """Return how many processes the kernel has killed since it started because there was no memory left."""
    try:
        content = (_PROC / "vmstat").read_bytes()
    except OSError:
        return 0
    _, _, rest = content.partition(b"\noom_kill ")
    number = rest.partition(b"\n")[0]
    return int(number) if number.isdigit() else 0


def offer_to_kernel(pid: int) -> None:
    """Let the kernel end a process, and what it starts, before this server when there is no memory left."""
    try:
        with open(f"/proc/{pid}/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123 - of every attempt
            file.write(_OOM_SCORE)
    except OSError:
        # It is over, or this system has no such thing.
        pass


def _all_pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir(_PROC) if name.isdigit()]  # noqa: PTH208 - names alone, many of them
    except OSError:
        return []


def _fields(pid: int) -> list[str] | None:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - called for every process
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None


def _environ(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 - called for every process
            return file.read()
    except OSError:
        return b""


def marked_with(folder: str) -> list[tuple[int, str]]:
    """Return the processes that were started by command for attempts of a devbox, each with its attempt."""
    found: list[tuple[int, str]] = []
    for pid, variables in _carrying(FOLDER_VARIABLE, folder):
        for variable in variables:
            name, _, text = variable.partition(b"=")
            if name == ATTEMPT_VARIABLE.encode():
                found.append((pid, text.decode(errors="replace")))
    return found


def end_forks(variable: str, text: str, keep: Collection[int]) -> int:
    """Kill warm parents and what was forked from them, except some attempts with all that descends from them.

    Args:
        variable: of the environment, by which the parents are found.
        text: its value.
        keep: the leaders of the attempts that go on.

    Returns:
        How many processes were killed.
    """
    count = 0
    # The first round may meet a parent in the middle of a fork. Once it is dead, nothing new comes.
    for _ in range(_ROUNDS):
        kept = _trees(keep)
        forks = [
            pid
            for pid, variables in _carrying(variable, text)
            if pid not in kept and any(one.startswith(f"{WARM_VARIABLE}=".encode()) for one in variables)
        ]
        if not forks:
            break
        send(forks, signal.SIGKILL)
        count += len(forks)
        time.sleep(_PAUSE)
    return count


def _trees(leaders: Collection[int]) -> set[int]:
    """Return the processes of some sessions, and all that descends from them."""
    found: set[int] = set()
    parents: dict[int, int] = {}
    for pid in _all_pids():
        fields = _fields(pid)
        if fields is None:
            continue
        parents[pid] = int(fields[_PARENT])
        if pid in leaders or int(fields[_SESSION]) in leaders:
            found.add(pid)
    return _with_descendants(found, parents)


def _with_descendants(found: set[int], parents: dict[int, int]) -> set[int]:
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found and pid not in found}
        found |= more
        grown = bool(more)
    return found


def _carrying(variable: str, text: str) -> Iterator[tuple[int, list[bytes]]]:
    marker = f"{variable}={text}".encode()
    for pid in _all_pids():
        fields = _fields(pid)
        if fields is None or fields[_STATE] == "Z":
            continue
        variables = _environ(pid).split(b"\0")
        if marker in variables and pid != os.getpid():
            yield pid, variables
