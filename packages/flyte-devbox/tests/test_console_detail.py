"""What a run's page shows of the run and of one action; the log in a headless Chromium."""

import json
import time
from pathlib import Path

from flyteidl2.core import types_pb2
from flyteidl2.workflow import run_definition_pb2, run_service_pb2

from flyte_devbox.forms import literal_of

from .browser import Browser
from .serving import (
    SUCCEED,
    Server,
    abort,
    action_id,
    create_run,
    details,
    enqueue,
    shell_task,
    start_with,
    until,
    until_exists,
    wait,
)
from .test_console import EVIL, page, run_path

RUNNING, PAUSED = 4, 9


def test_a_page_tells_of_its_run(server: Server) -> None:
    run = create_run(server, shell_task(SUCCEED, name="detail.told"), labels={"values": {"team": EVIL}})
    wait(server, run)
    status, _, text = page(server, run_path(run))
    assert status == 200
    assert "<title>succeeded: detail.told - Flyte devbox</title>" in text
    assert "team=&lt;script&gt;" in text
    assert EVIL not in text
    status, _, body = server.post(f"{run_path(run)}/rerun", b"{}", {"content-type": "application/json"})
    again = json.loads(body)["path"]
    wait(server, again.rpartition("/")[2])
    # The other one leads back to this.
    assert f'<dt>Rerun of</dt><dd><a href="{run_path(run)}">' in page(server, again)[2]


def test_inputs_have_their_types(server: Server) -> None:
    spec = shell_task(SUCCEED, name="detail.typed")
    spec.documentation.source_code.link = "https://example.com/file.py#L7"
    kinds = {
        "text": types_pb2.LiteralType(simple=types_pb2.STRING),
        "names": types_pb2.LiteralType(collection_type=types_pb2.LiteralType(simple=types_pb2.STRING)),
    }
    given = {"text": f'two\n"lines" {EVIL}', "names": ["a" * 30_000]}
    for name, kind in kinds.items():
        spec.task_template.interface.inputs.variables.add(key=name).value.type.CopyFrom(kind)
    run = start_with(server, spec, {name: literal_of(given[name], {}, kind) for name, kind in kinds.items()})
    wait(server, run)
    text = page(server, run_path(run))[2]
    assert '<dt>text <span class="muted">str</span></dt>' in text
    assert '<dt>names <span class="muted">list[str]</span></dt>' in text
    assert '<a href="https://example.com/file.py#L7" rel="noreferrer noopener">' in text
    # A text as it is, and not as JSON writes it.
    assert "two\n&quot;lines&quot; &lt;script&gt;" in text
    assert EVIL not in text
    assert "The first 20,000 of" in text
    # A button copies the whole of a value or is not there.
    assert text.count('aria-label="Copy text"') == 1
    assert 'aria-label="Copy names"' not in text
    # Nothing is left out of the file.
    status, headers, whole = page(server, f"{run_path(run)}/data?i=a0")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(whole)["inputs"] == given


def test_a_run_is_started_again_with_other_inputs(server: Server) -> None:
    spec = shell_task(SUCCEED, name="detail.again")
    whole = types_pb2.LiteralType(simple=types_pb2.INTEGER)
    file = types_pb2.LiteralType(blob=types_pb2.BlobType(format="csv"))
    for name, kind in (("count", whole), ("limit", whole), ("table", file)):
        spec.task_template.interface.inputs.variables.add(key=name).value.type.CopyFrom(kind)
    table = literal_of("s3://bucket/table.csv", {}, file)
    table.hash = "abc"
    given = {"count": literal_of(5, {}, whole), "limit": literal_of(9007199254740993, {}, whole), "table": table}
    run = start_with(server, spec, given)
    wait(server, run)
    address, kind = f"{run_path(run)}/rerun", {"content-type": "application/json"}
    assert f'href="{address}">Rerun with other inputs</a>' in page(server, run_path(run))[2]
    status, _, text = page(server, address)
    assert status == 200
    assert f'data-address="{address}"' in text
    for shown in ('value="5"', 'value="9007199254740993"', 'value="s3://bucket/table.csv"'):
        assert shown in text
    status, _, body = server.post(address, b'{"values": {"count": "many", "other": ""}}', kind)
    assert (status, set(json.loads(body)["problems"])) == (400, {"count", "other"})
    for wrong in (b'{"values": []}', b'{"values": {"count": 7}}'):
        assert server.post(address, wrong, kind)[0] == 400
    status, _, body = server.post(address, b'{"values": {"count": "7"}}', kind)
    assert status == 200, body
    made = json.loads(body)["path"].rpartition("/")[2]
    request = run_service_pb2.GetActionDataRequest(action_id=action_id(made))
    inputs = {pair.name: pair.value for pair in server.call("RunService", "GetActionData", request).inputs.literals}
    # What was left alone is the same to the last bit, and not what a form can say of it.
    assert inputs == given | {"count": literal_of(7, {}, whole)}
    assert page(server, f"{run_path('nosuchrun')}/rerun")[0] == 404


