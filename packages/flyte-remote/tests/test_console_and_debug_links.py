"""Addresses of pages, by the endpoint; and of the editor of a run in debug mode, as soon as it is ready."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from flyteidl2.core import execution_pb2
from flyteidl2.workflow import run_definition_pb2, run_service_pb2

import flyte
from flyte.remote import Run
from flyte_protocol.frames import write_frame
from flyte_remote.connection import Target
from flyte_remote.console import console_of

IDE, DASHBOARD = execution_pb2.TaskLog.IDE, execution_pb2.TaskLog.DASHBOARD


@pytest.mark.parametrize(
    ("endpoint", "is_insecure", "console"),
    [
        # As 2.12.1 gives them.
        ("dns:///flyte.example.org", False, "https://flyte.example.org"),
        ("flyte.example.org", True, "http://flyte.example.org"),
        ("flyte.example.org:8443", False, "https://flyte.example.org:8443"),
        ("https://flyte.example.org/api/", False, "https://flyte.example.org"),
        ("localhost:8090", True, "http://localhost:8080"),
        ("dns:///localhost:8090", False, "https://localhost:8080"),
        ("localhost:30080", True, "http://localhost:30080"),
        ("127.0.0.1:8090", True, "http://127.0.0.1:8090"),
        ("[::1]:8090", True, "http://[::1]:8090"),
        ("host.docker.internal:8090", False, "https://host.docker.internal:8090"),
        # Where the address names the scheme, 2.12.1 goes by `insecure` alone; the page is where the API is.
        ("http://flyte.example.org:8090", False, "http://flyte.example.org:8090"),
    ],
)
def test_the_console_is_at_the_host_of_the_api(endpoint: str, is_insecure: bool, console: str) -> None:
    assert console_of(Target(endpoint, is_insecure=is_insecure)) == console


def test_a_console_elsewhere_is_named_in_the_configuration() -> None:
    assert console_of(Target("api.example.org", console="console.example.org")) == "https://console.example.org"
    assert console_of(Target("localhost:1", is_insecure=True, console="https://c/ui/")) == "https://c/ui"


@contextmanager
def control_plane(*states: list[execution_pb2.TaskLog], is_debugged: bool) -> Generator[list[str]]:
    """A control plane with a run that has the links of the first state when it is asked for, and the others in a stream."""
    asked: list[str] = []

    def details(number: int) -> run_definition_pb2.ActionDetails:
        message = run_definition_pb2.ActionDetails()
        message.id.run.name, message.id.name = "r", "a0"
        message.status.phase = 5 if number == len(states) - 1 and number else 4
        message.attempts.add(
            attempt=1, log_info=[execution_pb2.TaskLog(name="old", uri="/old", link_type=IDE, ready=True)]
        )
        message.attempts.add(attempt=2, log_info=states[number])
        return message

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            asked.append(self.path.rpartition("/")[2])
            if asked[-1] == "GetRunDetails":
                answer = run_service_pb2.GetRunDetailsResponse()
                answer.details.action.CopyFrom(details(0))
                answer.details.run_spec.SetInParent()
                if is_debugged:
                    answer.details.run_spec.envs.values.add(key="_F_E_VS", value="1")
                body, kind = answer.SerializeToString(), "application/proto"
            else:
                messages = [
                    run_service_pb2.WatchActionDetailsResponse(details=details(number))
                    for number in range(1, len(states))
                ]
                body = b"".join(write_frame(one.SerializeToString()) for one in messages) + write_frame(b"{}", flags=2)
                kind = "application/connect+proto"
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        flyte.init(endpoint=f"http://127.0.0.1:{server.server_address[1]}", insecure=True, project="p", domain="d")
        yield asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def link(uri: str, *, kind: int = IDE, ready: bool = True) -> execution_pb2.TaskLog:
    return execution_pb2.TaskLog(name="editor", uri=uri, link_type=kind, ready=ready)  # pyright: ignore[reportArgumentType]


def test_an_editor_that_is_ready() -> None:
    with control_plane(
        [link("/elsewhere", kind=DASHBOARD), link("https://editor.example/x")], is_debugged=True
    ) as asked:
        assert Run.get("r").get_debug_url() == "https://editor.example/x"
        assert "WatchActionDetails" not in asked


def test_an_editor_is_waited_for_and_its_path_is_one_of_the_console() -> None:
    states = (
        [link("/dataplane/x?y=1", ready=False)],
        [link("/dataplane/x?y=1", ready=False)],
        [link("/dataplane/x?y=1")],
    )
    with control_plane(*([*state] for state in states), is_debugged=True) as asked:
        url = Run.get("r").get_debug_url()
        assert url is not None
        assert url.startswith("http://127.0.0.1:")
        assert url.endswith("/dataplane/x?y=1")
        assert asked.count("WatchActionDetails") == 1


def test_a_run_without_an_editor() -> None:
    with control_plane([], [], [], is_debugged=True):
        assert Run.get("r").get_debug_url() is None
    with control_plane([], is_debugged=False) as asked:
        assert Run.get("r").get_debug_url() is None, "nobody waits for what does not come"
        assert "WatchActionDetails" not in asked
