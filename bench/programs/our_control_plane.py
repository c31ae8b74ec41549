"""Time what a team does with a devbox of many runs and tasks; print JSON. Arguments: runs, tasks, how often."""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from flyteidl2.task import run_pb2, task_definition_pb2
from flyteidl2.workflow import run_definition_pb2

from flyte_devbox.process import start_server, stop_server
from flyte_devbox.records import NewAction, NewRun, add_action, add_run, keep_spec
from flyte_devbox.rows import IDENTITY

SUCCEEDED = 5


def main() -> None:
    runs, tasks, times = map(int, sys.argv[1:])
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "devbox"
        env = {**os.environ, "HOME": home, "FLYTE_DEVBOX_FOLDER": str(folder)}
        start_server(folder, port=0)
        stop_server(folder)
        fill(folder / "state.db", runs)
        started = start_server(folder, port=0)
        config = Path(home) / "config.yaml"
        config.write_text(
            f"admin:\n  endpoint: {started.record.endpoint}\n  insecure: true\n"
            "task:\n  project: flytesnacks\n  domain: development\n"
        )
        try:
            found = {
                "get_run": [timed(env, home, "get", "run", expects="bench.main") for _ in range(times)],
                "deploy_new": [],
                "deploy_unchanged": [],
            }
            for number in range(times):
                write_tasks(Path(home), tasks, number)
                found["deploy_new"].append(timed(env, home, "deploy", "many.py", "env", expects="registered"))
                found["deploy_unchanged"].append(timed(env, home, "deploy", "many.py", "env", expects="unchanged"))
        finally:
            stop_server(folder)
    print(json.dumps(found))


def fill(database: Path, runs: int) -> None:
    """Put finished runs into the records of a devbox that does not run."""
    connection = sqlite3.connect(database)
    connection.row_factory = sqlite3.Row
    spec = task_definition_pb2.TaskSpec(short_name="main")
    spec.environment.name, spec.task_template.id.name, spec.task_template.id.version = "bench", "bench.main", "v1"
    metadata = run_definition_pb2.ActionMetadata(executed_by=IDENTITY, action_type=run_definition_pb2.ACTION_TYPE_TASK)
    metadata.task.id.name, metadata.task.short_name = "bench.main", "main"
    begun = time.time() - runs
    with connection:
        digest = keep_spec(connection, spec)
        for number in range(runs):
            at = begun + number
            run = add_run(
                connection,
                NewRun(
                    *("local", "flytesnacks", "development", f"r{number:06}"),
                    *(run_pb2.RunSpec().SerializeToString(), 1, {}, False, 0, at, at, "bench.main", "v1"),
                ),
            )
            add_action(
                connection,
                run,
                NewAction(
                    *("a0", "", 1, SUCCEEDED, 1, metadata.SerializeToString(), digest, None, "bench.main", "bench", ""),
                    *("", "", "", 0, 0, at, "", None, at, at + 0.5),
                ),
            )
        connection.execute("UPDATE runs SET phase = ?, ended_at = started_at + 0.5", (SUCCEEDED,))
    connection.close()


def write_tasks(folder: Path, tasks: int, number: int) -> None:
    lines = ["import flyte", f'env = flyte.TaskEnvironment("many_{number}")']
    lines += [
        f"\n@env.task\ndef task_{each}(x: int = {each}, y: str = 'a') -> int:\n    return x\n" for each in range(tasks)
    ]
    (folder / "many.py").write_text("\n".join(lines))


def timed(env: dict[str, str], folder: str, *words: str, expects: str) -> float:
    command = [str(Path(sys.executable).with_name("flyte")), "--config", "config.yaml", *words]
    began = time.perf_counter()
    done = subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    took = time.perf_counter() - began
    if done.returncode or expects not in done.stdout:
        raise SystemExit(
            f"`{' '.join(command)}` ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return took


if __name__ == "__main__":
    main()
