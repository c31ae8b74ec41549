"""PyPI flyte 2.12.1, in an environment of its own, on our devbox: as a client, and with its own runtime in the actions."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.harness.reference import reference_side
from flyte_devbox.process import start_server, stop_server

PROGRAM = """
import asyncio, json, os, sys, time
import flyte

env = flyte.TaskEnvironment(name="interop")

@env.task
async def square(x: int) -> int:
    print(f"squaring {x}", flush=True)
    return x * x

@env.task
async def main(n: int = 3) -> int:
    print("main begins", flush=True)
    return sum(await asyncio.gather(*[square(i) for i in range(n)]))

@env.task
async def slow() -> int:
    print("slow begins", flush=True)
    await asyncio.sleep(120)
    return 1

if __name__ == "__main__":
    import flyte.remote

    flyte.init(endpoint=sys.argv[1], insecure=True, project="flytesnacks", domain="development", org="devbox")
    run = flyte.with_runcontext(mode="remote").run(main, n=3)
    run.wait()
    actions = list(flyte.remote.Action.listall(for_run_name=run.name))
    run.show_logs(raw=True)
    told = {"name": run.name, "phase": str(run.phase), "output": list(run.outputs())[0], "actions": len(actions)}
    second = flyte.with_runcontext(mode="remote").run(slow)
    while "RUNNING" not in str(flyte.remote.Run.get(second.name).phase).upper():
        time.sleep(0.1)
    second.abort("not needed")
    second.wait()
    told["second"] = str(flyte.remote.Run.get(second.name).phase)
    print("TOLD " + json.dumps(told), flush=True)
    # Its object store's threads may abort the interpreter's own exit.
    os._exit(0)
"""


@pytest.fixture(scope="module")
def reference() -> Path:
    return Path(reference_side().python)


@pytest.fixture(params=["our runtime", "its own runtime"])
def endpoint(request: pytest.FixtureRequest, reference: Path, tmp_path: Path) -> Iterator[str]:
    python = reference if request.param == "its own runtime" else Path(sys.executable)
    folder = tmp_path / "devbox"
    started = start_server(folder, port=0, needs_token=False, python=python)
    yield started.record.endpoint
    stop_server(folder)


def test_it_creates_watches_reads_and_aborts_runs(endpoint: str, reference: Path, tmp_path: Path) -> None:
    program = tmp_path / "interop_program.py"
    program.write_text(PROGRAM)
    home = tmp_path / "home"
    home.mkdir()
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "DO_NOT_TRACK": "1", "DISABLE_RICH_LOGGING": "1"}
    done = subprocess.run(
        [str(reference), str(program), endpoint], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.rpartition("TOLD ")[2])
    assert "SUCCEEDED" in told["phase"].upper()
    assert (told["output"], told["actions"]) == (5, 4)
    assert "ABORTED" in told["second"].upper()
    assert "main begins" in done.stdout
