"""`flyte.report`: what a task logs becomes a page with tabs, recorded with the action, also when the task fails."""

import asyncio
from typing import Any

import pytest

import flyte
import flyte.report
from flyte.errors import RuntimeUserError
from flyte.running.options import RunOptions
from flyte.running.start import Runner
from flyte_engine.memory import MemoryStore

env = flyte.TaskEnvironment("reports")


def run_recorded(task: Any, *args: Any) -> tuple[MemoryStore, str]:
    store = MemoryStore()
    run = asyncio.run(Runner(RunOptions(store=store)).attempt(task, args, {}))
    return store, run.name


def page_of(task: Any, *args: Any) -> str:
    store, name = run_recorded(task, *args)
    page = store.report(name, "a0")
    assert page is not None
    return page.decode()


def test_a_report_has_the_tabs_in_the_order_in_which_they_were_made() -> None:
    @env.task(report=True)
    async def tabs() -> None:
        await flyte.report.log.aio("<p>first</p>")
        flyte.report.get_tab("second <b>").log("<p>more</p>")
        await flyte.report.log.aio("<p>last</p>")

    page = page_of(tabs)
    assert "<button" in page
    assert "second &lt;b&gt;" in page
    assert page.index("<p>first</p>") < page.index("<p>last</p>") < page.index("<p>more</p>")
    assert page.startswith("<!doctype html>")


def test_sync_tasks_log_too() -> None:
    @env.task(report=True)
    def logs() -> None:
        flyte.report.log("<p>old</p>")
        flyte.report.replace("<p>new</p>", do_flush=True)

    page = page_of(logs)
    assert "<p>new</p>" in page
    assert "<p>old</p>" not in page


def test_log_works_in_async_code_without_aio() -> None:
    """Nothing waits as long as nothing is flushed."""

    @env.task(report=True)
    async def logs() -> None:
        flyte.report.log("<p>here</p>")

    assert "<p>here</p>" in page_of(logs)


def test_a_task_that_fails_keeps_what_it_has_logged() -> None:
    @env.task(report=True)
    async def fails() -> None:
        flyte.report.log("<p>before</p>")
        raise ValueError("boom")

    assert "<p>before</p>" in page_of(fails)


def test_without_report_only_a_flush_is_recorded() -> None:
    @env.task
    async def silent(flushes: bool) -> None:
        flyte.report.log("<p>x</p>")
        if flushes:
            await flyte.report.flush.aio()

    store, name = run_recorded(silent, False)
    assert store.report(name, "a0") is None
    assert "<p>x</p>" in page_of(silent, True)


def test_an_empty_report_is_no_report() -> None:
    @env.task(report=True)
    async def empty() -> None:
        pass

    store, name = run_recorded(empty)
    assert store.report(name, "a0") is None


def test_children_have_reports_of_their_own() -> None:
    @env.task(report=True)
    async def child(n: int) -> None:
        flyte.report.log(f"<p>child {n}</p>")

    @env.task(report=True)
    async def parent() -> None:
        flyte.report.log("<p>parent</p>")
        await asyncio.gather(child(1), child(2))

    store, name = run_recorded(parent)
    pages = [store.report(name, action.name) for action in store.actions(name)]
    assert sorted(
        word for page in pages if page for word in ("parent", "child 1", "child 2") if f"<p>{word}</p>" in page.decode()
    ) == ["child 1", "child 2", "parent"]
    assert all(page is not None and page.count(b"<p>") == 1 for page in pages)


def test_a_tab_that_is_not_there_is_named() -> None:
    @env.task(report=True)
    def asks() -> None:
        flyte.report.get_tab("nope", create_if_missing=False)

    with pytest.raises(RuntimeUserError, match=r"no tab `nope`; it has `main`"):
        flyte.run(asks)


def test_a_report_takes_text() -> None:
    with pytest.raises(TypeError, match="abbreviate"):
        flyte.report.log(3)  # type: ignore[arg-type]


def test_outside_of_tasks_a_report_goes_nowhere() -> None:
    flyte.report.log("<p>x</p>", do_flush=True)
    assert flyte.report.current_report().name == "dummy"
    assert not flyte.report.current_report().has_content()


def test_a_report_of_its_own_template(tmp_path: Any) -> None:
    template = tmp_path / "t.html"
    template.write_text("<title>$title</title>$panes")
    report = flyte.report.Report("mine", template_path=template)
    report.get_tab("main").log("<p>$x</p>")
    assert report.get_final_report() == "<title>mine</title><section><p>$x</p></section>"


def test_a_timeline_escapes_what_it_is_told() -> None:
    report: Any = None

    @env.task(report=True)
    def steps() -> None:
        nonlocal report
        timeline = flyte.report.Timeline("steps")
        timeline.heading("<h>")
        timeline.row(icon="<i>", label="<l>", meta="<m>", detail="<u>d</u>", error=ValueError("<e>"))
        timeline.row()
        report = flyte.report.get_tab("steps").get_html()

    flyte.run(steps)
    for escaped in ("&lt;h&gt;", "&lt;l&gt;", "&lt;m&gt;", "&lt;e&gt;", "<i>", "<u>d</u>"):
        assert escaped in report


def test_values_and_times_as_html() -> None:
    assert flyte.report.abbreviate(None) == ""
    assert flyte.report.abbreviate({"a": 1}) == "{&#x27;a&#x27;: 1}"
    assert "(+10)" in flyte.report.abbreviate("x" * 20, 10)
    assert flyte.report.duration_ms("2026-01-01T00:00:00Z", "2026-01-01T01:01:01Z") == "3661000 ms"
    assert flyte.report.duration_ms("2026-01-01T00:00:00", "x") == flyte.report.duration_ms(None, None) == ""
    assert flyte.report.duration_ms("2026-01-01T00:00:00", "2026-01-01T00:00:00Z") == ""
