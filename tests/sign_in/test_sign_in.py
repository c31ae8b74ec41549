"""Signing in against a real OAuth 2 server: every way, renewal by one of many, expiry, revocation, and no secret anywhere."""

import asyncio
import functools
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flyteidl2.auth import identity_pb2

from flyte_protocol.endpoints import Endpoint
from flyte_protocol.rpc_errors import RpcError
from flyte_protocol.transport import CallOptions, Transport
from flyte_remote.services import method
from flyte_remote.sign_in import session
from flyte_remote.sign_in.errors import SignInError
from flyte_remote.sign_in.oauth import Tokens
from flyte_remote.sign_in.passthrough import Passthrough, auth_metadata
from flyte_remote.sign_in.session import SignIn
from flyte_remote.sign_in.settings import SignInSettings
from flyte_remote.sign_in.store import TokenStore

from .servers import SECRET, Plane, act_as_person, control_plane, oidc_server

ROBOT = SignInSettings(mode="client-secret", client_id="robot", client_secret=SECRET, scopes=("all",))


def in_a_loop(test):
    """Run an async test in a loop of its own."""

    @functools.wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with oidc_server() as url:
        yield url


@pytest.fixture
def plane(issuer: str) -> Iterator[Plane]:
    with control_plane(issuer) as made:
        yield made


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    return tmp_path


async def who(plane: Plane, credentials: object) -> str:
    async with Transport(Endpoint.of(plane.url), credentials=credentials) as transport:
        answer = await transport.call(
            method("IdentityService", "UserInfo"), identity_pb2.UserInfoRequest(), CallOptions(timeout=60)
        )
    return answer.subject


def signing(plane: Plane, settings: SignInSettings) -> SignIn:
    return SignIn(Endpoint.of(plane.url), settings)


@in_a_loop
async def test_a_client_with_a_secret_signs_in_when_it_is_refused(plane: Plane) -> None:
    sign_in = signing(plane, ROBOT)
    assert await who(plane, sign_in) == "somebody"
    assert plane.seen[0] == "", "nobody signs in before a server wants it"
    assert await who(plane, sign_in) == "somebody"
    assert (plane.refused, sign_in.fetches) == (1, 1)


@in_a_loop
async def test_the_header_of_the_token_is_the_one_the_control_plane_names(issuer: str) -> None:
    with control_plane(issuer, header="Flyte-Authorization") as plane:
        assert await who(plane, signing(plane, ROBOT)) == "somebody"


@in_a_loop
async def test_fifty_calls_at_once_fetch_one_token(plane: Plane) -> None:
    sign_in = signing(plane, ROBOT)
    assert set(await asyncio.gather(*(who(plane, sign_in) for _ in range(50)))) == {"somebody"}
    assert sign_in.fetches == 1


def test_threads_with_loops_of_their_own_fetch_one_token(plane: Plane) -> None:
    sign_in = signing(plane, ROBOT)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(asyncio.run(who(plane, sign_in)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["somebody"] * 8
    assert sign_in.fetches == 1


@in_a_loop
async def test_a_revoked_token_is_replaced_once_for_all_calls(plane: Plane) -> None:
    sign_in = signing(plane, ROBOT)
    await who(plane, sign_in)
    plane.revoke(plane.seen[-1])
    assert set(await asyncio.gather(*(who(plane, sign_in) for _ in range(20)))) == {"somebody"}
    assert sign_in.fetches == 2


@in_a_loop
async def test_an_expired_token_is_renewed_before_it_is_sent() -> None:
    with oidc_server(seconds=8) as issuer, control_plane(issuer) as plane:
        sign_in = signing(plane, ROBOT)
        await who(plane, sign_in)
        refused = plane.refused
        # The margin is a tenth of the life; the new token has all of it for its call, however slow the machine is.
        await asyncio.sleep(7.5)
        await who(plane, sign_in)
        assert plane.refused == refused
        assert sign_in.fetches == 2


@in_a_loop
async def test_who_waits_takes_over_when_the_one_that_signs_in_is_cancelled(plane: Plane, tmp_path: Path) -> None:
    script = tmp_path / "slow.py"
    script.write_text(
        "import pathlib, sys, time\n"
        f"mark = pathlib.Path({str(tmp_path / 'mark')!r})\n"
        "if not mark.exists():\n    mark.touch()\n    time.sleep(600)\n"
        "print('of_a_command')\n"
    )
    sign_in = signing(plane, SignInSettings(mode="ExternalCommand", command=(sys.executable, str(script))))
    first = asyncio.create_task(sign_in.refresh({}, RpcError(*_REFUSAL)))
    while not (tmp_path / "mark").exists():
        await asyncio.sleep(0.01)
    second = asyncio.create_task(sign_in.refresh({}, RpcError(*_REFUSAL)))
    await asyncio.sleep(0.05)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second
    assert (await sign_in.headers())["authorization"] == "Bearer of_a_command"


@in_a_loop
async def test_a_wrong_secret_is_said_without_it(plane: Plane) -> None:
    sign_in = signing(plane, SignInSettings(mode="ClientSecret", client_id="robot", client_secret="planted-wrong"))
    with pytest.raises(SignInError, match="invalid_client") as caught:
        await who(plane, sign_in)
    assert "check client id and secret" in str(caught.value)
    assert "planted" not in str(caught.value)


@in_a_loop
async def test_a_command_prints_the_token_and_a_proxy_has_one_of_its_own(plane: Plane) -> None:
    token = _client_token(plane)
    plane.proxy_token = "for-the-gateway"
    command = (sys.executable, "-c", f"print({token!r})")
    gateway = (sys.executable, "-c", "print('for-the-gateway')")
    settings = SignInSettings(mode="command", command=command, proxy_command=gateway)
    assert await who(plane, signing(plane, settings)) == "somebody"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.exit(3)", "failed with exit code 3"),
        ("pass", "printed nothing"),
        ("print('planted one'); print('planted two')", "no token"),
    ],
)
@in_a_loop
async def test_a_command_that_fails_is_named_and_its_output_is_not(plane: Plane, code: str, said: str) -> None:
    sign_in = signing(plane, SignInSettings(mode="ExternalCommand", command=(sys.executable, "-c", code)))
    with pytest.raises(SignInError, match=said) as caught:
        await who(plane, sign_in)
    assert "planted" not in str(caught.value)


