"""The socket that a devbox listens on."""

import asyncio
import socket

from flyte_devbox.serving import listen


def test_answers_do_not_wait_for_the_client_to_confirm_their_beginning() -> None:
    """An answer is written in two pieces: the second one waited 40 ms for each request of a kept connection."""

    async def connect() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted: socket.socket = writer.get_extra_info("socket")
            found.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = listen(0, None)
        async with await asyncio.start_server(accept, sock=listener):
            _, writer = await asyncio.open_connection("127.0.0.1", listener.getsockname()[1])
            option = await found
            writer.close()
            return option

    assert asyncio.run(connect())
