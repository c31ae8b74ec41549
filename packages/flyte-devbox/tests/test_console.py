"""The pages as a browser shows them: rendered without scripts, and kept up to date by them in a headless Chromium."""

import http.client
import json
import re
import signal
import sqlite3
from pathlib import Path

from flyteidl2.core import types_pb2

from .browser import Browser
from .serving import SUCCEED, Server, abort, create_run, details, enqueue, shell_task, start, until, until_exists, wait
from .test_services import deploy

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
        tasks, triggers = (page(server, address)[2] for address in ("/tasks", "/triggers"))
    finally:
        server.stop()
    assert status == 200
    assert "flyte run --devbox" in text
    # Every command that a page tells of is one that the command line has.
    assert "<pre>flyte deploy --devbox hello.py env</pre>" in tasks
    assert "flyte.Trigger.hourly()" in triggers
    assert "script-src 'self'" in headers["content-security-policy"]


def test_the_failing_action_is_selected_and_texts_are_escaped(server: Server, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    run = create_run(server, shell_task(f"{until_exists(gate)}; exit 1", name=f"demo.{EVIL}"))
    until(lambda: details(server, run).status.phase == 4)
    enqueue(server, run, "good", shell_task(SUCCEED))
    enqueue(server, run, "bad", shell_task("exit 3", name="demo.bad"))
    for name in ("good", "bad"):
        wait(server, run, name)
    gate.touch()
    wait(server, run)
    status, _, text = page(server, run_path(run))
    assert status == 200
    assert 'data-action="bad" aria-current="true"' in text
    assert "exited with code 3" in text
    assert "flyte rerun" in text
    assert EVIL not in text
    assert EVIL not in page(server, "/")[2]


def test_what_does_not_exist_is_not_found(server: Server) -> None:
    status, _, text = page(server, run_path("nosuchrun"))
    assert status == 404
    assert "<h1>Not found</h1>" in text
    assert "<code>nosuchrun</code>" in text
    assert '<a href="/">All runs</a>' in text
    assert page(server, f"/{EVIL}")[0] == 404
    assert EVIL not in page(server, f"/{EVIL}")[2]
    assert page(server, "/static/nothing.js")[0] == 404


def test_a_place_in_a_log_is_a_number(server: Server) -> None:
    run = create_run(server, shell_task(SUCCEED, name="demo.placed"))
    wait(server, run)
    log = f"{run_path(run)}/log?i=a0&attempt=1&from="
    assert page(server, f"{log}0")[0] == 200
    for wrong in ("x", "-1", "9" * 5000):
        assert page(server, log + wrong)[0] == 400


def test_a_page_that_fails_says_so(server: Server) -> None:
    run = create_run(server, shell_task(SUCCEED, name="demo.damaged"))
    wait(server, run)
    with sqlite3.connect(server.folder / "state.db", timeout=30) as connection:
        connection.execute(
            "UPDATE actions SET type = 3, detail = x'ff' WHERE run_id = (SELECT id FROM runs WHERE name = ?)", (run,)
        )
    connection.close()
    status, headers, text = page(server, run_path(run))
    assert status == 500
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>The devbox has failed</h1>" in text
    assert "devbox.log" in text
    assert "Traceback" not in text
    # What is damaged takes nothing else along.
    assert page(server, "/")[0] == 200


def test_a_browser_follows_a_run(server: Server, browser: Browser, tmp_path: Path) -> None:
    gate, report = tmp_path / "gate", "echo '<h1>report</h1>' > $OUT/report.html"
    script = f"echo '{EVIL} first'; {until_exists(gate)}; echo last line; {report}; {SUCCEED}"
    run = create_run(server, shell_task(script, name="demo.followed"))
    until(lambda: details(server, run).status.phase == 4)
    browser.open(f"http://{server.record.endpoint}{run_path(run)}")
    browser.until("document.querySelector('#log')?.textContent.includes('first')")
    assert browser.evaluate("document.querySelector('#detail .phase').textContent") == "running"
    enqueue(server, run, "child", shell_task("echo from the child; exit 3", name="demo.child"))
    # Nobody reloads the page: the rest comes by the streams.
    browser.until("document.querySelectorAll('#tree a').length == 2")
    # Otherwise the end of the run could be that of its child.
    wait(server, run, "child")
    gate.touch()
    browser.until("document.querySelector('#detail .phase').textContent == 'succeeded'")
    browser.until("document.querySelector('#log').textContent.includes('last line')")
    browser.until("document.querySelector('iframe') !== null")
    browser.evaluate("document.querySelector('a[data-action=child]').click()")
    browser.until("document.querySelector('#log').textContent.includes('from the child')")
    assert browser.evaluate("location.search") == "?i=child"
    browser.until("document.querySelector('.error')?.textContent.includes('exited with code 3')")
    assert browser.errors == []


def test_a_report_is_shown_while_its_task_goes_on(server: Server, browser: Browser, tmp_path: Path) -> None:
    gate, report = tmp_path / "gate", "echo '<h1>{0}</h1>' > $OUT/report.html"
    script = (
        f"{report.format('first')}; echo begun; {until_exists(gate)}; {report.format('second')}; sleep 600; {SUCCEED}"
    )
    run = create_run(server, shell_task(script, name="demo.reporting"))
    until(lambda: details(server, run).status.phase == 4)
    browser.open(f"http://{server.record.endpoint}{run_path(run)}")
    version = "document.querySelector('#detail iframe')?.dataset.version"
    browser.until(version)
    first = browser.evaluate(version)
    gate.touch()
    # Nothing else of the run changes.
    browser.until(f"{version} !== '{first}'")
    shown = server.post(
        browser.evaluate(
            "new URL(document.querySelector('#detail iframe').src).pathname + new URL(document.querySelector('#detail iframe').src).search"
        ),
        b"",
        method="GET",
    )
    assert (shown[0], shown[2]) == (200, b"<h1>second</h1>\n")
    assert browser.errors == []
    abort(server, run)


def test_the_list_shows_a_run_as_soon_as_it_is_there(server: Server, browser: Browser) -> None:
    browser.open(f"http://{server.record.endpoint}/")
    browser.until("document.querySelector('#list') !== null")
    run = create_run(server, shell_task(SUCCEED, name="demo.listed"))
    browser.until(f"document.querySelector('#list').textContent.includes('{run}')")
    # How long ago it was made, and when that was.
    made = f"[...document.querySelectorAll('#list tr')].find((one) => one.textContent.includes('{run}')).querySelector('time')"
    browser.until(f"{made}.textContent === 'just now' || {made}.textContent.endsWith(' ago')")
    assert browser.evaluate(f"{made}.title").endswith(" UTC)")
    assert browser.errors == []
    browser.screenshot("runs")
    browser.ask("Emulation.setDeviceMetricsOverride", width=400, height=900, deviceScaleFactor=1, mobile=False)
    spec = shell_task(SUCCEED, name=f"long.{'name' * 15}")
    spec.task_template.interface.inputs.variables.add(key="input" * 30).value.type.simple = types_pb2.INTEGER
    deploy(server, spec.task_template.id.name, spec)
    long = f"/v2/domain/development/project/flytesnacks/tasks/{spec.task_template.id.name}"
    for address in ("/", "/tasks", "/triggers", run_path(run), long):
        browser.open(f"http://{server.record.endpoint}{address}")
        browser.until("'ready' in document.documentElement.dataset")
        # Nothing is wider than the window.
        browser.until("document.documentElement.scrollWidth <= innerWidth")
        browser.until("[...document.querySelectorAll('.field')].every((one) => one.scrollWidth <= one.clientWidth)")
        browser.screenshot(f"narrow-{address.strip('/').replace('/', '-')[-20:] or 'runs'}")


def test_pages_have_nothing_that_their_policy_forbids(server: Server, browser: Browser) -> None:
    run = create_run(server, shell_task(SUCCEED, name="demo.policy"))
    wait(server, run)
    for address in ("/", "/tasks", "/triggers", run_path(run), "/nothing"):
        _, headers, text = page(server, address)
        assert "default-src 'none'" in headers["content-security-policy"], address
        assert "unsafe" not in headers["content-security-policy"]
        assert not re.search(r"<script(?! (type=\"module\" )?src=\"/static/)| style=| on\w+=|https?://", text), address
    # And they can be read without their scripts: what is known of the run is there.
    assert "demo.policy" in page(server, run_path(run))[2]
    browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    browser.open(f"http://{server.record.endpoint}{run_path(run)}")
    browser.until("document.querySelector('#found')?.textContent === '1 action'")
    browser.screenshot("run-dark")
    assert browser.errors == []


def test_all_that_can_be_used_has_a_name(server: Server, browser: Browser) -> None:
    """As those hear it who do not see the page: every button, link and field says what it is."""
    run = create_run(server, shell_task("echo x; exit 3", name="demo.named", retries=1))
    wait(server, run)
    used = {
        "button",
        "link",
        "textbox",
        "searchbox",
        "combobox",
        "checkbox",
        "treeitem",
        "tree",
        "dialog",
        "alertdialog",
    }
    browser.ask("Accessibility.enable")
    for address in ("/", "/tasks", "/triggers", run_path(run), f"{run_path(run)}/rerun", "/nothing"):
        browser.open(f"http://{server.record.endpoint}{address}")
        browser.until("document.readyState === 'complete' && document.querySelector('main') !== null")
        browser.until(
            "!document.querySelector('main.run') || document.querySelector('#found')?.textContent === '1 action'"
        )
        nodes = browser.ask("Accessibility.getFullAXTree")["nodes"]
        shown = [node for node in nodes if not node["ignored"] and node["role"]["value"] in used]
        assert len(shown) >= 4, address
        assert [node for node in shown if not node.get("name", {}).get("value", "").strip()] == [], address
        assert browser.evaluate("document.querySelectorAll('h1').length") == 1, address
        ids = browser.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
        assert len(ids) == len(set(ids)), address


def test_filters_of_the_list_are_in_its_address(server: Server, browser: Browser) -> None:
    good = create_run(server, shell_task(SUCCEED, name="filters.good"))
    bad = create_run(server, shell_task("exit 3", name="filters.bad"))
    wait(server, good)
    wait(server, bad)
    assert bad not in page(server, "/?task=filters.&phase=succeeded")[2]
    assert good in page(server, "/?task=filters.&phase=succeeded")[2]
    assert good not in page(server, "/?task=filters.&phase=failing")[2]
    assert good in page(server, f"/?q={good}&within=1h&user=devbox&scope=flytesnacks/development")[2]
    for nothing in ("scope=flytesnacks/production", "user=somebody", "until=2020-01-01T00:00", "q=nosuchrun"):
        assert "No run is like that" in page(server, f"/?{nothing}")[2]
    for wrong in ("phase=nophase", "since=yesterday", "within=1y", "before=x"):
        status, _, text = page(server, f"/?{wrong}")
        assert status == 400
        assert "hint" in text or "no place" in text
    browser.open(f"http://{server.record.endpoint}/?task=filters.")
    browser.until(f"document.querySelector('#list').textContent.includes('{bad}')")
    browser.until("'ready' in document.documentElement.dataset")
    browser.until("(document.querySelector('[name=q]').focus(), document.activeElement.name === 'q')")
    browser.write(good)
    browser.until("location.search.includes('q=')")
    browser.until(f"!document.querySelector('#list').textContent.includes('{bad}')")
    assert good in browser.evaluate("document.querySelector('#list').textContent")
    # The other parts are about the project that was chosen.
    browser.evaluate("document.querySelector('[name=scope]').value = 'flytesnacks/development'")
    browser.evaluate("document.querySelector('#filters').dispatchEvent(new Event('input', {bubbles: true}))")
    tasks = "[...document.querySelectorAll('header nav a')].find((one) => one.textContent === 'Tasks')"
    browser.until(f"{tasks}.search === '?scope=flytesnacks%2Fdevelopment'")
    assert (
        '<a href="/triggers?scope=flytesnacks%2Fdevelopment">'
        in page(server, "/tasks?scope=flytesnacks/development")[2]
    )
    # The address is enough to see the same again.
    assert bad not in page(server, browser.evaluate("location.pathname + location.search"))[2]
    assert browser.errors == []


def test_pages_of_the_list_follow_each_other(folder: Path) -> None:
    server = start(folder)
    try:
        names = [create_run(server, shell_task("sleep 600", name="demo.many", cpu="1000")) for _ in range(60)]
        first = page(server, "/?task=demo")[2]
        shown = [name for name in names if f">{name}<" in first]
        assert shown == names[10:]
        older = first.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
        second = page(server, older)[2]
        assert [name for name in names if f">{name}<" in second] == names[:10]
        assert 'rel="next"' not in second
    finally:
        server.stop()


def test_colours_are_those_of_the_system_or_chosen(server: Server, browser: Browser) -> None:
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.ask("Emulation.setEmulatedMedia", features=dark)
    browser.open(f"http://{server.record.endpoint}/")
    browser.until(
        "document.documentElement.dataset.theme === 'dark' && document.querySelector('#theme')?.hidden === false"
    )
    browser.screenshot("runs-dark")
    browser.evaluate("document.querySelector('#theme').click()")
    browser.until("document.documentElement.dataset.theme === 'light'")
    browser.open(f"http://{server.record.endpoint}/tasks-and-nothing")
    browser.until("document.documentElement.dataset.theme === 'light' && document.title.includes('devbox')")


def test_a_browser_needs_one_stream_for_any_number_of_tabs(server: Server, browser: Browser) -> None:
    """Chromium opens six connections to a host at most: with a stream in each tab the seventh would show nothing."""
    run = create_run(server, shell_task(f"sleep 600; {SUCCEED}", name="demo.shared"))
    until(lambda: details(server, run).status.phase == 4)
    tabs = [browser, *(browser.tab() for _ in range(7))]
    for tab in tabs:
        tab.open(f"http://{server.record.endpoint}{run_path(run)}")
    for tab in tabs:
        tab.until("document.querySelector('#tree a')?.textContent.includes('running')")
    until(lambda: event_streams(server) == 1)
    enqueue(server, run, "child", shell_task("exit 3", name="demo.child"))
    for tab in tabs:
        tab.until("document.querySelector('#tree')?.textContent.includes('child')")
        tab.until("document.querySelector('#phases').textContent.includes('failed 1')")
        assert tab.errors == []
    assert event_streams(server) == 1
    # Nobody sees them any more.
    for tab in tabs:
        tab.open("about:blank")
    until(lambda: event_streams(server) == 0)
    abort(server, run)


def test_a_browser_that_cannot_share_has_a_stream_in_each_tab(server: Server, browser: Browser) -> None:
    browser.ask("Page.addScriptToEvaluateOnNewDocument", source="delete window.SharedWorker")
    browser.open(f"http://{server.record.endpoint}/")
    until(lambda: event_streams(server) == 1)
    assert browser.evaluate("typeof SharedWorker") == "undefined"
    run = create_run(server, shell_task(SUCCEED, name="demo.alone"))
    browser.until(f"document.querySelector('#list').textContent.includes('{run}')")
    browser.open("about:blank")
    until(lambda: event_streams(server) == 0)


def test_a_tab_that_crashes_takes_nothing_from_the_others(server: Server, browser: Browser) -> None:
    """What they share lives in the process of one of them."""
    run = create_run(server, shell_task(SUCCEED, name="demo.crashed"))
    wait(server, run)
    other = browser.tab()
    other.open(f"http://{server.record.endpoint}{run_path(run)}")
    other.until("'ready' in document.documentElement.dataset")
    browser.open(f"http://{server.record.endpoint}/")
    until(lambda: event_streams(server) == 1)
    other.crash()
    again = create_run(server, shell_task(SUCCEED, name="demo.again"))
    browser.until(f"document.querySelector('#list').textContent.includes('{again}')")
    # The server may hear later of the end of the one that is gone.
    until(lambda: event_streams(server) == 1)


def test_a_hidden_tab_has_no_stream(server: Server, browser: Browser) -> None:
    browser.open(f"http://{server.record.endpoint}/")
    until(lambda: event_streams(server) == 1)
    hide = "Object.defineProperty(document, 'visibilityState', {{value: '{0}', configurable: true}}); "
    hide += "document.dispatchEvent(new Event('visibilitychange'))"
    browser.evaluate(hide.format("hidden"))
    until(lambda: event_streams(server) == 0)
    run = create_run(server, shell_task(SUCCEED, name="demo.unseen"))
    wait(server, run)
    browser.evaluate(hide.format("visible"))
    browser.until(f"document.querySelector('#list').textContent.includes('{run}')")


def test_a_page_goes_on_when_the_devbox_comes_back(folder: Path, browser: Browser) -> None:
    server = start(folder)
    try:
        browser.open(f"http://{server.record.endpoint}/")
        until(lambda: event_streams(server) == 1)
        place = "document.querySelector('#theme').getBoundingClientRect().left"
        port, before = server.record.port, browser.evaluate(place)
        server.stop()
        browser.until("document.querySelector('#live').textContent.includes('does not answer')")
        # What is said moves nothing else.
        assert browser.evaluate(place) == before
        server = start(folder, "--port", str(port))
        browser.until("document.querySelector('#live').textContent === ''")
        run = create_run(server, shell_task(SUCCEED, name="demo.back"))
        browser.until(f"document.querySelector('#list').textContent.includes('{run}')")
    finally:
        server.stop()


def test_a_browser_that_is_not_known_any_more_is_told_so(folder: Path, browser: Browser) -> None:
    """As when the devbox was deleted and made anew while a page of it is open: nothing fails without a word."""
    server = start(folder, needs_token=True)
    try:
        run = create_run(server, shell_task(SUCCEED, name="demo.stranger"))
        wait(server, run)
        enqueued = run_path(run)
        known = f"http://{server.record.endpoint}{{0}}?token={server.record.token}"
        said = "document.querySelector('#live').textContent"
        browser.open(known.format(enqueued))
        browser.until("document.querySelector('#found')?.textContent === '1 action'")
        browser.ask("Network.clearBrowserCookies")
        browser.evaluate("document.querySelector('#tree a').click()")
        browser.until(f"{said}.includes('does not know your browser any more: `flyte status devbox`')")
        # A command says it where it was given.
        browser.evaluate("document.querySelector('[data-command=rerun]').click()")
        browser.until("document.querySelector('dialog')?.open")
        browser.evaluate("document.querySelector('dialog .primary').click()")
        browser.until("document.querySelector('dialog [role=alert]').textContent.includes('`flyte status devbox`')")
        browser.open(known.format("/"))
        browser.until("'ready' in document.documentElement.dataset")
        until(lambda: event_streams(server) == 1)
        browser.ask("Network.clearBrowserCookies")
        port = server.record.port
        server.stop()
        browser.until(f"{said}.includes('does not answer')")
        # The stream is asked for again by itself, and refused.
        server = start(folder, "--port", str(port), needs_token=True)
        browser.until(f"{said}.includes('does not know your browser any more')")
        # Another tab that brings the token is enough for all.
        other = browser.tab()
        other.open(known.format("/tasks"))
        browser.until(f"{said} === ''")
        later = create_run(server, shell_task(SUCCEED, name="demo.known"))
        browser.until(f"document.querySelector('#list').textContent.includes('{later}')")
        # Complaints about statuses are the browser's own.
        assert [one for one in browser.errors if "Failed to load resource" not in one] == []
    finally:
        server.stop()


def test_a_request_that_fails_is_made_again(server: Server, browser: Browser) -> None:
    """Browsers give requests up when a network of the machine comes or goes, though the stream of events goes on."""
    run = create_run(server, shell_task(SUCCEED, name="demo.given_up"))
    wait(server, run)
    fails = """
        window.heard = [];
        const sign = document.querySelector('#live');
        new MutationObserver(() => heard.push(sign.textContent)).observe(sign, {childList: true});
        let left = 2;
        const made = fetch;
        window.fetch = (...all) => left-- > 0 ? Promise.reject(new TypeError()) : made(...all);
    """
    filters = "document.querySelector('#filters').dispatchEvent(new Event('submit', {cancelable: true}))"
    chooses = "document.querySelector('#tree a').click()"
    for address, asks in (("/?task=demo.given_up", filters), (run_path(run), chooses)):
        browser.open(f"http://{server.record.endpoint}{address}")
        browser.until("'ready' in document.documentElement.dataset")
        browser.until("document.querySelector('#tree a.active') || document.querySelector('#filters')")
        browser.evaluate(f"{{ {fails} {asks} }}")
        browser.until("window.heard.includes('The devbox does not answer.') && heard.at(-1) === ''")
    assert browser.errors == []


def test_two_devboxes_know_the_same_browser(tmp_path: Path, browser: Browser) -> None:
    """Cookies are for a machine, and not for one of its ports."""
    servers = [start(tmp_path / name, needs_token=True) for name in ("one", "two")]
    try:
        addresses = [f"http://localhost:{server.record.port}/" for server in servers]
        for server, address in zip(servers, addresses, strict=True):
            browser.open(f"{address}?token={server.record.token}")
            browser.until("document.querySelector('h1')?.textContent === 'Runs'")
        for address in addresses:
            browser.open(address)
            browser.until(f"location.href === '{address}' && document.querySelector('h1')?.textContent === 'Runs'")
    finally:
        for server in servers:
            server.stop()


def test_what_has_not_changed_is_left_alone(server: Server, browser: Browser, tmp_path: Path) -> None:
    """What somebody has selected, or points at, stays so while the list goes on."""
    gate = tmp_path / "gate"
    first = create_run(server, shell_task(f"{until_exists(gate)}; {SUCCEED}", name="alone.first"))
    until(lambda: details(server, first).status.phase == 4)
    browser.open(f"http://{server.record.endpoint}/?task=alone.")
    row = "[...document.querySelectorAll('#list tbody tr')].find((one) => one.textContent.includes('{0}'))"
    kept, word = row.format(first), "getSelection().toString()"
    browser.until(f"'ready' in document.documentElement.dataset && {kept}?.textContent.includes('running')")
    browser.evaluate(f"(window.kept = {kept}, getSelection().selectAllChildren(kept.querySelector('a')))")
    assert browser.evaluate(word) == first
    second = create_run(server, shell_task(SUCCEED, name="alone.second"))
    browser.until(f"{row.format(second)}?.textContent.includes('succeeded')")
    assert browser.evaluate(f"{kept} === window.kept")
    assert browser.evaluate(word) == first
    gate.touch()
    browser.until(f"{kept}?.textContent.includes('succeeded')")
    shown = "[...document.querySelectorAll('#list tbody a')].map((one) => one.textContent)"
    assert browser.evaluate(shown) == [second, first]
    assert browser.errors == []


def test_the_devbox_ends_at_once_with_pages_open(folder: Path) -> None:
    """It gives streams a few seconds to come to an end: those of pages do not need them."""
    server = start(folder)
    connection = http.client.HTTPConnection("127.0.0.1", server.record.port, timeout=60)
    try:
        connection.request("GET", "/events?topic=runs&topic=triggers", headers={"host": server.record.endpoint})
        answer = connection.getresponse()
        assert answer.status == 200
        server.process.send_signal(signal.SIGTERM)
        # Ended, and not cut.
        assert answer.read().startswith(b"retry:")
        assert server.process.wait(60) == 0
    finally:
        connection.close()
        server.stop()


def event_streams(server: Server) -> int:
    return json.loads(server.post("/healthz", b"", method="GET")[2])["event_streams"]
