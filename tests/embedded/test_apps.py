"""`flyte.remote.App` and the commands for apps, against a server of the real protocol in a process of its own."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from flyteidl2.app import app_definition_pb2

import flyte
from flyte import initialization
from flyte.remote import App
from flyte_protocol.rpc_errors import RpcError

from .running import LONGEST, until, write_config

STATUSES = "unassigned assigned pending stopped started failed active scaling_up scaling_down deploying".split()
ACTIVE = app_definition_pb2.Status.DEPLOYMENT_STATUS_ACTIVE


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("apps")
    process = subprocess.Popen([sys.executable, Path(__file__).with_name("app_server.py"), folder / "port"])
    deadline = time.monotonic() + LONGEST
    while not (folder / "port").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield int((folder / "port").read_text())
    process.terminate()
    process.wait(60)


@pytest.fixture(autouse=True)
def connected(server, monkeypatch, tmp_path):
    monkeypatch.setattr(initialization, "_settings", None)
    monkeypatch.setenv("HOME", str(tmp_path))
    flyte.init(endpoint=f"localhost:{server}", insecure=True, project="flytesnacks", domain="development")


def app_of(name: str, image: str = "python") -> app_definition_pb2.App:
    made = app_definition_pb2.App()
    identifier = made.metadata.id
    identifier.org, identifier.project, identifier.domain, identifier.name = "local", "flytesnacks", "development", name
    made.spec.container.image = image
    made.spec.desired_state = app_definition_pb2.Spec.DESIRED_STATE_STARTED
    made.spec.creator.user.id.subject = "me" if name.startswith("mine-") else "you"
    return made


def counts(port: int) -> tuple[dict[str, int], int]:
    calls, rows = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{port}/counts", timeout=LONGEST).read())
    return calls, rows


def test_an_app_comes_up_and_goes_down(server) -> None:
    made = App.create(app_of("shop"))
    assert (made.name, made.revision, made.is_deactivated(), made.is_active()) == ("shop", 1, True, False)
    up = made.watch()
    assert up.is_active()
    assert (up.deployment_status, up.status) == (ACTIVE, "active")
    assert up.endpoint == "https://shop.apps.example.org"
    assert up.url == f"http://localhost:{server}/v2/domain/development/project/flytesnacks/apps/shop"
    assert repr(up) == "<app `shop`, active>"
    down = up.deactivate(wait=True)
    assert (down.is_deactivated(), down.revision) == (True, 2)
    # What it is already, nothing is changed for.
    assert down.deactivate(wait=True).revision == 2
    # `up` is an old picture of it: what counts is what it is now.
    assert up.activate(wait=True).revision == 3
    App.delete("shop")
    App.delete("shop")
    with pytest.raises(RpcError, match="no app `shop`"):
        App.get("shop")


def test_an_app_that_is_there_gets_what_the_new_one_is_made_of() -> None:
    App.create(app_of("again"))
    changed = App.create(app_of("again", image="other"))
    assert (changed.pb2.spec.container.image, changed.revision) == ("other", 2)
    spec = app_of("again", image="third").spec
    replaced = App.replace("again", spec, "because", labels={"team": "a"})
    assert (replaced.pb2.spec.container.image, dict(replaced.pb2.metadata.labels)) == ("third", {"team": "a"})
    assert App.update(replaced.pb2, "nothing").revision == replaced.revision + 1
    with pytest.raises(RpcError, match="by now"):
        App.update(replaced.pb2, "too late")
    with pytest.raises(RpcError, match="no app"):
        App.replace("nowhere", spec, "because")


def test_an_app_that_fails_says_why() -> None:
    made = App.create(app_of("broken-shop"))
    with pytest.raises(RuntimeError, match="has failed: the image cannot be pulled"):
        made.watch()
    with pytest.raises(RuntimeError, match="has failed"):
        made.activate(wait=True)
    with pytest.raises(ValueError, match="`activated` or `deactivated`"):
        made.watch(wait_for="running")  # pyright: ignore[reportArgumentType]


def test_a_wait_outlives_connections_that_break() -> None:
    assert App.create(app_of("cut-shop")).watch().is_active()
    assert App.get("cut-shop").deactivate(wait=True).is_deactivated()


def watches(port: int) -> int:
    """How often somebody began to watch an app."""
    return counts(port)[0].get("Watch", 0)


def test_a_wait_ends_when_the_app_is_deleted(server) -> None:
    made = App.create(app_of("slow-shop"))
    before = watches(server)

    def delete() -> None:
        until(lambda: watches(server) > before, "it is waited for")
        App.delete("slow-shop")

    later = threading.Thread(target=delete)
    later.start()
    with pytest.raises(RuntimeError, match="is deleted"):
        made.watch()
    later.join()


def test_for_a_block_only() -> None:
    made = App.create(app_of("short"))
    with made.ephemeral_ctx_sync():
        assert App.get("short").is_active()
    assert App.get("short").watch(wait_for="deactivated").is_deactivated()

    async def use() -> None:
        async with made.ephemeral_ctx():
            assert (await App.get.aio("short")).is_active()

    asyncio.run(use())
    assert App.get("short").watch(wait_for="deactivated").is_deactivated()


def test_lists_ask_the_server_for_no_more_than_they_show(server) -> None:
    for number in range(12):
        App.create(app_of(f"mine-{number:02}"))
    for number in range(12):
        App.get(f"mine-{number:02}").watch()
    before, rows = counts(server)
    assert [each.name for each in App.listall(created_by_subject="me", limit=5)] == [f"mine-{n:02}" for n in range(5)]
    after, rows_then = counts(server)
    assert (after["List"] - before.get("List", 0), rows_then - rows) == (1, 5)
    assert len(list(App.listall(created_by_subject="me", in_status="active"))) == 12
    assert list(App.listall(created_by_subject="me", in_status=("FAILED", "stopped"))) == []
    names = [each.name for each in App.listall(created_by_subject="me", sort_by=("name", "desc"), limit=2)]
    assert names == ["mine-11", "mine-10"]
    with pytest.raises(ValueError, match="there is no status `asleep`"):
        list(App.listall(in_status="asleep"))


def test_logs(capfd) -> None:
    made = App.create(app_of("talking"))
    made.show_logs(raw=True)
    assert capfd.readouterr().out.splitlines() == [
        f"[{name}] line {number} of {name}" for name in ("r1", "r2") for number in range(3)
    ]
    made.show_logs(raw=True, show_ts=True, replica_name="r2")
    assert capfd.readouterr().out.splitlines()[0] == "2023-11-14T22:13:20+00:00 [r2] line 0 of r2"


@pytest.fixture
def command(server, tmp_path):
    write_config(tmp_path / "config.yaml", server)

    def run(*words: str, code: int = 0, **variables: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "flyte_cli.main", "-c", "config.yaml", *words],
            cwd=tmp_path,
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], **variables},
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stderr if code else done.stdout

    return run


def test_commands(command) -> None:
    App.create(app_of("cli-shop")).watch()
    App.create(app_of("broken-cli"))
    shown = json.loads(command("get", "app", "-of", "json", "--status", "active"))
    assert "cli-shop" in [each["metadata"]["id"]["name"] for each in shown]
    assert "https://cli-shop.apps.example.org" in command("get", "app", "cli-shop")
    for verb in ("get", "proxy"):
        line = f"flyte -c config.yaml {verb} app cli-"
        variables = {"COMP_WORDS": line, "COMP_CWORD": "5", "_FLYTE_COMPLETE": "bash_complete"}
        # A shell waits for some seconds only, which a slow machine may need to begin.
        offered = until(lambda variables=variables: command(**variables).strip(), f"something is offered for `{line}`")
        assert offered == "plain,cli-shop"
    assert command("update", "app", "cli-shop", "--deactivate", "--wait") == "App `cli-shop` is stopped.\n"
    assert "nothing to change" in command("update", "app", "cli-shop", code=2)
    assert "cannot be pulled" in command("update", "app", "broken-cli", "--activate", "--wait", code=1)
    command("delete", "app", "cli-shop")
    assert "no app `cli-shop`" in command("get", "app", "cli-shop", code=2)


def test_options_of_commands(command) -> None:
    place = ("-p", "flytesnacks", "-d", "development", "-of", "json")

    def names(*words: str) -> list[str]:
        return [each["metadata"]["id"]["name"] for each in json.loads(command("get", "app", *words, *place))]

    for name in ("mine-options", "options"):
        App.create(app_of(name)).watch()
    assert {"mine-options", "options"} <= set(names())
    assert "options" not in names("--only-mine")
    assert len(names("--limit", "1")) == 1
    for status in STATUSES:
        assert ("options" in names("--status", status)) is (status == "active"), status
    stopped = json.loads(command("update", "app", "options", "--deactivate", "--wait", *place))
    started = json.loads(command("update", "app", "options", "--activate", "--wait", *place))
    desired = [each["spec"]["desiredState"] for each in (stopped, started)]
    assert desired == ["DESIRED_STATE_STOPPED", "DESIRED_STATE_STARTED"]
    command("delete", "app", "options", *place)
    assert "options" not in names()


def test_an_interrupted_wait_ends_at_once(server, tmp_path) -> None:
    App.create(app_of("slow-wait"))
    program = (
        "import flyte, sys\nfrom flyte.remote import App\n"
        f"flyte.init(endpoint='localhost:{server}', insecure=True, project='flytesnacks', domain='development')\n"
        "app = App.get('slow-wait')\nprint('waiting', flush=True)\napp.watch()\n"
    )
    environment: dict[str, Any] = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    before = watches(server)
    waiting = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert waiting.stdout is not None
    assert waiting.stdout.readline() == "waiting\n"
    until(lambda: watches(server) > before, "it waits")
    waiting.send_signal(signal.SIGINT)
    _, errors = waiting.communicate(timeout=LONGEST)
    assert errors.rstrip().endswith("KeyboardInterrupt")
