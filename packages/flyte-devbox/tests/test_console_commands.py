"""What a page lets somebody do to a run, in a headless Chromium; and whom the devbox lets."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flyteidl2.core import types_pb2
from flyteidl2.workflow import run_definition_pb2

from .browser import Browser
from .serving import SUCCEED, Server, abort, create_run, details, enqueue, shell_task, start, until, wait
from .test_console import run_path

RUNNING, SUCCEEDED, ABORTED, PAUSED = 4, 5, 7, 9


def click(browser: Browser, command: str) -> None:
    browser.until(
        f"document.querySelector('button[data-command={command}]') !== null && 'ready' in document.documentElement.dataset"
    )
    browser.evaluate(f"document.querySelector('button[data-command={command}]').click()")
    browser.until("document.querySelector('dialog')?.open")


def confirm(browser: Browser) -> None:
    browser.evaluate("document.querySelector('dialog .primary').click()")


@pytest.fixture
def sleeping(server: Server) -> Iterator[str]:
    """A run that does nothing until the test is over."""
    run = create_run(server, shell_task(f"sleep 600; {SUCCEED}", name="commands.sleeping"))
    until(lambda: details(server, run).status.phase == RUNNING)
    yield run
    if details(server, run).status.phase == RUNNING:
        abort(server, run)


def test_an_action_and_then_its_run_are_aborted_with_reasons(server: Server, browser: Browser, sleeping: str) -> None:
    run = sleeping
    enqueue(server, run, "child", shell_task("sleep 600"))
    until(lambda: details(server, run, "child").status.phase == RUNNING)
    browser.open(f"http://{server.record.endpoint}{run_path(run)}?i=child")
    click(browser, "abort-action")
    browser.screenshot("abort")
    browser.evaluate("document.querySelector('dialog input').focus()")
    browser.write("<b>too slow</b>")
    confirm(browser)
    browser.until("document.querySelector('#detail .phase').textContent === 'aborted'")
    browser.until("document.querySelector('.error').textContent.includes('<b>too slow</b>')")
    assert details(server, run, "child").abort_info.reason == "<b>too slow</b>"
    assert details(server, run).status.phase == RUNNING

    click(browser, "abort-run")
    browser.press("Escape")
    browser.until("document.querySelector('dialog') === null")
    assert details(server, run).status.phase == RUNNING
    click(browser, "abort-run")
    confirm(browser)
    until(lambda: details(server, run).status.phase == ABORTED)
    browser.until("document.querySelector('[data-command=abort-run]') === null")
    assert browser.errors == []


@pytest.mark.parametrize(
    ("kind", "wrong", "text", "value"),
    [
        (types_pb2.INTEGER, "1.5", "9007199254740993", 9007199254740993),
        (types_pb2.FLOAT, "much", "0.25", 0.25),
        (types_pb2.STRING, None, "<i>yes</i>", "<i>yes</i>"),
        (types_pb2.BOOLEAN, None, "false", False),
    ],
)
def test_a_condition_is_signalled_with_a_value_of_its_type(
    server: Server, browser: Browser, sleeping: str, kind: int, wrong: str | None, text: str, value: object
) -> None:
    run = sleeping
    condition = run_definition_pb2.ConditionAction(name="ok", prompt="How <much>?")
    condition.type.simple = kind  # type: ignore[assignment]
    enqueue(server, run, "wait1", condition=condition)
    until(lambda: details(server, run, "wait1").status.phase == PAUSED)
    browser.open(f"http://{server.record.endpoint}{run_path(run)}?i=wait1")
    click(browser, "signal")
    assert "How <much>?" in browser.evaluate("document.querySelector('dialog').textContent")
    field = "document.querySelector('dialog [name=value]')"
    if wrong is not None:
        browser.evaluate(f"{field}.value = {json.dumps(wrong)}")
        confirm(browser)
        browser.until("document.querySelector('dialog [role=alert]').textContent.includes('is no')")
    browser.evaluate(f"{field}.value = {json.dumps(text)}")
    confirm(browser)
    browser.until("document.querySelector('#detail .phase').textContent === 'succeeded'")
    browser.until("document.querySelector('#detail').textContent.includes('Answer')")
    shown = browser.evaluate("[...document.querySelectorAll('#detail pre')].map((one) => one.textContent)")
    assert shown == ["How <much>?", text]
    primitive = details(server, run, "wait1").signal_info.output.scalar.primitive
    assert getattr(primitive, primitive.WhichOneof("value") or "") == value
    assert browser.errors == []


def test_a_run_is_started_again_with_its_inputs(server: Server, browser: Browser) -> None:
    run = create_run(server, shell_task(f"cat $IN > /dev/null; echo again; {SUCCEED}", name="commands.rerun"))
    wait(server, run)
    browser.open(f"http://{server.record.endpoint}{run_path(run)}")
    click(browser, "rerun")
    confirm(browser)
    browser.until(
        f"location.pathname !== '{run_path(run)}' && document.querySelector('#detail .phase')?.textContent === 'succeeded'"
    )
    other = browser.evaluate("location.pathname").rpartition("/")[2]
    assert details(server, other).status.phase == SUCCEEDED
    browser.until("document.querySelector('#log').textContent.includes('again')")
    assert browser.errors == []


def test_commands_are_for_those_who_are_known_and_not_for_other_sites(folder: Path) -> None:
    server = start(folder, needs_token=True)
    try:
        run = create_run(server, shell_task(SUCCEED, name="commands.known"))
        wait(server, run)
        known, server.headers = server.headers, {}
        address, kind = f"{run_path(run)}/rerun", {"content-type": "application/json"}
        cookie = {"cookie": f"flyte_devbox={server.record.token}"}
        assert server.post(address, b"{}", kind)[0] == 401
        assert server.post("/events?topic=runs", b"", method="GET")[0] == 401
        for foreign in (
            {"origin": "http://elsewhere.example"},
            {"sec-fetch-site": "cross-site"},
            {"host": "elsewhere.example"},
        ):
            assert server.post(address, b"{}", kind | cookie | foreign)[0] == 403, foreign
        # A name that somebody else has led to this machine reads nothing either.
        for path in (
            "/",
            "/tasks",
            run_path(run),
            "/events?topic=runs",
            "/static/run.js",
            "/healthz",
            "/flyteidl2/objects",
        ):
            rebound = cookie | {"host": f"elsewhere.example:{server.record.port}"}
            assert server.post(path, b"", rebound, method="GET")[0] == 403, path
        # What a form of another site could send.
        assert server.post(address, b"{}", {"content-type": "text/plain"} | cookie)[0] == 400
        status, _, body = server.post(address, b"{}", kind | cookie | {"origin": f"http://{server.record.endpoint}"})
        assert status == 200
        assert json.loads(body)["path"].startswith("/v2/domain/development/project/flytesnacks/runs/")
        assert server.post(f"{run_path('nosuchrun')}/rerun", b"{}", kind | known)[0] == 404
    finally:
        server.stop()