def test_each_attempt_has_its_log(server: Server, tmp_path: Path) -> None:
    script = f"if [ -e {tmp_path}/again ]; then echo the second; else touch {tmp_path}/again; fi; exit 3"
    run = create_run(server, shell_task(script, name="detail.tried", retries=1))
    wait(server, run)
    text = page(server, run_path(run))[2]
    assert "Log of attempt 2" in text
    assert "?i=a0&amp;attempt=1" in text
    text = page(server, f"{run_path(run)}?i=a0&attempt=1")[2]
    assert "Log of attempt 1" in text
    assert 'data-attempt="1"></pre>' in text
    # The command for the rest is about the same attempt, and one without errors has no column for them.
    assert f"flyte get logs --project flytesnacks --domain development --attempt 1 {run} a0" in text
    assert '<th scope="col">Error</th>' in text
    # One that there is not is the last one.
    assert "Log of attempt 2" in page(server, f"{run_path(run)}?i=a0&attempt=9")[2]


def test_a_trace_took_as_long_as_it_says_and_has_no_log(server: Server) -> None:
    run = create_run(server, shell_task(f"sleep 600; {SUCCEED}", name="detail.traced"))
    until(lambda: details(server, run).status.phase == RUNNING)
    trace = run_definition_pb2.TraceAction(name="step", phase=5)
    trace.spec.interface.SetInParent()
    trace.start_time.FromMilliseconds(int(time.time() * 1000))
    trace.end_time.FromMilliseconds(trace.start_time.ToMilliseconds() + 90_000)
    # It is recorded after it has begun, as all are.
    enqueue(server, run, "trace1", trace=trace)
    text = page(server, f"{run_path(run)}?i=trace1")[2]
    detail = text.partition('<article id="detail"')[2]
    assert "<dt>Took</dt><dd>1 min 30 s</dd>" in detail
    assert 'id="log"' not in detail
    asked = json.dumps({"ranges": [{"parent": "a0", "start": 0, "count": 1}]}).encode()
    answer = server.post(f"{run_path(run)}/actions", asked, {"content-type": "application/json"})[2]
    _, _, _, _, created, started, ended, *_ = json.loads(answer)["ranges"][0]["rows"][0]
    assert created == started == round(ended - 90, 3)
    abort(server, run)


def test_what_waits_for_somebody_is_selected(server: Server) -> None:
    run = create_run(server, shell_task(f"sleep 600; {SUCCEED}", name="detail.waiting"))
    until(lambda: details(server, run).status.phase == RUNNING)
    enqueue(server, run, "wait1", condition=run_definition_pb2.ConditionAction(name="ok"), group=EVIL)
    until(lambda: details(server, run, "wait1").status.phase == PAUSED)
    text = page(server, run_path(run))[2]
    assert 'data-selected="wait1"' in text
    assert 'data-command="signal"' in text
    assert '<dt>Called by</dt><dd><a href="?i=a0" data-go="a0">a0</a>' in text
    assert "<dt>Group</dt><dd>&lt;script&gt;" in text
    rows = page(server, "/?task=detail.waiting")[2]
    assert "waits for you" in rows
    assert "waits for you" not in page(server, "/?task=detail.told")[2]
    abort(server, run)


def test_the_log_is_coloured_followed_and_searched(server: Server, browser: Browser, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    lines = "for n in $(seq 200); do printf '\\033[1;31mline\\033[0m %s <b>x</b>\\n' $n; done"
    run = create_run(server, shell_task(f"{lines}; {until_exists(gate)}; {lines}; {SUCCEED}", name="detail.log"))
    browser.open(f"http://{server.record.endpoint}{run_path(run)}")
    log, follow = "document.querySelector('#log')", "document.querySelector('#log-follow')"
    browser.until(f"{log}?.textContent.includes('line 200 <b>x</b>')")
    assert browser.evaluate(f"{log}.querySelector('.red.bold').textContent") == "line"
    assert browser.evaluate(f"{log}.querySelector('b')") is None
    at_end = f"{log}.scrollTop + {log}.clientHeight >= {log}.scrollHeight - 4"
    browser.until(at_end)
    # Scrolled away, it stays where it is.
    browser.evaluate(f"{log}.scrollTop = 100")
    browser.until(f"!{follow}.checked")
    gate.touch()
    browser.until("document.querySelector('#detail .phase').textContent === 'succeeded'")
    browser.until(f"{log}.textContent.split('line 200 ').length === 3")
    assert browser.evaluate(f"{log}.scrollTop") == 100
    browser.evaluate(f"{follow}.click()")
    browser.until(at_end)
    browser.until("(document.querySelector('#log-search').focus(), document.activeElement.id === 'log-search')")
    browser.write("LINE 17 <B>")
    browser.until("document.querySelector('#log-found').textContent === '1 of 2'")
    browser.until(f"!({at_end})")
    browser.press("Enter")
    browser.until("document.querySelector('#log-found').textContent === '2 of 2'")
    browser.screenshot("log")
    browser.press("Escape")
    browser.until("document.querySelector('#log-found').textContent === ''")
    assert browser.evaluate("document.title").startswith("succeeded: detail.log")
    assert browser.errors == []