@in_a_loop
async def test_a_device_signs_in_while_a_person_agrees(
    plane: Plane, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    pages: list[str] = []
    sign_in = signing(plane, SignInSettings(mode="device-flow"))
    going = asyncio.create_task(who(plane, sign_in))
    address = ""
    while not address:
        await asyncio.sleep(0.05)
        assert not going.done(), going.exception()
        address = next((word for word in capsys.readouterr().err.split() if word.startswith("http")), "")
    pages.append(await asyncio.to_thread(act_as_person, address))
    assert await going == "somebody"
    kept = home / ".flyte" / "tokens"
    (file,) = kept.glob("*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert plane.seen[-1] in file.read_text()

    # Another process uses what was kept, without asking anybody.
    again = signing(plane, SignInSettings(mode="device-flow"))
    refused = plane.refused
    assert await who(plane, again) == "somebody"
    assert (plane.refused, again.fetches) == (refused, 0)
    # An access token that is not good any more is renewed by the refresh token, again without anybody.
    file.write_text(file.read_text().replace(plane.seen[-1], "outlived"))
    last = signing(plane, SignInSettings(mode="device-flow"))
    assert await who(plane, last) == "somebody"
    assert plane.seen[-2] == "outlived"
    assert last.fetches == 1
    assert plane.seen[-1] in file.read_text()
    assert "code" not in capsys.readouterr().err


BROWSER = """#!{python}
import sys
sys.path.insert(0, {root!r})
from tests.sign_in.servers import act_as_person
print(act_as_person(sys.argv[1], agrees={agrees}), file=open({log!r}, "w"))
"""
USER = """
import flyte, sys
flyte.init(endpoint={url!r}, project="p", domain="d", {more})
from flyte.remote import User
print(User.get().pb2.subject)
"""


def _as_a_user(plane: Plane, home: Path, more: str = "", *, agrees: bool = True) -> "subprocess.CompletedProcess[str]":
    browser = home / "browser"
    browser.write_text(
        BROWSER.format(
            python=sys.executable, root=str(Path(__file__).parents[2]), agrees=agrees, log=str(home / "page.html")
        )
    )
    browser.chmod(0o755)
    return subprocess.run(
        [sys.executable, "-c", USER.format(url=plane.url, more=more)],
        env=os.environ | {"BROWSER": f"{browser} %s", "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_browser_signs_in_and_the_next_process_is_signed_in(plane: Plane, home: Path) -> None:
    done = _as_a_user(plane, home)
    assert done.stdout.strip() == "somebody", done.stderr
    assert "You are signed in" in (home / "page.html").read_text()
    done = _as_a_user(plane, home)
    assert (done.stdout.strip(), done.stderr) == ("somebody", "")


def test_a_person_who_says_no_ends_the_sign_in(plane: Plane, home: Path) -> None:
    done = _as_a_user(plane, home, agrees=False)
    assert done.returncode != 0
    assert "access_denied" in done.stderr
    assert not [*(home / ".flyte" / "tokens").glob("*.json")]


def test_without_a_keyring_nothing_is_kept(plane: Plane, home: Path) -> None:
    done = _as_a_user(plane, home, "disable_keyring=True")
    assert done.stdout.strip() == "somebody", done.stderr
    assert not (home / ".flyte").exists()


def test_an_api_key_is_a_client_with_a_secret(plane: Plane, home: Path) -> None:
    import base64

    host = plane.url.removeprefix("http://")
    key = base64.b64encode(f"{host}:robot:{SECRET}:None".encode()).decode()
    done = _as_a_user(plane, home, f"api_key={key!r}")
    assert done.stdout.strip() == "somebody", done.stderr


@in_a_loop
async def test_passthrough_sends_what_the_caller_brings(plane: Plane) -> None:
    with pytest.raises(RpcError):
        await who(plane, Passthrough())
    with auth_metadata(("Authorization", f"Bearer {_client_token(plane)}")):
        assert await who(plane, Passthrough()) == "somebody"
    with (
        pytest.raises(ValueError, match="authorization") as caught,
        auth_metadata(("authorization", "planted\r\nx: y")),
    ):
        pass
    assert "planted" not in str(caught.value)


def test_a_keyring_that_hangs_is_left_after_five_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hanging.py").write_text(
        "import time\nfrom keyring.backend import KeyringBackend\n"
        "class Hanging(KeyringBackend):\n    priority = 9\n"
        "    def get_password(self, *_):\n        time.sleep(3600)\n"
        "    set_password = delete_password = get_password\n"
    )
    program = (
        "from flyte_remote.sign_in.store import TokenStore\nfrom flyte_remote.sign_in.oauth import Tokens\n"
        "store = TokenStore('h')\nprint(store.load())\nstore.save(Tokens('a', 'b'))\nprint(store.load().access)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHON_KEYRING_BACKEND": "hanging.Hanging", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.split() == ["None", "a"], done.stderr


def test_a_keyring_has_the_entry_that_pypi_flyte_has(tmp_path: Path) -> None:
    (tmp_path / "inner.py").write_text(
        "import json, pathlib\nfrom keyring.backend import KeyringBackend\n"
        f"file = pathlib.Path({str(tmp_path / 'ring.json')!r})\n"
        "class Ring(KeyringBackend):\n    priority = 9\n"
        "    def get_password(self, *key):\n        return json.loads(file.read_text()).get('/'.join(key)) if file.exists() else None\n"
        "    def set_password(self, service, user, text):\n        file.write_text(json.dumps({f'{service}/{user}': text}))\n"
        "    def delete_password(self, *key):\n        file.unlink()\n"
    )
    program = (
        "from flyte_remote.sign_in.store import TokenStore\nfrom flyte_remote.sign_in.oauth import Tokens\n"
        "store = TokenStore('flyte.example:8080')\nstore.save(Tokens('a', 'b'))\n"
        "print(store.load().access, store.load().refresh)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHON_KEYRING_BACKEND": "inner.Ring", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.split() == ["a", "b"], done.stderr
    assert "flyte.example:8080/tokens" in (tmp_path / "ring.json").read_text()
    assert not (tmp_path / ".flyte").exists()


def test_nothing_shows_a_secret(home: Path) -> None:
    tokens = Tokens("planted-access", "planted-refresh")
    settings = SignInSettings(client_secret="planted-secret", command=("x", "planted-word"))
    store = TokenStore("h")
    store.save(tokens)
    os.umask(os.umask(0))
    assert "planted" not in f"{tokens!r} {tokens} {settings!r} {store!r}"
    (file,) = (home / ".flyte" / "tokens").iterdir()
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(file.parent.stat().st_mode)) == (0o600, 0o700)
    store.clear()
    assert store.load() is None


def test_nobody_signs_in_over_an_open_line() -> None:
    credentials = session.signed_in(Endpoint.of("http://flyte.example"), ROBOT)
    assert asyncio.run(credentials.headers()) == {}
    assert not asyncio.run(credentials.refresh({}, RpcError(*_REFUSAL)))


def _refusal() -> tuple[object, str]:
    from flyte_protocol.codes import Code

    return Code.UNAUTHENTICATED, "no"


_REFUSAL = _refusal()


def _client_token(plane: Plane) -> str:
    from flyte_remote.sign_in.oauth import Server, basic_header, client_form, tokens_of
    from flyte_remote.sign_in.posting import Poster

    url = f"{plane.issuer}/token"
    found: list[str] = []

    async def fetch() -> None:
        answer = await Poster().post(url, client_form(Server(url)), basic_header("robot", SECRET))
        found.append(tokens_of(*answer, url=url).access)

    worker = threading.Thread(target=lambda: asyncio.run(fetch()))
    worker.start()
    worker.join()
    return found[0]
