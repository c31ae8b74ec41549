"""Logs that outgrow their limit: whoever follows one misses nothing, and later readers are told what is gone."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.logs.dataplane import payload_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_devbox.devbox import log_limit
from flyte_devbox.gaps import MARK_BYTES, Gap, can_drop, drop, read_gap
from flyte_devbox.logs import LogFolder, LogPart

from .serving import SUCCEED, Server, action_id, create_run, details, shell_task, start, until, until_exists, wait

LIMIT, HEAD = 512 * 1024, 16 * 1024
MOST_BESIDE_A_FOLLOWER = 16 * LIMIT
PIECES = st.lists(
    st.tuples(st.sampled_from(["write", "write", "write", "limit", "read"]), st.integers(1, 300)),
    min_size=6,
    max_size=40,
)


def _made(logs: LogFolder) -> Path:
    path = logs.path("p/d/run", "a0", 1)
    path.parent.mkdir(parents=True)
    return path


def line(number: int, width: int) -> str:
    return f"{number:08d} " + "x" * width


class Follower:
    """Reads a log step by step."""

    def __init__(self, logs: LogFolder, path: Path) -> None:
        self.is_over = False
        self.parts: AsyncGenerator[LogPart] = logs.parts(path, lambda: self.is_over)
        self.lines: list[str] = []
        self.notices: list[str] = []

    async def step(self) -> bool:
        part = await anext(self.parts, None)
        if part is None:
            return False
        (self.notices if part.is_notice else self.lines).extend(part.lines)
        return True


async def read(logs: LogFolder, path: Path) -> list[LogPart]:
    return [part async for part in logs.parts(path, lambda: True)]


def check_kept(parts: list[LogPart], written: list[str]) -> None:
    """Check that what is kept is the first and the last lines, and that between them stands how many are missing."""
    places = [place for place, part in enumerate(parts) if part.is_notice]
    if not places:
        assert [text for part in parts for text in part.lines] == written
        return
    (place,) = places
    before = [text for part in parts[:place] for text in part.lines]
    after = [text for part in parts[place + 1 :] for text in part.lines]
    assert before == written[: len(before)]
    assert after == written[len(written) - len(after) :]
    found = re.fullmatch(
        r"devbox: (\d+) lines \([\d.]+ MiB\) were dropped here: this log .*", "".join(parts[place].lines)
    )
    assert found is not None
    assert int(found[1]) == len(written) - len(before) - len(after)
    assert len("\n".join(before)) >= HEAD - 2000
    assert len("\n".join(after)) >= LIMIT // 2


@settings(max_examples=50)
@given(steps=PIECES, width=st.integers(200, 900), is_followed=st.booleans())
def test_a_follower_misses_nothing_and_what_is_kept_is_whole_lines(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]], width: int, is_followed: bool
) -> None:
    async def scene() -> None:
        logs = LogFolder(tmp_path_factory.mktemp("logs"), limit=LIMIT, head=HEAD)
        path = _made(logs)
        written: list[str] = []
        follower = Follower(logs, path)
        if is_followed:
            path.write_text(line(0, width) + "\n")
            written.append(line(0, width))
            assert await follower.step()
        with path.open("a") as file:
            for kind, amount in steps:
                if kind == "write":
                    lines = [line(len(written) + number, width) for number in range(amount * 4)]
                    file.write("".join(f"{text}\n" for text in lines))
                    file.flush()
                    written += lines
                elif kind == "limit":
                    logs.limit_soon(path)
                    await asyncio.to_thread(logs.settle)
                elif is_followed and len(follower.lines) < len(written):
                    await follower.step()
        path.touch()
        follower.is_over = True
        while is_followed and await follower.step():
            pass
        if is_followed and os.stat(path).st_size <= MOST_BESIDE_A_FOLLOWER:
            assert (follower.lines, follower.notices) == (written, [])
        await follower.parts.aclose()
        await asyncio.to_thread(logs.settle)
        check_kept(await read(logs, path), written)
        # What is gone takes no room.
        logs.limit(path)
        check_kept(await read(logs, path), written)
        assert path.stat().st_blocks * 512 <= LIMIT + HEAD
        logs.close()

    asyncio.run(scene())


def test_who_is_overtaken_is_told_how_much(tmp_path: Path) -> None:
    async def scene() -> None:
        logs = LogFolder(tmp_path, limit=LIMIT, head=HEAD)
        path = _made(logs)
        written = [line(number, 1000) for number in range(2 * MOST_BESIDE_A_FOLLOWER // 1000)]
        path.write_text("".join(f"{text}\n" for text in written[:2000]))
        follower = Follower(logs, path)
        while len(follower.lines) < 400:
            await follower.step()
        with path.open("a") as file:
            file.writelines(f"{text}\n" for text in written[2000:])
        logs.limit_soon(path)
        await asyncio.to_thread(logs.settle)
        follower.is_over = True
        while await follower.step():
            pass
        (notice,) = follower.notices
        assert re.match(r"devbox: [\d.]+ MiB were dropped here", notice)
        assert len(follower.lines) < len(written)
        assert all(len(text) == len(written[0]) for text in follower.lines)
        assert follower.lines[-1] == written[-1]
        # What it held back goes when it does.
        await asyncio.to_thread(logs.settle)
        check_kept(await read(logs, path), written)

    asyncio.run(scene())


def test_a_line_without_an_end_is_dropped_as_well(tmp_path: Path) -> None:
    # As progress bars write that only go back to the beginning of their line.
    logs = LogFolder(tmp_path, limit=LIMIT, head=HEAD)
    path = _made(logs)
    path.write_bytes(b"\rstep" * 400_000)
    logs.limit(path)
    before, notice, after = asyncio.run(read(logs, path))[0], *asyncio.run(read(logs, path))[1:3]
    assert notice.is_notice or before.is_notice
    assert not after.is_notice
    assert path.stat().st_blocks * 512 <= LIMIT + HEAD


def test_a_log_stays_whole_where_its_middle_cannot_be_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flyte_devbox.logs.can_drop", lambda _: False)
    logs = LogFolder(tmp_path, limit=LIMIT, head=HEAD)
    path = _made(logs)
    written = [line(number, 100) for number in range(10_000)]
    path.write_text("".join(f"{text}\n" for text in written))
    logs.limit(path)
    check_kept(asyncio.run(read(logs, path)), written)


@given(begin=st.integers(0, 10_000), length=st.integers(0, 50_000), lines=st.integers(0, 2**60))
def test_what_is_dropped_is_marked_and_the_rest_stays(
    tmp_path_factory: pytest.TempPathFactory, begin: int, length: int, lines: int
) -> None:
    path = tmp_path_factory.mktemp("gaps") / "file"
    content = os.urandom(100_000)
    path.write_bytes(content)
    gap = Gap(begin + MARK_BYTES + length, lines)
    with path.open("r+b") as file:
        assert can_drop(file.fileno())
        assert read_gap(file.fileno(), begin) is None
        drop(file.fileno(), begin, gap)
        assert read_gap(file.fileno(), begin) == gap
    left = path.read_bytes()
    assert len(left) == len(content)
    assert (left[:begin], left[gap.end :]) == (content[:begin], content[gap.end :])


def test_the_limit_is_a_setting() -> None:
    assert log_limit("") == 64 * 1024**2
    assert log_limit("16Mi") == 16 * 1024**2
    for text in ("much", "10", "-5Mi"):
        with pytest.raises(ValueError, match="FLYTE_DEVBOX_LOG_LIMIT"):
            log_limit(text)


WIDTH = 4000


def writing(end: int, first: int = 0) -> str:
    """A script that writes numbered lines, in another process than the shell."""
    line = f"str(i).zfill(8) + chr(120) * {WIDTH - 8} + chr(10)"
    code = f"import sys; [sys.stdout.write({line}) for i in range({first}, {end})]"
    return f"{sys.executable} -c '{code}'"


def tail(server: Server, run: str, following: Path | None = None) -> list[payload_pb2.LogLine]:
    """Give the lines of a log; with the first ones there is a file, if one is named."""
    request = dataproxy_service_pb2.TailLogsRequest(action_id=action_id(run), attempt=1)
    lines: list[payload_pb2.LogLine] = []
    for message in server.stream("DataProxyService", "TailLogs", request):
        lines += [line for batch in message.logs for line in batch.lines]
        if lines and following is not None:
            following.touch()
    return lines


def numbers(lines: list[payload_pb2.LogLine]) -> list[int]:
    return [int(line.message[:8]) for line in lines if line.originator == payload_pb2.USER]


def test_a_large_log_is_followed_without_loss_and_is_small_afterwards(folder: Path, tmp_path: Path) -> None:
    count, following = 200 * 1024**2 // WIDTH, tmp_path / "following"
    server = start(folder, variables={"FLYTE_DEVBOX_LOG_LIMIT": "16Mi"})
    try:
        script = f"{writing(1)}; {until_exists(following)}; {writing(count, 1)}; {SUCCEED}"
        run = create_run(server, shell_task(script))
        assert numbers(tail(server, run, following)) == list(range(count))
        wait(server, run)
        (path,) = (folder / "logs").rglob("1.log")
        until(lambda: path.stat().st_blocks * 512 < 17 * 1024**2)
        check_server_kept(tail(server, run), count)
    finally:
        server.stop()


def check_server_kept(lines: list[payload_pb2.LogLine], count: int) -> None:
    assert all(len(line.message) == WIDTH + 1 for line in lines if line.originator == payload_pb2.USER)
    (place,) = (place for place, line in enumerate(lines) if line.originator == payload_pb2.SYSTEM)
    before, after = numbers(lines[:place]), numbers(lines[place:])
    assert before == list(range(len(before)))
    assert after == list(range(count - len(after), count))
    assert len(before) > 50
    assert len(after) >= 8 * 1024**2 // (WIDTH + 1)
    assert f"devbox: {count - len(before) - len(after)} lines" in lines[place].message


def test_a_writer_outlives_its_server_and_its_log_is_made_small_by_the_next(folder: Path, tmp_path: Path) -> None:
    variables = {"FLYTE_DEVBOX_LOG_LIMIT": "1Mi"}
    first, second = 3000, 2000
    gone, back = tmp_path / "gone", tmp_path / "back"
    script = f"""{writing(first)}; until [ -e {gone} ]; do sleep 0.05; done; {writing(second)}; touch {back}.written
        until [ -e {back} ]; do sleep 0.05; done; {writing(second)}; {SUCCEED}"""
    server = start(folder, variables=variables)
    try:
        run = create_run(server, shell_task(script))
        until(lambda: [path for path in (folder / "logs").rglob("1.log") if path.stat().st_size > first * WIDTH])
        until(lambda: details(server, run).status.phase == 4)
        server.kill()
        gone.touch()
        until(Path(f"{back}.written").exists)
        server = start(folder, variables=variables)
        back.touch()
        assert wait(server, run).status.attempts == 1
        (path,) = (folder / "logs").rglob("1.log")
        until(lambda: path.stat().st_blocks * 512 < 1280 * 1024)
        lines = tail(server, run)
        (notice,) = (line.message for line in lines if line.originator == payload_pb2.SYSTEM)
        assert f"devbox: {first + 2 * second - len(lines) + 1} lines" in notice
        assert numbers(lines)[-1] == second - 1
    finally:
        server.stop()


def test_a_bad_limit_is_refused_at_the_start(folder: Path) -> None:
    command = [sys.executable, "-m", "flyte_devbox", "--folder", str(folder), "--port", "0"]
    env = {**os.environ, "FLYTE_DEVBOX_LOG_LIMIT": "tiny"}
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    assert "FLYTE_DEVBOX_LOG_LIMIT is `tiny`" in ended.stderr
