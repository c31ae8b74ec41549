"""`flyte run --debug` of PyPI flyte 2.12.1 on our devbox: it finds the editor that our runtime starts."""

import os
import subprocess
from pathlib import Path

import pytest

from bench.harness.reference import reference_side
from flyte_devbox.process import start_server, stop_server

SERVICES = Path(os.environ.get("FLYTE_TEST_SERVICES") or Path.home() / ".cache" / "flyte-test-services")
PROGRAMS = SERVICES / "code-server-4.100.3" / "node_modules" / ".bin"
LONGEST = 120
SHOP = """\
import flyte

env = flyte.TaskEnvironment(name="shop")


@env.task
async def order(items: int = 2) -> int:
    return items
"""


def test_it_prints_the_address_of_the_editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (PROGRAMS / "code-server").exists():
        pytest.skip("npm `code-server` is missing: run tests/storage/install_services.sh")
    theirs = Path(reference_side().python).with_name("flyte")
    monkeypatch.setenv("PATH", f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}")
    port = start_server(tmp_path / "devbox", port=0, needs_token=False).record.port
    try:
        (tmp_path / "shop.py").write_text(SHOP)
        (tmp_path / "config.yaml").write_text(
            f"admin:\n  endpoint: dns:///127.0.0.1:{port}\n  insecure: true\n"
            "task:\n  org: devbox\n  project: flytesnacks\n  domain: development\n"
        )
        environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "DO_NOT_TRACK": "1", "COLUMNS": "400"}
        done = subprocess.run(
            [theirs, "-c", "config.yaml", "run", "--debug", "-e", "_F_CS_E=,", "--name", "one", "shop.py", "order"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        assert "Open VS Code Debugger" in done.stdout, done.stdout + done.stderr
        # It takes the path for one of a console without a port, which is its own.
        assert "/v2/domain/development/project/flytesnacks/runs/one/editor?i=a0" in done.stdout
    finally:
        stop_server(tmp_path / "devbox")
