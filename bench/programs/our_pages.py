"""Open the page of a run with many actions in headless Chromium; print JSON. Arguments: folder of its driver, actions, how often.

The driver is that of the devbox's tests. Interactive is the page when a key has moved the mark from one row to the next.
"""

import importlib
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from flyteidl2.task import run_pb2, task_definition_pb2
from flyteidl2.workflow import run_definition_pb2

from flyte_devbox.process import start_server, stop_server
from flyte_devbox.records import NewAction, NewRun, add_action, add_run, keep_spec
from flyte_devbox.rows import IDENTITY

SUCCEEDED, FAILED = 5, 6
ACTIVE = "document.querySelector('#tree a.active')?.dataset.action"


def main() -> None:
    driver, actions, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print(json.dumps({"interactive": [], "heap": [], "drawn": []}))
        return
    sys.path.insert(0, driver)
    open_browser: Any = importlib.import_module("browser").Browser
    found: dict[str, list[float]] = {"interactive": [], "heap": [], "drawn": []}
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "devbox"
        os.environ |= {"HOME": home, "FLYTE_DEVBOX_FOLDER": str(folder)}
        start_server(folder, port=0)
        stop_server(folder)
        fill(folder / "state.db", actions)
        record = start_server(folder, port=0).record
        try:
            for number in range(times + 1):
                browser = open_browser(chromium, Path(home) / f"profile{number}")
                try:
                    one = look(browser, f"http://{record.endpoint}", record.token, actions)
                finally:
                    browser.close()
                # The first one warms the files of Chromium and of the database up.
                for name in found if number else ():
                    found[name].append(one[name])
        finally:
            stop_server(folder)
    print(json.dumps(found))


def look(browser: Any, address: str, token: str, actions: int) -> dict[str, float]:
    browser.open(f"{address}/?token={token}")
    browser.until("document.querySelector('#list') !== null")
    began = time.perf_counter()
    browser.open(f"{address}/v2/domain/development/project/flytesnacks/runs/many")
    soon(browser, f"{ACTIVE} === 'c{actions // 2}' && document.activeElement.id === 'tree'")
    browser.press("ArrowDown")
    soon(browser, f"{ACTIVE} === 'c{actions // 2 + 1}'")
    interactive = time.perf_counter() - began
    drawn = browser.evaluate("performance.getEntriesByName('actions-drawn')[0].startTime") / 1000
    heap = 0.0
    for part in range(101):
        browser.evaluate(
            f"(() => {{ const tree = document.querySelector('#tree'); tree.scrollTop = tree.scrollHeight * {part / 100}; }})()"
        )
        soon(browser, "![...document.querySelectorAll('#tree .label')].some((one) => one.textContent === '...')")
        used = browser.ask("Runtime.getHeapUsage")
        heap = max(heap, used["usedSize"] + used.get("embedderHeapUsedSize", 0.0))
    if browser.errors:
        raise SystemExit(f"the page complains: {browser.errors}")
    return {"interactive": interactive, "heap": heap, "drawn": drawn}


def soon(browser: Any, script: str) -> None:
    end = time.monotonic() + 60
    while not browser.evaluate(script):
        if time.monotonic() > end:
            raise SystemExit(f"it did not come to hold: {script}")
        time.sleep(0.002)


def fill(database: Path, actions: int) -> None:
    """Put a run with many actions, the middle one of which failed, into the records of a devbox that does not run."""
    connection = sqlite3.connect(database)
    connection.row_factory = sqlite3.Row
    spec = task_definition_pb2.TaskSpec(short_name="main")
    spec.environment.name, spec.task_template.id.name, spec.task_template.id.version = "bench", "bench.main", "v1"
    metadata = run_definition_pb2.ActionMetadata(executed_by=IDENTITY, action_type=run_definition_pb2.ACTION_TYPE_TASK)
    metadata.task.id.name, metadata.task.short_name = "bench.main", "main"
    begun = time.time() - actions
    error = run_definition_pb2.ErrorInfo(code="TooBad", message="it broke").SerializeToString()
    with connection:
        digest = keep_spec(connection, spec)
        run = add_run(
            connection,
            NewRun(
                *("local", "flytesnacks", "development", "many"),
                *(
                    run_pb2.RunSpec().SerializeToString(),
                    1,
                    dict[str, str](),
                    False,
                    0,
                    begun,
                    begun,
                    "bench.main",
                    "v1",
                ),
            ),
        )
        for number in range(-1, actions):
            name, parent = ("a0", "") if number < 0 else (f"c{number}", "a0")
            phase = FAILED if number in {-1, actions // 2} else SUCCEEDED
            at = begun + max(number, 0) * 0.02
            add_action(
                connection,
                run,
                NewAction(
                    *(name, parent, 1, phase, 1, metadata.SerializeToString(), digest, None, "bench.main", "bench"),
                    *("", "", "", "", 0, number >= 0, at, "", error if phase == FAILED else None, at, at + 0.5),
                ),
            )
        connection.execute("UPDATE runs SET phase = ?, ended_at = created_at + ?", (FAILED, actions * 0.02 + 1))
    connection.close()


if __name__ == "__main__":
    main()
