"""Sends a file to an S3 server and fetches it, with our storage or with plain obstore, and prints JSON: seconds, peak memory.

Usage: `python store_transfer.py (ours|obstore) ENDPOINT BUCKET FILE`. Memory is in bytes above idle, which has both imported.
"""

import asyncio
import filecmp
import json
import sys
import tempfile
import time
from pathlib import Path

import obstore
from obstore.store import S3Store
from resident import resident, start_peak

import flyte_storage

ACCOUNT = {"access_key_id": "bench", "secret_access_key": "bench-secret", "region": "us-east-1"}


class _Ours:
    def __init__(self, endpoint, bucket):
        flyte_storage.configure(flyte_storage.S3(endpoint=endpoint, **ACCOUNT))
        self._root = f"s3://{bucket}"

    async def put(self, file, key):
        await flyte_storage.put(file, f"{self._root}/{key}")

    async def get(self, key, file):
        await flyte_storage.get(f"{self._root}/{key}", file)


class _Plain:
    """As its documentation shows it: multipart with its own defaults, and the stream of a get into a file."""

    def __init__(self, endpoint, bucket):
        self._store = S3Store(bucket, endpoint=endpoint, client_options={"allow_http": True}, **ACCOUNT)

    async def put(self, file, key):
        await obstore.put_async(self._store, key, file)

    async def get(self, key, file):
        result = await obstore.get_async(self._store, key)
        with file.open("wb") as stream:
            async for piece in result.stream():
                stream.write(piece)


async def _main(name, endpoint, bucket, file):
    side = (_Ours if name == "ours" else _Plain)(endpoint, bucket)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        small, back = Path(folder, "small"), Path(folder, "back")
        small.write_bytes(b"warm-up")  # noqa: ASYNC240 - nothing else runs here
        await side.put(small, "small")
        await side.get("small", small)
        idle = start_peak()
        began, worked = time.perf_counter(), time.process_time()
        await side.put(file, name)
        up = {"wall": time.perf_counter() - began, "cpu": time.process_time() - worked}
        up["peak"] = resident("VmHWM") - idle
        idle = start_peak()
        began, worked = time.perf_counter(), time.process_time()
        await side.get(name, back)
        down = {"wall": time.perf_counter() - began, "cpu": time.process_time() - worked}
        down["peak"] = resident("VmHWM") - idle
        if not filecmp.cmp(file, back, shallow=False):
            raise AssertionError("what came back is not what was sent")
    return {"up": up, "down": down}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_main(*sys.argv[1:4], Path(sys.argv[4])))))
