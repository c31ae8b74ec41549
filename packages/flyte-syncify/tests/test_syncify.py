"""`@syncify`: both faces, context, errors, interruption, fork."""

import asyncio
import contextvars
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncIterator

import pytest

from flyte_syncify import Syncify, syncify
from flyte_syncify import loop as loop_module

var: contextvars.ContextVar[str] = contextvars.ContextVar("var", default="unset")


@syncify
async def double(x: int) -> int:
    await asyncio.sleep(0)
    return 2 * x


@syncify
async def read_var() -> str:
    return var.get()


@syncify
async def count(n: int) -> AsyncIterator[int]:
    for i in range(n):
        await asyncio.sleep(0)
        yield i


class Account:
    def __init__(self, balance: int) -> None:
        self.balance = balance

    @syncify
    async def deposit(self, amount: int) -> int:
        self.balance += amount
        return self.balance


def test_blocks_when_called_plainly() -> None:
    assert double(21) == 42


def test_aio_is_awaitable_from_any_loop() -> None:
    assert asyncio.run(double.aio(21)) == 42


def test_methods_are_bound() -> None:
    account = Account(1)
    assert account.deposit(2) == 3
    assert asyncio.run(account.deposit.aio(4)) == 7


def test_class_and_static_methods_below_the_decorator() -> None:
    class Till:
        @syncify
        @classmethod
        async def named(cls, x: int) -> tuple[str, int]:
            return cls.__name__, x

        @syncify
        @staticmethod
        async def halved(x: int) -> int:
            return x // 2

        @syncify
        @staticmethod
        async def counted(n: int) -> AsyncIterator[int]:
            for i in range(n):
                yield i

    class Drawer(Till):
        pass

    assert (Till.named(1), Drawer().named(2)) == (("Till", 1), ("Drawer", 2))
    assert (Till.halved(4), Drawer().halved(x=6), Drawer.halved.__name__) == (2, 3, "halved")
    assert (asyncio.run(Till.halved.aio(8)), asyncio.run(Drawer().halved.aio(10))) == (4, 5)
    assert (list(Till.counted(2)), list(Drawer().counted(3))) == ([0, 1], [0, 1, 2])


def test_generators_become_iterators() -> None:
    assert list(count(3)) == [0, 1, 2]

    async def collect() -> list[int]:
        return [i async for i in count.aio(3)]

    assert asyncio.run(collect()) == [0, 1, 2]


def test_abandoned_generator_is_closed() -> None:
    closed = []

    @syncify
    async def stream() -> AsyncIterator[int]:
        try:
            for i in range(10):
                yield i
        finally:
            closed.append(True)

    for i in stream():
        if i == 2:
            break
    assert closed == [True]


@pytest.mark.parametrize("gives_in", [True, False])
def test_clean_up_that_does_not_end_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, gives_in: bool
) -> None:
    monkeypatch.setattr(loop_module, "_CLEANUP_SECONDS", 0.05)
    ends, ended, entered = asyncio.Event(), threading.Event(), threading.Event()

    @syncify
    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            entered.set()
            while not ends.is_set():
                try:
                    await ends.wait()
                except asyncio.CancelledError:
                    if gives_in:
                        break
            ended.set()

    stream = iter(numbers())
    assert next(stream) == 1
    stream.close()  # type: ignore[attr-defined]
    assert entered.is_set()
    assert "numbers` has not ended within 0.05 s" in caplog.text
    assert double(2) == 4
    syncify.loop.get().call_soon_threadsafe(ends.set)
    assert ended.wait(60)


def test_an_error_of_clean_up_code_is_raised() -> None:
    @syncify
    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            raise OSError("it cannot be closed")

    stream = iter(numbers())
    assert next(stream) == 1
    with pytest.raises(OSError, match="cannot be closed"):
        stream.close()  # type: ignore[attr-defined]


def test_context_variables_of_the_caller_are_visible() -> None:
    token = var.set("caller")
    try:
        assert read_var() == "caller"
    finally:
        var.reset(token)


def test_exceptions_keep_their_type_and_message() -> None:
    @syncify
    async def fail() -> None:
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        fail()


def test_blocking_call_on_the_loop_itself_is_refused() -> None:
    @syncify
    async def outer() -> int:
        return double(1)

    with pytest.raises(RuntimeError, match=r"await the `\.aio\(\.\.\.\)` form"):
        outer()


