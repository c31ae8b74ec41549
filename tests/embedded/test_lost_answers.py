"""A request whose answer is lost is made again, and means the same."""

import asyncio
import sys
import threading

import pytest

import flyte
import flyte.remote

from .running import CODE, end, load, start


class LosesOneAnswer:
    """Forwards to a port; the first answer to a request that has some bytes in it is cut off, with its connection."""

    def __init__(self, target: int, mark: bytes) -> None:
        self.target, self.mark = target, mark
        self.lost = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "LosesOneAnswer":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(20)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
        marked = asyncio.Event()

        async def requests() -> None:
            while piece := await reader.read(65536):
                if self.mark in piece and not self.lost:
                    marked.set()
                up_writer.write(piece)
            up_writer.close()

        async def answers() -> None:
            while piece := await up_reader.read(65536):
                if marked.is_set():
                    self.lost += 1
                    writer.transport.abort()
                    return
                writer.write(piece)
            writer.close()

        asking = asyncio.create_task(requests())
        try:
            await answers()
        finally:
            asking.cancel()
            up_writer.transport.abort()
            writer.transport.abort()


@pytest.fixture
def port(tmp_path_factory):
    server, port = start(tmp_path_factory.mktemp("lost") / "devbox")
    yield port
    end(server)


def test_a_run_is_begun_once(port, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = list(sys.path)
    with LosesOneAnswer(port, b"RunService/CreateRun") as proxy:
        flyte.init(
            endpoint=f"localhost:{proxy.port}",
            insecure=True,
            project="flytesnacks",
            domain="development",
            root_dir=CODE,
        )
        try:
            run = flyte.run(load("shapes").total, 3)
            assert proxy.lost == 1
            run.wait(quiet=True)
            assert run.outputs()[0] == 5
            assert [each.name for each in flyte.remote.Run.listall()] == [run.name]
        finally:
            flyte.init()
            sys.path[:] = path
