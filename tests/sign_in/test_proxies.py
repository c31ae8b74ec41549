"""`HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` count for calls and sign-in, and a proxy that fails is named."""

import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ports import silent_port

from .servers import SECRET, Plane, connect_proxy, control_plane, oidc_server

USER = """
import flyte
flyte.init(endpoint={url!r}, project="p", domain="d", auth_type="ClientSecret", client_id="robot", scopes=["all"],
    client_credentials_secret={secret!r}, rpc_retries=0, {more})
from flyte.remote import User
print(User.get().subject())
"""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for `flyte.test`, of nobody."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("certificates")
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=flyte -keyout key.pem -out cert.pem"
    extensions = ("-addext", "subjectAltName=DNS:flyte.test", "-addext", "basicConstraints=critical,CA:FALSE")
    subprocess.run(["openssl", *command.split(), *extensions], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with oidc_server() as url:
        yield url


@pytest.fixture
def plane(issuer: str, certificates: Path) -> Iterator[Plane]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    with control_plane(issuer, context) as made:
        yield made


def port_of(plane: Plane) -> int:
    return int(plane.url.rpartition(":")[2])


def called(url: str, home: Path, more: str = "", **variables: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: text for name, text in os.environ.items() if "proxy" not in name.lower()}
    return subprocess.run(
        [sys.executable, "-c", USER.format(url=url, secret=SECRET, more=more)],
        env=kept | {"HOME": str(home), **variables},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.parametrize("trust", ["ca_cert_file_path", "insecure_skip_verify"])
def test_calls_go_through_the_proxy(plane: Plane, certificates: Path, tmp_path: Path, trust: str) -> None:
    more = f"{trust}={str(certificates / 'cert.pem')!r}" if trust.startswith("ca") else f"{trust}=True"
    with connect_proxy({"flyte.test": port_of(plane)}, "me:planted pass") as (address, asked):
        done = called("flyte.test", tmp_path, more, HTTPS_PROXY=f"http://me:planted%20pass@{address}")
        assert done.stdout.strip() == "somebody", done.stderr
        assert set(asked) == {"CONNECT flyte.test:443 HTTP/1.1"}
        asked.clear()
        done = called("flyte.test", tmp_path, more, HTTPS_PROXY=f"http://me:planted-wrong@{address}")
        assert "it wants a login: write `HTTPS_PROXY` as" in done.stderr
        assert f"the proxy `http://{address}` (`HTTPS_PROXY`)" in done.stderr
        assert "planted" not in done.stderr
        assert len(asked) == 1
        done = called("flyte.test", tmp_path, more, HTTPS_PROXY=f"http://{address}", NO_PROXY="x.test,.test")
        assert "there is no host of that name" in done.stderr
        assert "through the proxy" not in done.stderr
        assert len(asked) == 1


def test_a_proxy_that_lets_nobody_through_or_is_not_there(certificates: Path, tmp_path: Path) -> None:
    more = f"ca_cert_file_path={str(certificates / 'cert.pem')!r}"
    with connect_proxy({}) as (address, _):
        done = called("flyte.test", tmp_path, more, HTTPS_PROXY=f"http://{address}")
    assert "it does not let anybody through to `flyte.test`" in done.stderr
    with silent_port() as port:
        done = called("flyte.test", tmp_path, more, HTTPS_PROXY=f"http://127.0.0.1:{port}")
    assert "nothing listens where it should be: correct `HTTPS_PROXY`" in done.stderr
    done = called("flyte.test", tmp_path, more, HTTPS_PROXY="http://no-such-proxy.invalid:3128")
    assert "there is no host of its name: correct `HTTPS_PROXY`" in done.stderr


def test_plain_http_goes_through_its_proxy(tmp_path: Path) -> None:
    with connect_proxy({}, "me:pwd") as (address, asked):
        done = called("http://flyte.test", tmp_path, HTTP_PROXY=f"http://{address}")
    assert "a proxy (`HTTP_PROXY`) wants a login" in done.stderr
    assert asked == ["POST http://flyte.test/flyteidl2.auth.IdentityService/UserInfo HTTP/1.1"]


def test_what_is_on_this_machine_is_asked_directly(issuer: str, tmp_path: Path) -> None:
    with control_plane(issuer) as plane, silent_port() as port:
        nowhere = f"http://127.0.0.1:{port}"
        done = called(plane.url, tmp_path, HTTP_PROXY=nowhere, HTTPS_PROXY=nowhere, ALL_PROXY=nowhere)
        assert done.stdout.strip() == "somebody", done.stderr


def test_tokens_have_a_proxy_of_their_own(issuer: str, tmp_path: Path) -> None:
    with (
        control_plane(issuer) as plane,
        connect_proxy({"127.0.0.1": int(issuer.rpartition(":")[2])}, "me:planted") as (address, asked),
    ):
        done = called(plane.url, tmp_path, f"http_proxy_url='http://me:planted@{address}'")
        assert done.stdout.strip() == "somebody", done.stderr
        assert {re.sub("http://[^/]*", "", line) for line in asked} <= {"POST /token HTTP/1.1"}
        assert asked
        with silent_port() as port:
            done = called(plane.url, tmp_path, f"http_proxy_url='http://me:planted@127.0.0.1:{port}'")
        assert "(`admin.httpProxyURL`), and nothing listens where it should be" in done.stderr
        assert "planted" not in done.stderr
