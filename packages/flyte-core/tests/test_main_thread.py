"""Sync bodies in the main thread while the loop goes on elsewhere: results, errors, signals."""

import asyncio
import os
import signal
import threading
import time
from contextvars import ContextVar

import pytest

from flyte.running.threads import ActionAborted
from flyte.runtime.main_thread import MainThread, _run_elsewhere

word: ContextVar[str] = ContextVar("word", default="")


def run(body):
    main_thread = MainThread()

    async def work():
        word.set("set")
        return await main_thread.run_body(body)

    return main_thread.run(work())


def later(seconds: float, number: signal.Signals = signal.SIGTERM) -> None:
    threading.Timer(seconds, os.kill, (os.getpid(), number)).start()


def test_a_body_has_the_main_thread_the_context_and_no_loop() -> None:
    def body():
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        assert asyncio.run(asyncio.sleep(0, "own loop")) == "own loop"
        return threading.current_thread() is threading.main_thread(), word.get()

    assert run(body) == (True, "set")


def test_the_loop_goes_on_meanwhile() -> None:
    main_thread = MainThread()

    async def work():
        loop = asyncio.get_running_loop()
        ask = lambda: asyncio.run_coroutine_threadsafe(asyncio.sleep(0.01, "answer"), loop).result(20)  # noqa: E731
        first = await main_thread.run_body(ask)
        # Bodies one after the other have it in turn, and one beside another has a thread.
        both = await asyncio.gather(main_thread.run_body(ask), main_thread.run_body(threading.current_thread))
        return first, both[0], both[1] is threading.main_thread(), await main_thread.run_body(ask)

    assert main_thread.run(work()) == ("answer", "answer", False, "answer")


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt()])
def test_what_a_body_raises_is_raised(error) -> None:
    def body():
        raise error

    with pytest.raises(type(error)):
        run(body)


def test_a_body_that_stops_an_iteration_has_failed() -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        run(lambda: next(iter(())))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_interrupts_a_sleep_once(number) -> None:
    told = []

    def body():
        try:
            later(0.3, number)
            time.sleep(100)
        except ActionAborted:
            told.append("aborted")
            os.kill(os.getpid(), number)
            time.sleep(0.2)
            told.append("cleaned")
            raise

    with pytest.raises(asyncio.CancelledError):
        run(body)
    assert told == ["aborted", "cleaned"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_handler_of_the_body_is_let_be() -> None:
    told = []
    is_cancelled = threading.Event()
    main_thread = MainThread()

    def body():
        signal.signal(signal.SIGTERM, lambda *_: told.append("own"))
        os.kill(os.getpid(), signal.SIGTERM)
        # The loop has been told too, in its own time.
        assert is_cancelled.wait(60)
        return "done"

    async def work():
        attempt = asyncio.current_task()
        assert attempt is not None
        looking = asyncio.create_task(look(attempt))
        try:
            return await main_thread.run_body(body)
        finally:
            await looking

    async def look(attempt):
        while not attempt.cancelling():
            await asyncio.sleep(0.005)
        is_cancelled.set()

    with pytest.raises(asyncio.CancelledError):
        main_thread.run(work())
    assert told == ["own"]


def test_a_signal_that_another_thread_gets_is_passed_on() -> None:
    def body():
        # As where the system gives it to any thread: the loop hears of it all the same.
        threading.Timer(0.2, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGTERM)).start()
        time.sleep(100)

    with pytest.raises(asyncio.CancelledError):
        run(body)


def test_a_body_that_is_cancelled_at_its_beginning_is_interrupted() -> None:
    main_thread = MainThread()
    ran = []

    def body():
        time.sleep(100)
        ran.append(1)

    async def work():
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await main_thread.run_body(body)

    with pytest.raises(asyncio.CancelledError):
        main_thread.run(work())
    assert not ran


def test_a_cancelled_body_is_interrupted_by_a_signal_of_its_own() -> None:
    main_thread = MainThread(own_signal=signal.SIGUSR2)
    told = []
    begun = threading.Event()

    def body():
        try:
            begun.set()
            time.sleep(100)
        finally:
            told.append("cleaned")

    async def work():
        for _ in range(3):
            begun.clear()
            attempt = asyncio.create_task(main_thread.run_body(body))
            while not begun.is_set():
                await asyncio.sleep(0.005)
            attempt.cancel()
            with pytest.raises(asyncio.CancelledError):
                await attempt
        return await main_thread.run_body(lambda: "lives on")

    assert main_thread.run(work()) == "lives on"
    assert told == ["cleaned"] * 3


def test_a_signal_of_its_own_that_comes_too_late_ends_nothing() -> None:
    main_thread = MainThread(own_signal=signal.SIGUSR2)

    async def work():
        await main_thread.run_body(lambda: None)
        os.kill(os.getpid(), signal.SIGUSR2)
        await asyncio.sleep(0.05)
        return "alive"

    before = signal.getsignal(signal.SIGUSR2)
    try:
        assert main_thread.run(work()) == "alive"
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_a_task_that_exits_while_the_body_ends_does_not_keep_the_loop() -> None:
    loop = asyncio.new_event_loop()
    over = threading.Event()

    def leave():
        raise SystemExit(3)

    over.set()
    loop.call_soon(loop.stop)
    loop.call_soon(leave)
    thread = threading.Thread(target=_run_elsewhere, args=(loop, over), daemon=True)
    thread.start()
    thread.join(20)
    is_left = thread.is_alive()
    if is_left:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
    loop.close()
    assert not is_left
