import asyncio
import contextvars

import pytest

from flyte_models.context import current_context, current_custom_context, custom_context_scope, group_scope, task_scope
from flyte_models.ids import ActionID
from flyte_models.paths import RawDataPath
from flyte_models.task_context import NULL_TASK_CONTEXT, GroupData, TaskContext


def context(name: str) -> TaskContext:
    return TaskContext(
        action=ActionID(name=name),
        version="v1",
        raw_data_path=RawDataPath(path="s3://bucket/raw"),
        output_path="s3://bucket/out",
        run_base_dir="s3://bucket/run",
        report=None,
    )


def test_scopes_nest_and_end_even_on_errors():
    outer, inner = context("outer"), context("inner")
    assert current_context() is NULL_TASK_CONTEXT
    with task_scope(outer):
        with pytest.raises(ZeroDivisionError), task_scope(inner):
            assert current_context() is inner
            1 / 0
        assert current_context() is outer
    assert current_context() is NULL_TASK_CONTEXT


def test_the_innermost_group_counts_and_the_calls_go_on_being_counted():
    with task_scope(context("a0")) as task:
        with group_scope("outer"), group_scope("inner"):
            assert current_context().group_data == GroupData("inner")
            assert current_context().call_counter is task.call_counter
        assert current_context().group_data is None


def test_custom_context_is_added_up():
    with task_scope(context("a0")):
        with custom_context_scope(a="1", b="1"), custom_context_scope(b="2"):
            assert current_custom_context() == {"a": "1", "b": "2"}
        assert current_custom_context() == {}


def test_the_copy_given_out_changes_nothing():
    with task_scope(context("a0")), custom_context_scope(a="1"):
        current_custom_context()["a"] = "2"
        assert current_custom_context() == {"a": "1"}


def test_outside_of_tasks_groups_and_custom_context_do_nothing():
    with group_scope("g"), custom_context_scope(a="1"):
        assert current_context() is NULL_TASK_CONTEXT
        assert current_custom_context() == {}


def test_tasks_of_one_loop_do_not_see_each_other():
    async def child(name: str) -> str:
        with task_scope(context(name)):
            await asyncio.sleep(0)
            return current_context().action.name

    async def children() -> list[str]:
        return await asyncio.gather(*(child(f"c{index}") for index in range(5)))

    assert asyncio.run(children()) == [f"c{index}" for index in range(5)]


def test_a_copied_context_takes_the_task_along():
    with task_scope(context("a0")) as task:
        copied = contextvars.copy_context()
    assert copied.run(current_context) is task
