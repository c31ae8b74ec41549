"""Many processes with one sign-in: one renews, whatever else happens to the lock, and the session of all lives on."""

import asyncio
import fcntl
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flyteidl2.auth import identity_pb2

from flyte_protocol.endpoints import Endpoint
from flyte_protocol.transport import CallOptions, Transport
from flyte_remote.services import method
from flyte_remote.sign_in import turns
from flyte_remote.sign_in.errors import SignInError
from flyte_remote.sign_in.oauth import Tokens
from flyte_remote.sign_in.session import SignIn
from flyte_remote.sign_in.settings import SignInSettings

from .servers import Plane, act_as_person, control_plane, oidc_server

USER = """
import flyte, sys, pathlib, time
from flyte.remote import User
import flyte_remote.sign_in.session, flyteidl2.auth.identity_pb2, flyteidl2.auth.auth_service_pb2
flyte.init(endpoint={url!r}, project="p", domain="d", auth_type="DeviceFlow")
pathlib.Path({folder!r}, sys.argv[1]).touch()
while not pathlib.Path({folder!r}, "go").exists():
    time.sleep(0.01)
print(User.get().subject())
"""


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    # Slow enough that everybody finds the token refused before the first has another one.
    with oidc_server(delay=1.0) as url:
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


async def who(plane: Plane, sign_in: SignIn) -> str:
    async with Transport(Endpoint.of(plane.url), credentials=sign_in) as transport:
        request = identity_pb2.UserInfoRequest()
        return (await transport.call(method("IdentityService", "UserInfo"), request, CallOptions(timeout=120))).subject


def signed_in_at_a_device(plane: Plane, capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        sign_in = SignIn(Endpoint.of(plane.url), SignInSettings(mode="device-flow"))
        going = asyncio.create_task(who(plane, sign_in))
        address = ""
        while not address:
            await asyncio.sleep(0.05)
            assert not going.done(), going.exception()
            address = next((word for word in capsys.readouterr().err.split() if word.startswith("http")), "")
        await asyncio.to_thread(act_as_person, address)
        assert await going == "somebody"

    asyncio.run(main())


def outlive(home: Path) -> Path:
    """Make the access token that is kept one that nobody takes any more."""
    (file,) = (home / ".flyte" / "tokens").glob("*.json")
    tokens = file.read_text().split('"')
    tokens[3] = "outlived"
    file.write_text('"'.join(tokens))
    return file


def test_twenty_processes_renew_once(plane: Plane, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    signed_in_at_a_device(plane, capsys)
    # The second time shows that the session was not revoked by the first: a refresh token that is used twice does that.
    for generation, count in enumerate((20, 3)):
        outlive(home)
        (home / "go").unlink(missing_ok=True)
        plane.seen.clear()
        program = USER.format(url=plane.url, folder=str(home))
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", program, f"ready-{generation}-{number}"],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number in range(count)
        ]
        deadline = time.monotonic() + 240
        while len([*home.glob(f"ready-{generation}-*")]) < count:
            assert time.monotonic() < deadline
            assert not [each.communicate()[1] for each in processes if each.poll() is not None]
            time.sleep(0.05)
        (home / "go").touch()
        try:
            ends = [each.communicate(timeout=240) for each in processes]
        finally:
            for each in processes:
                each.kill()
        assert [out.strip() for out, _ in ends] == ["somebody"] * count, [said for _, said in ends if said]
        tokens = set(plane.seen)
        assert len(tokens - {"outlived"}) == 1, "more than one process renewed"
        (file,) = (home / ".flyte" / "tokens").glob("*.json")
        assert (tokens - {"outlived"}).pop() in file.read_text()
        (lock,) = (home / ".flyte" / "tokens").glob("*.lock")
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600
        assert not any(token in lock.read_text() for token in tokens)


def test_others_know_that_a_person_is_asked_when_a_session_has_ended(
    plane: Plane, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signed_in_at_a_device(plane, capsys)
    file = outlive(home)
    kept = json.loads(file.read_text())
    assert kept["refresh_token"]
    file.write_text(json.dumps(kept | {"refresh_token": "ended"}))
    signed_in_at_a_device(plane, capsys)
    (lock,) = file.parent.glob("*.lock")
    assert lock.read_text() == f"{turns.SIGNING_IN}, pid {os.getpid()}"


def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path: Path) -> None:
    file = tmp_path / "host.lock"
    program = (
        "import asyncio, pathlib\nfrom flyte_remote.sign_in.turns import turn, RENEWING\n"
        "async def main():\n"
        f"    async with turn(pathlib.Path({str(file)!r}), RENEWING):\n        print('held', flush=True)\n"
        "        await asyncio.sleep(600)\nasyncio.run(main())\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert f"pid {holder.pid}" in file.read_text()
    entered = threading.Event()

    async def main() -> None:
        async with turns.turn(file, turns.RENEWING):
            entered.set()

    waiting = threading.Thread(target=lambda: asyncio.run(main()))
    waiting.start()
    assert not entered.wait(0.5)
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    assert entered.wait(60)
    waiting.join()


def test_a_process_that_hangs_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(turns, "_SECONDS", {turns.RENEWING: 0.2, turns.SIGNING_IN: 0.3})
    file = tmp_path / "host.lock"
    file.touch()

    async def main() -> None:
        async with turns.turn(file, turns.RENEWING):
            pass

    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        asyncio.run(main())
        assert "is not waited for" in caplog.text
        held.write(f"{turns.SIGNING_IN}, pid 77")
        held.flush()
        with pytest.raises(SignInError, match=r"another process \(pid 77\) has been signing in"):
            asyncio.run(main())
    # What a lock says when nobody holds it does not count.
    asyncio.run(main())


def test_a_folder_that_cannot_be_written_costs_the_lock_only(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    async def main() -> Tokens:
        async with turns.turn(tmp_path / "file" / "host.lock", turns.RENEWING):
            return Tokens("a")

    assert asyncio.run(main()).access == "a"
