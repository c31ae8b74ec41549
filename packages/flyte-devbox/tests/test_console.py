"""The pages as a browser shows them: rendered without scripts, and kept up to date by them in a headless Chromium."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .browser import Browser
from .serving import SUCCEED, Server, create_run, details, shell_task, start, until, wait
from .test_runs import enqueue

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
EVIL = "<script>alert(1)</script>"


def page(server: Server, path: str) -> tuple[int, dict[str, str], str]:
    status, headers, body = server.post(path, b"", method="GET")
    return status, headers, body.decode()


def run_path(run: str) -> str:
    return f"/v2/domain/development/project/flytesnacks/runs/{run}"


def test_an_empty_devbox_says_how_to_begin(folder: Path) -> None:
    server = start(folder)
    try:
        status, headers, text = page(server, "/")
    finally:
        server.stop()
    assert status == 200
    assert "flyte run --devbox" in text
    assert "script-src 'self'" in headers["content-security-policy"]


def test_the_failing_action_is_selected_and_texts_are_escaped(server: Server) -> None:
    run = create_run(server, shell_task("sleep 2; exit 1", name=f"demo.{EVIL}"))
    until(lambda: details(server, run).status.phase == 4)
    enqueue(server, run, "good", shell_task(SUCCEED))
    enqueue(server, run, "bad", shell_task("exit 3", name="demo.bad"))
    wait(server, run)
    status, _, text = page(server, run_path(run))
    assert status == 200
    assert 'data-action="bad" aria-current="true"' in text
    assert "exited with code 3" in text
    assert "flyte rerun" in text
    assert EVIL not in text
    assert EVIL not in page(server, "/")[2]


def test_what_does_not_exist_is_not_found(server: Server) -> None:
    assert page(server, run_path("nosuchrun"))[0] == 404
    assert page(server, "/nothing")[0] == 404
    assert page(server, "/static/nothing.js")[0] == 404


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    opened = Browser(CHROMIUM, tmp_path / "profile")
    yield opened
    opened.close()


def test_a_browser_follows_a_run(server: Server, browser: Browser) -> None:
    script = f"echo '{EVIL} first'; sleep 4; echo last line; echo '<h1>report</h1>' > $OUT/report.html; {SUCCEED}"
    run = create_run(server, shell_task(script, name="demo.followed"))
    until(lambda: details(server, run).status.phase == 4)
    browser.open(f"http://{server.record.endpoint}{run_path(run)}")
    browser.until("document.querySelector('#log')?.textContent.includes('first')")
    assert browser.evaluate("document.querySelector('#detail .phase').textContent") == "running"
    enqueue(server, run, "child", shell_task("echo from the child; exit 3", name="demo.child"))
    # Nobody reloads the page: the rest comes by the streams.
    browser.until("document.querySelectorAll('#tree a').length == 2")
    browser.until("document.querySelector('#detail .phase').textContent == 'succeeded'")
    browser.until("document.querySelector('#log').textContent.includes('last line')")
    browser.until("document.querySelector('iframe') !== null")
    browser.evaluate("document.querySelector('a[data-action=child]').click()")
    browser.until("document.querySelector('#log').textContent.includes('from the child')")
    assert browser.evaluate("location.search") == "?i=child"
    assert "exited with code 3" in browser.evaluate("document.querySelector('.error').textContent")
    assert browser.errors == []


def test_the_list_shows_a_run_as_soon_as_it_is_there(server: Server, browser: Browser) -> None:
    browser.open(f"http://{server.record.endpoint}/")
    browser.until("document.querySelector('#runs') !== null")
    run = create_run(server, shell_task(SUCCEED, name="demo.listed"))
    browser.until(f"document.querySelector('#runs').textContent.includes('{run}')")
    assert browser.errors == []
