"""What the system tells about processes: which belong to an attempt, which still live. Reads Linux's `/proc`."""

import os
import signal
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

__all__ = [
    "ATTEMPT_VARIABLE",
    "belonging_to",
    "children_of",
    "end_forks",
    "FOLDER_VARIABLE",
    "group_is_alive",
    "marked_with",
    "offer_to_kernel",
    "oom_kills",
    "send",
    "started_at",
    "trees",
    "WARM_VARIABLE",
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
_STATE, _PARENT, _SESSION, _START_TIME = 0, 1, 3, 19


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
        kept = set[int]().union(*trees(keep).values())
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


def trees(leaders: Collection[int]) -> dict[int, set[int]]:
    """Return the processes of some sessions, and all that descends from them, by the leader."""
    found: dict[int, set[int]] = {leader: {leader} for leader in leaders}
    above: dict[int, tuple[int, int]] = {}
    for pid in _all_pids():
        fields = _fields(pid)
        if fields is not None:
            above[pid] = (int(fields[_SESSION]), int(fields[_PARENT]))
    belongs: dict[int, int] = {}
    for pid in above:
        climbed: list[int] = []
        one = pid
        while one in above and one not in belongs:
            session, parent = above[one]
            # For now nobody's, so that a number which was given out anew meanwhile is no circle.
            belongs[one] = session if session in found else 0
            if belongs[one]:
                break
            climbed.append(one)
            one = parent
        leader = belongs.get(one, 0)
        belongs |= dict.fromkeys(climbed, leader)
    for pid, leader in belongs.items():
        if leader:
            found[leader].add(pid)
    return found


def children_of(pid: int) -> list[int]:
    """Return the processes that a process's main thread has started; none where the system does not tell."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:  # noqa: PTH123 - often
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


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