def test_only_async_functions_are_accepted() -> None:
    with pytest.raises(TypeError, match="not an `async def`"):
        syncify(len)  # type: ignore[arg-type]


def test_close_ends_the_thread_and_a_later_call_starts_another() -> None:
    own = Syncify("own")

    @own
    async def one() -> int:
        return 1

    assert one() == 1
    own.loop.close()
    assert one() == 1
    own.loop.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_forked_child_gets_a_loop_of_its_own() -> None:
    script = """
        import os, sys
        from flyte_syncify import syncify

        @syncify
        async def one() -> int:
            return 1

        assert one() == 1
        pid = os.fork()
        if pid == 0:
            os._exit(0 if one() == 1 else 1)
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(script)], timeout=120).returncode == 0


def test_ctrl_c_cancels_the_coroutine_and_runs_its_clean_up() -> None:
    script = """
        import asyncio, sys
        from flyte_syncify import syncify

        @syncify
        async def forever() -> None:
            print("started", flush=True)
            try:
                await asyncio.sleep(3600)
            finally:
                await asyncio.sleep(0.05)
                print("cleaned up", flush=True)

        try:
            forever()
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            sys.exit(130)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    assert out == "cleaned up\ninterrupted\n"
    assert process.returncode == 130


def test_a_stream_that_is_left_half_read_does_not_keep_the_interpreter() -> None:
    """It is closed when the loop has ended; a loop that began then would never run."""
    script = """
        from flyte_syncify import syncify

        @syncify
        async def numbers():
            for number in range(10):
                yield number

        kept = iter(numbers())
        print(next(kept))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], timeout=60, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


def test_a_second_ctrl_c_ends_a_stream_that_does_not_clean_up_in_time() -> None:
    script = """
        import asyncio, sys
        from flyte_syncify import syncify

        @syncify
        async def forever():
            yield 0
            print("waiting", flush=True)
            try:
                await asyncio.sleep(3600)
            finally:
                print("cleaning up", flush=True)
                await asyncio.sleep(3600)

        try:
            for _ in forever():
                print("started", flush=True)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            sys.exit(130)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "cleaning up\n"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=120)
    assert out == "interrupted\n"
    assert process.returncode == 130


def test_functions_that_never_wait_have_both_faces_without_a_loop() -> None:
    script = """
        import sys
        from flyte_syncify import immediate

        @immediate
        def double(x: int) -> int:
            return 2 * x

        assert double(21) == 42
        assert "asyncio" not in sys.modules
        import asyncio
        assert asyncio.run(double.aio(21)) == 42
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(script)], timeout=120).returncode == 0


def test_an_interrupt_at_any_moment_of_the_call_runs_the_clean_up() -> None:
    """Regression: an interrupt before the wait began left the coroutine behind."""
    script = """
        import asyncio, os, signal, sys
        from flyte_syncify import syncify

        @syncify
        async def forever(seconds: float) -> None:
            asyncio.get_running_loop().call_later(seconds, os.kill, os.getpid(), signal.SIGINT)
            try:
                await asyncio.sleep(3600)
            finally:
                await asyncio.sleep(0.001)
                ended.append(True)

        for attempt in range(60):
            ended = []
            try:
                forever(attempt * 0.00002)
            except KeyboardInterrupt:
                assert ended == [True], attempt
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_an_interrupt_at_any_line_of_the_wait_is_an_interrupt() -> None:
    """Regression: one in the moment in which a condition has given up its lock ended as an error about the lock."""
    script = """
        import asyncio, sys
        from flyte_syncify import syncify

        @syncify
        async def short() -> str:
            begun.append(True)
            try:
                await asyncio.sleep(0.01)
                return "done"
            finally:
                ended.append(True)

        def interrupt_at(number: int):
            left = number
            def trace(frame, event, _):
                nonlocal left
                if event == "line" and frame.f_code.co_name in ("wait", "result"):
                    left -= 1
                    if left == 0:
                        raise KeyboardInterrupt
                return trace
            return trace

        begun, ended = [], []
        short()
        interrupted = 0
        for number in range(1, 200):
            begun, ended = [], []
            sys.settrace(interrupt_at(number))
            try:
                assert short() == "done"
                break
            except KeyboardInterrupt:
                interrupted += 1
            finally:
                sys.settrace(None)
            # One that had not begun does not begin any more.
            assert ended == begun, number
        assert interrupted >= 1
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
