"""`flyte create config` and `flyte config check`: each thing that can stand between here and a control plane is named."""

import http.server
import json
import os
import re
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from tests.ports import silent_port

from .servers import SECRET, control_plane, oidc_server

FLYTE = str(Path(sys.executable).with_name("flyte"))


def flyte(home: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("FLYTE_", "HTTP", "http", "_U_"))}
    return subprocess.run(
        [FLYTE, *words],
        cwd=home,
        env=kept | {"HOME": str(home), "COLUMNS": "200", **variables},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def checked(home: Path, *options: str, **variables: str) -> tuple[int, dict[str, tuple[str, str]]]:
    done = flyte(home, *options, "config", "check", "-of", "json", **variables)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)["steps"]
    return done.returncode, {each["step"]: (each["state"], each["text"]) for each in found}


def write(home: Path, admin: dict[str, object]) -> None:
    folder = home / ".flyte"
    folder.mkdir(exist_ok=True)
    task = {"project": "flytesnacks", "domain": "development"}
    (folder / "config.yaml").write_text(yaml.safe_dump({"admin": admin, "task": task}))


@contextmanager
def web_server(status: int, context: ssl.SSLContext | None = None) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = b"" if status == 204 else b"<html><title>Console</title></html>"
            self.send_response(status)
            self.send_header("content-type", "text/html")
            if 300 <= status < 400:
                self.send_header("location", "https://gateway.example/login?planted=1")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass  # clients that do not trust it

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_create_config_writes_is_what_is_read(tmp_path: Path) -> None:
    words = (
        "--endpoint", "flyte.example", "--auth-type", "device_flow", "--org", "o", "-p", "p", "-d", "d",
        "--builder", "local-podman", "--registry", "localhost:5000", "--local-persistence", "--local-tracked",
    )  # fmt: skip
    done = flyte(tmp_path, "create", "config", *words)
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load((tmp_path / ".flyte/config.yaml").read_text()) == {
        "admin": {"endpoint": "dns:///flyte.example", "authType": "DeviceFlow"},
        "task": {"org": "o", "project": "p", "domain": "d"},
        "image": {"builder": "local-podman", "registry": "localhost:5000"},
        "local": {"persistence": True, "tracked": True},
    }


@pytest.mark.parametrize(
    ("words", "written"),
    [
        # As 2.12.1 writes them.
        (
            ("--endpoint", "acme.example.org"),
            {"admin": {"endpoint": "dns:///acme.example.org"}, "task": {"org": "acme"}},
        ),
        (("--org", "o"), {"task": {"org": "o"}}),
        (("--local-persistence",), {"local": {"persistence": True}}),
        (
            ("--endpoint", "dns:///localhost:8090", "--insecure"),
            {"admin": {"endpoint": "dns:///localhost:8090", "insecure": True}},
        ),
        # 2.12.1 drops the `http://`, and then speaks TLS to it.
        (("--endpoint", "http://localhost:8090"), {"admin": {"endpoint": "http://localhost:8090"}}),
    ],
)
def test_what_is_not_given_is_as_in_the_reference(
    tmp_path: Path, words: tuple[str, ...], written: dict[str, object]
) -> None:
    done = flyte(tmp_path, "create", "config", *words)
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load((tmp_path / ".flyte/config.yaml").read_text()) == {"image": {"builder": "local"}, **written}


def test_an_address_that_is_none_is_not_written(tmp_path: Path) -> None:
    done = flyte(tmp_path, "create", "config", "--endpoint", "ftp://flyte.example")
    assert done.returncode == 2
    assert "is no address of a control plane" in done.stderr
    assert not (tmp_path / ".flyte").exists()


def test_without_an_endpoint_the_configuration_is_what_is_wrong(tmp_path: Path) -> None:
    done = flyte(tmp_path, "config", "check")
    assert done.returncode == 4
    assert "no endpoint is configured" in done.stderr


