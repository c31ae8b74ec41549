"""A clock that is wrong by an hour: signing in and renewing go on, and messages say it, by the server's `Date`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from flyte_protocol.clocks import clock_remark, seconds_ahead

from .servers import SECRET, control_plane, oidc_server

SITE = """
import os, time
_time, _time_ns, _shift = time.time, time.time_ns, int(os.environ["CLOCK_SHIFT"])
time.time = lambda: _time() + _shift
time.time_ns = lambda: _time_ns() + _shift * 10**9
"""
USER = """
import time
import flyte
flyte.init(endpoint={url!r}, project="p", domain="d", auth_type="ClientSecret", client_id="robot", scopes=["all"],
    client_credentials_secret={secret!r})
from flyte.remote import User
from flyte_remote.connection import current_target
from flyte_remote.sign_in import session
print(User.get().subject())
{between}
print(User.get().subject())
(sign_in,) = session._known.values()
print("fetches:", sign_in.fetches)
"""


@pytest.mark.parametrize(("shift", "said"), [(3600, "60 minutes ahead of"), (-3600, "60 minutes behind")])
def test_tokens_are_renewed_and_the_clock_is_told(tmp_path: Path, shift: int, said: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(SITE)
    variables = os.environ | {
        "PYTHONPATH": str(tmp_path),
        "CLOCK_SHIFT": str(shift),
        "HOME": str(tmp_path),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }

    def run(*words: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            words, env=variables | more, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False
        )

    admin = {"authType": "ClientSecret", "clientId": "robot", "clientSecretEnvVar": "WRONG"}
    with oidc_server(seconds=8) as issuer, control_plane(issuer) as plane:
        program = USER.format(url=plane.url, secret=SECRET, between="time.sleep(7.5)")
        done = run(sys.executable, "-c", program)
        *users, fetches = done.stdout.split()
        assert users == ["somebody", "somebody", "fetches:"], done.stderr
        assert int(fetches) >= 2, "nothing was renewed"
        assert done.stderr.count(f"the clock of this machine is {said} the server's") == 1
        wrong = run(sys.executable, "-c", USER.format(url=plane.url, secret="planted-wrong", between=""))
        assert "invalid_client" in wrong.stderr
        assert f"hint: the clock of this machine is {said} the server's" in wrong.stderr
        (tmp_path / "config.yaml").write_text(yaml.safe_dump({"admin": admin | {"endpoint": plane.url}}))
        flyte = str(Path(sys.executable).with_name("flyte"))
        checked = run(flyte, "config", "check", COLUMNS="300", WRONG="planted-wrong")
        assert f"but the clock of this machine is {said} the server's" in checked.stdout


def test_a_clock_that_is_right_is_not_mentioned() -> None:
    date = "Thu, 26 Nov 2026 15:00:00 GMT"
    assert seconds_ahead(date, 1795705260.0) == 60.0
    assert clock_remark(date, 1795705260.0) == ""
    assert "3 days behind" in clock_remark(date, 1795705200.0 - 3 * 86400)
    assert "5 hours ahead" in clock_remark(date, 1795705200.0 + 5 * 3600)
    assert [clock_remark(text, 0.0) for text in ("", "yesterday")] == ["", ""]
