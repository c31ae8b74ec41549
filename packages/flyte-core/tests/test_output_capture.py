"""What bodies print, by action and attempt, in the record of their run."""

import asyncio
import io
import logging
import sys
from contextlib import redirect_stderr

import flyte
from flyte.running.options import RunOptions
from flyte.running.start import Runner
from flyte_engine.memory import MemoryStore
from flyte_engine.records import LogRecord

env = flyte.TaskEnvironment("output_capture")
log = logging.getLogger("output_capture")


@env.task(retries=1)
def printing(x: int) -> int:
    print("sync", x, end="")
    print(" goes on")
    print("to the other", file=sys.stderr)
    if flyte.ctx().attempt_number == 0:
        raise ValueError("first")
    return x


@env.task
async def both(n: int = 3) -> int:
    print("begin")
    results = await asyncio.gather(*(printing.aio(i) for i in range(n)))
    log.warning("a record of %s", "logging")
    sys.stdout.write("10%\r20%\r30%\nno end")
    return sum(results)


def logs_of(store: MemoryStore) -> list[LogRecord]:
    (run,) = store.runs()
    return [line for _, line in store.logs(run.run_name)]


def run_it(task, *args):
    store = MemoryStore()
    run = Runner(RunOptions(store=store)).run(task, *args)
    return run, store


def test_lines_belong_to_their_actions_attempts_and_streams(capsys) -> None:
    before = sys.stdout, sys.stderr
    run, store = run_it(both, 3)
    assert (sys.stdout, sys.stderr) == before
    lines = logs_of(store)
    root = [(line.stream, line.text) for line in lines if line.action_name == "a0"]
    assert root == [
        ("stdout", "begin"),
        ("stdout", "30%"),
        ("stdout", "no end"),
    ]
    children = {line.action_name for line in lines} - {"a0"}
    assert len(children) == 3
    for name in children:
        own = [(line.attempt, line.stream) for line in lines if line.action_name == name]
        assert own == [(1, "stdout"), (1, "stderr"), (2, "stdout"), (2, "stderr")]
    assert {line.text for line in lines if line.stream == "stdout"} >= {"sync 0 goes on", "sync 2 goes on"}
    shown = capsys.readouterr()
    assert shown.out.count("goes on") == 6
    assert "begin" in shown.out


def test_handlers_made_before_the_run_are_recorded_once_and_get_their_stream_back() -> None:
    with redirect_stderr(io.StringIO()) as shown:
        handler = logging.StreamHandler()
        log.addHandler(handler)
        log.propagate = False
        try:
            _, store = run_it(both, 1)
            assert handler.stream is shown
        finally:
            log.removeHandler(handler)
            log.propagate = True
    assert [line.text for line in logs_of(store)].count("a record of logging") == 1
    assert shown.getvalue().count("a record of logging") == 1


def test_a_run_without_a_record_replaces_no_stream() -> None:
    @env.task
    async def which() -> str:
        return type(sys.stdout).__name__

    assert flyte.run(which).outputs()[0] != "Tee"


@env.task
def chatty() -> None:
    for _ in range(9):
        print("x" * (1 << 20))


def test_an_action_cannot_fill_the_record(capsys) -> None:
    _, store = run_it(chatty)
    lines = logs_of(store)
    assert sum(len(line.text) for line in lines) < 9 << 20
    assert lines[-1].text.startswith("(what this action prints beyond 8 MiB")
    assert len(capsys.readouterr().out) > 9 << 20
