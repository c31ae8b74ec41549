"""Processes that used a store end with exit code 0, and forked ones say what is wrong instead of waiting for ever."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .services import Server, clean_environment

PUTS = """
import asyncio, flyte_storage as storage
async def main():
    await asyncio.gather(*(storage.put_stream(b"x" * 100, to_path=f"memory://exit/{i}") for i in range(200)))
asyncio.run(main())
"""
BLOCKING = """
import flyte_storage as storage
for i in range(20):
    storage.put_stream_sync(b"x", to_path=f"memory://exit/{i}")
"""
INTERRUPTED = """
import asyncio, flyte_storage as storage
async def main():
    tasks = [asyncio.ensure_future(storage.put_stream(bytes(100_000), to_path=f"memory://exit/{i}")) for i in range(200)]
    await asyncio.sleep(0.005)
asyncio.run(main())
"""
FORKED = """
import os, flyte_storage as storage
storage.put_stream_sync(b"x", to_path="memory://fork/a")
pid = os.fork()
if pid == 0:
    try:
        storage.put_stream_sync(b"x", to_path="memory://fork/b")
    except RuntimeError as error:
        os._exit(3 if "forked" in str(error) and "spawn" in str(error) else 4)
    os._exit(5)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
"""


ON_A_SERVER = """
import asyncio, sys, flyte_storage as storage
async def main():
    uris = [f"{sys.argv[1]}/{i}" for i in range(40)]
    await asyncio.gather(*(storage.put_stream(b"x" * 1000, to_path=uri) for uri in uris))
    await asyncio.gather(*(storage.info(uri) for uri in uris))
    try:
        await storage.get_signed(f"{sys.argv[2]}/no/such/file", sys.argv[3])
    except OSError:
        pass
asyncio.run(main())
storage.delete_sync(sys.argv[1], recursive=True)
"""


def test_a_process_that_used_servers_ends_well(moto_server: Server, tmp_path: Path) -> None:
    environment = clean_environment() | moto_server.environment
    arguments = [f"{moto_server.root}/{tmp_path.name}", moto_server.endpoint, str(tmp_path / "got")]
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", ON_A_SERVER, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("script", [PUTS, BLOCKING, INTERRUPTED], ids=["puts", "blocking", "interrupted"])
def test_a_process_that_used_a_store_ends_well(script: str) -> None:
    codes = []
    for _ in range(6):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
        codes.append((done.returncode, done.stderr))
    assert codes == [(0, "")] * 6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKED],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_local_paths_never_load_obstore() -> None:
    script = """
import sys, asyncio, tempfile, pathlib, flyte_storage as storage
light = {name for name in sys.modules if name.startswith(("flyte", "obstore", "asyncio", "urllib.request", "pyqwest"))}
folder = pathlib.Path(tempfile.mkdtemp())
async def main():
    await storage.put_stream(b"abc", to_path=str(folder / "a"))
    await storage.put(str(folder / "a"), str(folder / "b"))
    await storage.get((folder / "b").as_uri(), folder / "c")
    assert await storage.exists(str(folder / "c"))
asyncio.run(main())
heavy = {"obstore", "pyqwest", "fsspec", "boto3"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_importing_the_package_loads_nothing_heavy() -> None:
    script = "import sys; before = set(sys.modules); import flyte_storage; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "['flyte_storage']"
