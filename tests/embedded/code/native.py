"""Tasks of libraries that start threads of their own, already when this module is imported, and of processes and threads."""

import asyncio
import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import obstore
import polars as pl
import pyarrow as pa
import pyarrow.compute
from obstore.store import LocalStore, MemoryStore

import flyte

env = flyte.TaskEnvironment("native")

# The pools of Polars and obstore have threads from here on.
FRAME = pl.DataFrame({"x": range(1000)}).lazy().select(pl.col("x").sum()).collect()
STORE = MemoryStore()
obstore.put(STORE, "made-at-import", b"content")
TICKS = threading.Event()
threading.Thread(target=TICKS.wait, daemon=True).start()


@env.task
def frames(n: int) -> int:
    # Grouping and joining work on all threads of the pool.
    table = pl.DataFrame({"k": [i % 7 for i in range(n)], "v": range(n)})
    grouped = table.lazy().group_by("k").agg(pl.col("v").sum()).join(table.lazy(), on="k").collect()
    return int(grouped.height)


@env.task
def arrow(n: int) -> int:
    return int(pyarrow.compute.sum(pa.chunked_array([pa.array(range(n)), pa.array(range(n))])).as_py())


@env.task
async def objects(n: int) -> int:
    store = LocalStore(os.getcwd())
    await asyncio.gather(*(obstore.put_async(store, f"o/{i}", b"x" * i) for i in range(n)))
    content = obstore.get(STORE, "made-at-import").bytes()
    return sum(len(page) for page in obstore.list(store, "o")) + len(bytes(content))


@env.task
def processes(n: int) -> int:
    with ThreadPoolExecutor(4) as pool:
        lines = list(pool.map(lambda i: subprocess.check_output([sys.executable, "-c", f"print({i})"]), range(n)))
    return sum(int(line) for line in lines)


def doubled(x: int) -> int:
    return 2 * x


@env.task
def spawned(n: int) -> int:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        return sum(pool.map(doubled, range(n)))


@env.task
async def everything() -> list[int]:
    return list(await asyncio.gather(frames.aio(700), arrow.aio(10), objects(20), processes.aio(4), spawned.aio(4)))
