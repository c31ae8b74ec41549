"""No token or secret stands in a log, an error, a list of processes or a file of others: every flow, with planted ones."""

import base64
import json
import os
import re
import stat
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from .servers import SECRET, Plane, act_as_person, control_plane, oidc_server

PROGRAM = """
import logging, sys, traceback, os
logging.basicConfig(level=logging.NOTSET, filename=os.environ["HOME"] + "/all.log")
import flyte
import flyte.config
from flyte.remote import Run, User, auth_metadata
from flyte.initialization import settings
{init}
print(settings(), repr(settings().config), vars(sys.modules["flyte.remote"])["target"]())
for number in range({calls}):
    try:
        print("user:", User.get().subject())
    except Exception as error:
        traceback.print_exc()
        print(repr(error), str(error), error.args, getattr(error, "__notes__", ""), vars(error))
try:
    Run.get("none")
except Exception as error:
    traceback.print_exc()
logging.getLogger().handle(logging.makeLogRecord(dict(msg="the end", levelno=50)))
"""


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with oidc_server() as url:
        yield url


@pytest.fixture
def plane(issuer: str) -> Iterator[Plane]:
    with control_plane(issuer, echoes=True) as made:
        yield made


class Watched:
    """A program that ran, and everything that it let be seen."""

    def __init__(self, home: Path, init: str, *, calls: int = 1, **variables: str) -> None:
        self.home, self.processes, self.seen = home, "", ""
        home.mkdir(exist_ok=True)
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("FLYTE_", "HTTP", "http"))}
        variables = {
            "HOME": str(home),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            "PYTHONASYNCIODEBUG": "1",
            "PYTHONTRACEMALLOC": "1",
            **variables,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-X", "dev", "-c", PROGRAM.format(init=init, calls=calls)],
            cwd=home,
            env=kept | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._own = {name: text for name, text in variables.items() if name.startswith("PLANTED")}
        self._watching = threading.Thread(target=self._watch)
        self._watching.start()

    def _watch(self) -> None:
        while self._process.poll() is None:
            for child in _descendants(self._process.pid):
                for name in ("cmdline", "environ"):
                    try:
                        self.processes += Path(f"/proc/{child}/{name}").read_bytes().decode(errors="replace") + "\n"
                    except OSError:
                        continue
            time.sleep(0.01)

    def lines(self) -> Iterator[str]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.seen += line
            yield line

    def end(self) -> str:
        for _ in self.lines():
            pass
        assert self._process.wait(timeout=240) == 0, self.seen
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._watching.join()
        log = (self.home / "all.log").read_text()
        assert "the end" in log
        self.seen += log
        return self.seen

    def assert_hides(self, secrets: Mapping[str, str], *, given: str = "") -> None:
        """Fail if one of the secrets stands where it can be seen; `given` is a variable of the user's that children inherit."""
        for what, secret in secrets.items():
            assert len(secret) > 8, what
            for form in {secret, urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret)}:
                assert form not in self.seen, f"the {what} stands in the output or the log"
                if what != given:
                    assert form not in self.processes, f"the {what} stands in the list of processes"
                for file in self.home.rglob("*"):
                    if file.is_file() and file.name != "given" and form.encode() in file.read_bytes():
                        mode = stat.S_IMODE(file.stat().st_mode)
                        assert (file.parent.name, mode) == ("tokens", 0o600), (
                            f"the {what} stands in `{file}` ({mode:o})"
                        )


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    waiting = [pid]
    while waiting:
        # Each thread has children of its own.
        # It, or one of its threads, may end at any point.
        for file in _files(Path(f"/proc/{waiting.pop()}/task"), "*/children"):
            try:
                children = [int(word) for word in file.read_text().split()]
            except OSError:
                continue
            found += children
            waiting += children
    return found


def _files(folder: Path, pattern: str) -> list[Path]:
    try:
        return list(folder.glob(pattern))
    except OSError:
        return []


def tokens_in(home: Path, plane: Plane) -> dict[str, str]:
    kept = [*(home / ".flyte" / "tokens").glob("*.json")]
    found = {f"token {number}": token for number, token in enumerate(plane.seen) if token}
    for file in kept:
        found |= {name: text for name, text in json.loads(file.read_text()).items() if text}
    assert found
    return found


