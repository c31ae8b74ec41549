"""Pages of tasks and triggers, in a headless Chromium: a run from a typed form, triggers switched and started."""

import json

from flyteidl2.core import types_pb2
from flyteidl2.task import common_pb2, task_definition_pb2
from flyteidl2.workflow import run_service_pb2

from flyte_devbox.forms import literal_of, value_of

from .browser import Browser
from .serving import SUCCEED, Server, abort, action_id, create_run, details, shell_task, until
from .test_console import EVIL, page
from .test_services import deploy

KINDS = {
    "count": types_pb2.LiteralType(simple=types_pb2.INTEGER),
    "share": types_pb2.LiteralType(simple=types_pb2.FLOAT),
    "quick": types_pb2.LiteralType(simple=types_pb2.BOOLEAN),
    "label": types_pb2.LiteralType(simple=types_pb2.STRING),
    "since": types_pb2.LiteralType(simple=types_pb2.DATETIME),
    "pause": types_pb2.LiteralType(simple=types_pb2.DURATION),
    "colour": types_pb2.LiteralType(enum_type=types_pb2.EnumType(values=["red", "blue"])),
    "names": types_pb2.LiteralType(collection_type=types_pb2.LiteralType(simple=types_pb2.STRING)),
}
DEFAULTS = {"share": 0.5, "label": f"{EVIL}\n  two lines", "since": "2026-01-31T12:00:00.500Z", "colour": "blue"}


def path(kind: str, name: str) -> str:
    return f"/v2/domain/development/project/flytesnacks/{kind}/{name}"


def typed_task(name: str) -> task_definition_pb2.TaskSpec:
    spec = shell_task(SUCCEED, name=name)
    for key, kind in KINDS.items():
        entry = spec.task_template.interface.inputs.variables.add(key=key)
        entry.value.type.CopyFrom(kind)
        entry.value.description = f"{EVIL} {key}"
    for key, value in DEFAULTS.items():
        default = spec.default_inputs.add(name=key)
        default.parameter.default.CopyFrom(literal_of(value, {}, KINDS[key]))
    spec.documentation.short_description = f"Says {EVIL}"
    spec.documentation.source_code.link = "https://example.com/repository/file.py#L7"
    return spec


def trigger(name: str, *, minutes: int = 0, active: bool = True) -> task_definition_pb2.TaskTrigger:
    made = task_definition_pb2.TaskTrigger(name=name)
    made.spec.description = f"{EVIL} {name} says why"
    made.spec.active = active
    if minutes:
        made.automation_spec.type = common_pb2.TYPE_SCHEDULE
        made.automation_spec.schedule.rate.value = minutes
        made.automation_spec.schedule.rate.unit = common_pb2.FIXED_RATE_UNIT_MINUTE
    else:
        made.automation_spec.type = common_pb2.TYPE_NONE
    return made


def inputs(server: Server, run: str) -> dict[str, object]:
    request = run_service_pb2.GetActionDataRequest(action_id=action_id(run))
    return {
        pair.name: value_of(pair.value) for pair in server.call("RunService", "GetActionData", request).inputs.literals
    }


def test_a_task_shows_its_versions_and_interface(server: Server) -> None:
    deploy(server, "pages.shown", typed_task("pages.shown"), "v1")
    deploy(server, "pages.shown", shell_task(f"echo two; {SUCCEED}", name="pages.shown"), "v2")
    status, _, text = page(server, path("tasks", "pages.shown"))
    assert status == 200
    assert "It has no inputs" in text
    _, _, text = page(server, path("tasks", "pages.shown") + "?version=v1")
    assert EVIL not in text
    assert 'href="https://example.com/repository/file.py#L7" rel="noreferrer noopener"' in text
    for shown in ("v1", "v2", "list[str]", "&#x27;red&#x27; or &#x27;blue&#x27;", "2026-01-31T12:00:00.500"):
        assert shown in text
    assert page(server, path("tasks", "pages.shown") + "?version=v3")[0] == 404
    assert page(server, path("tasks", "pages.nothing"))[0] == 404
    listed = page(server, "/tasks?q=pages.shown")[2]
    assert "pages.shown" in listed
    assert "pages.other" not in listed
    assert "No task is like that" in page(server, "/tasks?q=nosuchtask")[2]


