"""No-op tasks of another engine from one parent, printed as JSON. Arguments: which engine, tasks per burst, rounds."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

_SINGLE = 100
_AT_ONCE = 100


def measure(many: Callable[[int], Any], one: Callable[[], Any], n: int) -> dict[str, float]:
    many(8)
    began = time.perf_counter()
    many(n)
    burst = time.perf_counter() - began
    began = time.perf_counter()
    for _ in range(0, 2 * n, _AT_ONCE):
        many(_AT_ONCE)
    steady = time.perf_counter() - began
    times = []
    for _ in range(_SINGLE):
        began = time.perf_counter()
        one()
        times.append(time.perf_counter() - began)
    return {"burst": burst / n, "steady": steady / (2 * n), "p50": sorted(times)[_SINGLE // 2]}


def with_ray(n: int, rounds: int) -> list[dict[str, float]]:
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")

    @ray.remote
    def nothing(x: int) -> int:
        return x

    def many(count: int) -> Any:
        return ray.get([nothing.remote(i) for i in range(count)])

    found = [measure(many, lambda: ray.get(nothing.remote(0)), n) for _ in range(rounds)]
    ray.shutdown()
    return found


def nothing(x: int) -> int:
    return x


def with_dask(n: int, rounds: int) -> list[dict[str, float]]:
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:

        def many(count: int) -> Any:
            return client.gather(client.map(nothing, range(count), pure=False))

        return [measure(many, lambda: client.submit(nothing, 0, pure=False).result(), n) for _ in range(rounds)]


def with_dbos(n: int, rounds: int) -> list[dict[str, float]]:
    from dbos import DBOS, DBOSConfig

    folder = tempfile.mkdtemp(prefix="flyte-bench-dbos-")
    config: DBOSConfig = {"name": "bench", "system_database_url": f"sqlite:///{folder}/state.db", "log_level": "ERROR"}
    DBOS(config=config)

    @DBOS.workflow()
    def step(x: int) -> int:
        return x

    DBOS.launch()

    def many(count: int) -> Any:
        # Its queues look for work once a second; started at once it is at its best.
        return [handle.get_result() for handle in [DBOS.start_workflow(step, i) for i in range(count)]]

    found = [measure(many, lambda: DBOS.start_workflow(step, 0).get_result(), n) for _ in range(rounds)]
    DBOS.destroy()
    return found


if __name__ == "__main__":
    engine = {"ray": with_ray, "dask": with_dask, "dbos": with_dbos}[sys.argv[1]]
    result = engine(int(sys.argv[2]), int(sys.argv[3]))
    print(json.dumps(result), flush=True)
    # What the engines leave running is not waited for.
    os._exit(0)
