"""What nobody sane sends: the right error, the server lives, nothing is read or written outside its folder."""

import base64
import hashlib
import http.client
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.dataproxy import dataproxy_service_pb2
from flyteidl2.project import project_service_pb2
from flyteidl2.workflow import run_service_pb2

from flyte_devbox.services import SERVICES

from .serving import ORG, CallError, Server, service, start

PUT_TEXT = b"some content"
MD5 = hashlib.md5(PUT_TEXT).digest()
LIST = "/flyteidl2.project.ProjectService/ListProjects"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A devbox that asks for its token."""
    running = start(tmp_path_factory.mktemp("guarded"), needs_token=True)
    yield running
    running.stop()


def is_alive(server: Server) -> None:
    assert server.process.poll() is None
    assert server.call("ProjectService", "ListProjects", project_service_pb2.ListProjectsRequest()).projects.projects


def test_two_thousand_fuzzed_requests_get_an_answer(server: Server) -> None:
    rng = random.Random(7)
    methods = [method for full in SERVICES for method in service(full.rpartition(".")[2]).values()]
    kinds = ["application/proto", "application/json", "application/connect+proto", "application/connect+json"]
    kinds += ["application/grpc", "application/grpc-web+proto", "text/plain", ""]
    connection = http.client.HTTPConnection("127.0.0.1", server.record.port, timeout=120)
    counts: dict[int, int] = {}
    for _ in range(2000):
        method = rng.choice(methods)
        kind = rng.choice(kinds)
        body = rng.randbytes(rng.choice([0, 1, 5, 40, 400]))
        if rng.random() < 0.3:
            body = bytes([rng.choice([0, 1, 2, 255])]) + len(body).to_bytes(4, "big") + body
        path = method.path if rng.random() < 0.9 else method.path + rng.choice(["x", "/..", "%2e%2e", "?a=b"])
        headers = {"content-type": kind, "host": server.record.endpoint}
        if rng.random() < 0.1:
            headers["content-encoding"] = rng.choice(["gzip", "br", "zstd"])
        if rng.random() < 0.1:
            headers["connect-timeout-ms"] = rng.choice(["-1", "x", "1", "99999999999999"])
        connection.request(rng.choice(["POST"] * 9 + ["GET"]), path, body, headers)
        answer = connection.getresponse()
        if answer.headers.get("content-type", "").startswith("application/connect+"):
            # A stream that was opened is not read to its end.
            answer.read(5)
            connection.close()
        else:
            answer.read()
        counts[answer.status] = counts.get(answer.status, 0) + 1
    connection.close()
    assert counts.get(500, 0) == 0, (server.folder / "devbox.log").read_text()[-3000:]
    is_alive(server)


def test_an_empty_request_of_every_method_is_answered_and_never_a_fault(server: Server) -> None:
    for full in SERVICES:
        for method in service(full.rpartition(".")[2]).values():
            if method.kind != "unary":
                continue
            status, _, body = server.post(method.path, b"", {"content-type": "application/proto"})
            assert status in {200, 400, 404, 501}, (method.path, status, body)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil", "", "[::1"]
)
def test_foreign_hosts_are_refused(server: Server, host: str) -> None:
    status, _, _ = server.post(LIST, b"", {"content-type": "application/proto", "host": host})
    assert status in {400, 403}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_pages_of_other_sites_are_refused(server: Server, headers: dict[str, str]) -> None:
    status, _, _ = server.post(LIST, b"{}", {"content-type": "application/json", **headers})
    assert status == 403


@pytest.mark.parametrize("token", [None, "", "wrong", "Bearer", "x" * 10_000])
def test_without_the_token_nothing_is_answered(guarded: Server, token: str | None) -> None:
    headers = {"content-type": "application/proto", "authorization": "" if token is None else f"Bearer {token}"}
    assert guarded.post(LIST, b"", headers)[0] == 401
    assert guarded.post("/", b"", {"authorization": headers["authorization"]}, method="GET")[0] == 401
    is_alive(guarded)


def test_the_link_signs_a_browser_in(guarded: Server) -> None:
    nobody = {"authorization": ""}
    status, headers, _ = guarded.post(f"/?token={guarded.record.token}", b"", nobody, method="GET")
    assert (status, headers["location"]) == (303, "/")
    assert "HttpOnly" in headers["set-cookie"]
    cookie = {"cookie": headers["set-cookie"].partition(";")[0], **nobody}
    assert guarded.post("/", b"", cookie, method="GET")[0] == 200
    assert guarded.post("/?token=wrong", b"", nobody, method="GET")[0] == 401
    assert guarded.post(f"//evil.example/?token={guarded.record.token}", b"", nobody, method="GET")[1][
        "location"
    ].startswith("/evil")


def test_signing_in_leads_to_the_page_as_it_was_asked_for(guarded: Server) -> None:
    path = "/v2/domain/development/project/flytesnacks/tasks/a%2Fb%20c%C3%A9%0D%0Ax:y"
    _, headers, _ = guarded.post(f"{path}?token={guarded.record.token}&i=%C3%A9", b"", {"authorization": ""}, "GET")
    assert headers["location"] == f"{path}?i=%C3%A9"


def test_lists_with_too_many_conditions_are_refused(server: Server) -> None:
    def refusal(service_name: str, method: str, request: Any) -> str:
        with pytest.raises(CallError) as caught:
            server.call(service_name, method, request)
        assert caught.value.code == "invalid_argument"
        return caught.value.message

    many = run_service_pb2.ListRunsRequest(org=ORG)
    many.request.filters.add(function=7, field="name", values=[str(number) for number in range(300_000)])
    assert "300,000" in refusal("RunService", "ListRuns", many)
    deep = run_service_pb2.ListRunsRequest(org=ORG)
    for _ in range(2000):
        deep.request.filters.add(function=0, field="name", values=["x"])
    assert "2,000" in refusal("RunService", "ListRuns", deep)
    sorted_by = run_service_pb2.ListRunsRequest(org=ORG)
    for _ in range(3000):
        sorted_by.request.sort_by_fields.add(key="name")
    assert "3000" in refusal("RunService", "ListRuns", sorted_by)
    projects = project_service_pb2.ListProjectsRequest(filters=f"value_in(id,{';'.join(['x'] * 300_000)})")
    assert "300,000" in refusal("ProjectService", "ListProjects", projects)
    is_alive(server)


def test_the_files_with_secrets_are_the_users_alone(guarded: Server) -> None:
    for name in ("devbox.json", "secret.key"):
        assert (guarded.folder / name).stat().st_mode & 0o777 == 0o600


def upload(server: Server, **fields: object) -> dataproxy_service_pb2.CreateUploadLocationResponse:
    request = dataproxy_service_pb2.CreateUploadLocationRequest(
        **{"project": "flytesnacks", "domain": "development", "content_md5": MD5, "filename": "x.bin", **fields}
    )
    return server.call("DataProxyService", "CreateUploadLocation", request)


def put(server: Server, url: str, content: bytes = PUT_TEXT, **headers: str) -> int:
    path = url.partition(str(server.record.port))[2]
    return server.post(path, content, {"authorization": "", **headers}, method="PUT")[0]


def test_an_upload_arrives_whole_and_as_announced(guarded: Server) -> None:
    location = upload(guarded)
    assert put(guarded, location.signed_url, **dict(location.headers)) == 200
    assert Path(location.native_url).read_bytes() == PUT_TEXT
    assert put(guarded, location.signed_url, b"other content") == 400
    assert put(guarded, location.signed_url, b"other", **{"content-md5": base64.b64encode(b"x" * 16).decode()}) == 400
    assert Path(location.native_url).read_bytes() == PUT_TEXT
    assert not list((guarded.folder / "objects" / ".uploads").iterdir())


def test_urls_that_were_tampered_with_or_expired_are_refused(guarded: Server) -> None:
    url = upload(guarded).signed_url
    for old, new in (
        ("x.bin", "y.bin"),
        ("method=PUT", "method=GET"),
        ("signature=", "signature=0"),
        ("expires=", "expires=9"),
        ("&signature=", "&sig="),
        ("x.bin?", "x.bin?x=1&"),
    ):
        assert put(guarded, url.replace(old, new)) == 403
    expired = upload(guarded)
    request = dataproxy_service_pb2.CreateUploadLocationRequest(
        project="flytesnacks", domain="development", filename="late.bin", content_md5=MD5
    )
    request.expires_in.FromMilliseconds(1)
    expired = guarded.call("DataProxyService", "CreateUploadLocation", request)
    assert put(guarded, expired.signed_url) == 403
    assert guarded.post(url.partition(str(guarded.record.port))[2], b"", {"authorization": ""}, method="GET")[0] == 403


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a/../../x",
        "..",
        "a//b",
        "a/./b",
        "/etc/passwd",
        ".uploads/x",
        "a\0b",
        "a\\b",
        "x" * 300,
        "a/" + "y" * 5000,
    ],
)
def test_names_that_lead_elsewhere_are_refused(server: Server, name: str) -> None:
    with pytest.raises(CallError) as refused:
        upload(server, filename=name)
    assert refused.value.code == "invalid_argument"
    with pytest.raises(CallError):
        upload(server, filename_root=f"x/{name}")


def test_a_link_that_leads_out_is_not_followed(server: Server, tmp_path: Path) -> None:
    location = upload(server, filename_root="linked")
    folder = Path(location.native_url).parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.symlink_to(tmp_path)
    assert put(server, location.signed_url) == 400
    assert not list(tmp_path.iterdir())


def test_raw_paths_stay_within_the_folder(server: Server) -> None:
    for path in (
        "/objects/../devbox.json",
        "/objects/%2e%2e/devbox.json",
        "/static/../pages.py",
        "/static/%2e%2e/pages.py",
    ):
        with socket.create_connection(("127.0.0.1", server.record.port), timeout=120) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
        assert answer.split(b" ", 2)[1] in {b"403", b"404", b"400"}, answer


def test_a_gigabyte_is_refused_before_it_is_read(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.record.port), timeout=120) as connection:
        head = f"POST {LIST} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/proto\r\ncontent-length: 1073741824\r\n\r\n"
        connection.sendall(head.encode())
        assert b"429" in connection.recv(4096).split(b"\r\n")[0]
    is_alive(server)


def test_a_gzip_bomb_is_refused(server: Server) -> None:
    import gzip

    bomb = gzip.compress(b"\0" * 200_000_000, 9)
    status, _, _ = server.post(LIST, bomb, {"content-type": "application/proto", "content-encoding": "gzip"})
    assert status == 429
    is_alive(server)


def test_what_is_not_offered_says_so(server: Server) -> None:
    status, _, body = server.post("/flyteidl2.app.AppService/List", b"", {"content-type": "application/proto"})
    assert status == 501
    assert b"apps" in body
    status, _, body = server.post(LIST, b"", {"content-type": "application/grpc"})
    assert status == 501
    assert b"gRPC" in body
    path = "/flyteidl2.workflow.InternalRunService/RecordActionStream"
    status, _, body = server.post(path, b"", {"content-type": "application/connect+proto"})
    assert b"unimplemented" in body