def test_any_name_has_a_page(server: Server) -> None:
    name = "odd/na%41me.mäin ?#&"
    deploy(server, name, shell_task(SUCCEED, name=name))
    listed = page(server, "/tasks?q=odd/na")[2]
    address = listed.partition('<td data-head="Task"><a href="')[2].partition('"')[0]
    status, _, text = page(server, address.replace("&amp;", "&"))
    assert status == 200
    assert "<h1>odd/na%41me.mäin ?#&amp;</h1>" in text
    status, _, body = server.post(
        f"{address}/start", b'{"version": "v1", "values": {}}', {"content-type": "application/json"}
    )
    assert status == 200, body


def test_only_pages_are_linked_as_sources(server: Server) -> None:
    spec = shell_task(SUCCEED, name="pages.linked")
    spec.documentation.source_code.link = "javascript:alert(1)"
    deploy(server, "pages.linked", spec)
    text = page(server, path("tasks", "pages.linked"))[2]
    assert "javascript:alert(1)" in text
    assert 'href="javascript' not in text


def test_a_run_is_started_from_a_form_of_types(server: Server, browser: Browser) -> None:
    deploy(server, "pages.form", typed_task("pages.form"))
    browser.open(f"http://{server.record.endpoint}{path('tasks', 'pages.form')}")
    browser.until("'ready' in document.documentElement.dataset")
    browser.screenshot("task")
    answers = {"count": "many", "quick": "true", "pause": "1h30m", "names": '["a", 1]'}

    def submit() -> None:
        for name, text in answers.items():
            browser.evaluate(f"document.querySelector('[name={name}]').value = {json.dumps(text)}")
        browser.evaluate("document.querySelector('#start button').click()")

    submit()
    # What is wrong is said beside its field, the first of which has the focus; nothing was started.
    browser.until("document.querySelectorAll('#start [aria-invalid]').length === 2")
    note = "document.getElementById(document.querySelector('[name={0}]').id.replace('field', 'problem')).textContent"
    assert "no whole number" in browser.evaluate(note.format("count"))
    assert "no value of" in browser.evaluate(note.format("names"))
    # What to do about it stands on a line of its own.
    assert browser.evaluate("getComputedStyle(document.querySelector('#start .field .bad')).whiteSpace") == "pre-line"
    assert browser.evaluate("document.activeElement.name") == "count"
    browser.screenshot("task-refused")
    answers |= {"count": "9007199254740993", "names": f'["a", "{EVIL}"]'}
    submit()
    browser.until("location.pathname.includes('/runs/') && document.querySelector('#detail .phase') !== null")
    run = browser.evaluate("location.pathname").rpartition("/")[2]
    assert inputs(server, run) == {
        "count": 9007199254740993,
        "share": 0.5,
        "quick": True,
        "label": DEFAULTS["label"],
        "since": DEFAULTS["since"],
        "pause": "5400s",
        "colour": "blue",
        "names": ["a", EVIL],
    }
    browser.until("document.querySelector('#detail .phase')?.textContent === 'succeeded'")
    assert EVIL in browser.evaluate("document.querySelector('#detail').textContent")
    assert browser.evaluate("document.querySelectorAll('main script').length") == 0
    # The refusal is an answer that the browser complains about by itself.
    assert [one for one in browser.errors if "status of 400" not in one] == []
    # The run leads back to its task.
    assert browser.evaluate("document.querySelector('#detail h2 a').getAttribute('href')").endswith(
        "pages.form?version=v1"
    )
    assert run in page(server, path("tasks", "pages.form"))[2]
    # Its runs come by themselves, while the form keeps what is filled in.
    browser.open(f"http://{server.record.endpoint}{path('tasks', 'pages.form')}")
    browser.until(
        f"'ready' in document.documentElement.dataset && document.querySelector('#list')?.textContent.includes('{run}')"
    )
    browser.evaluate("document.querySelector('[name=count]').value = '77'")
    later = create_run(server, shell_task(f"sleep 600; {SUCCEED}", name="pages.form"))
    took = f"[...document.querySelectorAll('#list tr')].find((one) => one.textContent.includes('{later}'))?.cells[4]"
    browser.until(f"{took} !== undefined")
    # And how long it has been going on is kept true without the server.
    browser.until(f"parseFloat({took}.textContent) > 2 && {took}.textContent.endsWith(' s')")
    assert browser.evaluate("document.querySelector('[name=count]').value") == "77"
    abort(server, later)


