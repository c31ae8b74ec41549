"""What `flyte.init` says of connections counts: how often a call is made again."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from flyteidl2.auth import identity_pb2
from flyteidl2.project import project_service_pb2

import flyte
from flyte.errors import InitializationError
from flyte.remote import Project, User
from flyte_protocol.rpc_errors import RpcError


@contextmanager
def failing_server(failures: int) -> Iterator[tuple[str, list[str]]]:
    """A control plane that answers 503 so many times, and then well; its address and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            asked.append(self.path)
            body, status = b"", 503
            if len(asked) > failures:
                body, status = identity_pb2.UserInfoResponse(subject="somebody").SerializeToString(), 200
                if self.path.endswith("CreateProject"):
                    body = project_service_pb2.CreateProjectResponse().SerializeToString()
            self.send_response(status)
            self.send_header("content-type", "application/proto")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("retries", "failures", "attempts"), [(0, 1, 1), (1, 2, 2), (2, 2, 3)])
def test_a_call_is_made_again_as_often_as_was_said(retries: int, failures: int, attempts: int) -> None:
    with failing_server(failures) as (url, asked):
        flyte.init(endpoint=url, insecure=True, rpc_retries=retries)
        if attempts > failures:
            assert User.get().subject() == "somebody"
        else:
            with pytest.raises(RpcError, match="HTTP 503"):
                User.get()
        assert len(asked) == attempts


def test_what_must_not_be_done_twice_is_not_repeated() -> None:
    with failing_server(1) as (url, asked):
        flyte.init(endpoint=url, insecure=True, rpc_retries=5)
        with pytest.raises(RpcError, match="HTTP 503"):
            Project.create("p", "P")
        assert len(asked) == 1


def test_another_init_counts_for_the_next_call() -> None:
    async def main() -> None:
        with failing_server(1) as (url, asked):
            flyte.init(endpoint=url, insecure=True, rpc_retries=0)
            with pytest.raises(RpcError):
                await User.get.aio()
            asked.clear()
            flyte.init(endpoint=url, insecure=True, rpc_retries=1)
            assert (await User.get.aio()).subject() == "somebody"
            assert len(asked) == 2

    asyncio.run(main())


def test_less_than_none_is_refused() -> None:
    with pytest.raises(InitializationError, match="`rpc_retries` is -1"):
        flyte.init(endpoint="http://127.0.0.1:1", rpc_retries=-1)
