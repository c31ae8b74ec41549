"""TCP proxies before a devbox, which cut, stall and forget connections; of their own accord, too, at some request."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Self

Pair = tuple[asyncio.StreamWriter, asyncio.StreamWriter]
"""The writers of a connection: to the one who connected, and to the devbox."""


class Proxy:
    """Forwards from a port of its own, in a thread of its own, to a port that may change; also a context."""

    def __init__(self, target: int = 0) -> None:
        self.target = target
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()
        self._flows.set()
        self._pairs: set[Pair] = set()
        self._forgotten: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self._thread.start()
        self._do(self._start())

    def stop(self) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()

    def cut(self) -> None:
        """Reset every connection."""
        self._do(self._cut())

    def stall(self) -> None:
        """Let no byte through, in either direction, until `flow`."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def flow(self) -> None:
        self._loop.call_soon_threadsafe(self._flows.set)

    def forget(self) -> None:
        """Leave the connections that are there half open: nothing passes any more, and nobody is told. New ones work."""
        self._do(self._forget())

    def lets_in(self) -> bool:
        """Tell whether a new connection is served."""
        return True

    def asks(self, piece: bytes, pair: Pair) -> None:
        """See what goes to the devbox."""

    def lets_answer(self, pair: Pair) -> bool:
        """Tell whether what the devbox says goes on; otherwise it is dropped."""
        return True

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self._flows.set()
        await self._cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _cut(self) -> None:
        self._abort()

    def _abort(self) -> None:
        for pair in list(self._pairs):
            for writer in pair:
                writer.transport.abort()

    async def _forget(self) -> None:
        for pair in self._pairs:
            self._forgotten.update(pair)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            if not self.lets_in():
                raise ConnectionRefusedError
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, up_writer)
        self._pairs.add(pair)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(reader, up_writer, lambda piece: self.asks(piece, pair) or True))
                group.create_task(self._pass_on(up_reader, writer, lambda _: self.lets_answer(pair)))
        except* OSError:
            pass
        finally:
            self._pairs.discard(pair)
            for end in pair:
                self._forgotten.discard(end)
                end.transport.abort()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: Callable[[bytes], bool]
    ) -> None:
        while piece := await reader.read(65536):
            await self._flows.wait()
            if writer in self._forgotten or not passes(piece):
                continue
            writer.write(piece)
            await writer.drain()
        if writer not in self._forgotten:
            with contextlib.suppress(OSError):
                writer.transport.abort()
            raise ConnectionResetError


class LosesOneAnswer(Proxy):
    """The first answer to a request that has some bytes in it is cut off, with its connection."""

    def __init__(self, target: int, mark: bytes) -> None:
        super().__init__(target)
        self.lost = 0
        self._mark = mark
        self._marked: set[Pair] = set()

    def asks(self, piece: bytes, pair: Pair) -> None:
        if self._mark in piece and not self.lost:
            self._marked.add(pair)

    def lets_answer(self, pair: Pair) -> bool:
        if pair not in self._marked:
            return True
        self._marked.discard(pair)
        self.lost += 1
        for writer in pair:
            writer.transport.abort()
        return False


class CutsBehind(Proxy):
    """Forwards until so many calls of a method are answered; then nothing passes, and every connection is cut."""

    def __init__(self, target: int, mark: bytes, most: int) -> None:
        super().__init__(target)
        self._mark, self._left = mark, most
        self._asked: set[Pair] = set()

    def lets_in(self) -> bool:
        return self._left > 0

    def asks(self, piece: bytes, pair: Pair) -> None:
        if self._mark in piece:
            self._asked.add(pair)

    def lets_answer(self, pair: Pair) -> bool:
        if self._left == 0:
            return False
        # The beginning of an answer: it may come in several pieces.
        if pair in self._asked:
            self._asked.discard(pair)
            self._left -= 1
            if self._left == 0:
                # Not at once: what was sent before is to arrive.
                self._loop.call_later(0.5, self._abort)
        return True


class HoldsOneBack(Proxy):
    """The first request that has some bytes in it arrives later, also if who made it does not wait for it."""

    def __init__(self, mark: bytes, on_held: Callable[[], None], until: Callable[[], bool]) -> None:
        super().__init__()
        self._mark, self._on_held, self._until = mark, on_held, until
        self._is_held = False

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: Callable[[bytes], bool]
    ) -> None:
        while piece := await reader.read(65536):
            is_this = self._mark in piece and not self._is_held
            if is_this:
                self._is_held = True
                self._on_held()
                while not self._until():
                    await asyncio.sleep(0.02)
                # What comes after it has the time to arrive before it.
                await asyncio.sleep(1.0)
            writer.write(piece)
            await writer.drain()
            if is_this:
                await asyncio.sleep(1.0)
        with contextlib.suppress(OSError):
            writer.transport.abort()
        raise ConnectionResetError