def test_a_port_where_nothing_listens(tmp_path: Path) -> None:
    with silent_port() as port:
        write(tmp_path, {"endpoint": f"127.0.0.1:{port}"})
        code, steps = checked(tmp_path)
    assert code == 5
    assert steps["endpoint"][0] == "failed"
    assert "nothing listens there" in steps["endpoint"][1]
    assert {state for state, _ in list(steps.values())[1:]} == {"not tried"}


GATEWAYS = [
    (200, "a web page, 'Console'"),
    (204, "HTTP 204 with nothing in it"),
    (302, "a redirect to `https://gateway.example/login`\nhint: something before the control plane wants a sign-in"),
    (401, "HTTP 401: a web page, 'Console'"),
    (503, "HTTP 503: a web page, 'Console'\nhint: a gateway is there, but nothing answers behind it"),
]


@pytest.mark.parametrize(("status", "said"), GATEWAYS)
def test_something_that_is_no_control_plane(tmp_path: Path, status: int, said: str) -> None:
    with web_server(status) as port:
        write(tmp_path, {"endpoint": f"http://127.0.0.1:{port}"})
        code, steps = checked(tmp_path)
    assert code == 5
    assert (steps["endpoint"][0], steps["tls"][0], steps["api"][0]) == ("ok", "skipped", "failed")
    assert said in steps["api"][1]


@pytest.mark.parametrize(("status", "said"), GATEWAYS)
def test_commands_say_what_a_gateway_answered(tmp_path: Path, status: int, said: str) -> None:
    with web_server(status) as port:
        done = flyte(tmp_path, "--endpoint", f"http://127.0.0.1:{port}", "whoami")
    assert done.returncode == 5, done.stderr
    # Nobody is sent to a browser by something that does not say how one signs in.
    told = " ".join(done.stderr.split())
    # How often it was tried stands between what happened and what to do.
    assert re.search(r"(?: attempts: \d)? ".join(re.escape(line) for line in said.splitlines()), told), told
    assert "planted" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_certificate_of_a_private_authority(tmp_path: Path) -> None:
    names = ("-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem"), "-subj", "/CN=flyte"]
    subprocess.run([*command, *files, *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with web_server(200, context) as port:
        write(tmp_path, {"endpoint": f"https://127.0.0.1:{port}"})
        _, steps = checked(tmp_path)
        assert steps["tls"][0] == "failed"
        assert "admin.caCertFilePath" in steps["tls"][1]
        assert "insecure_skip_verify" in steps["tls"][1]
        write(tmp_path, {"endpoint": f"https://127.0.0.1:{port}", "insecureSkipVerify": True})
        _, steps = checked(tmp_path)
        assert steps["tls"] == ("ok", "its certificate is not checked (`admin.insecureSkipVerify`)")
        assert steps["api"][0] == "failed"
        done = flyte(tmp_path, "get", "project", FLYTE_ADMIN_INSECURESKIPVERIFY="yes")
        assert done.stderr.count("is not checked") == 1
        assert "a web page, 'Console'" in done.stderr
        write(tmp_path, {"endpoint": f"https://127.0.0.1:{port}", "caCertFilePath": str(tmp_path / "cert.pem")})
        _, steps = checked(tmp_path)
        assert (steps["tls"][0], steps["api"][0]) == ("ok", "failed")


def test_a_sign_in_that_is_refused_and_one_that_works(tmp_path: Path) -> None:
    with oidc_server() as issuer, control_plane(issuer) as plane:
        write(tmp_path, {"endpoint": plane.url, "clientId": "robot", "clientSecretEnvVar": "ROBOT", "scopes": ["all"]})
        code, steps = checked(tmp_path, ROBOT="planted-wrong")
        assert code == 5
        assert (steps["api"][0], steps["sign-in"][0]) == ("ok", "failed")
        assert "invalid_client" in steps["sign-in"][1]
        assert "planted" not in str(steps)
        code, steps = checked(tmp_path, ROBOT=SECRET)
        assert steps["sign-in"] == ("ok", "signed in as Some Body")
