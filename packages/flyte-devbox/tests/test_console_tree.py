"""The tree of a run's actions in a headless Chromium: any number of them, few in the page."""

import sqlite3
import time
from pathlib import Path

from flyteidl2.task import run_pb2, task_definition_pb2
from flyteidl2.workflow import run_definition_pb2

from flyte_devbox.records import NewAction, NewRun, add_action, add_run, keep_spec
from flyte_devbox.rows import IDENTITY

from .browser import Browser
from .serving import Server, start
from .test_console import page, run_path

RUNNING, SUCCEEDED, FAILED = 4, 5, 6
MANY = 5_000
FAILING = "c3700-7"


def fill(database: Path) -> None:
    """Put a run of `MANY` children of the root action into the records, some with children of their own, one of which failed."""
    connection = sqlite3.connect(database)
    connection.row_factory = sqlite3.Row
    spec = task_definition_pb2.TaskSpec(short_name="main")
    spec.task_template.id.name, spec.task_template.id.version = "tree.main", "v1"
    metadata = run_definition_pb2.ActionMetadata(executed_by=IDENTITY, action_type=run_definition_pb2.ACTION_TYPE_TASK)
    begun = time.time() - 3600
    error = run_definition_pb2.ErrorInfo(code="TooBad", message="it broke").SerializeToString()
    with connection:
        digest = keep_spec(connection, spec)
        run = add_run(
            connection,
            NewRun(
                *("local", "flytesnacks", "development", "many"),
                *(run_pb2.RunSpec().SerializeToString(), 1, {}, False, 0, begun, begun, "tree.main", "v1"),
            ),
        )

        def add(name: str, parent: str, depth: int, phase: int = SUCCEEDED) -> None:
            at = begun + depth
            broke = error if phase == FAILED else None
            add_action(
                connection,
                run,
                NewAction(
                    *(
                        name,
                        parent,
                        1,
                        phase,
                        1,
                        metadata.SerializeToString(),
                        digest,
                        None,
                        f"tree.task_{name}",
                        "bench",
                    ),
                    *("", "", "", "", 0, depth, at, "", broke, at, at + 1.5),
                ),
            )

        add("a0", "", 0, FAILED)
        for number in range(MANY):
            add(f"c{number}", "a0", 1)
        for child in range(0, MANY, 100):
            for number in range(10):
                add(f"c{child}-{number}", f"c{child}", 2, FAILED if f"c{child}-{number}" == FAILING else SUCCEEDED)
        connection.execute("UPDATE runs SET phase = ?, ended_at = created_at + 10", (FAILED,))
    connection.close()


def started(folder: Path) -> Server:
    start(folder).stop()
    fill(folder / "state.db")
    return start(folder)


TEXT = "document.querySelector('#tree').textContent"
ACTIVE = "document.querySelector('#tree a.active')?.dataset.action"


def test_thousands_of_actions_are_a_few_rows_of_the_page(folder: Path, browser: Browser) -> None:
    server = started(folder)
    try:
        browser.open(f"http://{server.record.endpoint}{run_path('many')}")
        # What failed is selected, in sight, and said to be so.
        browser.until(f"document.querySelector('#tree a[aria-current]')?.dataset.action === '{FAILING}'")
        browser.until(f"{ACTIVE} === '{FAILING}'")
        assert "it broke" in browser.evaluate("document.querySelector('.error').textContent")
        assert browser.evaluate("document.querySelector('#tree a[aria-current]').getAttribute('aria-level')") == "3"
        assert browser.evaluate("document.querySelectorAll('#tree a').length") < 200
        browser.until("document.querySelector('#found').textContent === '5,501 actions'")
        browser.screenshot("run-many")

        # The keyboard leads everywhere.
        browser.until("(document.querySelector('#tree').focus(), document.activeElement.id === 'tree')")
        browser.press("Home")
        browser.until(f"{ACTIVE} === 'a0'")
        browser.press("End")
        browser.until(f"{ACTIVE} === 'c{MANY - 1}'")
        browser.press("ArrowUp")
        browser.until(f"{ACTIVE} === 'c{MANY - 2}'")
        browser.press("Enter")
        browser.until(f"location.search === '?i=c{MANY - 2}'")
        browser.until(f"document.querySelector('#detail h2').textContent.endsWith('task_c{MANY - 2}')")
        browser.press("ArrowLeft")
        browser.until(f"{ACTIVE} === 'a0'")
        browser.press("ArrowLeft")
        browser.until("document.querySelectorAll('#tree a').length === 1")
        browser.press("ArrowRight")
        browser.until("document.querySelectorAll('#tree a').length > 10")

        # Searching is done by the server.
        browser.press("/")
        browser.until("document.activeElement.id === 'search'")
        browser.write("c4200")
        browser.until("document.querySelector('#found').textContent === '11 of 5,501 actions'")
        browser.until(f"{TEXT}.includes('task_c4200-9')")
        browser.press("Escape")
        browser.until("document.querySelector('#found').textContent === '5,501 actions'")
        browser.evaluate(
            "[...document.querySelectorAll('#phases button')].find((one) => one.textContent === 'failed 2').click()"
        )
        browser.until("document.querySelector('#found').textContent === '2 of 5,501 actions'")
        browser.until(f"document.querySelectorAll('#tree a').length === 2 && {TEXT}.includes('{FAILING}')")
        assert browser.errors == []
    finally:
        server.stop()


def test_a_closed_action_opens_and_its_children_come(folder: Path, browser: Browser) -> None:
    server = started(folder)
    try:
        browser.open(f"http://{server.record.endpoint}{run_path('many')}?i=c0")
        browser.until(f"{ACTIVE} === 'c0'")
        browser.evaluate("document.querySelector('[data-action=c0] .twist').click()")
        browser.until(f"{TEXT}.includes('task_c0-9')")
        assert browser.evaluate("document.querySelector('[data-action=c0]').getAttribute('aria-expanded')") == "true"
        browser.evaluate("document.querySelector('[data-action=c0] .twist').click()")
        browser.until(f"!{TEXT}.includes('task_c0-9')")
        assert browser.errors == []
    finally:
        server.stop()


def test_questions_that_are_none_are_refused(folder: Path) -> None:
    server = started(folder)
    try:
        address, json_type = f"{run_path('many')}/actions", {"content-type": "application/json"}
        for body in (
            b"[]",
            b"{",
            b'{"ranges": [{"start": -1, "count": 1}]}',
            b'{"ranges": [{"start": 0, "count": 1000}]}',
            b'{"ranges": [{"start": 1e400, "count": 1}]}',
            b'{"phases": [Infinity]}',
            b'{"ranges": [{"start": 0, "count": 1}], "search": "\\ud800"}',
            b'{"wayTo": "\\ud800"}',
        ):
            assert server.post(address, body, json_type)[0] == 400, body
        assert server.post(address, b"{}", {"content-type": "text/plain"})[0] == 400
        assert server.post(address, b"{}", json_type | {"origin": "http://elsewhere.example"})[0] == 403
        assert server.post(address, b'{"wayTo": "nosuchaction"}', json_type)[0] == 404
        assert server.post(f"{run_path('nosuchrun')}/actions", b"{}", json_type)[0] == 404
        assert page(server, f"{run_path('many')}/log?i=../..&attempt=1")[0] == 400
        assert page(server, "/events?topic=run/../x")[0] == 400
    finally:
        server.stop()