def test_device(plane: Plane, tmp_path: Path) -> None:
    run = Watched(tmp_path / "home", f"flyte.init(endpoint={plane.url!r}, project='p', domain='d', headless=True)")
    for line in run.lines():
        if line.startswith("Sign in at"):
            act_as_person(next(word for word in line.split() if word.startswith("http")))
            break
    assert "user: somebody" in run.end()
    tokens = tokens_in(run.home, plane)
    assert {"access_token", "refresh_token"} <= set(tokens)
    run.assert_hides(tokens)

    # A token that is not taken any more is shown to the server, which repeats it, and a refresh follows.
    (file,) = (run.home / ".flyte" / "tokens").glob("*.json")
    file.write_text(json.dumps({"access_token": "outlived-access", "refresh_token": "outlived-refresh"}))
    again = Watched(run.home, f"flyte.init(endpoint={plane.url!r}, project='p', domain='d', headless=True)")
    for line in again.lines():
        if line.startswith("Sign in at"):
            act_as_person(next(word for word in line.split() if word.startswith("http")))
            break
    assert "user: somebody" in again.end()
    again.assert_hides(tokens_in(run.home, plane) | {"old": "outlived-access", "old refresh": "outlived-refresh"})


def test_browser(plane: Plane, tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        f"from tests.sign_in.servers import act_as_person\nprint(act_as_person(sys.argv[1]), file=open({str(tmp_path / 'page')!r}, 'w'))\n"
    )
    browser.chmod(0o755)
    init = f"flyte.init(endpoint={plane.url!r}, project='p', domain='d')"
    run = Watched(tmp_path / "home", init, BROWSER=f"{browser} %s")
    assert "user: somebody" in run.end()
    assert str(browser) in run.processes, "the watch saw no child"
    tokens = tokens_in(run.home, plane)
    run.assert_hides(tokens)
    assert not any(token in (tmp_path / "page").read_text() for token in tokens.values())


ROBOT = "flyte.init(endpoint={url!r}, project='p', domain='d', auth_type='ClientSecret', client_id='robot', scopes=['all'], {more})"


def test_client_with_a_secret(plane: Plane, tmp_path: Path) -> None:
    run = Watched(tmp_path / "home", ROBOT.format(url=plane.url, more=f"client_credentials_secret={SECRET!r}"))
    assert "user: somebody" in run.end()
    run.assert_hides(tokens_in(run.home, plane) | {"secret": SECRET, "header": _basic("robot", SECRET)})
    wrong = "planted-wrong secret%"
    run = Watched(tmp_path / "other", ROBOT.format(url=plane.url, more=f"client_credentials_secret={wrong!r}"))
    assert "invalid_client" in run.end()
    run.assert_hides({"secret": wrong, "header": _basic("robot", wrong)})