def test_forms_that_are_none_are_refused(server: Server) -> None:
    deploy(server, "pages.refused", typed_task("pages.refused"))
    address, kind = path("tasks", "pages.refused") + "/start", {"content-type": "application/json"}
    for body in ({}, [], {"version": "v1"}, {"version": 1, "values": {}}, {"version": "v1", "values": {"count": 5}}):
        assert server.post(address, json.dumps(body).encode(), kind)[0] == 400, body
    assert server.post(address, b'{"version": "v9", "values": {}}', kind)[0] == 404
    status, _, body = server.post(address, b'{"version": "v1", "values": {"other": ""}}', kind)
    assert status == 400
    assert set(json.loads(body)["problems"]) == {"count", "quick", "pause", "names", "other"}


def test_triggers_are_switched_and_started(server: Server, browser: Browser) -> None:
    triggers = [trigger("rarely", minutes=1440), trigger("by-hand")]
    deploy(server, "pages.triggered", shell_task(SUCCEED, name="pages.triggered"), triggers=triggers)
    browser.open(f"http://{server.record.endpoint}/triggers")
    row = "[...document.querySelectorAll('#list tr')].find((one) => one.textContent.includes('{0}'))"
    rarely, by_hand = row.format("rarely"), row.format("by-hand")
    browser.until(f"'ready' in document.documentElement.dataset && {rarely} && {by_hand} && true")
    assert "every 1440 minutes" in browser.evaluate(f"{rarely}.textContent")
    assert "by hand" in browser.evaluate(f"{by_hand}.textContent")
    # When it is due next.
    assert browser.evaluate(f"{rarely}.cells[6].textContent") != ""
    browser.evaluate(f"{rarely}.querySelector('[data-command=deactivate]').click()")
    browser.until(f"{rarely}.textContent.includes('not active') && {rarely}.cells[6].textContent === ''")
    browser.evaluate(f"{rarely}.querySelector('[data-command=activate]').click()")
    browser.until(f"{rarely}.querySelector('[data-command=deactivate]') !== null")
    browser.screenshot("triggers")
    browser.evaluate(f"{by_hand}.querySelector('[data-command=run-trigger]').click()")
    browser.until("document.querySelector('dialog')?.open")
    browser.evaluate("document.querySelector('dialog .primary').click()")
    browser.until("location.pathname.includes('/runs/') && document.querySelector('#detail .phase') !== null")
    run = browser.evaluate("location.pathname").rpartition("/")[2]
    until(lambda: details(server, run).status.phase == 5)
    assert details(server, run).metadata.trigger_name == "by-hand"
    assert run in page(server, path("triggers", "by-hand"))[2]
    assert "rarely" not in page(server, path("triggers", "by-hand"))[2]
    assert page(server, path("triggers", "nosuchtrigger"))[0] == 404
    listed = page(server, "/triggers?q=pages.triggered&scope=flytesnacks/development")[2]
    assert "by-hand says why" in listed
    assert EVIL not in listed
    assert "No trigger is like that" in page(server, "/triggers?scope=flytesnacks/production")[2]
    assert browser.errors == []
