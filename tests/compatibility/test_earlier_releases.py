"""Clients, devboxes and files of earlier releases beside those of this one; docs/compatibility.md has the rule."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import releases

from flyte_devbox.database import Database
from flyte_devbox.folder import StateFolder
from flyte_devbox.process import start_server, stop_server

THIS = Path(sys.executable).with_name("flyte")
PROGRAM = """\
import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

import flyte

env = flyte.TaskEnvironment(name="shop")
safe = flyte.TaskEnvironment(name="safe", secrets=flyte.Secret("code", as_env_var="CODE"))
often = flyte.Trigger(name="often", automation=flyte.Cron("0 5 * * *"), inputs={"item": 7}, auto_activate=False)


@dataclass
class Basket:
    items: int
    owner: str = "nobody"


@env.task(triggers=[often])
async def price(item: int) -> int:
    print(f"pricing {item}", flush=True)
    return item * 2


@env.task
async def order(basket: Basket) -> dict[str, int]:
    return {basket.owner: sum(await asyncio.gather(*[price(item) for item in range(basket.items)]))}


@env.task
async def failing(item: int) -> int:
    raise ValueError(f"{item} is out of stock")


@env.task
async def lasting(mark: str) -> int:
    print("waiting", flush=True)
    Path(f"{mark}-begun").touch()
    while not Path(mark).exists():
        await asyncio.sleep(0.05)
    return 5


@safe.task
async def opening() -> str:
    return os.environ["CODE"][::-1]
"""
BASKET = json.dumps({"items": 3, "owner": "ann"})


@dataclass
class Client:
    """A `flyte` with a home of its own that is configured for one devbox."""

    flyte: Path
    folder: Path

    @classmethod
    def make(cls, flyte: Path, folder: Path, port: int) -> "Client":
        folder.mkdir()
        (folder / "shop.py").write_text(PROGRAM)
        (folder / "config.yaml").write_text(
            f"admin:\n  endpoint: dns:///localhost:{port}\n  insecure: true\n"
            "task:\n  org: devbox\n  project: flytesnacks\n  domain: development\n"
        )
        return cls(flyte, folder)

    def run(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            [self.flyte, "-c", "config.yaml", "--no-progress", *words],
            cwd=self.folder,
            env=environment(self.folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def told(self, *words: str) -> Any:
        return json.loads(self.run(*words, "-of", "json"))

    def wait_for(self, is_true: "Callable[[Client], bool]") -> None:
        limit = time.monotonic() + 120
        while not is_true(self):
            assert time.monotonic() < limit
            time.sleep(0.2)


def environment(home: Path) -> dict[str, str]:
    return {"HOME": str(home), "PATH": os.environ["PATH"], "NO_COLOR": "1", "COLUMNS": "200"}


@pytest.fixture(scope="module", params=list(releases.RELEASES))
def earlier(request: pytest.FixtureRequest) -> Path:
    flyte = releases.program_of(request.param)
    if flyte is None:
        pytest.skip(
            f"the {request.param} earlier release is not installed: `python tests/compatibility/releases.py` does it, "
            "where the history of the repository is there"
        )
    return flyte


@pytest.fixture
def devbox(tmp_path: Path) -> Iterator[int]:
    """This release's devbox; its port."""
    folder = tmp_path / "devbox"
    yield start_server(folder, port=0, needs_token=False).record.port
    stop_server(folder)


@contextlib.contextmanager
def serving_earlier(flyte: Path, folder: Path) -> Iterator[int]:
    """Serve an earlier release's devbox on `folder`; yield its port."""
    command = [flyte, "start", "devbox", "--folder", folder, "--port", "0", "--no-auth"]
    subprocess.run(command, check=True, capture_output=True, timeout=120, env=environment(folder.parent))
    record = StateFolder(folder).read_record()
    assert record is not None
    try:
        yield record.port
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(record.pid, signal.SIGKILL)
        limit = time.monotonic() + 120
        while StateFolder(folder).is_locked():
            assert time.monotonic() < limit
            time.sleep(0.05)


def use(client: Client) -> None:
    """Do what every release can: run, fail, register, look, abort."""
    ran = client.run("run", "--follow", "--name", "kept", "shop.py", "order", "--basket", BASKET)
    assert "{'ann': 6}" in ran
    failed = client.run("run", "--follow", "--name", "broken", "shop.py", "failing", "--item", "4", code=1)
    assert "4 is out of stock" in failed
    client.run("deploy", "--version", "one", "shop.py", "env")
    assert {"kept", "broken"} <= {each["name"] for each in client.told("get", "run")}
    assert client.told("get", "io", "kept")["outputs"] == {"o0": {"ann": 6}}
    children = [each for each in client.told("get", "action", "kept") if each["short_name"] == "price"]
    assert {each["phase"] for each in children} == {"succeeded"}
    assert len(children) == 3
    assert "pricing 0" in "".join(client.run("get", "logs", "kept", each["name"]) for each in children)
    assert "often" in client.run("get", "trigger")
    client.run("run", "--name", "stopped", "shop.py", "lasting", "--mark", str(client.folder / "never"))
    # It has said that it waits, which is looked for in its log.
    client.wait_for(lambda one: (one.folder / "never-begun").exists())
    client.run("abort", "run", "stopped")
    client.wait_for(lambda one: phase_of(one, "stopped") == "aborted")