@pytest.mark.parametrize("way", ["file", "variable"])
def test_configuration_file(plane: Plane, tmp_path: Path, way: str) -> None:
    home = tmp_path / "home"
    (home / ".flyte").mkdir(parents=True)
    (home / "given").write_text(SECRET)
    named = {"clientSecretLocation": str(home / "given")} if way == "file" else {"clientSecretEnvVar": "PLANTED"}
    admin = {"endpoint": plane.url, "clientId": "robot", "scopes": ["all"], **named}
    (home / ".flyte" / "config.yaml").write_text(
        yaml.safe_dump({"admin": admin, "task": {"project": "p", "domain": "d"}})
    )
    run = Watched(home, "flyte.init_from_config()\nprint(flyte.config.auto())", PLANTED=SECRET)
    assert "user: somebody" in run.end()
    run.assert_hides(tokens_in(home, plane) | {"secret": SECRET}, given="secret")
    for words in (("get", "config"), ("get", "config", "-of", "json"), ("-vvv", "config", "check"), ("-vvv", "whoami")):
        done = subprocess.run(
            [Path(sys.executable).with_name("flyte"), *words],
            cwd=home,
            env=os.environ | {"HOME": str(home), "PLANTED": SECRET, "LOG_LEVEL": "10"},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        shown = done.stdout + done.stderr
        assert SECRET not in shown
        assert not any(token in shown for token in plane.seen if token)


def test_api_key(plane: Plane, tmp_path: Path) -> None:
    host = plane.url.removeprefix("http://")
    key = base64.b64encode(f"{host}:robot:{SECRET}:None".encode()).decode()
    run = Watched(
        tmp_path / "home", f"flyte.init(endpoint={plane.url!r}, project='p', api_key={key!r}, scopes=['all'])"
    )
    assert "user: somebody" in run.end()
    run.assert_hides(tokens_in(run.home, plane) | {"key": key, "secret": SECRET})
    broken = base64.b64encode(b"planted-in-a-key-that-is-none").decode()
    run = Watched(
        tmp_path / "other",
        # Not in the program's text, lines of which stand in a traceback.
        "try:\n    flyte.init_from_api_key(os.environ['PLANTED'])\nexcept Exception:\n    traceback.print_exc()",
        calls=0,
        PLANTED=broken,
    )
    assert "InvalidApiKey" in run.end() or "the API key cannot be used" in run.seen
    run.assert_hides({"key": broken, "what it holds": "planted-in-a-key-that-is-none"})


def test_commands_and_a_gateway(plane: Plane, tmp_path: Path) -> None:
    plane.proxy_token = "planted-token-of-the-gateway"
    home = tmp_path / "home"
    home.mkdir()
    # A program of the user's reads what it prints from where only the user can: that is no matter of ours.
    (home / "given").write_text("planted-token-of-a-command")
    show = f"['cat', {str(home / 'given')!r}]"
    gate = tmp_path / "gate"
    gate.write_text(plane.proxy_token)
    run = Watched(
        home,
        f"flyte.init(endpoint={plane.url!r}, project='p', domain='d', auth_type='ExternalCommand', command={show}, "
        f"proxy_command=['cat', {str(gate)!r}])",
    )
    assert "unauthenticated" in run.end().lower()
    assert "planted-token-of-a-command" in plane.seen
    run.assert_hides({"token": "planted-token-of-a-command", "gateway": plane.proxy_token})


def test_passthrough(plane: Plane, tmp_path: Path) -> None:
    token = "planted-token-of-a-caller"
    run = Watched(
        tmp_path / "home",
        f"flyte.init_passthrough(endpoint={plane.url!r}, project='p', domain='d')\n"
        f"block = auth_metadata(('Authorization', 'Bearer {token}'), ('x-other', 'planted-other-header'))\n"
        "block.__enter__()",
    )
    run.end()
    assert token in plane.seen
    run.assert_hides({"token": token, "other header": "planted-other-header"})


def test_a_token_endpoint_that_repeats_everything(tmp_path: Path) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            said = f"{form} {urllib.parse.unquote_plus(form)} {self.headers.get('authorization')}"
            body = json.dumps({"error": "invalid_client", "error_description": said}).encode()
            self.send_response(401)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        with control_plane(f"http://127.0.0.1:{server.server_address[1]}") as plane:
            secret = "planted secret/of%a+client"
            plane.is_active = lambda _: False  # type: ignore[method-assign]
            run = Watched(tmp_path / "home", ROBOT.format(url=plane.url, more=f"client_credentials_secret={secret!r}"))
            assert "invalid_client" in run.end()
            run.assert_hides({"secret": secret, "header": _basic("robot", secret)})
            kept = tmp_path / "other" / ".flyte" / "tokens"
            kept.mkdir(parents=True, mode=0o700)
            file = kept / f"{urllib.parse.quote(plane.url.removeprefix('http://'), safe='.-')}.json"
            file.write_text(json.dumps({"access_token": "planted-access", "refresh_token": "planted-refresh"}))
            file.chmod(0o600)
            run = Watched(
                tmp_path / "other",
                f"flyte.init(endpoint={plane.url!r}, project='p', domain='d', headless=True)",
            )
            assert "invalid_client" in run.end()
            assert "planted-access" in plane.seen
            run.assert_hides({"access": "planted-access", "refresh": "planted-refresh"})
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _basic(name: str, secret: str) -> str:
    both = f"{urllib.parse.quote_plus(name)}:{urllib.parse.quote_plus(secret)}"
    return base64.b64encode(both.encode()).decode()


def test_addresses_are_shown_without_their_login() -> None:
    from flyte_protocol.redaction import without_login

    assert without_login("http://me:pwd@proxy:3128/x") == "http://proxy:3128/x"
    assert without_login("me:pwd@proxy:3128") == "proxy:3128"
    assert without_login("http://proxy:3128") == "http://proxy:3128"
    assert re.search("pwd", without_login("http://proxy/?a=pwd"))