def phase_of(client: Client, run: str) -> str:
    return next(each["phase"] for each in client.told("get", "run") if each["name"] == run)


def test_an_earlier_client_works_on_this_devbox(earlier: Path, devbox: int, tmp_path: Path) -> None:
    client = Client.make(earlier, tmp_path / "client", devbox)
    use(client)
    # What one release began, another looks at.
    this = Client.make(THIS, tmp_path / "this", devbox)
    assert this.told("get", "io", "kept") == {
        "inputs": {"basket": {"items": 3, "owner": "ann"}},
        "outputs": {"o0": {"ann": 6}},
    }
    assert "waiting" in this.run("get", "logs", "stopped")


def test_this_client_works_on_an_earlier_devbox(earlier: Path, tmp_path: Path) -> None:
    with serving_earlier(earlier, tmp_path / "devbox") as port:
        client = Client.make(THIS, tmp_path / "client", port)
        use(client)
        assert "kept" in client.run("watch", "kept")
        assert "{'ann': 6}" in client.run("run", "--follow", "deployed-task", "shop.order", "--basket", BASKET)
        client.run("rerun", "kept", "--follow")
        client.run("diff", "kept", "broken")
        client.run("config", "check")
        # No devbox so far serves apps.
        refused = client.run("get", "app", code=5)
        assert "AppService.List" in refused


def test_the_state_of_an_earlier_devbox_is_taken_over(earlier: Path, tmp_path: Path) -> None:
    folder = tmp_path / "devbox"
    mark = tmp_path / "go"
    with serving_earlier(earlier, folder) as port:
        client = Client.make(earlier, tmp_path / "client", port)
        use(client)
        Client.make(THIS, tmp_path / "other", port).run("create", "secret", "code", "--value", "drawer")
        client.run("run", "--name", "interrupted", "shop.py", "lasting", "--mark", str(mark))
        client.wait_for(lambda one: phase_of(one, "interrupted") == "running")
    mark.touch()

    record = start_server(folder, port=0, needs_token=False).record
    try:
        this = Client.make(THIS, tmp_path / "this", record.port)
        phases = {each["name"]: each["phase"] for each in this.told("get", "run")}
        assert {key: phases[key] for key in ("kept", "broken", "stopped")} == {
            "kept": "succeeded",
            "broken": "failed",
            "stopped": "aborted",
        }
        assert this.told("get", "io", "kept")["outputs"] == {"o0": {"ann": 6}}
        assert "4 is out of stock" in this.run("get", "action", "broken", "a0")
        (child, *_) = [each for each in this.told("get", "action", "kept") if each["short_name"] == "price"]
        assert "pricing" in this.run("get", "logs", "kept", child["name"])
        assert "often" in this.run("get", "trigger")
        # What ran when the earlier server was killed comes to its end.
        this.wait_for(lambda one: phase_of(one, "interrupted") == "succeeded")
        again = this.run("run", "--follow", "deployed-task", "shop.order:one", "--basket", BASKET)
        assert "{'ann': 6}" in again
        this.run("rerun", "kept", "--follow")
        assert "reward" in this.run("run", "--follow", "shop.py", "opening")
    finally:
        stop_server(folder)


def test_an_earlier_devbox_refuses_the_state_of_this_one(earlier: Path, tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "devbox")
    Database(folder.database).close()
    before = hashlib.sha256(folder.database.read_bytes()).hexdigest()
    command = [earlier, "start", "devbox", "--folder", folder.root, "--port", "0"]
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode != 0
    assert "newer version" in done.stdout + done.stderr
    assert hashlib.sha256(folder.database.read_bytes()).hexdigest() == before


def test_the_history_of_an_earlier_release_is_shown_and_continued(earlier: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    before = Client.make(earlier, home, 1)
    (home / "config.yaml").write_text("{}\n")
    before.run("run", "--local", "--name", "here", "shop.py", "order", "--basket", BASKET)
    before.run("run", "--local", "--name", "wrong", "shop.py", "failing", "--item", "4", code=1)

    this = Client(THIS, home)
    assert {each["name"]: each["phase"] for each in this.told("get", "run")} == {"here": "succeeded", "wrong": "failed"}
    assert this.told("get", "io", "here")["outputs"] == {"o0": {"ann": 6}}
    assert "4 is out of stock" in this.run("get", "run", "wrong")
    assert "pricing 1" in this.run("get", "logs", "here")
    this.run("run", "--resume", "wrong", code=1)
    assert "{'ann': 6}" in this.run("run", "--local", "--name", "later", "shop.py", "order", "--basket", BASKET)
    this.run("diff", "here", "later")
